"""What a sweep runs, what it gives and what it tells meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

from ..cancel import Cancel
from ..completion import Completion, CompletionRequest
from ..errors import CompleteError
from .axes import Point


@dataclass(frozen=True, slots=True)
class Task:
    """One call of a sweep: a sample at a point, built and checked."""

    point: Point
    sample: int
    call: Any
    """What ``ask`` takes; it has to pickle for an executor of processes."""
    request: CompletionRequest


def reused(found: Completion, task: Task) -> Completion:
    """Return an answer from elsewhere as the task's own."""
    return replace(found, sample=task.sample, reused=True)


class Outcome(Protocol):
    """How one attempt ended: always with a completion, and the error if it failed."""

    @property
    def completion(self) -> Completion:
        """What came, whatever happened."""
        ...

    @property
    def error(self) -> CompleteError | None:
        """What went wrong."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, names in any case the mapping bears."""
        ...


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
    retries: int = 4
    """How often one call is sent again after a failure; a 429 has twice as many."""
    longest_pause: float = 600.0
    """Seconds; an endpoint that asks to wait longer ends the sweep, to be resumed."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a sweep tells while it runs, and what it asks for.

    ``stored`` gives what an earlier run answered, None where nothing did.
    ``on_start`` gets the index of a task before it is sent for the first time, and may
    give an answer that came from elsewhere, or ``held``: to be asked about again soon.
    ``on_end`` gets the tasks that ended for good, and gives them back as they were
    kept. Both are called in one thread that is not the caller's, and what they raise
    ends the sweep and is raised again.
    ``on_progress`` is called in the caller's thread, at most ten times a second.
    """

    stored: Callable[[Task], Completion | None] = lambda _: None
    on_start: Callable[[int], Completion | Literal["held"] | None] = lambda _: None
    on_end: Callable[[Sequence[Finished]], Sequence[Finished]] = lambda ended: ended
    on_progress: Callable[[Progress], object] = lambda _: None


class Run(NamedTuple):
    """What a run of a sweep gave."""

    completions: tuple[Completion | None, ...]
    """One for each task, in their order; None: pending."""
    interrupted: bool = False
    stopped: str | None = None
    """Why it ended before its end, in one line; None: it did not."""
    notices: tuple[str, ...] = ()
