"""Axes of a sweep and the points that they span."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import InputError
from .values import LARGEST

PROMPT = "prompt"
"""The name of the axis whose values are the variants of the prompt."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a sweep: one name, or several that move in step."""

    names: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    """At each step of the axis, a value for each name."""
    settings: frozenset[str] = frozenset()
    """The names that set a setting; the others fill ``{{name}}``."""
    beside: frozenset[str] = frozenset()
    """The columns of a table that do neither, and ride along."""
    table: bool = False
    """Whether it is a set of data, over which scores are pooled."""
    templates: tuple[str, ...] = ()
    """Where it is the prompt itself: the text that each value stands for."""

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Point:
    """One place of a sweep: the value of every axis' names, in the axes' order."""

    values: Mapping[str, object] = field(default_factory=dict)
    settings_names: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    """The names that ride along: no call depends on them."""

    @property
    def settings(self) -> dict[str, object]:
        """The settings that hold at this point, by name."""
        return {
            name: value
            for name, value in self.values.items()
            if name in self.settings_names
        }

    @property
    def asked(self) -> dict[str, object]:
        """What the call at this point depends on, by name."""
        return {
            name: value
            for name, value in self.values.items()
            if name not in self.beside
        }

    @property
    def label(self) -> str:
        """The point in a few words, as ``temperature=0.5, tone=dry``."""
        return ", ".join(f"{name}={value}" for name, value in self.asked.items())


def axis_of(
    known: Sequence[tuple[str, type]],
    columns: Sequence[Sequence[object]],
    beside: frozenset[str] = frozenset(),
) -> Axis:
    """Return the axis of these names, each with its kind (object: template).

    Raises `InputError` for columns that do not move in step, or repeat themselves.
    """
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
    settings = frozenset(name for name, kind in known if kind is not object)
    return Axis(names, rows, settings, beside)


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
    beside = frozenset[str]().union(*(axis.beside for axis in axes))
    return tuple(
        Point(dict(zip(names, itertools.chain(*rows), strict=True)), settings, beside)
        for rows in itertools.product(*(axis.rows for axis in axes))
    )
