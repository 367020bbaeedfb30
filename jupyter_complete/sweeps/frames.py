"""The rows of a table as an axis: what the prompt names fills it, the rest rides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import InputError
from ..reading import is_gap, narrowed, native
from .points import Axis, axis_of
from .values import LARGEST, checked, refuse_count


def table_of(value: Any) -> tuple[list[str], list[tuple[object, ...]]] | None:
    """Return the columns and rows of a DataFrame or a list of dicts; None: no table."""
    if hasattr(value, "columns") and hasattr(value, "itertuples"):
        return _of_frame(value, value.itertuples(index=False, name=None))
    if hasattr(value, "columns") and hasattr(value, "iter_rows"):
        return _of_frame(value, value.iter_rows())
    if not isinstance(value, (list, tuple)):
        return None
    if not all(isinstance(row, Mapping) for row in value):
        return None
    columns = [*value[0]] if value else []
    for number, row in enumerate(value, 1):
        if set(row) != set(columns):
            odd = sorted(map(str, set(row) ^ set(columns)))
            raise InputError(
                f"rows differ in their columns: row {number} and row 1 do not both "
                f"have {', '.join(odd)}."
            )
    return columns, [tuple(row[column] for column in columns) for row in value]


def _of_frame(
    frame: Any, rows: Iterable[Sequence[Any]]
) -> tuple[list[str], list[tuple[object, ...]]]:
    columns = [*frame.columns]
    # Only a column knows that its numbers are narrow; in a row they are Python's.
    kinds = [str(kind) for kind in getattr(frame, "dtypes", ())] or [""] * len(columns)
    return columns, [tuple(map(narrowed, row, kinds)) for row in rows]


def table_axis(
    table: tuple[list[str], list[tuple[object, ...]]],
    settings: Collection[str],
    template: Collection[str],
) -> Axis:
    """Return the axis of a table's rows; columns that the prompt does not name ride.

    Raises `InputError` for a table that the prompt names nothing of, and for a column
    of which nobody could tell whether it sets a setting.
    """
    columns, rows = table
    if len(rows) > LARGEST:
        raise refuse_count("rows", len(rows))
    _check_columns(columns, settings, template)
    if not rows:
        raise InputError("rows has no values; give at least one.")
    beside = frozenset(columns) - frozenset(template)
    axis = axis_of(
        [(name, object) for name in columns],
        [
            [*map(_beside, column)] if name in beside else checked(name, column, object)
            for name, column in zip(columns, zip(*rows, strict=True), strict=True)
        ],
        beside,
    )
    return replace(axis, table=True)


def _check_columns(
    columns: Sequence[str], settings: Collection[str], template: Collection[str]
) -> None:
    for name in columns:
        if not isinstance(name, str):
            raise InputError(f"rows has a column {name!r}; name it with text.")
        if columns.count(name) > 1:
            raise InputError(f"rows has the column {name} twice; rename one of them.")
        if name == "sample":
            raise InputError(
                "rows has the column sample, as every sweep has one; rename it."
            )
        if name in settings and name not in template:
            raise InputError(
                f"rows has the column {name}, which is a setting: sweep it with "
                f"{name}=@NAME.{name}, rename the column, or leave it out."
            )
    if columns and not {*columns} & {*template}:
        raise InputError(
            f"rows has the columns {', '.join(columns)}, and the prompt names none of "
            f"them; write {{{{{columns[0]}}}}} in it."
        )


def _beside(value: Any) -> object:
    """Return a value that only rides along: as it is, a gap as None."""
    value = native(value)
    return None if is_gap(value) else value
