"""The measures of a sweep's points, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from ..errors import one_line
from .intervals import Estimate
from .metrics import Measured, Metric, paired
from .table import Record, SweepRow, in_columns, to_dataframe

if TYPE_CHECKING:
    import pandas as pd

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Measures(Sequence[Measured]):
    """Measures at points; shows itself as a table, a row for each point."""

    found: tuple[Measured, ...]
    remarks: tuple[str, ...] = ()
    """What stands below the table, a line each."""

    def __len__(self) -> int:
        return len(self.found)

    @overload
    def __getitem__(self, index: int) -> Measured: ...
    @overload
    def __getitem__(self, index: slice) -> Measures: ...
    def __getitem__(self, index: int | slice) -> Measured | Measures:
        if isinstance(index, slice):
            return Measures(self.found[index], self.remarks)
        return self.found[index]

    def to_records(self) -> list[Record]:
        """Return a dict for each point: of each measure its value, low, high and n.

        A name that a measure has, too, stands as ``asked_name``.
        """
        measured = {one.metric.name for one in self.found}
        return [
            {
                f"asked_{name}" if name in measured else name: value
                for name, value in group[0].values.items()
            }
            | {
                name: value
                for one in group
                for name, value in _cells(one.metric.name, one.estimate).items()
            }
            for group in self._points()
        ]

    def to_dataframe(self) -> pd.DataFrame:
        """Return the records as a pandas DataFrame."""
        return to_dataframe(self.to_records())

    def _points(self) -> list[list[Measured]]:
        groups: dict[Key, list[Measured]] = {}
        for one in self.found:
            key = tuple(map(str, one.values.values()))
            groups.setdefault(key, []).append(one)
        return [*groups.values()]

    def __repr__(self) -> str:
        groups = self._points()
        if not groups:
            return "no measures"
        names = [*groups[0][0].values]
        lines = [names + [one.metric.title for one in groups[0]]]
        for group in groups:
            point = [*map(str, group[0].values.values())]
            lines.append(point + [str(one.estimate or "(n = 0)") for one in group])
        return "\n".join([in_columns(lines), *map(one_line, self.remarks)])


def _cells(name: str, estimate: Estimate | None) -> Record:
    value, low, high, n = estimate or (None, None, None, 0)
    return {name: value, f"{name}_low": low, f"{name}_high": high, f"{name}_n": n}


def measures(
    rows: Sequence[SweepRow], wanted: Sequence[Metric], by: Sequence[str]
) -> Measures:
    """Return the measures of the rows, grouped by the values of these names."""
    return Measures(
        tuple(
            Measured(values, metric, metric(group))
            for values, group in grouped(rows, by)
            for metric in wanted
        )
    )


def differences(
    rows: Sequence[SweepRow], name: str, measure: Metric, baseline: Any
) -> Measures:
    """Return how much higher the measure is at each value of a name than at one."""
    return Measures(
        tuple(
            Measured(
                {name: value, "baseline": baseline}, measure, paired(measure, found)
            )
            for value, found in pairs(rows, name, baseline)
        )
    )


def pairs(
    rows: Sequence[SweepRow], name: str, baseline: Any
) -> list[tuple[Any, list[tuple[list[SweepRow], list[SweepRow]]]]]:
    """Return, for each other value of a name, the groups that differ in it alone.

    The first of a pair of groups is at the baseline.
    """
    others = [other for other in rows[0].point.values if other != name] if rows else []
    at: dict[str, dict[Key, list[SweepRow]]] = {}
    shown: dict[str, Any] = {}
    for values, group in grouped(rows, [name, *others]):
        own = str(values[name])
        shown[own] = values[name]
        at.setdefault(own, {})[_key(values[other] for other in others)] = group
    base = at[str(baseline)]
    return [
        (value, [(base[key], at[own][key]) for key in base if key in at[own]])
        for own, value in shown.items()
        if own != str(baseline)
    ]


def grouped(
    rows: Iterable[SweepRow], by: Sequence[str]
) -> list[tuple[dict[str, Any], list[SweepRow]]]:
    """Return the rows in groups, each with its values of these names."""
    groups: dict[Key, tuple[dict[str, Any], list[SweepRow]]] = {}
    for row in rows:
        values = {name: row.point.values[name] for name in by}
        groups.setdefault(_key(values.values()), (values, []))[1].append(row)
    return [*groups.values()]


def _key(values: Iterable[object]) -> Key:
    return tuple(map(str, values))
