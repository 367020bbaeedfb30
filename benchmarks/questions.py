"""Whether the embedded model answers plain questions, and how its sliders show.

    python benchmarks/questions.py            the score, and every answer at 0
    python benchmarks/questions.py --all      also at 0.7 and at 1
    python benchmarks/questions.py --speed    cold start, tokens a second, memory

An answer at temperature 0 is good if it says what it has to (every word listed; of
words parted by a bar, one), has at least 15 words, ends with a sentence, and says no
ten words twice.
"""

from __future__ import annotations

import argparse
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable

from jupyter_complete.embedded.model import load_models

QUESTIONS: tuple[tuple[str, str], ...] = (
    ("What does the with statement do?", '"with" context_manager'),
    ("What is an f-string?", "formatted literal"),
    ("What does the del statement do?", "deletion name|target"),
    ("What is the difference between is and ==?", "is identity equality|values|=="),
    ("What does break do?", "terminates|loop break|loop"),
    ("How does integer division work?", "floor division integer"),
    ("What is a dictionary?", "dict|mapping|dictionary key"),
    ("Explain list comprehensions", "list comprehension"),
    ("What does continue do?", "continue next_cycle|loop"),
    ("What is a lambda?", "lambda anonymous|function"),
    ("How do I raise an exception?", "raise exception"),
    ("How do I catch an exception?", "except exception handler|clause"),
    ("What does yield do?", "yield generator"),
    ("What is a generator function?", "generator yield|iterator"),
    ("What does assert do?", "assert debugging|expression|condition"),
    ("What does pass do?", "pass null|nothing|placeholder"),
    ("How do for loops work?", "for iterat|sequence|elements"),
    ("What does while do?", "while expression|executed|true"),
    ("How does the if statement work?", "if condition|expression true|false"),
    ("What does import do?", "import module"),
    ("What is a module?", "module import|namespace"),
    ("What does global mean?", "global names|identifiers|variables"),
    ("What is nonlocal for?", "nonlocal scope|bound"),
    ("What does return do?", "return function"),
    ("How do I define a class?", "class defin"),
    ("How do decorators work?", "decorator function|class"),
    ("What is a context manager?", "context_manager runtime|with|__enter__"),
    ("What is a tuple?", "tuple items|expression|immutable|comma"),
    ("What is a set?", "set unordered|hashable|immutable|elements"),
    ("How does slicing work?", "slic index|items|range|step"),
    ("What is the walrus operator?", "assignment_expression|:=|named"),
    ("What does the in operator do?", "membership|in member|true"),
    ("What is None?", "none value|singleton|object"),
    ("How does match case work?", "match pattern|case"),
    ("What is a metaclass?", "metaclass class"),
    ("What does __init__ do?", "__init__ instance|constructor"),
    ("What are default parameter values?", "default parameter|argument"),
    ("What are truth values?", "true|truth false"),
    ("How does async for work?", "async asynchronous|iterat"),
    ("What does str.split do?", "split|words|separator|delimiter string|list|sep"),
)
TEMPERATURES = (0.0, 0.7, 1.0)
LONGEST = 400


def words_of(text: str) -> list[str]:
    """Give the words of a text, in lower case."""
    return re.findall(r"[\w'’-]+", text.lower())


def faults(answer: str, wanted: str) -> list[str]:
    """Give what is wrong with an answer, nothing if it is good."""
    low = answer.lower()
    found = [
        f"does not say {group}"
        for group in wanted.split()
        if not any(
            word.replace("_", " ") in low or word in low for word in group.split("|")
        )
    ]
    words = words_of(answer)
    if len(words) < 15:
        found.append(f"only {len(words)} words")
    if not re.search(r"[.!?][)\"”’]*$", answer):
        found.append("breaks off")
    tens = [tuple(words[place : place + 10]) for place in range(len(words) - 9)]
    if len(set(tens)) < len(tens):
        found.append("repeats itself")
    return found


def report(temperatures: Iterable[float]) -> int:
    """Print the answers and the score at temperature 0; give how many were good."""
    model = load_models()["ngram-chat"]
    good = 0
    for number, (question, wanted) in enumerate(QUESTIONS):
        print(f"\n== {question}")
        for temperature in temperatures:
            prompt = f"\n\nHuman: {question}\n\nAssistant:"
            tokens = model.generate(prompt, temperature=temperature, seed=number)
            answer = "".join(
                token.text for token, _ in zip(tokens, range(LONGEST), strict=False)
            )
            wrong = faults(answer, wanted) if temperature == 0 else []
            good += temperature == 0 and not wrong
            note = f"   [{'; '.join(wrong)}]" if wrong else ""
            print(f"{temperature:>4g}:{answer}{note}")
    print(f"\n{good} of {len(QUESTIONS)} answers at temperature 0 are good.")
    return good


_COLD = """
import time; start = time.perf_counter()
from jupyter_complete.embedded.model import load_models
model = load_models()["ngram-chat"]
prompt = "\\n\\nHuman: What does the with statement do?\\n\\nAssistant:"
next(model.generate(prompt))
print(time.perf_counter() - start)
"""


def speeds() -> None:
    """Print how soon the first token comes, how fast the others, in what memory."""
    cold = [
        float(
            subprocess.run(
                [sys.executable, "-c", _COLD], capture_output=True, check=True
            ).stdout
        )
        for _ in range(9)
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    models = load_models()
    rates = []
    for temperature in (0.0, 0.7, 1.0) * 3:
        start, count = time.perf_counter(), 0
        for question, _ in QUESTIONS:
            prompt = f"\n\nHuman: {question}\n\nAssistant:"
            count += sum(
                1
                for _ in models["ngram-chat"].generate(prompt, temperature=temperature)
            )
        rates.append(count / (time.perf_counter() - start))
    base = models["ngram-base"].generate("The", temperature=1.0, seed=1)
    start = time.perf_counter()
    many = sum(1 for _ in zip(base, range(20_000), strict=False))
    base_rate = many / (time.perf_counter() - start)
    used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    for what, value, unit in (
        ("cold start to first token", f"{statistics.median(cold):.2f}", "s, target 1"),
        ("chat", f"{statistics.median(rates):.0f}", "tokens a second, target 2000"),
        ("base", f"{base_rate:.0f}", "tokens a second, target 2000"),
        ("memory", f"{used:.0f}", "MB, target 150"),
    ):
        print(f"{what:28}{value:>8} {unit}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="also at 0.7 and at 1")
    parser.add_argument("--speed", action="store_true", help="speeds instead")
    options = parser.parse_args()
    if options.speed:
        speeds()
    else:
        report(TEMPERATURES if options.all else TEMPERATURES[:1])
