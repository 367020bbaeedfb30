"""How long the scores of a large sweep take, from its answers to the lines to read."""

from __future__ import annotations

import statistics
import time
from itertools import product

from table import Row, as_text

from jupyter_complete.completion import Completion
from jupyter_complete.request import CompletionRequest
from jupyter_complete.results import Sweep
from jupyter_complete.sweeps.points import Axis, points
from jupyter_complete.sweeps.table import SweepRow

ROWS = 2500
RUNS = 5


def sweep() -> Sweep:
    """Return a sweep of 5,000 answers: 2,500 labelled rows under two settings."""
    data = tuple((f"What is {n} + {n}?", f"{2 * n}") for n in range(ROWS))
    axes = (
        Axis(("question", "sum"), data, beside=frozenset({"sum"}), table=True),
        Axis(("temperature",), ((0.0,), (1.0,)), frozenset({"temperature"})),
    )
    text = "Let me see, step by step.\nThat makes, if I am right, {}.\nANSWER: {}"
    right = [n % 5 > 0 for n in range(2 * ROWS)]
    asked = CompletionRequest("m", "What is the sum?", 64)
    return Sweep(
        tuple(
            SweepRow(
                point,
                0,
                Completion(text.format(n, point.values["sum"] if yes else -1), asked),
            )
            for n, (point, yes) in enumerate(zip(points(axes), right, strict=True))
        ),
        axes,
    )


def measure() -> list[Row]:
    """Return the rows of the report; takes a few seconds."""
    found = sweep()
    names = ("exact", "number", "contains")
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        done = found.scored(names, expect="sum", extract=r"ANSWER: (.*)")
        measured = done.metrics(*names)
        seconds.append(time.perf_counter() - start)
    shares = {one.estimate.value for one in measured if one.estimate}
    if len(measured) != len([*product(names, (0, 1))]) or shares != {0.8}:
        raise RuntimeError(f"the scores are wrong: {measured}")
    return [
        Row(
            "scores: three of 5,000 answers, with their intervals",
            1.0,
            statistics.median(seconds),
            note="seconds, an extraction included",
        )
    ]


if __name__ == "__main__":
    print(as_text(measure()))
