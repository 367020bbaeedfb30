"""The model that needs nothing: how soon, how fast, in how much memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from memory import PEAK
from table import Row, as_text

ROUNDS = 7

# Each in a process of its own; the clock starts before the package is imported.
CODE = (
    PEAK
    + """
import json, sys, time
start = time.perf_counter()
from jupyter_complete.session import Session
from jupyter_complete.settings import CompletionSettings
imported = time.perf_counter() - start
before = peak()
session = Session(CompletionSettings(temperature=0.0))
first = []
def on_text(text):
    first.append(time.perf_counter() - start)
call = session.prepare("What does the with statement do?")
answer = session.complete(call, on_text=on_text)
whole = time.perf_counter() - start

def rate(**settings):
    settings = {"max_tokens": 4000, **settings}
    begun, tokens, seed = time.perf_counter(), 0, 0
    while tokens < 20000:
        seed += 1
        call = session.prepare(
            QUESTIONS[seed % len(QUESTIONS)], seed=seed, **settings
        )
        tokens += session.complete(call).usage.output_tokens
    return tokens / (time.perf_counter() - begun)

QUESTIONS = ["What does break do?", "How does integer division work?",
    "What is a dictionary?", "Explain list comprehensions.", "What is a generator?"]
rates = {}
if sys.argv[1] == "rates":
    rates = {str(t): rate(temperature=t) for t in (0.0, 0.7, 1.0)}
    rates["base"] = rate(model="ngram-base", temperature=1.0)
print(json.dumps([first[0], whole, imported, peak() - before, rates]))
"""
)


def run(what: str) -> list:
    """Return the figures of a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, what], stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def measure() -> list[Row]:
    """Return the rows of the report; takes about half a minute."""
    runs = [run("start") for _ in range(ROUNDS)]
    token, whole, imported = (
        statistics.median(each[place] for each in runs) for place in range(3)
    )
    *_, memory, rates = run("rates")
    rows = [
        Row(
            "embedded: cold start to the first answer's end",
            "<= 1 s",
            f"{whole:.2f} s",
            note=f"median of {ROUNDS}; first token {token:.2f} s, "
            f"imports {imported:.2f} s",
        ),
        Row(
            "embedded: memory over the package alone",
            "<= 150 MB",
            f"{memory:.0f} MB",
            note="peak, after 80,000 tokens of both models",
        ),
    ]
    for name, rate in rates.items():
        title = "ngram-base, raw text" if name == "base" else f"temperature {name}"
        rows.append(
            Row(
                f"embedded: tokens a second, {title}",
                ">= 2000",
                f"{rate:,.0f}",
                note="through the whole road, streamed; 20,000 tokens",
            )
        )
    return rows


if __name__ == "__main__":
    print(as_text(measure()))
