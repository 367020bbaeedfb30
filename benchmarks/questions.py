"""Whether the embedded model answers plain questions, and how its sliders show.

    python benchmarks/questions.py            the score, and every answer at 0
    python benchmarks/questions.py --all      also at 0.7 and at 1
    python benchmarks/questions.py --held     how answers hold together at 0.7 and 1
    python benchmarks/questions.py --sliders  how seeds, temperature and limits show

An answer at temperature 0 is good if it says what it has to (every word listed; of
words parted by a bar, one), has at least 15 words, ends with a sentence, and says no
ten words twice. ``--held`` asks questions that the model was never tuned on. There a
first sentence is on topic if it has the first word listed and five words at least; a
seam is a token that never follows the four before it in the documentation, where
fewer stand before it in its paragraph then those.
"""

from __future__ import annotations

import argparse
import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil, log
from typing import Any

from plain_questions import HELD_OUT, QUESTIONS
from table import Row

from jupyter_complete.ngram.corpus import documentation
from jupyter_complete.ngram.model import load_models
from jupyter_complete.ngram.sampling import Sampling
from jupyter_complete.ngram.tokens import PARAGRAPH, tokenise

TEMPERATURES = (0.0, 0.7, 1.0)
LONGEST = 400
ENDED = re.compile(r"[.!?][)\"”’]*$")


def words_of(text: str) -> list[str]:
    """Return the words of a text, in lower case."""
    return re.findall(r"[\w'’-]+", text.lower())


def faults(answer: str, wanted: str) -> list[str]:
    """Return what is wrong with an answer, nothing if it is good."""
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
    if not ENDED.search(answer):
        found.append("breaks off")
    tens = [tuple(words[place : place + 10]) for place in range(len(words) - 9)]
    if len(set(tens)) < len(tens):
        found.append("repeats itself")
    return found


def ask(question: str, **sampling: Any) -> str:
    """Return the model's answer to a question."""
    prompt = f"\n\nHuman: {question}\n\nAssistant:"
    tokens = load_models()["ngram-chat"].generate(prompt, **sampling)
    return "".join(
        token.token for token, _ in zip(tokens, range(LONGEST), strict=False)
    )


def sentences(text: str) -> list[str]:
    """Return the sentences of a text."""
    found = re.split(r"(?<=[.!?])[)\"”’]*\s+(?=[A-Z\"“(_])|\n\n", text.strip())
    return [sentence for sentence in found if sentence]


