"""Runs on their way to the thread that writes them: handed over, waited for, taken."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ..background import Background
from ..completion import Completion
from .row import Row

AT_MOST_SECONDS = 0.1
"""The longest that anything waits for the thread."""
AT_ONCE = 200  # runs in one transaction
FOLLOW_SECONDS = 0.5
"""How often the text so far is read: a killed kernel loses at most a second of it."""
LINGER_SECONDS = 1.0
MOST_BYTES = 100_000_000
"""Of runs in memory that the history does not have yet."""


def _key() -> int:
    return secrets.randbits(63)


@dataclass(eq=False, slots=True)
class Entry:
    """A run as this process has it, whether or not the file has it yet."""

    row: Row
    """As it stands now; its id is 0. Once handed over, only the writer sets it."""
    key: int = field(default_factory=_key)
    """What it is known by wherever it is written, so that it is written once."""
    number: int | None = None
    """Its id in the file, None until that has the row as it stands now."""
    kept: bool = False
    """Whether the row, as it stands now, outlives this process."""

    counted: int = 0
    """The bytes that the writer counts for it."""

    def with_text(self, text: str) -> Row:
        """Return the row with the text so far."""
        answer = replace(self.row.completion, text=text)
        return replace(self.row, completion=answer)

    def ended(self, completion: Completion) -> Row:
        """Return the row of the run's end; what was sent stays as it was noted."""
        sent = self.row.completion
        answer = replace(
            completion,
            request=sent.request,
            endpoint=sent.endpoint,
            dialect=sent.dialect,
            sample=sent.sample,
        )
        return replace(self.row, status=completion.status, completion=answer)

    @property
    def weight(self) -> int:
        """About how many bytes it takes in memory."""
        answer = self.row.completion
        return 2_000 + 2 * (len(answer.text) + len(answer.prompt))


Batch = Sequence[tuple[Entry, Row]]
"""Runs, each as it stood when it was taken."""


