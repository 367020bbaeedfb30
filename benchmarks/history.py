"""The history: what storing costs, and finding among a million completions.

``python benchmarks/history.py [ROWS]`` The generated file is thrown away.
"""

import contextlib
import hashlib
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from pydoc_data.topics import topics

from table import Row, as_text

from jupyter_complete.completion import Completion
from jupyter_complete.history import History, Tables
from jupyter_complete.request import CompletionRequest

MILLION = 1_000_000
AT_ONCE = 5_000
UPDATES = 5


class Prose:
    """Answers cut at random places out of Python's documentation."""

    def __init__(self, words: int, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._all = " ".join(topics.values()).split()
        self._words = words

    def __call__(self) -> str:
        """Return the next."""
        start = self._random.randrange(len(self._all) - self._words)
        return " ".join(self._all[start : start + self._words])


def request(temperature: float = 0.5, prompt: str = "") -> CompletionRequest:
    """Return a request with a prompt of about two kilobytes."""
    text = prompt or topics["with"][:2000]
    return CompletionRequest("ngram-chat", text, 256, temperature=temperature)


def answer(text: str, asked: CompletionRequest, number: int) -> Completion:
    """Return a completion as a stream leaves it."""
    name = f"compl_{random.Random(number).randbytes(12).hex()}"
    return Completion(
        text,
        asked,
        model=asked.model,
        stop_reason="stop_sequence",
        stop="\n\nHuman:",
        id=name,
        request_id=f"req_{random.Random(-number).randbytes(12).hex()}",
        seconds=1.234567,
        first_token_seconds=0.123456,
        endpoint="embedded",
        dialect="text",
        raw={
            "type": "completion",
            "completion": "",
            "id": name,
            "model": asked.model,
            "stop_reason": "stop_sequence",
            "stop": "\n\nHuman:",
        },
        http_status=200,
    )


def store_one(history: History, text: str, number: int) -> float:
    """Store one completion with its updates, and give the seconds that took."""
    asked = request()
    start = time.perf_counter()
    entry = history.begin(asked, endpoint="embedded", dialect="text", sample=number)
    for part in range(1, UPDATES + 1):
        history.update(entry, text[: len(text) * part // (UPDATES + 1)])
    history.finish(entry, answer(text, asked, number))
    spent = time.perf_counter() - start
    assert entry.number is not None
    return spent


def fill(history: History, count: int, prose: Prose, *, sweep: str) -> None:
    """Store a sweep of many answers: the same rows, but in bulk."""
    temperatures = [number / 10 for number in range(11)]
    asked = [request(temperature) for temperature in temperatures]
    begun = [
        history.begin(
            one,
            endpoint="embedded",
            dialect="text",
            sweep=sweep,
            point={"temperature": one.temperature},
        )
        for one in asked
    ]
    for entry, one in zip(begun, asked, strict=True):
        history.finish(entry, answer("a first answer", one, 0))
    history.flush(10)
    ids = [entry.number for entry in begun]
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        history._asked(  # noqa: SLF001 - as fast as can be
            partial(in_bulk, prose=prose, numbers=numbers, begun=ids)
        )


def in_bulk(
    tables: Tables, prose: Prose, numbers: range, begun: Sequence[int | None]
) -> None:
    """Store an answer for each number, like those that were begun."""
    connection = tables.connection
    (last,) = connection.execute("SELECT max(id) FROM text").fetchone()
    texts = []
    for place, number in enumerate(numbers, last + 1):
        rare = " zanzibar" if number % 50_000 == 0 else ""
        text = f"{prose()}{rare} {number}"
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        texts.append((place, key, text))
    connection.executemany(
        "INSERT INTO text (id, hash, searched, body) VALUES (?, ?, 1, ?)", texts
    )
    connection.executemany(
        "INSERT INTO words (rowid, body) VALUES (?, ?)",
        ((place, text) for place, _, text in texts),
    )
    names = [row[1] for row in connection.execute("PRAGMA table_info(run)")][1:]
    own = {"created": "?", "sample": "?", "text": "?", "request_id": "?"}
    own |= {"key": "NULL", "sum": "NULL"}  # what only a run that was begun has
    values = ", ".join(own.get(name, name) for name in names)
    connection.executemany(
        f"INSERT INTO run ({', '.join(names)}) SELECT {values} FROM run WHERE id = ?",
        (
            (
                1_700_000_000_000 + number * 100,
                number // len(begun),
                place,
                f"req_{random.randbytes(12).hex()}",
                begun[number % len(begun)],
            )
            for number, (place, _, _) in zip(numbers, texts, strict=True)
        ),
    )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[History]:
    """Return a history that prints its warnings."""
    history = History(path, warn=print)
    try:
        yield history
    finally:
        history.close()


def median_ms(samples: list[float]) -> float:
    """Return the median in milliseconds."""
    return statistics.median(samples) * 1000


def timed(action) -> float:  # noqa: ANN001 - any function without arguments
    """Return the median of five, in milliseconds."""
    samples = []
    for _ in range(5):
        start = time.perf_counter()
        action()
        samples.append(time.perf_counter() - start)
    return median_ms(samples)


def size(path: Path) -> int:
    """Return the bytes of the file, its log folded in."""
    with opened(path) as history:
        history._file.store.tidy()  # noqa: SLF001 - what closing does
    return path.stat().st_size


def of_one_sweep(directory: Path) -> Iterator[Row]:
    """Measure storing into an empty file, and the size of a sweep."""
    prose = Prose(170)
    with opened(directory / "empty.sqlite") as history:
        samples = [store_one(history, prose(), number) for number in range(300)]
    yield Row(
        "history: insert and 5 updates, empty file, ms",
        3,
        median_ms(samples),
        note="median of 300",
    )
    path = directory / "sweep.sqlite"
    with opened(path) as history:
        fill(history, 10_000, prose, sweep="s")
        texts = history._asked(  # noqa: SLF001 - what the file holds
            lambda tables: tables.connection.execute(
                "SELECT sum(length(CAST(body AS BLOB))) FROM text"
            ).fetchone()[0]
        )
        asked = len(request().prompt.encode()) * 10_000
    bytes_ = size(path)
    yield Row(
        "history: file / its texts, sweep of one prompt",
        1.5,
        bytes_ / texts,
        note=f"10,000 answers of 1 KB, prompt counted once; "
        f"{bytes_ / (texts + asked):.2f} if counted each time",
    )


def of_many(directory: Path, rows: int) -> Iterator[Row]:
    """Measure storing and finding in a large file."""
    path, prose = directory / "many.sqlite", Prose(40)
    start = time.perf_counter()
    with opened(path) as history:
        fill(history, rows, prose, sweep="large")
    spent = time.perf_counter() - start
    made = f"{rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB, made in {spent:.0f} s"
    with opened(path) as history:
        numbers = itertools.count(rows)
        samples = [store_one(history, prose(), next(numbers)) for _ in range(300)]
        yield Row(
            "history: insert and 5 updates, large file, ms",
            3,
            median_ms(samples),
            note=made,
        )
        latest = timed(history.search)
        yield Row("history: the last 20, ms", 20, latest, note="median of 5")
        for words, note in {
            "the": "in nearly every answer",
            "generator": "in some answers",
            "zanzibar": "in 20 of a million",
            "zanzibar the": "a rare and a common word",
            "statement": "in the prompt of every answer",
            "gen* expr*": "beginnings of words",
            '"the with statement"': "a phrase",
            "nowhereatall": "in none",
        }.items():
            spent = timed(lambda words=words: history.search(words))
            yield Row(f"history: search {words}, ms", 100, spent, note=note)


def measure(rows: int = MILLION) -> list[Row]:
    """Measure all of it; a million rows take about a minute and 1 GB for a while."""
    with tempfile.TemporaryDirectory() as place:
        return [*of_one_sweep(Path(place)), *of_many(Path(place), rows)]


if __name__ == "__main__":
    print(as_text(measure(int(sys.argv[1]) if len(sys.argv) > 1 else MILLION)))
