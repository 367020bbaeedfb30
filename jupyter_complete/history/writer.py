"""Writes runs in a thread of its own, so that no call waits for the file.

Runs are handed over and written as they then stand. One that has ended goes to the
spill file first, then to the history: whatever holds the history up, it is kept. While
the history cannot be written everything goes to the spill file, a try now and then
tells whether it can be again, and each change is told in one line.
"""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from ..background import Background
from ..errors import HistoryError
from . import forking
from .entry import Entry
from .row import Row
from .spill import Keyed, Spill
from .store import Locked

AT_MOST_SECONDS = 0.1
"""The longest that anything waits for the thread."""
PATIENCE_SECONDS = 0.05
"""How long what is on the way of a call waits for another program's lock."""
LINGER_SECONDS = 1.0
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.1, 2.0
CROWDED_SECONDS = 2.0
"""So long other kernels that write, too, may keep a history locked."""
AT_ONCE = 200  # runs in one transaction
MOST_BYTES = 100_000_000
"""Of runs in memory that the history does not have yet."""

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
    """The thread, and what was handed to it.

    ``put`` writes runs, waiting so many seconds for a lock, and gives their ids.

    ``warn`` gets one line at each change between a history that can be written and one
    that cannot. ``fault`` is why it cannot, None while it can.
    """

    def __init__(
        self,
        put: Callable[[Sequence[Keyed], float], list[int]],
        spill: Spill,
        warn: Callable[[str], None],
    ) -> None:
        self.fault: str | None = None
        self._put, self._spill, self._warn = put, spill, warn
        self._news = threading.Condition()
        self._fresh: dict[int, Entry] = {}
        """Handed over and not yet looked at."""
        self._waiting: dict[int, Entry] = {}
        """All that the history does not have yet, the fresh ones too."""
        self._unspilled: dict[int, Row] = {}
        """What neither the history nor the spill file could take."""
        self._bytes = 0
        self._closed = self._stalled = False
        self._thread: Background | None = None
        self._drained = 0
        self._retry, self._retry_at = FIRST_RETRY_SECONDS, 0.0
        self._since, self._told = 0.0, ""
        forking.watch(self)

    # For those who hand over.

    def hand_over(self, entry: Entry, row: Row) -> None:
        """Have a run written as it now stands; return at once."""
        with self._news:
            entry.row, entry.number, entry.kept = row, None, False
            self._forget(entry.key)
            if not self._has_room(entry.weight):
                return
            entry.counted = entry.weight
            self._bytes += entry.counted
            self._waiting[entry.key] = self._fresh[entry.key] = entry
            self._closed = False
            if self._thread is None:
                self._thread = Background(self._run, name="history-writer")
                self._thread.start()
            self._news.notify_all()

    def wait(self, entry: Entry) -> None:
        """Wait, `AT_MOST_SECONDS`, until the history has a run or cannot have it.

        Where the last wait was in vain, and nothing was written since, this is none.
        """
        with self._news:
            seconds = 0.0 if self._stalled else AT_MOST_SECONDS
            self._stalled = not self._news.wait_for(
                lambda: entry.key not in self._waiting or self._set_by(entry), seconds
            )

    def flush(self, seconds: float = AT_MOST_SECONDS) -> int:
        """Wait until all is written or cannot be; return how many runs still wait."""
        with self._news:
            self._news.wait_for(
                lambda: not self._waiting or (self.fault and not self._fresh), seconds
            )
            return len(self._waiting)

    def waiting(self) -> list[Row]:
        """Return the runs that the history does not have yet, as they stand."""
        with self._news:
            return [entry.row for entry in self._waiting.values()]

    def close(self) -> None:
        """Wait a second at most for what is left, and let go of the spill file.

        What could not be written stays there: for the next use, or the next kernel.
        """
        self.flush(LINGER_SECONDS)
        with self._news:
            self._closed, self._retry_at = True, 0.0  # one last try
            self._news.notify_all()
            self._news.wait_for(lambda: self._thread is None, LINGER_SECONDS)
        if self._thread is None:
            with suppress(OSError):
                self._spill.close()

    def _set_by(self, entry: Entry) -> bool:
        return self.fault is not None and entry.key not in self._fresh

    def _has_room(self, weight: int) -> bool:
        """Tell if there is room for so much; runs in the spill file may leave it."""
        if self._bytes + weight > MOST_BYTES:
            for key, entry in list(self._waiting.items()):
                if entry.kept and entry.row.status != "running":
                    self._forget(key)
        return self._bytes + weight <= MOST_BYTES

    def _forget(self, key: int) -> None:
        if entry := self._waiting.pop(key, None):
            self._bytes -= entry.counted

    # In the thread.

    def _run(self) -> None:
        while True:
            with self._news:
                wait = LINGER_SECONDS
                if self.fault is not None:
                    wait = max(0.0, self._retry_at - time.monotonic())
                self._news.wait_for(lambda: self._fresh or self._closed, wait)
                later = self._closed and time.monotonic() < self._retry_at
                if not self._fresh and (later or self.fault is None):
                    self._thread = None
                    self._news.notify_all()
                    return
                batch = [
                    (entry, entry.row)
                    for entry in itertools.islice(self._fresh.values(), AT_ONCE)
                ]
                for entry, _ in batch:
                    del self._fresh[entry.key]
            self._write(batch)
            self._stalled = False

    def _write(self, batch: Sequence[tuple[Entry, Row]]) -> None:
        if self.fault is None:
            self._keep([one for one in batch if one[1].status != "running"])
            try:
                self._publish([(entry.key, row) for entry, row in batch])
                self._spill.clear()
            except (HistoryError, OSError) as error:
                self._keep([one for one in batch if one[1].status == "running"])
                self._since = time.monotonic()
                self._fail(error)
            return
        self._keep(batch)
        if time.monotonic() >= self._retry_at:
            self._drain()

    def _keep(self, batch: Sequence[tuple[Entry, Row]]) -> None:
        """Put runs into the spill file, or keep them here if it cannot take them."""
        if not batch:
            return
        try:
            self._spill.append([(entry.key, row) for entry, row in batch])
        except OSError:
            self._unspilled.update((entry.key, row) for entry, row in batch)
            with self._news:
                self._news.notify_all()
            return
        with self._news:
            for entry, row in batch:
                self._unspilled.pop(entry.key, None)
                entry.kept = entry.row is row
            self._news.notify_all()

    def _publish(self, runs: Sequence[Keyed]) -> None:
        """Write runs and tell those who wait for it. Raises `HistoryError`."""
        numbers = self._written(runs)
        with self._news:
            for (key, row), number in zip(runs, numbers, strict=True):
                if self._unspilled.get(key) is row:
                    del self._unspilled[key]
                entry = self._waiting.get(key)
                if entry and entry.row is row:
                    entry.number, entry.kept = number, number is not None
                    self._forget(key)
            self._news.notify_all()

    def _written(self, runs: Sequence[Keyed]) -> list[int | None]:
        """Return the ids of runs, None for one that no file could take."""
        try:
            # A try while it is locked must not keep those waiting who hand over.
            return [*self._put(runs, PATIENCE_SECONDS if self.fault is None else 0.0)]
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
        self._retry_at = time.monotonic() + max(self._retry, 10 * seconds)
        self._retry = min(self._retry * 2, LONGEST_RETRY_SECONDS)
        with self._news:
            self.fault = line
            self._news.notify_all()
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
        with self._news:
            self.fault = None
            for key in self._waiting.keys() - self._fresh.keys():
                self._forget(key)
            self._news.notify_all()
        if self._told:
            self._told = ""
            self._warn("The history can be written again; what waited is in it.")

    # Around a fork.

    def pause(self) -> None:
        """Let nothing be handed over until `resume`."""
        self._news.acquire()

    def resume(self, *, child: bool) -> None:
        """Go on; a child has no thread, and leaves to its parent what that has."""
        self._news.release()
        if not child:
            return
        self._thread, self._bytes, self._drained = None, 0, 0
        for held in (self._fresh, self._waiting, self._unspilled):
            held.clear()
        self._spill.forget()
