"""Every completion that was paid for, in one SQLite file, to be had again."""

from __future__ import annotations

import itertools
import sqlite3
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..completion import Completion, CompletionRequest, Endpoint
from ..errors import HistoryError
from . import alive, schema, transfer
from .row import Row, RunStatus, Sending, request_hash
from .runs import Runs
from .search import Query, find
from .store import Store, transaction
from .texts import Texts

__all__ = ["History", "Query", "Row", "RunStatus", "Sending"]

T = TypeVar("T")

AT_ONCE = 500  # rows that one transaction deletes, reads or imports


class Tables:
    """What a job on the history works with, inside its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.texts = Texts(connection)
        self.runs = Runs(connection, self.texts)


class History:
    """Past completions, in the file at ``path``, shared by any number of kernels.

    Opens nothing until its first use. What is on the way of a completion (`begin`,
    `update`, `finish`, `answered`) never raises for the file's sake: ``warn`` gets one
    line, once for each reason, and the completion goes on. What a user asks for raises
    `HistoryError`.
    """

    def __init__(self, path: Path | str, *, warn: Callable[[str], None]) -> None:
        self.path = Path(path)
        self._warn = warn
        self._warned: set[str] = set()
        self._begun: dict[int, Sending] = {}
        self._store = Store(self.path, prepare=self._prepare, warn=warn)
        self._tables: Tables
        self._close = weakref.finalize(self, self._store.close)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._store.close()

    # On the way of a completion.

    def begin(
        self,
        request: CompletionRequest,
        *,
        endpoint: str,
        dialect: str,
        base_url: str = "",
        sample: int = 0,
        sweep: str | None = None,
        point: Mapping[str, Any] | None = None,
        stream: bool = True,
        notebook: str | None = None,
        cell: str | None = None,
        source: str | None = None,
    ) -> int | None:
        """Store a request that is about to be sent; give its id, None if it cannot."""
        sending = Sending(
            request=request,
            endpoint=endpoint,
            dialect=dialect,
            base_url=base_url,
            stream=stream,
            sample=sample,
            sweep=sweep,
            point=point,
            notebook=notebook,
            cell=cell,
            source=source,
        )

        def job(tables: Tables) -> int:
            return tables.runs.insert(sending, writer=alive.own(self.path))

        number = self._on_the_way(job)
        if number is not None:
            self._begun[number] = sending
        return number

    def update(self, number: int, text: str) -> None:
        """Store the text so far; once a second is often enough."""
        self._on_the_way(lambda tables: tables.runs.update(number, text))

    def finish(self, number: int, completion: Completion) -> int | None:
        """Store how it ended; give its id, None if it could not be stored.

        The id is another one only where the file was replaced in between.
        """
        sending = self._begun.pop(number, None)

        def job(tables: Tables) -> int:
            if tables.runs.finish(number, completion):
                return number
            again = sending or Sending(
                completion.request, completion.endpoint, completion.dialect
            )
            other = tables.runs.insert(again)
            tables.runs.finish(other, completion)
            return other

        return self._on_the_way(job)

    def answered(
        self, request: CompletionRequest, endpoint: Endpoint, sample: int = 0
    ) -> Completion | None:
        """Give the newest complete answer to this request, endpoint and sample."""

        def job(tables: Tables) -> Completion | None:
            row = tables.connection.execute(
                """SELECT run.id FROM request JOIN run ON run.request = request.id
                WHERE request.hash = ? AND request.endpoint = ?
                AND request.base_url = ? AND run.sample = ?
                AND run.status = 'complete'
                ORDER BY run.created DESC, run.id DESC LIMIT 1""",
                (request_hash(request), endpoint.name, endpoint.base_url, sample),
            ).fetchone()
            if row is None:
                return None
            (found,) = tables.runs.rows(row)
            return replace(found.completion, reused=True)

        return self._on_the_way(job, write=False)

    # What a user asks for.

    def get(self, number: int) -> Completion:
        """Give the completion with this id, equal to the one that was stored."""
        return self.row(number).completion

    def row(self, number: int) -> Row:
        """Give the run with this id."""
        rows = self._do(lambda tables: list(tables.runs.rows([number])), write=False)
        if not rows:
            raise HistoryError(
                f"The history has no completion {number}; %complete_history lists them."
            )
        return rows[0]

    def search(self, words: str = "", *, n: int | None = 20, **where: Any) -> list[Row]:
        """Give the newest ``n`` runs, newest first; ``where`` is as in `Query`."""
        query = Query(words, **where)

        def job(tables: Tables) -> list[Row]:
            found = find(tables.connection, query, tables.texts)
            return list(tables.runs.rows(itertools.islice(found, n)))

        return self._do(job, write=False)

    def count(self, words: str = "", **where: Any) -> int:
        """Give how many runs there are."""
        return len(self._ids(Query(words, **where)))

    def sweep(self, sweep: str) -> list[Row]:
        """Give the runs of a sweep in the order in which they began."""
        return self.search(n=None, sweep=sweep)[::-1]

    def recover(self) -> int:
        """Mark the runs of kernels that are gone as ``lost``; give their number.

        Done by itself whenever the file is opened.
        """
        return self._do(lambda tables: _recover(self.path, tables))

    def delete(self, numbers: Iterable[int]) -> int:
        """Delete runs, and texts no other run has; give how many there were.

        What is still running stays.
        """
        count = sum(
            self._do(partial(_delete, numbers=some)) for some in _batches(numbers)
        )
        self._do(lambda tables: tables.texts.tidy())
        self._store.tidy()
        return count

    def purge(self, words: str = "", **where: Any) -> int:
        """Delete every run that `search` would find; give how many there were."""
        query = Query(words, **where)
        if query == Query():
            count = self._do(lambda tables: tables.runs.delete_all())
            if count is not None:
                self._store.tidy(vacuum=True)
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
        return sum(self._do(partial(_import, rows=some)) for some in _batches(rows))

    def _ids(self, query: Query) -> list[int]:
        return self._do(
            lambda tables: list(find(tables.connection, query, tables.texts)),
            write=False,
        )

    def _rows(self, numbers: Iterable[int]) -> Iterator[Row]:
        for some in _batches(numbers):
            yield from self._do(partial(_load, numbers=some), write=False)

    def _do(self, job: Callable[[Tables], T], *, write: bool = True) -> T:
        return self._store.run(lambda _: job(self._tables), write=write)

    def _on_the_way(
        self, job: Callable[[Tables], T], *, write: bool = True
    ) -> T | None:
        try:
            return self._do(job, write=write)
        except HistoryError as error:
            if str(error) not in self._warned:
                self._warned.add(str(error))
                self._warn(str(error))
            return None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Bring a fresh connection up to date."""
        schema.migrate(connection)
        self._tables = Tables(connection)
        self._tables.texts.prepare()
        if _gone(self.path, self._tables):
            with transaction(connection):
                _recover(self.path, self._tables)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(itertools.islice(rest, AT_ONCE)):
        yield some


def _load(tables: Tables, numbers: list[int]) -> list[Row]:
    return list(tables.runs.rows(numbers))


def _delete(tables: Tables, numbers: list[int]) -> int:
    return tables.runs.delete(numbers)


def _gone(path: Path, tables: Tables) -> list[int]:
    """Give the writers that left a run running."""
    writers = tables.connection.execute(
        "SELECT DISTINCT writer FROM run WHERE writer IS NOT NULL"
    )
    return [number for (number,) in writers if alive.gone(path, number)]


def _recover(path: Path, tables: Tables) -> int:
    left = [
        number
        for writer in _gone(path, tables)
        for (number,) in tables.connection.execute(
            "SELECT id FROM run WHERE writer = ?", (writer,)
        )
    ]
    for number in left:
        tables.runs.lose(number)
    return len(left)


def _import(tables: Tables, rows: list[Row]) -> int:
    return sum(tables.runs.add(row) for row in rows)
