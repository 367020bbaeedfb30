"""The tasks of a sweep: what is sent, how it ended, how far the whole is."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..cancel import Cancel
from ..completion import Completion, Outcome
from ..request import CompletionRequest
from .points import Point

WINDOW = 10.0
"""Seconds over which the rate is taken."""


@dataclass(frozen=True, slots=True)
class Task:
    """One call of a sweep: a sample at a point, built and checked."""

    point: Point
    sample: int
    call: Any
    """What ``ask`` takes; it has to pickle for an executor of processes."""
    request: CompletionRequest


Ask = Callable[[Any, Cancel | None], Outcome]
"""One attempt at a call, without a retry of its own. Raises for nothing that the
endpoint did. The cancel is None in another process, where it cannot reach."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A task and how it ended."""

    index: int
    """The task's index in the sweep."""
    completion: Completion


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is."""

    total: int
    done: int
    """Answered, those reused included."""
    failed: int
    reused: int
    in_flight: int
    limit: int
    """How many calls may be in flight now."""
    rate: float
    """Answers a second, over the last ten seconds."""
    seconds_left: float | None
    """None as long as nobody can tell."""
    pause: float = 0.0
    """Seconds that the endpoint makes the whole sweep wait."""
    finished: tuple[Finished, ...] = ()
    """What ended since the last report."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sweep may do at once, spend, and bear."""

    concurrency: int | Literal["auto"] = "auto"
    max_calls: int | None = None
    max_output_tokens: int | None = None
    max_cost: float | None = None
    """US dollars, looked at before anything is sent."""
    retries: int = 4
    """How often one call is sent again after a failure; a 429 has twice as many."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a sweep tells while it runs, and what it asks for.

    ``stored`` returns what an earlier run answered, None where nothing did.
    ``on_start`` gets the index of a task before it is sent for the first time, and may
    return an answer from elsewhere, or ``held``: to be asked about again soon.
    ``on_end`` gets the tasks that ended for good, and returns them as recorded. Both
    are called in one thread that is not the caller's, and what they raise ends the
    sweep and is raised again.
    ``on_progress`` is called in the caller's thread, at most ten times a second.
    """

    stored: Callable[[Task], Completion | None] = lambda _: None
    on_start: Callable[[int], Completion | Literal["held"] | None] = lambda _: None
    on_end: Callable[[Sequence[Finished]], Sequence[Finished]] = lambda ended: ended
    on_progress: Callable[[Progress], object] = lambda _: None


class SweepState:
    """What has finished so far: written by one thread, read by another."""

    def __init__(self, total: int) -> None:
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._completions: list[Completion | None] = [None] * total
        self._news: list[Finished] = []
        self._times: deque[float] = deque()
        self._start = time.monotonic()
        self._counts = {"done": 0, "failed": 0, "reused": 0, "interrupted": 0}

    def reuse(self, index: int, task: Task, found: Completion) -> None:
        """Note as a task's own what an earlier run, or another kernel, answered."""
        self._counts["reused"] += 1
        own = replace(found, sample=task.sample, reused=True)
        self.end([Finished(index, own)], now=None)

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
