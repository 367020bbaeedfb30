"""What was expected at each point of a sweep: a column, a text, a variable."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..prompts import fill, template_names
from ..reading import is_gap, native
from .points import Point
from .values import Lookup, variable

if TYPE_CHECKING:
    from .result import SweepResult


@dataclass(frozen=True, slots=True)
class Expected:
    """What was expected at a point."""

    of: Callable[[Point], object]
    """None where nothing was."""
    names: frozenset[str]
    """The names of the sweep that it depends on: those of the data, not of the trial.
    """


def no_variable(name: str) -> object:
    """Find no variable: raise KeyError."""
    raise KeyError(name)


def expected_of(given: object, sweep: SweepResult, lookup: Lookup) -> Expected:
    """Return what ``--expect`` or ``expect=`` asks for; raise `InputError`.

    A column's name, a text with ``{{name}}``, ``@variable``, or a mapping from a
    value of the sweep, or a tuple of values, to what is expected there.
    """
    if isinstance(given, str):
        if given in sweep.names:
            name = given
            return Expected(lambda point: point.values[name], frozenset({name}))
        if template_names(given):
            return _filled(given, sweep)
        if not given.startswith("@"):
            raise _no_column(given, sweep)
        return expected_of(variable(given, lookup), sweep, no_variable)
    if hasattr(given, "to_dict") and getattr(given, "ndim", 1) == 1:
        given = given.to_dict()
    if not isinstance(given, Mapping):
        raise InputError(
            f"expect is a {type(given).__name__}; give a column's name, a text with "
            "{{name}}, or a dict from a value of the sweep to what is expected there."
        )
    return _keyed(given, sweep)


def _filled(text: str, sweep: SweepResult) -> Expected:
    names = template_names(text)
    for name in names:
        if name not in sweep.names:
            raise _no_column(name, sweep)

    def of(point: Point) -> object:
        if any(is_gap(point.values[name]) for name in names):
            return None
        return fill(text, point.values)

    return Expected(of, frozenset(names))


def _no_column(name: str, sweep: SweepResult) -> InputError:
    near = difflib.get_close_matches(name, sweep.names, 1, 0.6)
    known = ", ".join(sweep.names) or "none"
    hint = f"did you mean {near[0]}?" if near else f"it has {known}."
    return InputError(
        f"expect is {name!r}, and the sweep has no such column; {hint} (A text that "
        f"is the same everywhere stands in the score: exact:{name})"
    )


def _keyed(given: Mapping[Any, Any], sweep: SweepResult) -> Expected:
    texts = {_text(key): value for key, value in given.items()}

    def at(point: Point, names: Sequence[str]) -> object:
        values = tuple(native(point.values[name]) for name in names)
        key = values[0] if len(values) == 1 else values
        try:
            if key in given:
                return given[key]
        except TypeError:  # a list is no key
            pass
        return texts.get(_text(key))

    points = sweep.points
    for names in _candidates(sweep):
        if any(at(point, names) is not None for point in points):
            return Expected(lambda point, n=names: at(point, n), frozenset(names))  # type: ignore[misc]
    keys = ", ".join(map(repr, [*given][:3])) or "none"
    first = points[0].label if points else "none"
    raise InputError(
        f"expect has no value for any point: its keys are {keys}, and the first point "
        f"is {first}."
    )


def _text(key: object) -> str:
    return repr([*map(str, key)]) if isinstance(key, tuple) else str(key)


def _candidates(sweep: SweepResult) -> list[tuple[str, ...]]:
    """Return the names by which a mapping may be keyed, the prompt's own first."""
    if not sweep.rows:
        return []
    point = sweep.rows[0].point
    settings = point.settings_names
    own = [name for name in sweep.names if name not in settings | point.beside]
    asked = [*point.asked]
    alone = [(name,) for name in (*own, *asked, *sweep.names)]
    return [*alone, *(tuple(some) for some in (own, sweep.varying, asked) if some)]