def windows(passages: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield each token of each passage with up to four before it."""
    for passage in passages:
        tokens = [PARAGRAPH, *tokenise(" " + passage.strip())]
        for place in range(1, len(tokens)):
            yield tuple(tokens[max(0, place - 4) : place + 1])


def seams(split: Callable[[str], Iterable[str]], texts: Sequence[str]) -> float:
    """Return how many in 100 tokens of texts are seams, each within its passage."""
    known = {w for one in documentation() for w in windows(split(one.text))}
    met = [window for text in texts for window in windows(split(text))]
    return 100 * sum(window not in known for window in met) / len(met)


def held(seeds: int = 5) -> None:
    """Print how answers hold together, over questions the model was not tuned on."""
    good = [q for q, wanted in HELD_OUT if not faults(ask(q, temperature=0), wanted)]
    print(f"{len(good)} of {len(HELD_OUT)} held-out answers at temperature 0 are good.")
    for temperature in TEMPERATURES[1:]:
        asked = [
            (wanted, ask(question, temperature=temperature, seed=seed))
            for question, wanted in HELD_OUT
            for seed in range(seeds)
        ]
        print(f"at {temperature:g}, {len(asked)} answers:")
        for what, value in cohesion(asked).items():
            print(f"  {what:38}{value:8.2f}")


def cohesion(asked: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Return how (words wanted, answer) pairs hold together, by what is measured."""
    answers = [answer for _, answer in asked]
    said = [sentences(answer) for answer in answers]
    on_topic = [
        not faults_of_opening(first[0] if first else "", wanted)
        for (wanted, _), first in zip(asked, said, strict=True)
    ]
    return {
        "first sentence on topic": statistics.mean(on_topic),
        "seams in 100 tokens": seams(lambda text: text.split(PARAGRAPH), answers),
        "of them inside a sentence": seams(sentences, answers),
        "answers that repeat a sentence": statistics.mean(
            len(set(one)) < len(one) for one in said
        ),
        "sentences, median": statistics.median(map(len, said)),
        "answers that end with a sentence": statistics.mean(
            bool(ENDED.search(answer)) for answer in answers
        ),
    }


def faults_of_opening(sentence: str, wanted: str) -> list[str]:
    """Return what is wrong with an answer's first sentence, nothing if it is good."""
    low, topic = sentence.lower(), wanted.split(maxsplit=1)[0].split("|")
    named = any(word in low or word.replace("_", " ") in low for word in topic)
    found = [] if named else ["off topic"]
    return found + (["too short"] if len(words_of(sentence)) < 5 else [])


def sliders(seeds: int = 20) -> None:
    """Print how much seeds, temperature, top_k and top_p change an answer."""
    model = load_models()["ngram-chat"]
    prompts = [f"\n\nHuman: {question}\n\nAssistant:" for question, _ in HELD_OUT]
    for temperature in (0.3, *TEMPERATURES[1:], 1.5):
        shares, openings, entropies = [], [], []
        for (question, _), prompt in zip(HELD_OUT, prompts, strict=True):
            answers = [
                ask(question, temperature=temperature, seed=seed)
                for seed in range(seeds)
            ]
            shares.append(len(set(answers)) / seeds)
            openings.append(len({" ".join(one.split()[:6]) for one in answers}))
            shown = model.begin(prompt).shares(Sampling(temperature))
            entropies.append(-sum(p * log(p) for p in shown.values() if p))
        print(
            f"at {temperature:g}: {statistics.mean(shares):.2f} of {seeds} answers "
            f"differ (least {min(shares):.2f}), {statistics.mean(openings):.1f} "
            f"openings (least {min(openings)}), "
            f"entropy of the first token {statistics.mean(entropies):.2f}"
        )
    greedy = [ask(question, temperature=0) for question, _ in HELD_OUT]
    for limits in ({"top_k": 1}, {"top_p": 0.1}, {"top_p": 0.5}, {"top_k": 2}):
        alike = [
            ask(question, temperature=1, seed=1, **limits) == answer
            for (question, _), answer in zip(HELD_OUT, greedy, strict=True)
        ]
        print(f"{limits} at 1: {statistics.mean(alike):.2f} are the answer at 0")


def report(temperatures: Iterable[float]) -> int:
    """Print the answers and the score at temperature 0; give how many were good."""
    good = 0
    for number, (question, wanted) in enumerate(QUESTIONS):
        print(f"\n== {question}")
        for temperature in temperatures:
            answer = ask(question, temperature=temperature, seed=number)
            wrong = faults(answer, wanted) if temperature == 0 else []
            good += temperature == 0 and not wrong
            note = f"   [{'; '.join(wrong)}]" if wrong else ""
            print(f"{temperature:>4g}:{answer}{note}")
    print(f"\n{good} of {len(QUESTIONS)} answers at temperature 0 are good.")
    return good


def measure() -> list[Row]:
    """Return how many plain questions get a good answer at temperature 0."""
    lists = (("plain questions", QUESTIONS), ("held-out questions", HELD_OUT))
    rows = []
    for name, asked in lists:
        good = sum(not faults(ask(q, temperature=0), wanted) for q, wanted in asked)
        target = f">= {ceil(len(asked) * 22 / 24)}" if asked is QUESTIONS else ""
        found = f"{good} of {len(asked)}"
        rows.append(Row(f"embedded: {name} answered well", target, found))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="also at 0.7 and at 1")
    parser.add_argument("--held", action="store_true", help="held-out questions")
    parser.add_argument("--sliders", action="store_true", help="what sliders change")
    options = parser.parse_args()
    if options.held:
        held()
    elif options.sliders:
        sliders()
    else:
        report(TEMPERATURES if options.all else TEMPERATURES[:1])