class Queue:
    """What was handed over, and the thread that does ``work`` while there is some.

    ``fault`` is why the history cannot be written, None while it can; ``retry_at`` is
    when that is to be tried again.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self.fault: str | None = None
        self.retry_at = 0.0
        self._work = work
        self._news = threading.Condition()
        self._fresh: dict[int, Entry] = {}
        """Handed over and not yet taken."""
        self._taken: frozenset[int] = frozenset()
        """The keys of what is being written now."""
        self._waiting: dict[int, Entry] = {}
        """All that the history does not have yet, the fresh ones too."""
        self._followed: dict[Entry, Callable[[], str]] = {}
        """Runs under way, each with what returns its text so far."""
        self._look_at = 0.0
        self._bytes = 0
        self._closed = self._stalled = False
        self._thread: Background | None = None

    # For those who hand over.

    def hand_over(self, entry: Entry, row: Row) -> None:
        """Have a run written as it now stands; return at once."""
        with self._news:
            self._accept(entry, row)
            self._closed = False
            self._begin()
            self._news.notify_all()

    @contextmanager
    def followed(self, entry: Entry, text: Callable[[], str]) -> Iterator[None]:
        """Have the text so far of a run written while this lasts."""
        with self._news:
            self._followed[entry] = text
            self._begin()
        try:
            yield
        finally:
            with self._news:
                self._followed.pop(entry, None)  # a fork may have come between

    def wait(self, entry: Entry) -> None:
        """Wait, `AT_MOST_SECONDS`, until the history has a run or cannot have it.

        Where the last wait was in vain, and nothing was written since, this is none.
        """
        with self._news:
            seconds = 0.0 if self._stalled else AT_MOST_SECONDS
            self._stalled = not self._news.wait_for(
                lambda: entry.key not in self._waiting or self._set_by(entry), seconds
            )

    def under_way(self, entry: Entry) -> bool:
        """Whether a run is still to be written, and nothing is known to prevent it."""
        with self._news:
            waits = entry.key in self._waiting
            return waits and self.fault is None and not self._closed

    def flush(self, seconds: float = AT_MOST_SECONDS) -> int:
        """Wait until all is written or cannot be; return how many runs still wait."""
        with self._news:
            self._news.wait_for(
                lambda: (
                    not self._waiting
                    or (self.fault and not self._fresh and not self._taken)
                ),
                seconds,
            )
            return len(self._waiting)

    def waiting(self) -> list[Row]:
        """Return the runs that the history does not have yet, as they stand."""
        with self._news:
            return [entry.row for entry in self._waiting.values()]

    def close(self) -> bool:
        """Wait a second at most for what is left; tell whether the thread has ended."""
        self.flush(LINGER_SECONDS)
        with self._news:
            self._closed, self.retry_at = True, 0.0  # one last try
            self._news.notify_all()
            return self._news.wait_for(lambda: self._thread is None, LINGER_SECONDS)

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = Background(self._work, name="history-writer")
            self._thread.start()

    def _accept(self, entry: Entry, row: Row) -> None:
        entry.row, entry.number, entry.kept = row, None, False
        self._forget(entry.key)
        if self._has_room(entry.weight):
            entry.counted = entry.weight
            self._bytes += entry.counted
            self._waiting[entry.key] = self._fresh[entry.key] = entry

    def _has_room(self, weight: int) -> bool:
        """Tell if there is room for so much; runs in the spill file may leave it."""
        if self._bytes + weight > MOST_BYTES:
            for key, entry in list(self._waiting.items()):
                if entry.kept and entry.row.status != "running":
                    self._forget(key)
        return self._bytes + weight <= MOST_BYTES

    def _set_by(self, entry: Entry) -> bool:
        under_way = entry.key in self._fresh or entry.key in self._taken
        return self.fault is not None and not under_way

    def _forget(self, key: int) -> None:
        if entry := self._waiting.pop(key, None):
            self._bytes -= entry.counted

    # For the thread.

    def batches(self) -> Iterator[Batch]:
        """Yield what is to be written now; an empty one is time for another try."""
        while True:
            with self._news:
                self._rest()
                later = self._closed and time.monotonic() < self.retry_at
                done = not self._fresh and (self._closed or not self._followed)
                if done and (later or self.fault is None):
                    self._thread = None
                    self._news.notify_all()
                    return
                batch = [
                    (entry, entry.row)
                    for entry in itertools.islice(self._fresh.values(), AT_ONCE)
                ]
                for entry, _ in batch:
                    del self._fresh[entry.key]
                self._taken = frozenset(entry.key for entry, _ in batch)
            if batch or self.fault is not None:
                yield batch
            self._taken, self._stalled = frozenset(), False
            if self.fault is not None:  # else who waits was told as it was stored
                with self._news:
                    self._news.notify_all()

    def _rest(self) -> None:
        """Wait until there is something to write, or to see to."""
        wait = FOLLOW_SECONDS
        if self.fault is not None:
            wait = min(wait, max(0.0, self.retry_at - time.monotonic()))
        self._news.wait_for(lambda: self._fresh or self._closed, wait)
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + FOLLOW_SECONDS
        for entry, text in self._followed.items():
            row = entry.with_text(text())
            longer = len(row.completion.text) > len(entry.row.completion.text)
            if longer and row.status == "running":
                self._accept(entry, row)

    def kept(self, batch: Batch) -> None:
        """Note that runs are written down, though not in the history."""
        with self._news:
            for entry, row in batch:
                entry.kept = entry.row is row
            self._news.notify_all()

    def stored(
        self, runs: Sequence[tuple[int, Row]], ids: Sequence[int | None]
    ) -> None:
        """Note the ids that runs have in the history; None: it cannot take the run."""
        with self._news:
            for (key, row), number in zip(runs, ids, strict=True):
                entry = self._waiting.get(key)
                if entry and entry.row is row:
                    entry.number, entry.kept = number, number is not None
                    self._forget(key)
            self._news.notify_all()

    def failed(self, fault: str, retry_at: float) -> None:
        """Note that the history cannot be written."""
        with self._news:
            self.fault, self.retry_at = fault, retry_at
            self._news.notify_all()

    def mended(self) -> None:
        """Note that the history has all that was taken, and can be written again."""
        with self._news:
            self.fault = None
            for key in self._waiting.keys() - self._fresh.keys():
                self._forget(key)
            self._news.notify_all()

    # Around a fork.

    def pause(self) -> None:
        """Let nothing be handed over until `resume`."""
        self._news.acquire()

    def resume(self, *, child: bool) -> None:
        """Go on; a child has no thread, and leaves to its parent what that has."""
        self._news.release()
        if child:
            self._thread, self._bytes, self._taken = None, 0, frozenset()
            self._fresh.clear()
            self._waiting.clear()
            self._followed.clear()
