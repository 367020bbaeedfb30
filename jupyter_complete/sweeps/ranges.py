"""Ranges, exact in decimals: ``lo:hi:step``, ``lo:hi/n`` and ``log(lo,hi)/n``."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

from ..errors import InputError

LARGEST = 100_000
"""The most values of an axis, points of a sweep and calls of a sweep."""

_FINITE = r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:e[+-]?\d{1,3})?"
_NUMBER = rf"({_FINITE}|[+-]?inf(?:inity)?|nan)"
_FLAGS = re.ASCII | re.IGNORECASE
_STEPPED = re.compile(rf"{_NUMBER}:{_NUMBER}:{_NUMBER}", _FLAGS)
_SPREAD = re.compile(rf"{_NUMBER}:{_NUMBER}/(\d{{1,30}})", _FLAGS)
_LOG = re.compile(rf"log\( *{_NUMBER} *, *{_NUMBER} *\)/(\d{{1,30}})", _FLAGS)


def refuse_count(what: str, count: Decimal | int | str) -> InputError:
    """Return the error of a sweep that is too large, with its count."""
    if isinstance(count, Decimal):
        count = f"{count:,f}" if count < 10**15 else f"{count:.3g}"
    elif isinstance(count, int):
        count = f"{count:,}"
    return InputError(f"{what} has {count} values; a sweep takes at most {LARGEST:,}.")


def numbers(name: str, text: str, *, whole: bool) -> list[object] | None:
    """Return the numbers of a range; None where the text is none."""
    stepped, spread, log = (form.fullmatch(text) for form in (_STEPPED, _SPREAD, _LOG))
    match = stepped or spread or log
    if match is None:
        return None
    start, end, last = (Decimal(group) for group in match.groups())
    if not all(number.is_finite() for number in (start, end, last)):
        raise InputError(f"{name}={text} never ends; give finite numbers.")
    with localcontext(prec=60):
        if stepped:
            return [*_stepped(name, text, start, end, last)]
        if last > LARGEST:
            raise refuse_count(f"{name}={text}", last)
        if last < 2:
            raise InputError(f"{name}={text} wants 2 points or more.")
        if log and (start <= 0 or end <= 0):
            raise InputError(f"{name}={text} wants both ends above 0.")
        count = int(last)
        found = _log(start, end, count) if log else _spread(start, end, count)
        return [round(number) for number in found] if whole else [*found]


def _stepped(
    name: str, text: str, start: Decimal, end: Decimal, step: Decimal
) -> list[Decimal]:
    if step == 0:
        raise InputError(f"{name}={text} never ends; give a step that is not 0.")
    count = ((end - start) / step).to_integral_value("ROUND_FLOOR") + 1
    if count < 1:
        raise InputError(f"{name}={text} has no values; turn the step's sign.")
    if count > LARGEST:
        raise refuse_count(f"{name}={text}", count)
    return [start + index * step for index in range(int(count))]


def _spread(start: Decimal, end: Decimal, count: int) -> list[Decimal]:
    return [start + (end - start) * index / (count - 1) for index in range(count)]


def _log(start: Decimal, end: Decimal, count: int) -> list[Decimal]:
    ratio = (end / start).ln()
    # Twelve digits, so that log(0.01,100)/5 is 0.01, 0.1, 1, 10, 100 and no more.
    return [
        Decimal(f"{start * (ratio * index / (count - 1)).exp():.12g}")
        for index in range(count)
    ]
