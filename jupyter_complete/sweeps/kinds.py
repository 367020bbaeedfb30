"""One value of an axis, made what its setting or template name takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..errors import InputError
from ..reading import native, reading

_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}

_WANTED = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text",
    list: "text, or a list of texts",
}


def convert(name: str, value: Any, kind: type) -> object:
    """Return the value as its kind; raise `InputError`, naming it, if it is none.

    ``kind`` is float, int, bool, str or list for a setting, where None is: not
    given. It is object for a template name, which takes anything but a gap.
    """
    value = native(value)  # NumPy's scalars are not Python's, and do not pickle far
    if kind is object:
        reading(name, value)  # refuses what no prompt could hold
        return value
    if value is None:
        return None
    found = _CONVERT[kind](value)
    if found is None:
        raise InputError(f"{name} is {_shown(value)}; give {_WANTED[kind]}.")
    return found


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else _WORDS.get(str(value).lower())


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, (str, Decimal)) else None


def _texts(value: object) -> tuple[str, ...] | None:
    if isinstance(value, (str, Decimal)):
        return (str(value),)
    if isinstance(value, (list, tuple)) and all(
        isinstance(text, str) for text in value
    ):
        return tuple(value)
    return None


_CONVERT: dict[type, Callable[[object], object]] = {
    float: _number,
    int: _whole,
    bool: _switch,
    str: _text,
    list: _texts,
}


def same(value: object, wanted: object) -> bool:
    """Tell whether a point's value is the one that is meant, or reads the same.

    A sweep of the history has its Decimals and dates as the texts that were sent.
    """
    wanted = native(wanted)
    if value == wanted:
        return True
    if isinstance(value, tuple):
        return value in ((wanted,), _tuple(wanted))
    return isinstance(value, str) and _reads(wanted) == value


def _reads(value: object) -> str | None:
    try:
        return reading("value", value)
    except InputError:
        return None


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
