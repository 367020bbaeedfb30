"""A sweep in a few lines: how far it is, and what came of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...errors import one_line, printable
from .verdict import verdict

if TYPE_CHECKING:
    from ...completion import Completion
    from ...sweeps.result import SweepResult
    from ...sweeps.tasks import Progress
    from .dimensions import Dimension

TIMES = "\N{MULTIPLICATION SIGN}"
MOST_ERRORS = 5
"""Kinds of errors that a summary tells apart."""


def state(progress: Progress) -> str:
    """Return how far a sweep is, in one line."""
    done = f"{progress.done:,} of {progress.total:,} done"
    counts = [done, f"{progress.failed:,} failed"]
    if progress.reused:
        counts.append(f"{progress.reused:,} reused")
    counts.append(f"{progress.in_flight:,} in flight of at most {progress.limit:,}")
    if progress.rate:
        counts.append(f"{progress.rate:.1f} answers/s")
    if progress.pause:
        counts.append(f"the endpoint asked to wait {duration(progress.pause)}")
    if progress.seconds_left:
        counts.append(f"about {duration(progress.seconds_left)} left")
    return " · ".join(counts)


def duration(seconds: float) -> str:
    """Return seconds as a person would say them."""
    whole = max(round(seconds), 1)
    if whole < 60:
        return f"{whole} s"
    minutes, seconds = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def summary(sweep: SweepResult, varying: tuple[Dimension, ...]) -> list[str]:
    """Return what came of a sweep: its size, how its calls ended, errors, notices."""
    over = f" {TIMES} ".join(f"{one.title} ({len(one.labels):,})" for one in varying)
    ends = Counter(one.status for one in sweep)
    counts = [f"{count:,} {_ENDS[status]}" for status, count in ends.items()]
    if sweep.pending:
        counts.append(f"{sweep.pending:,} still to be made")
    if reused := sum(one.reused for one in sweep):
        counts.append(f"{reused:,} of them reused from the history")
    calls = f"{len(sweep.rows):,} call{'s' * (len(sweep.rows) != 1)}"
    lines = [f"{calls}{' over ' * bool(over)}{over}: {', '.join(counts) or 'none'}"]
    lines += verdict(sweep)
    if sweep.stopped:
        lines.append(f"Stopped: {sweep.stopped}")
    errors = Counter(error(one) for one in sweep if one.error)
    worst = errors.most_common(MOST_ERRORS)
    lines += [f"{count:,} {TIMES} {line}" for line, count in worst]
    if len(errors) > MOST_ERRORS:
        lines.append(f"and {len(errors) - MOST_ERRORS:,} other errors")
    lines += [f"Note: {notice}" for notice in sweep.notices]
    return [printable(line) for line in lines]


def error(completion: Completion) -> str:
    """Return the one line that says what went wrong."""
    return one_line(completion.error or "")


_ENDS = {
    "complete": "complete",
    "interrupted": "interrupted",
    "broken": "broken off",
    "error": "failed",
}
