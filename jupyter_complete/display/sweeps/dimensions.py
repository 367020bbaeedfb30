"""The directions in which the calls of a sweep differ: its axes, and the samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError, one_line
from ...sweeps.result import SweepResult
from ...sweeps.table import SweepRow

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
