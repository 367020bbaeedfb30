"""What many answers of a sweep weigh: in memory, as tables, in a saved notebook."""

from __future__ import annotations

import gc
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator

import nbformat
from latency import ANSWER
from sweeps import tasks_of
from table import Row, as_text

from jupyter_complete import Sweep
from jupyter_complete.cancel import Cancel
from jupyter_complete.completion import Completion, Outcome
from jupyter_complete.display.sweeps import view
from jupyter_complete.request import CompletionRequest
from jupyter_complete.sweeps.run import run
from jupyter_complete.sweeps.table import SweepRow

RUNS = 3
ANSWERS = 5000
SAVED = 1000
KILOBYTE = "lorem ipsum dolor sit amet " * 38


def _seconds(call: Callable[[], object]) -> str:
    """Return the median time of a few calls."""
    found = []
    for _ in range(RUNS):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return f"{statistics.median(found):.2f} s"


def of_memory() -> Iterator[Row]:
    """Yield what 5,000 answers of a kilobyte take, and their table."""

    def ask(request: CompletionRequest, cancel: Cancel | None) -> Outcome:  # noqa: ARG001
        body = json.loads(json.dumps(ANSWER | {"completion": KILOBYTE}))
        return Outcome(Completion(body["completion"], request, raw=body))

    gc.collect()
    tracemalloc.start()
    tasks = tasks_of(ANSWERS)
    sweep = Sweep.shown(run(tasks, ask))
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    yield Row(
        f"sweep: memory of {ANSWERS:,} answers of 1 KB",
        "<= 100 MB",
        f"{size / 1e6:.0f} MB",
        note="requests, points and raw JSON included",
    )
    yield Row(
        f"sweep: data frame of {ANSWERS:,} answers",
        "<= 1 s",
        _seconds(sweep.to_dataframe),
    )
    yield Row(
        f"sweep: final table of {ANSWERS:,} answers",
        "<= 1 s",
        _seconds(lambda: view(sweep).bundle()),
        note="as HTML and as text",
    )
    yield Row(
        f"sweep: three measures of {ANSWERS:,} answers at one point",
        "",
        _seconds(lambda: sweep.metrics("words", "distinct_2", "self_bleu", by=[])),
    )


def of_saved() -> Row:
    """Measure the notebook that keeps a sweep of a thousand answers."""
    tasks = tasks_of(SAVED)
    texts = (f"{place} {KILOBYTE}" for place in range(SAVED))
    rows = tuple(
        SweepRow(task.point, 0, Completion(text, task.request))
        for text, task in zip(texts, tasks, strict=True)
    )
    cell = nbformat.v4.new_code_cell()
    data = view(Sweep(rows)).bundle()
    cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
    size = len(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode())
    return Row(
        f"sweep: saved notebook of {SAVED:,} answers of 1 KB",
        "<= 2 MB",
        f"{size / 1e6:.2f} MB",
    )


def measure() -> list[Row]:
    """Return every figure; takes about a quarter of a minute."""
    return [*of_memory(), of_saved()]


if __name__ == "__main__":
    print(as_text(measure()))
