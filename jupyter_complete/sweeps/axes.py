"""Axes of a sweep and the points that they span."""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError
from .values import (
    LARGEST,
    Lookup,
    checked,
    elements,
    parts,
    refuse_count,
    table_of,
    values,
    variable,
)

_HEAD = re.compile(r"\s*([^\W\d]\w*(?:\s*\+\s*[^\W\d]\w*)*)\s*=")

# The API's own names for two settings, and the flag's for a third.
_ALIASES = {
    "stop_sequences": "stop",
    "max_tokens_to_sample": "max_tokens",
    "beta": "betas",
}


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a sweep: one name, or several that move in step."""

    names: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    """At each step of the axis, a value for each name."""
    settings: frozenset[str] = frozenset()
    """The names that set a setting; the others fill ``{{name}}``."""

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Point:
    """One place of a sweep: the value of every axis' names, in the axes' order."""

    values: Mapping[str, object] = field(default_factory=dict)
    settings_names: frozenset[str] = frozenset()

    @property
    def settings(self) -> dict[str, object]:
        """The settings that hold at this point, by name."""
        return {
            name: value
            for name, value in self.values.items()
            if name in self.settings_names
        }

    @property
    def label(self) -> str:
        """The point in a few words, as ``temperature=0.5, tone=dry``."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items())


@dataclass(frozen=True, slots=True)
class AxisNames:
    """What the axes of one sweep may be called."""

    settings: Mapping[str, type]
    """The settings that can be swept, each float, int, bool, str or list (of text)."""
    template: Collection[str] = ()
    """The names that the cell uses as ``{{name}}``."""

    def known(self, name: str) -> tuple[str, type]:
        """Return a name as the settings write it, and its kind (object: template).

        Raises `InputError` for a name that is neither.
        """
        setting = _ALIASES.get(name, name)
        if setting in self.settings:
            return setting, self.settings[setting]
        return self.fills(name), object

    def fills(self, name: str) -> str:
        """Return the name of a template; raise `InputError` if the cell has none."""
        if name in self.template:
            return name
        near = difflib.get_close_matches(
            name, [*self.settings, *self.template], 1, 0.75
        )
        hint = f"did you mean {near[0]}?" if near else f"write {{{{{name}}}}} in it."
        raise InputError(
            f"{name} is no setting that can be swept, and the prompt has no "
            f"{{{{{name}}}}}; {hint}"
        )


def parse_axis(text: str, *, names: AxisNames, lookup: Lookup) -> Axis:
    """Return the axis that a text such as ``temperature=0:1:0.25`` describes.

    ``lookup`` gives a variable by name, or raises KeyError. Raises `InputError`.
    """
    head = _HEAD.match(text)
    if head is None:
        raise InputError(f"{text!r} is no axis; write name=a,b or name=0:1:0.25.")
    body = text[head.end() :].strip()
    given = [name.strip() for name in head[1].split("+")]
    if given == ["rows"] and body.startswith("@"):
        table = table_of(variable(body, lookup))
        if table is not None:
            return _rows(table, names)
    separators = "," if len(given) == 1 else ",+"
    bodies = parts(body, separators) if body else [""]
    if len(bodies) != len(given):
        raise InputError(
            f"{'+'.join(given)} wants {len(given)} lists with + between them, and "
            f"has {len(bodies)}; a value that holds a + wants quotes."
        )
    known = [names.known(name) for name in given]
    columns = [
        values(name, part, kind, lookup)
        for (name, kind), part in zip(known, bodies, strict=True)
    ]
    return _axis(known, columns)


def keyword_axes(
    keywords: Mapping[str, Any], names: AxisNames
) -> tuple[dict[str, Any], tuple[Axis, ...]]:
    """Take Python's keywords apart: settings with one value, and axes.

    A list, range, array or column is an axis. A setting that is itself a list (stop,
    betas) is swept by a list of lists. ``{"a+b": [(1, "x"), (2, "y")]}`` moves two
    names in step, ``rows=`` takes a DataFrame or a list of dicts, and a setting that
    is a number takes a range as text, ``"0:1:0.25"``. Raises `InputError`.
    """
    single: dict[str, Any] = {}
    axes = []
    for key, value in keywords.items():
        if key == "rows" and (table := table_of(value)) is not None:
            axes.append(_rows(table, names))
        elif "+" in key:
            axes.append(_in_step(key, value, names))
        else:
            name, kind = names.known(key)
            if not _is_single(value, kind):
                axes.append(_axis([(name, kind)], [_listed(name, value, kind)]))
            elif kind is object:
                axes.append(_axis([(name, kind)], [checked(name, [value], kind)]))
            else:
                single[name] = value
    return single, tuple(axes)


