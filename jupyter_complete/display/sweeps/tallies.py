"""How often each distinct answer came at each point, as a person sees it."""

from __future__ import annotations

from ...errors import one_line, printable
from ...sweeps.answers import NOTHING, Answers, answers_at
from ...sweeps.result import SweepResult
from ..markdown import escape
from .summary import LONGEST_VALUE, TIMES
from .table import cut, html, weight

MOST = 20
"""Distinct answers of one point that are listed."""
LONGEST = 600
"""Characters of each."""


def several(sweep: SweepResult) -> bool:
    """Tell whether there is anything to count: more than one answer at a point."""
    seen = set()
    for row in sweep.rows:
        key = tuple(map(str, row.point.asked.values()))
        if row.completion and row.completion.status == "complete":
            if key in seen:
                return True
            seen.add(key)
    return False


def panel(sweep: SweepResult, budget: int, name: str) -> str:
    """Return the answers of each point as HTML, within a budget of bytes."""
    lines: list[str] = []
    points = answers_at(sweep)
    for nth, one in enumerate(points):
        line = f"<p><strong>{escape(_where(one))}</strong></p><ul>{_items(one)}</ul>"
        budget -= weight(line)
        if budget < 0:
            rest = len(points) - nth
            lines.append(f"<p>and {rest:,} more points: {escape(name)}.counts()</p>")
            break
        lines.append(line)
    return "".join(lines)


def _items(one: Answers) -> str:
    found = [*one.counted()]
    items = [
        f"<li><strong>{TIMES}{count:,}</strong> {_shown(text)}</li>"
        for text, count in found[:MOST]
    ]
    if more := len(found) - MOST:
        items += [f"<li>and {more:,} others</li>"] * (more > 0)
    return "".join(items)


def _shown(text: str | None) -> str:
    if text is None:
        return f"<i>{NOTHING}</i>"
    short = cut(text[:LONGEST], 4 * LONGEST, html)
    return short + " …" * (len(text) > LONGEST)


def _where(one: Answers) -> str:
    where = ", ".join(f"{name}={value}" for name, value in one.values.items())
    distinct = f"{len(one.groups):,} distinct of {len(one.rows):,}"
    return f"{one_line(where, 2 * LONGEST_VALUE)}: {distinct}".removeprefix(": ")


def text(sweep: SweepResult) -> str:
    """Return the answers of each point as text."""
    parts = []
    for one in answers_at(sweep):
        found = [*one.counted()]
        lines = [
            f"  {TIMES}{count:,} {one_line(NOTHING if said is None else said, 100)}"
            for said, count in found[:MOST]
        ]
        more = len(found) - MOST
        lines += [f"  and {more:,} others"] * (more > 0)
        parts.append("\n".join([printable(_where(one)), *lines]))
    return "\n\n".join(parts)
