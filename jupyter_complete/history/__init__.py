"""Every completion that was paid for, in one SQLite file, to be had again.

`History` is what is used above. A call hands its run over a `queue` to a thread
(`writer`), which writes it into the file, or while that fails into another (`spill`).

``file``      the store, its tables, and what processes left that are gone
``store``     opened safely, shared by kernels, set aside when damaged
``schema``    the tables, as migrations; ``runs`` in them, by ``texts`` and ``columns``
``search``    finding them
``claims``    which kernel asks for which point of a sweep
``processes`` which kernels still live, and what a fork lets go of
``rescue``    what can still be read of a damaged file
``disk``      journal, syncs, network file systems
``transfer``  export and import
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..completion import Completion
from ..endpoint import Endpoint
from ..errors import HistoryError
from ..request import CompletionRequest
from . import transfer
from .claims import Claims, answer_in
from .file import File, Tables
from .queue import AT_MOST_SECONDS, Entry
from .row import Row, RunStatus, Sending, row_of_sending
from .search import Query, find
from .spill import Spill
from .writer import PATIENCE_SECONDS, Writer

__all__ = ["Entry", "History", "Query", "Row", "RunStatus", "Sending"]

T = TypeVar("T")

RESCUE_SECONDS = 5.0
"""How long a question waits for what is taken over from a damaged file."""
AT_ONCE = 500  # rows that one transaction deletes, reads or imports


class History:
    """Past completions, in the file at ``path``, shared by any number of kernels.

    Opens nothing until its first use. What is on the way of a completion (`begin`,
    `update`, `finish`, `answered`) takes 100 ms at most and never raises for the
    file's sake: ``warn`` gets one line when the history cannot be written any more,
    one when it can again, and the completion goes on. What a user asks for raises
    `HistoryError`.
    """

    def __init__(self, path: Path | str, *, warn: Callable[[str], None]) -> None:
        self.path = Path(path)
        self._warn = warn
        self._file = File(self.path, warn)
        self._writer = Writer(self._file.put, Spill(self.path), warn)
        self._queue = self._writer.queue
        self._claims = Claims(self._file, self._queue)
        self._close = weakref.finalize(self, _close, self._writer, self._file)

    def close(self) -> None:
        """Write what is left and close the file; the next use opens it again."""
        _close(self._writer, self._file)

    def flush(self, seconds: float = AT_MOST_SECONDS) -> bool:
        """Wait until the file has all that was handed over; tell whether it has."""
        return not self._queue.flush(seconds)

    # On the way of a completion.

    def begin(
        self, request: CompletionRequest, *, endpoint: str, dialect: str, **more: Any
    ) -> Entry:
        """Hand over a request that is about to be sent; ``more`` is as in `Sending`."""
        entry = Entry(row_of_sending(Sending(request, endpoint, dialect, **more)))
        self._queue.hand_over(entry, entry.row)
        return entry

    def claim(
        self, request: CompletionRequest, *, endpoint: str, dialect: str, **more: Any
    ) -> Entry | Completion | None:
        """Begin a call of a sweep, unless another kernel has begun it.

        Returns its entry, as `begin`; else the answer that another kernel has by now,
        or None while one asks for it.
        """
        entry = Entry(row_of_sending(Sending(request, endpoint, dialect, **more)))
        return self._claims.claim(entry)

    def release(self, entry: Entry) -> None:
        """Let go of a call that nobody waits for any more; it may still be finished."""
        left = replace(entry.row.completion, status="interrupted")
        self._queue.hand_over(entry, entry.ended(left))

    def update(self, entry: Entry, text: str) -> None:
        """Hand over the text so far; once a second is often enough."""
        self._queue.hand_over(entry, entry.with_text(text))

    def followed(
        self, entry: Entry, text: Callable[[], str]
    ) -> AbstractContextManager[None]:
        """Have a run's text so far, as ``text`` returns it, written twice a second.

        Also where nothing more arrives: the last words are not to be lost either.
        """
        return self._queue.followed(entry, text)

    def finish(self, entry: Entry, completion: Completion) -> int | None:
        """Hand over how it ended; return its id, None if the file does not have it yet.

        `Entry.kept` tells whether it is written down at all, `under_way` if it will be.
        """
        self._queue.hand_over(entry, entry.ended(completion))
        self._queue.wait(entry)
        return entry.number

    def under_way(self, entry: Entry) -> bool:
        """Whether a run is still to be written, and nothing is known to prevent it."""
        return self._queue.under_way(entry)

    def answered(
        self, request: CompletionRequest, endpoint: Endpoint, sample: int = 0
    ) -> Completion | None:
        """Return the newest complete answer to this request, endpoint and sample."""
        place = (endpoint.name, endpoint.base_url, endpoint.dialect)
        for row in reversed(self._queue.waiting()):
            one = row.completion
            same = (one.request, one.endpoint, row.base_url, one.dialect, one.sample)
            if row.status == "complete" and same == (request, *place, sample):
                return replace(one, reused=True)

        job = partial(answer_in, request=request, place=place, sample=sample)
        try:
            return self._file.do(job, write=False, patience=PATIENCE_SECONDS)
        except HistoryError:
            return None  # what is to be written next tells why

    def answers(self, sweep: str) -> Iterator[Row]:
        """Yield the complete answers of a sweep, those not yet in the file, too.

        Raises `HistoryError` after those if the file cannot be read.
        """
        for row in self._queue.waiting():
            if row.status == "complete" and row.sweep == sweep:
                yield row
        query = Query(sweep=sweep, status="complete")
        found = self._file.do(
            partial(_found, query=query), write=False, patience=PATIENCE_SECONDS
        )
        yield from self._whole(found)

    # What a user asks for.

    def get(self, number: int) -> Completion:
        """Return the completion with this id, equal to the one that was stored."""
        return self.row(number).completion

    def row(self, number: int) -> Row:
        """Return the run with this id."""
        rows = self._asked(lambda tables: list(tables.runs.rows([number])), write=False)
        if not rows:
            raise HistoryError(
                f"The history has no completion {number}; %complete_history lists them."
            )
        return rows[0]

    def search(self, words: str = "", *, n: int | None = 20, **where: Any) -> list[Row]:
        """Return the newest ``n`` runs, newest first; ``where`` is as in `Query`."""
        job = partial(_found, query=Query(words, **where), n=n)
        return self._whole(self._asked(job, write=False))

    def count(self, words: str = "", **where: Any) -> int:
        """Return how many runs there are."""
        return len(self._ids(Query(words, **where)))

    def sweep(self, sweep: str) -> list[Row]:
        """Return the runs of a sweep in the order in which they began."""
        return self.search(n=None, sweep=sweep)[::-1]

    def recover(self) -> int:
        """Mark the runs of kernels that are gone as ``lost``; give their number.

        Done by itself whenever the file is opened.
        """
        return self._file.recover(patience=PATIENCE_SECONDS)

    def delete(self, numbers: Iterable[int]) -> int:
        """Delete runs, and texts no other run has; give how many there were.

        What is still running stays.
        """
        count = sum(
            self._asked(partial(_delete, numbers=some)) for some in _batches(numbers)
        )
        self._asked(lambda tables: tables.texts.tidy())
        self._file.store.tidy()
        return count

    def purge(self, words: str = "", **where: Any) -> int:
        """Delete every run that `search` would find; give how many there were."""
        query = Query(words, **where)
        if query == Query():
            count = self._asked(lambda tables: tables.runs.delete_all())
            if count is not None:
                self._file.store.tidy(vacuum=True)
                return count
        return self.delete(self._ids(query))

    def export(self, path: Path | str, numbers: Iterable[int] | None = None) -> int:
        """Write runs, all if None, to a ``.jsonl`` or ``.csv`` file; give their number.

        Raises `InputError` for a file that cannot be written.
        """
        wanted = self._ids(Query())[::-1] if numbers is None else numbers
        return transfer.write(Path(path), self._rows(wanted))

    def import_(self, path: Path | str) -> int:
        """Add the runs of a ``.jsonl`` file that are not here; give their number.

        They get ids of their own. Raises `InputError` for a file that is none, and
        then adds nothing.
        """
        rows = list(transfer.read(Path(path)))
        return sum(self._asked(partial(_import, rows=some)) for some in _batches(rows))

    def _ids(self, query: Query) -> list[int]:
        return self._asked(
            lambda tables: list(find(tables.connection, query, tables.texts)),
            write=False,
        )

    def _rows(self, numbers: Iterable[int]) -> Iterator[Row]:
        for some in _batches(numbers):
            yield from self._whole(
                self._asked(partial(_load, numbers=some), write=False)
            )

    def _asked(self, job: Callable[[Tables], T], *, write: bool = True) -> T:
        if self._queue.flush() and self._queue.fault:
            self._warn(
                "What was completed since the history could not be written any more "
                "is not in it yet."
            )
        found = self._file.do(job, write=write)
        if not write and self._file.rescued(RESCUE_SECONDS):
            return self._file.do(job, write=False)
        return found

    def _whole(self, found: tuple[list[Row], list[int]]) -> list[Row]:
        """Return the rows, and have those that are damaged told."""
        rows, damaged = found
        if damaged:
            ids = " ".join(map(str, damaged))
            self._warn(
                f"Damaged in the history and left out: {ids}; to delete them: "
                f"%complete_history --delete {ids}"
            )
        return rows


def _close(writer: Writer, file: File) -> None:
    writer.close()
    file.store.close()


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(itertools.islice(rest, AT_ONCE)):
        yield some


def _found(
    tables: Tables, query: Query, n: int | None = None
) -> tuple[list[Row], list[int]]:
    """Return the runs of a query, and the ids of those that are damaged."""
    found = find(tables.connection, query, tables.texts)
    return _load(tables, itertools.islice(found, n))


def _load(tables: Tables, numbers: Iterable[int]) -> tuple[list[Row], list[int]]:
    damaged: list[int] = []
    return list(tables.runs.rows(numbers, damaged)), damaged


def _delete(tables: Tables, numbers: list[int]) -> int:
    return tables.runs.delete(numbers)


def _import(tables: Tables, rows: list[Row]) -> int:
    return sum(tables.runs.add(row) for row in rows)
