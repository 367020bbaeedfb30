"""How far a sweep is: written by one thread, read by another."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from ..completion import Completion
from .tasks import Finished, Progress

WINDOW = 10.0
"""Seconds over which the rate is taken."""


class SweepState:
    """What has ended so far."""

    def __init__(self, total: int) -> None:
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._completions: list[Completion | None] = [None] * total
        self._news: list[Finished] = []
        self._times: deque[float] = deque()
        self._start = time.monotonic()
        self._counts = {"done": 0, "failed": 0, "reused": 0, "interrupted": 0}

    def reuse(self, ended: Finished) -> None:
        """Note what an earlier run answered."""
        self._counts["reused"] += 1
        self.end([ended], now=None)

    def end(self, ended: Sequence[Finished], now: float | None) -> None:
        """Note what ended now."""
        with self._lock:
            for one in ended:
                self._completions[one.index] = one.completion
                self._counts[_column(one.completion)] += 1
                if now is not None:
                    self._times.append(now)
            self._news.extend(ended)

    def __getitem__(self, index: int) -> Completion | None:
        return self._completions[index]

    def completions(self) -> tuple[Completion | None, ...]:
        """Return what there is, in the tasks' order."""
        with self._lock:
            return tuple(self._completions)

    def progress(self, *, in_flight: int, limit: int, pause: float) -> Progress:
        """Return the state now, with the news since this was last called."""
        now = time.monotonic()
        with self._lock:
            news, self._news = tuple(self._news), []
            while self._times and self._times[0] < now - WINDOW:
                self._times.popleft()
            rate = len(self._times) / max(min(now - self._start, WINDOW), 0.001)
            total, counts = len(self._completions), dict(self._counts)
        left = total - counts["done"] - counts["failed"] - counts["interrupted"]
        return Progress(
            total=total,
            done=counts["done"],
            failed=counts["failed"],
            reused=counts["reused"],
            in_flight=in_flight,
            limit=limit,
            rate=rate,
            seconds_left=left / rate + pause if rate else (None if left else 0.0),
            pause=pause,
            finished=news,
        )


def _column(completion: Completion) -> str:
    if completion.status == "complete":
        return "done"
    return "interrupted" if completion.status == "interrupted" else "failed"
