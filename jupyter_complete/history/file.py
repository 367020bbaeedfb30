"""The file as the rooms of the history use it: a store, its tables, who left it how."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..background import Background
from ..errors import HistoryError
from . import processes, schema, spill
from .disk import is_busy, transaction
from .rescue import rescued
from .runs import Runs
from .store import PATIENCE_SECONDS, Store
from .texts import Texts

T = TypeVar("T")

RESCUED_AT_ONCE = 50  # runs in one transaction, between which others have their turn
RESCUE_PATIENCE_SECONDS = 30.0


class Tables:
    """What a job on the history works with, inside its transaction."""

    def __init__(self, connection: sqlite3.Connection, writer: int) -> None:
        self.connection = connection
        self.writer = writer
        """The number of this process in `processes`."""
        self.texts = Texts(connection)
        self.runs = Runs(connection, self.texts)


class File:
    """The history's file; its tables are brought up to date as it is opened."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self.path = path
        self.store = Store(path, prepare=self._prepare, warn=warn, rescue=self._rescue)
        self._warn = warn
        self._tables: Tables
        self._rescuing: Background | None = None

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

    def put(self, runs: Sequence[spill.Keyed], patience: float | None) -> list[int]:
        """Write runs as they stand now; return their ids. Raises `HistoryError`.

        Without patience they are written only if nothing at all is in the way.
        """

        def job(tables: Tables) -> list[int]:
            return [tables.runs.put(key, row, tables.writer) for key, row in runs]

        if patience is None:
            return self.store.at_once(lambda _: job(self._tables))
        try:
            return self.do(job, patience=patience, queue=True)
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

    def rescued(self, seconds: float) -> bool:
        """Wait for a rescue that is under way; tell whether one has ended."""
        thread = self._rescuing
        if thread is None:
            return False
        thread.join(seconds)
        if thread.is_alive():
            return False
        self._rescuing = None
        return True

    def _rescue(self, damaged: Path) -> None:
        """Take what can be read of a damaged file into the new one, by and by."""
        job = partial(self._take_from, damaged)
        self._rescuing = Background(job, name="history-rescue")
        self._rescuing.start()

    def _take_from(self, damaged: Path) -> None:
        taken = lost = 0

        def job(tables: Tables) -> int:
            return sum(tables.runs.add(row, key) for key, row in some if row)

        try:
            found = rescued(damaged)
            while some := list(itertools.islice(found, RESCUED_AT_ONCE)):
                taken += self.do(job, patience=RESCUE_PATIENCE_SECONDS, queue=True)
                lost += sum(row is None for _, row in some)
        except (HistoryError, OSError) as error:
            self._warn(f"The rest of {damaged} could not be taken over: {error}")
        self._warn(
            f"Of the damaged history {taken:,} completions are in the new one; "
            f"{lost:,} others were found damaged."
        )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Bring a fresh connection up to date."""
        schema.migrate(connection)
        self._tables = Tables(connection, processes.own(self.path))
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
    return [number for (number,) in writers if processes.gone(path, number)]


def _discard(left: dict[Path, int]) -> None:
    for file in left:
        with contextlib.suppress(OSError):
            file.unlink()
