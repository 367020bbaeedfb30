"""What varies in a sweep; how far it is and what came of it, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import InputError, one_line, printable
from ...prices import dollars, total
from ...sweeps.result import SweepResult
from ...sweeps.table import SweepRow
from .verdict import verdict

if TYPE_CHECKING:
    from ...completion import Completion
    from ...sweeps.result import SweepResult
    from ...sweeps.tasks import Progress


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
    if cost := total(one.cost for one in sweep if not one.reused):
        counts.append(f"about {dollars(cost)}")
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


LONGEST_VALUE = 80
"""Characters of a value in a table."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One direction: what it is called, its values, and where each call stands."""

    names: tuple[str, ...]
    """The names that vary along it; several where they move in step."""
    labels: tuple[str, ...]
    indexes: tuple[int, ...]
    """For each call of the sweep, the index of its value among the labels."""

    @property
    def title(self) -> str:
        """Its names, as the user wrote them."""
        return "+".join(self.names)


def dimensions(sweep: SweepResult) -> tuple[Dimension, ...]:
    """Return the axes that vary, in order, then ``sample`` if there are several."""
    varying = sweep.varying
    groups = [axis.names for axis in sweep.axes] or [(name,) for name in sweep.names]
    found = [
        _along(
            names, [[row.point.values[name] for name in names] for row in sweep.rows]
        )
        for group in groups
        if (names := tuple(name for name in group if name in varying))
    ]
    samples = [[row.sample] for row in sweep.rows]
    if len({row.sample for row in sweep.rows}) > 1:
        found.append(_along(("sample",), samples))
    return tuple(found)


def _along(names: tuple[str, ...], values: Sequence[Sequence[object]]) -> Dimension:
    seen: dict[tuple[str, ...], int] = {}
    indexes = [seen.setdefault(tuple(map(str, one)), len(seen)) for one in values]
    return Dimension(names, tuple(map(_joined, seen)), tuple(indexes))


def _joined(values: Sequence[str]) -> str:
    return one_line(", ".join(values), LONGEST_VALUE)


def value(row: SweepRow, name: str) -> str:
    """Return what stands in a table for a name at a call."""
    one = row.sample if name == "sample" else row.point.values[name]
    return one_line(str(one), LONGEST_VALUE)


def column_names(found: Sequence[Dimension]) -> tuple[str, ...]:
    """Return the names of all that varies, in order."""
    return tuple(name for dimension in found for name in dimension.names)


def chosen(found: Sequence[Dimension], name: str | None) -> int | None:
    """Return the index of the dimension that has a name, None for None.

    Raises `InputError`, naming what there is.
    """
    if name is None:
        return None
    for index, dimension in enumerate(found):
        if name in (*dimension.names, dimension.title):
            return index
    known = ", ".join(column_names(found)) or "nothing"
    raise InputError(f"{name} does not vary in this sweep; {known} does.")
