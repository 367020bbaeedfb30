"""Writes runs in a thread of its own, so that no call waits for the file.

Runs are handed over and written as they then stand. Where anything holds the history
up, one that has ended goes to the spill file first, so that it is kept. While
the history cannot be written everything goes to the spill file, a try now and then
tells whether it can be again, and each change is told in one line.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from ..errors import HistoryError
from . import processes
from .queue import AT_ONCE, Batch, Queue
from .row import Row
from .spill import Keyed, Spill
from .store import Locked

PATIENCE_SECONDS = 0.05
"""How long what is on the way of a call waits for another program's lock."""
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.1, 2.0
CROWDED_SECONDS = 2.0
"""So long other kernels that write, too, may keep a history locked."""

# A run that cannot be stored, whatever the file is like.
_REFUSED = (
    ValueError,
    TypeError,
    OverflowError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


class Writer:
    """Writes what is handed over to its ``queue``.

    ``put`` writes runs, waiting so many seconds for a lock, and gives their ids; None:
    it writes them if nothing is in the way. ``warn`` gets one line at each change
    between a history that can be written and one that cannot.
    """

    def __init__(
        self,
        put: Callable[[Sequence[Keyed], float | None], list[int]],
        spill: Spill,
        warn: Callable[[str], None],
    ) -> None:
        self.queue = Queue(self._run)
        self._put, self._spill, self._warn = put, spill, warn
        self._unspilled: dict[int, Row] = {}
        """What neither the history nor the spill file could take."""
        self._drained = 0
        self._retry = FIRST_RETRY_SECONDS
        self._since, self._told = 0.0, ""
        processes.watch(self)

    def close(self) -> None:
        """Wait a second at most for what is left, and let go of the spill file.

        What could not be written stays there: for the next use, or the next kernel.
        """
        if self.queue.close():
            with suppress(OSError):
                self._spill.close()

    def pause(self) -> None:
        """Let nothing be handed over until `resume`."""
        self.queue.pause()

    def resume(self, *, child: bool) -> None:
        """Go on; a child leaves to its parent what that has."""
        self.queue.resume(child=child)
        if child:
            self._drained = 0
            self._unspilled.clear()
            self._spill.forget()

    # In the thread.

    def _run(self) -> None:
        for batch in self.queue.batches():
            self._write(batch)

    def _write(self, batch: Batch) -> None:
        runs = [(entry.key, row) for entry, row in batch]
        if self.queue.fault is None and self._wrote_at_once(runs):
            return
        if self.queue.fault is None:
            self._keep([one for one in batch if one[1].status != "running"])
            try:
                self._publish(runs)
                self._spill.clear()
            except (HistoryError, OSError) as error:
                self._keep([one for one in batch if one[1].status == "running"])
                self._since = time.monotonic()
                self._fail(error)
            return
        self._keep(batch)
        if time.monotonic() >= self.queue.retry_at:
            self._drain()

    def _keep(self, batch: Batch) -> None:
        """Put runs into the spill file, or keep them here if it cannot take them."""
        if not batch:
            return
        try:
            self._spill.append([(entry.key, row) for entry, row in batch])
        except OSError:
            self._unspilled.update((entry.key, row) for entry, row in batch)
            return
        for entry, _ in batch:
            self._unspilled.pop(entry.key, None)
        self.queue.kept(batch)

    def _wrote_at_once(self, runs: Sequence[Keyed]) -> bool:
        """Write runs if nothing is in the way; tell whether that was so."""
        try:
            numbers = self._put(runs, None)
        except HistoryError:
            return False
        self._note(runs, numbers)
        return True

    def _publish(self, runs: Sequence[Keyed]) -> None:
        """Write runs and tell those who wait for it. Raises `HistoryError`."""
        self._note(runs, self._written(runs))

    def _note(self, runs: Sequence[Keyed], numbers: Sequence[int | None]) -> None:
        for key, row in runs:
            if self._unspilled.get(key) is row:
                del self._unspilled[key]
        self.queue.stored(runs, numbers)

    def _written(self, runs: Sequence[Keyed]) -> list[int | None]:
        """Return the ids of runs, None for one that no file could take."""
        try:
            # A try while it is locked must not keep those waiting who hand over.
            return [
                *self._put(runs, PATIENCE_SECONDS if self.queue.fault is None else 0.0)
            ]
        except HistoryError as error:
            cause = error.__cause__
            if not isinstance(cause, _REFUSED) or isinstance(cause, UnicodeDecodeError):
                raise
            if len(runs) > 1:
                return [number for run in runs for number in self._written([run])]
            self._warn(f"A completion is not stored: {error}")
            return [None]

    def _fail(self, error: Exception, seconds: float = 0.0) -> None:
        """Note that the history cannot be written, after so many seconds of trying."""
        line = str(error)
        self.queue.failed(line, time.monotonic() + max(self._retry, 10 * seconds))
        self._retry = min(self._retry * 2, LONGEST_RETRY_SECONDS)
        patient = isinstance(error, Locked) and error.crowded
        waited = time.monotonic() - self._since
        if line != self._told and (waited > CROWDED_SECONDS or not patient):
            self._told = line
            kept = f"is kept in {self._spill.path}, and written as soon as it can be."
            self._warn(
                f"{line} What is completed meanwhile "
                f"{'is not stored.' if self._unspilled else kept}"
            )

    def _drain(self) -> None:
        """Write some of what was kept; when that was all, the fault is over."""
        start = time.monotonic()
        try:
            runs, end = self._spill.read(self._drained, AT_ONCE)
            runs = runs or list(self._unspilled.items())[:AT_ONCE]
            self._publish(runs)
        except (HistoryError, OSError) as error:
            self._fail(error, time.monotonic() - start)
            return
        self._drained = end
        if runs:
            return
        self._spill.clear()
        self._drained, self._retry = 0, FIRST_RETRY_SECONDS
        self.queue.mended()
        if self._told:
            self._told = ""
            self._warn("The history can be written again; what waited is in it.")
