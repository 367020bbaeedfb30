"""What came of a sweep's scores, in lines: how much is right, at each condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import one_line
from ...reading import is_gap, reading
from ...sweeps.comparison import signs, told
from ...sweeps.intervals import Estimate
from ...sweeps.measures import grouped
from ...sweeps.metrics import complete, of_score
from ...sweeps.points import PROMPT
from ...sweeps.result import SweepResult
from ...sweeps.table import SweepRow, stands_in

MOST_LINES = 12
"""Conditions that a summary tells apart."""
MOST_COMPARED = 6
"""Values of a name that are compared with its first."""
_LONGEST = 120


def verdict(sweep: SweepResult) -> list[str]:
    """Return a line for each score and condition, then what to know of the scores."""
    lines = [line for name in sweep.scores for line in _of_score(sweep, name)]
    return [*lines, *_compared(sweep), *sweep.remarks]


def _compared(sweep: SweepResult) -> Iterator[str]:
    """Yield how the variants of the prompt, or the one thing swept, compare."""
    names = sweep.compared
    name = PROMPT if PROMPT in names else names[0] if len(names) == 1 else None
    if name is None or len(sweep.values(name)) > MOST_COMPARED:
        return
    base = sweep.values(name)[0]
    for score in sweep.scores:
        found = signs(sweep.rows, name, of_score(score), base)
        yield from told(name, base, score, found, score=True)


def _of_score(sweep: SweepResult, name: str) -> Iterator[str]:
    metric = of_score(name)
    groups = grouped(sweep.rows, sweep.compared)
    for values, rows in groups[:MOST_LINES]:
        found = metric.values(rows)
        yes_or_no = all(isinstance(value, bool) for value in found)
        said = _told(metric(rows), yes_or_no=yes_or_no)
        yield f"{name}{_where(values)}: {said}"
    more = len(groups) - MOST_LINES
    if more > 0:
        yield f"{name} at {more:,} more: _sweep.metrics({name!r}) has all."


def _where(values: Mapping[str, Any]) -> str:
    where = ", ".join(f"{name}={value}" for name, value in values.items())
    return f" at {one_line(where, _LONGEST)}" if where else ""


def _told(estimate: Estimate | None, *, yes_or_no: bool) -> str:
    if estimate is None:
        return "nothing is scored"
    value, low, high, n = estimate
    if yes_or_no and low is not None and high is not None:
        return (
            f"{round(value * n):,} of {n:,} "
            f"({100 * value:.0f} %, {100 * low:.0f} to {100 * high:.0f} %)"
        )
    between = "" if low is None or high is None else f"{low:.3g} to {high:.3g}, "
    return f"{value:.3g} ({between}n = {n:,})"


def wrong(sweep: SweepResult) -> list[SweepRow]:
    """Return the rows of which a score that is yes or no says no."""
    return [
        row
        for row in complete(sweep.rows)
        if row.marks and any(value is False for value in row.marks.scores.values())
    ]


def mark_columns(sweep: SweepResult) -> tuple[str, ...]:
    """Return the columns that scores add to a table, nothing that it has already."""
    marks = [row.marks for row in sweep.rows if row.marks]
    found = []
    if any(not is_gap(one.expected) for one in marks) and not labels(sweep):
        found.append("expected")
    if any(one.taken for one in marks):
        found.append("extracted")
    return (*found, *sweep.scores)


def labels(sweep: SweepResult) -> list[str]:
    """Return the names of the sweep whose values are what was expected."""
    return [
        name
        for name in sweep.varying
        if all(stands_in(row, name) for row in sweep.rows)
    ]


def mark(row: SweepRow, name: str) -> str:
    """Return what stands in a column of `mark_columns` at a row."""
    if row.marks is None or row.completion is None:
        return ""
    if name == "expected":
        return expected(row)
    if name == "extracted":
        return row.marks.extracted or ""
    value = row.marks.scores.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return f"{value:.3g}"


def expected(row: SweepRow) -> str:
    """Return what was expected of a row, as text."""
    if row.marks is None or is_gap(row.marks.expected):
        return ""
    value = row.marks.expected
    if isinstance(value, (set, frozenset)):
        value = sorted(map(str, value))
    return reading("expected", value)
