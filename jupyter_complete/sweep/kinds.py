"""One value of an axis, made what its setting or template name takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..errors import InputError

_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}

_WANTED = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text",
    list: "text, or a list of texts",
}
_MISSING = {"NAType", "NaTType", "NoneType"}


def convert(name: str, value: Any, kind: type) -> object:
    """Give the value as its kind; raise `InputError`, naming it, if it is none.

    ``kind`` is float, int, bool, str or list for a setting, where None is: not
    given. It is object for a template name, which takes anything but a gap.
    """
    if not isinstance(value, str) and hasattr(value, "item"):
        value = value.item()  # NumPy's scalars are not Python's, and do not pickle far
    if kind is object:
        return _fill(name, value)
    if value is None:
        return None
    found = _CONVERT[kind](value)
    if found is None:
        raise InputError(f"{name} is {_shown(value)}; give {_WANTED[kind]}.")
    return found


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)


def _fill(name: str, value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    gap = isinstance(value, float) and math.isnan(value)
    if gap or type(value).__name__ in _MISSING:
        raise InputError(f"{name} has a gap ({value}); drop it, or fill it first.")
    return value


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
