"""The file as the rooms of the history use it: a store, its tables, who left it how."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ..errors import HistoryError
from . import alive, schema, spill
from .runs import Runs
from .store import PATIENCE_SECONDS, Store, is_busy, transaction
from .texts import Texts

T = TypeVar("T")

ON_THE_WAY_SECONDS = 0.08
"""How long what is on the way of a call waits for another program's lock."""


class Tables:
    """What a job on the history works with, inside its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.texts = Texts(connection)
        self.runs = Runs(connection, self.texts)


class File:
    """The history's file; its tables are brought up to date as it is opened."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self.path = path
        self.store = Store(path, prepare=self._prepare, warn=warn)
        self._tables: Tables

    def do(
        self,
        job: Callable[[Tables], T],
        *,
        write: bool = True,
        patience: float = PATIENCE_SECONDS,
        queue: bool = False,
    ) -> T:
        """Return what the job does in its transaction, as `Store.run`."""
        return self.store.run(
            lambda _: job(self._tables), write=write, patience=patience, queue=queue
        )

    def put(self, runs: Sequence[spill.Keyed]) -> list[int]:
        """Write runs as they stand now; return their ids. Raises `HistoryError`."""

        def job(tables: Tables) -> list[int]:
            writer = alive.own(self.path)
            return [tables.runs.put(key, row, writer) for key, row in runs]

        try:
            return self.do(job, patience=ON_THE_WAY_SECONDS, queue=True)
        except sqlite3.ProgrammingError as error:
            raise HistoryError(f"It cannot be stored ({error}).") from error

    def recover(self, *, patience: float = PATIENCE_SECONDS) -> int:
        """Take over what processes left that are gone; return how many runs ended so.

        Raises `HistoryError`.
        """
        left = spill.left_behind(self.path)
        lost = self.do(
            lambda tables: take_over(self.path, tables, left), patience=patience
        )
        _discard(left)
        return lost

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Bring a fresh connection up to date."""
        schema.migrate(connection)
        self._tables = Tables(connection)
        self._tables.texts.prepare()
        left = spill.left_behind(self.path)
        if left or _gone(self.path, self._tables):
            try:
                with transaction(connection):
                    take_over(self.path, self._tables, left)
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                return  # what can be read meanwhile is worth more
            _discard(left)


def take_over(path: Path, tables: Tables, left: dict[Path, int]) -> int:
    """Write what processes left that are gone; return how many runs ended with them."""
    for file, writer in left.items():
        for key, row in spill.runs_of(file):
            tables.runs.put(key, row, writer)
    lost = [
        number
        for writer in _gone(path, tables)
        for (number,) in tables.connection.execute(
            "SELECT id FROM run WHERE writer = ?", (writer,)
        )
    ]
    for number in lost:
        tables.runs.lose(number)
    return len(lost)


def _gone(path: Path, tables: Tables) -> list[int]:
    """Return the writers that left a run running."""
    writers = tables.connection.execute(
        "SELECT DISTINCT writer FROM run WHERE writer IS NOT NULL"
    )
    return [number for (number,) in writers if alive.gone(path, number)]


def _discard(left: dict[Path, int]) -> None:
    for file in left:
        with contextlib.suppress(OSError):
            file.unlink()
