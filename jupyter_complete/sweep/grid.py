"""What a sweep will ask for, counted before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..completion import Completion
from .tasks import Task

GREEDY = (
    "At temperature 0 the samples of a point are as good as one; ask for one, or "
    "raise the temperature."
)


@dataclass(frozen=True, slots=True)
class Grid:
    """The size of a sweep; ``str()`` is one line."""

    points: int
    samples: int
    reused: int
    """Calls that an earlier run answered."""
    output_tokens: int
    """The most that the calls still to be made can sample."""
    notices: tuple[str, ...] = ()

    @property
    def calls(self) -> int:
        """How many calls are still to be made."""
        return self.points * self.samples - self.reused

    def __str__(self) -> str:
        reused = f" ({self.reused:,} more are answered already)" if self.reused else ""
        return (
            f"{_counted(self.points, 'point')}, {_counted(self.samples, 'sample')} "
            f"each: {_counted(self.calls, 'call')}{reused}, at most "
            f"{_counted(self.output_tokens, 'output token')}"
        )


def grid(
    tasks: Sequence[Task],
    stored: Callable[[Task], Completion | None] = lambda _: None,
) -> Grid:
    """Give the size of a sweep, less what is stored already; nothing is sent."""
    points = samples = reused = tokens = 0
    greedy = False
    for task in tasks:
        points += task.sample == 0
        samples = max(samples, task.sample + 1)
        greedy |= task.sample > 0 and task.request.temperature == 0
        kept = stored(task)
        if kept is not None and kept.status == "complete":
            reused += 1
        else:
            tokens += task.request.max_tokens_to_sample
    return Grid(points, samples, reused, tokens, (GREEDY,) if greedy else ())


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
