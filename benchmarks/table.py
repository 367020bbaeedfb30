"""The rows that every benchmark gives, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """One figure: what, the most allowed, what was found, the peers', and how."""

    name: str
    target: float | str
    """A number is the most allowed; empty where nothing was promised."""
    measured: float | str
    beside: str = ""
    """What the nearest other tools gave in the same run, or why they gave nothing."""
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        target, measured, found = self.target, self.measured, self.measured
        if not isinstance(target, str):
            target = f"<= {target:g}"
        if isinstance(measured, float):
            found = f"{measured:.3g}" if abs(measured) < 1000 else f"{measured:,.0f}"
        return (self.name, target, str(found), self.beside, self.note)


HEAD = ("name", "target", "measured", "beside it", "note")


def as_text(rows: Iterable[Row]) -> str:
    """Return the rows below their head, the columns aligned, each peer on a line."""
    lines: list[tuple[str, ...]] = [HEAD]
    for row in rows:
        *left, beside, note = row.cells()
        first, *others = beside.split("; ")
        lines += [(*left, first, note), *(("", "", "", one, "") for one in others)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
