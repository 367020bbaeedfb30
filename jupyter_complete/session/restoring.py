"""A sweep of the history again: its points and axes from the rows that it left."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..settings import parameters
from ..sweeps.points import Axis, Point
from ..sweeps.result import SweepResult
from ..sweeps.table import SweepRow
from .grid import axis_settings

if TYPE_CHECKING:
    from ..history import Row
    from ..request import CompletionRequest

_Values = dict[str, Any]


def restored(rows: Sequence[Row], sweep_id: str) -> SweepResult:
    """Return the sweep of its rows in the history, the newest answer of each call.

    One text may have been swept more than once: it is the last sweep that is given,
    with the answers of the earlier ones that belong to it.
    """
    last = rows[-1]
    names = tuple(last.point or {})
    settings = frozenset(axis_settings()) & set(names)
    newest: dict[tuple[str, int], SweepRow] = {}
    for row, values in _of_one_sweep(rows, names):
        key = (repr(values), row.completion.sample)
        if key in newest and row.status != "complete":
            continue
        newest[key] = SweepRow(
            Point(values, settings), row.completion.sample, row.completion
        )
    axes = _axes(names, [row.point.values for row in newest.values()], settings)
    return SweepResult(_ordered(tuple(newest.values()), axes), axes, id=sweep_id)


def _of_one_sweep(
    rows: Sequence[Row], names: Sequence[str]
) -> Iterator[tuple[Row, _Values]]:
    """Yield the rows of the sweep that the last of them is of, with their points."""
    last = rows[-1]
    fixed = _fixed(last, names)
    found = [
        (row, values)
        for row in rows
        if (values := _values(row, names)) is not None
        and _fixed(row, names) == fixed
        and (row.filled == last.filled or row.filled is None)
    ]
    # Of a row that does not say what filled its prompt, only that prompt can tell.
    prompts = {
        _filling(row, values): row.completion.prompt
        for row, values in found
        if row is last or row.filled is not None
    }
    for row, values in found:
        prompt = row.completion.prompt
        if prompts.get(_filling(row, values), prompt) == prompt:
            yield row, values


def _filling(row: Row, values: _Values) -> str:
    """Return what of a point its prompt depends on."""
    asked = _asked(row.completion.request)
    return repr([value for name, value in values.items() if name not in asked])


def _values(row: Row, names: Sequence[str]) -> _Values | None:
    """Return where a row stands on these axes; None if it stands on others."""
    point = {name: _frozen(value) for name, value in (row.point or {}).items()}
    if set(point) == set(names):
        return {name: point[name] for name in names}
    asked = _asked(row.completion.request)
    found = {name: point.get(name, asked.get(name)) for name in names}
    both = set(point) <= {*names, *asked} and set(names) <= {*point, *asked}
    return found if both and None not in found.values() else None


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _asked(request: CompletionRequest) -> _Values:
    """Return the settings that a request shows."""
    return {p.name: getattr(request, p.request) for p in parameters() if p.request}


def _fixed(row: Row, names: Sequence[str]) -> tuple[object, ...]:
    """Return what is the same for all calls of the sweep that a row is of."""
    asked = _asked(row.completion.request)
    # Samples differ in their seed.
    asked = {k: v for k, v in asked.items() if k not in (*names, "seed")}
    place: list[str | None] = [row.base_url, row.completion.dialect]
    if {"endpoint", "model", "dialect"} & set(names):
        place[1] = None
        if "dialect" not in names:
            place[0] = None
    return *place, *sorted(asked.items())


def _axes(
    names: Sequence[str], points: Sequence[Mapping[str, Any]], settings: frozenset[str]
) -> tuple[Axis, ...]:
    """Return the axes that span the points, none where calls are missing."""
    groups: list[list[str]] = []
    for name in names:
        if groups and _in_step(groups[-1], name, points):
            groups[-1].append(name)
        else:
            groups.append([name])
    axes = tuple(
        Axis(
            tuple(group),
            tuple(dict.fromkeys(tuple(one[name] for name in group) for one in points)),
            settings & set(group),
        )
        for group in groups
    )
    whole = len({tuple(one.values()) for one in points}) == math.prod(map(len, axes))
    return axes if whole else ()


def _in_step(group: list[str], name: str, points: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a name moves with those of an axis, each of its values once."""
    before = {tuple(one[each] for each in group) for one in points}
    values = {one[name] for one in points}
    pairs = {tuple(one[each] for each in [*group, name]) for one in points}
    return len(before) == len(values) == len(pairs) > 1


def _ordered(
    rows: tuple[SweepRow, ...], axes: tuple[Axis, ...]
) -> tuple[SweepRow, ...]:
    """Return the rows in the sweep's order: last axis fastest, then samples."""
    indexes = [{row: index for index, row in enumerate(axis.rows)} for axis in axes]

    def position(row: SweepRow) -> tuple[int, ...]:
        values = row.point.values
        at = (
            known[tuple(values[name] for name in axis.names)]
            for axis, known in zip(axes, indexes, strict=True)
        )
        return *at, row.sample

    return tuple(sorted(rows, key=position)) if axes else rows