def _is_single(value: Any, kind: type) -> bool:
    if value is None or isinstance(value, (bytes, Mapping)):
        return True
    if isinstance(value, str):
        return kind not in (float, int) or not re.search(r"[:,(]", value)
    if not hasattr(value, "__iter__"):
        return True
    return kind is list and all(isinstance(item, str) for item in value)


def _listed(name: str, value: Any, kind: type) -> list[object]:
    if isinstance(value, str):
        return values(name, value, kind, _no_variable)
    return checked(name, elements(name, value), kind)


def _no_variable(name: str) -> object:
    raise KeyError(name)


def _in_step(key: str, value: Any, names: AxisNames) -> Axis:
    known = [names.known(name.strip()) for name in key.split("+")]
    rows = elements(key, value)
    if not all(
        isinstance(row, (list, tuple)) and len(row) == len(known) for row in rows
    ):
        raise InputError(f"{key} wants a list of {len(known)} values for each step.")
    columns: list[list[Any]] = [[*column] for column in zip(*rows, strict=True)]
    if not columns:
        raise InputError(f"{key} has no values; give at least one.")
    return _axis(
        known,
        [
            checked(name, column, kind)
            for (name, kind), column in zip(known, columns, strict=True)
        ],
    )


def _rows(table: tuple[list[str], list[tuple[object, ...]]], names: AxisNames) -> Axis:
    columns, rows = table
    for name in columns:
        if not isinstance(name, str):
            raise InputError(f"rows has a column {name!r}; name it with text.")
        if name not in names.template:
            raise InputError(
                f"rows has the column {name}, and the prompt has no {{{{{name}}}}}; "
                "write it in the prompt, or leave the column out."
            )
    if len(rows) > LARGEST:
        raise refuse_count("rows", len(rows))
    if not rows:
        raise InputError("rows has no values; give at least one.")
    known = [(name, object) for name in columns]
    return _axis(
        known,
        [
            checked(name, column, kind)
            for (name, kind), column in zip(known, zip(*rows, strict=True), strict=True)
        ],
    )


def _axis(known: Sequence[tuple[str, type]], columns: Sequence[list[object]]) -> Axis:
    names = tuple(name for name, _ in known)
    label = "+".join(names)
    if len(set(names)) < len(names):
        raise InputError(f"{label} has one name twice.")
    lengths = [len(column) for column in columns]
    if not lengths or not min(lengths):
        raise InputError(f"{label or 'rows'} has no values; give at least one.")
    if len(set(lengths)) > 1:
        counts = ", ".join(map(str, lengths))
        raise InputError(f"{label} is to move in step, but has {counts} values.")
    rows = tuple(zip(*columns, strict=True))
    _refuse_repeats(label, rows)
    return Axis(
        names, rows, frozenset(name for name, kind in known if kind is not object)
    )


def _refuse_repeats(label: str, rows: Iterable[tuple[object, ...]]) -> None:
    numbers: dict[object, int] = {}
    for number, row in enumerate(rows, 1):
        # Two that are equal, as 19.9 and 19.90, would be one point of the result.
        for key in (row, tuple(map(str, row))):
            if not _hashable(key):
                continue
            if numbers.setdefault(key, number) != number:
                shown = ", ".join(map(str, row))
                raise InputError(
                    f"{label} has {shown!r} twice, as values {numbers[key]} "
                    f"and {number}; give each once "
                    "(-n asks for more answers at each point)."
                )


def _hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def points(axes: Sequence[Axis], *, samples: int = 1) -> tuple[Point, ...]:
    """Return the points that the axes span, the last axis moving fastest.

    Raises `InputError` for a name on two axes, and, before any is built, for more
    than 100,000 points, or calls at this many samples.
    """
    names = [name for axis in axes for name in axis.names]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name} is on two axes; sweep it on one.")
    count = math.prod(len(axis) for axis in axes)
    for what, size in (("points", count), ("calls", count * samples)):
        if size > LARGEST:
            raise InputError(
                f"The sweep has {size:,} {what}; a sweep takes at most {LARGEST:,}."
            )
    settings = frozenset[str]().union(*(axis.settings for axis in axes))
    return tuple(
        Point(dict(zip(names, itertools.chain(*rows), strict=True)), settings)
        for rows in itertools.product(*(axis.rows for axis in axes))
    )
