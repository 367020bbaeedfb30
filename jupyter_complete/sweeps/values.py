"""The values of one axis: from text, ranges and the namespace to a checked list."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from decimal import Decimal, localcontext
from typing import Any

from ..errors import InputError
from ..reading import narrowed, native
from .kinds import convert

Lookup = Callable[[str], object]

_QUOTED = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')\s*', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}

_VARIABLE = re.compile(r"@([^\W\d]\w*)(?:\.([^\W\d]\w*)|\[(['\"])(.*)\3\])?")

LARGEST = 100_000
"""The most values of an axis, points of a sweep and calls of a sweep."""

_FINITE = r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:e[+-]?\d{1,3})?"
_NUMBER = rf"({_FINITE}|[+-]?inf(?:inity)?|nan)"
_FLAGS = re.ASCII | re.IGNORECASE
_STEPPED = re.compile(rf"{_NUMBER}:{_NUMBER}:{_NUMBER}", _FLAGS)
_SPREAD = re.compile(rf"{_NUMBER}:{_NUMBER}/(\d{{1,30}})", _FLAGS)
_LOG = re.compile(rf"log\( *{_NUMBER} *, *{_NUMBER} *\)/(\d{{1,30}})", _FLAGS)


def parts(text: str, separators: str) -> list[str]:
    """Split ``a,b+c`` at the ``+`` where it is a separator; quotes and JSON hold."""
    found, start = [], 0
    while True:
        end = _end_of_part(text, start, separators)
        found.append(text[start:end].strip())
        if end == len(text):
            return found
        start = end + 1


def _end_of_part(text: str, start: int, separators: str) -> int:
    if text[start:].lstrip().startswith("json:"):
        return _end_of_json(text, text.index("json:", start) + len("json:"))
    while True:
        _, end = _item(text, start, separators)
        if end == len(text) or text[end] != ",":
            return end
        start = end + 1


def _end_of_json(text: str, start: int) -> int:
    try:
        _, end = json.JSONDecoder().raw_decode(text[start:].lstrip())
    except ValueError:
        return len(text)
    end += len(text) - len(text[start:].lstrip())
    while end < len(text) and text[end].isspace():
        end += 1
    return end if text[end : end + 1] == "+" else len(text)


def _item(text: str, start: int, separators: str) -> tuple[str, int]:
    """Return the item that starts here and where it ends."""
    quoted = _QUOTED.match(text, start)
    if quoted and (quoted.end() == len(text) or text[quoted.end()] in separators):
        return _unescape(quoted[1][1:-1]), quoted.end()
    end = start
    while end < len(text) and text[end] not in separators:
        end += 1
    item = text[start:end].strip()
    if not item:
        raise InputError(
            f'The axis has an empty value in {text!r}; write "" for empty text.'
        )
    if item[0] in "\"'":
        raise InputError(
            f"The axis has a quote that does not close around its value: {item!r}."
        )
    return item, end


def _unescape(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        if code:
            return chr(int(code, 16))
        other: str = match[3]
        return _ESCAPES.get(other, other if other in "\\\"'" else match[0])

    return _ESCAPE.sub(character, text)


def values(name: str, text: str, kind: type, lookup: Lookup) -> list[object]:
    """Return the values of one name's part of an axis, each of the name's kind.

    ``kind`` is float, int, bool, str or list for a setting, and object for a
    template name. Raises `InputError`.
    """
    if not text:
        raise InputError(f"{name} has no values; write one, as in {name}=1,2.")
    raw: Sequence[object]
    if text.startswith("json:"):
        raw = _from_json(name, text.removeprefix("json:"))
    elif text.startswith("@"):
        raw = elements(name, variable(text, lookup))
    else:
        raw = numbers(name, text, whole=kind is int) or _list(text)
        if kind is object:
            raw = [_shortest(one) if isinstance(one, Decimal) else one for one in raw]
    return checked(name, raw, kind)


def checked(name: str, raw: Iterable[object], kind: type) -> list[object]:
    """Return the values, each of the kind; raise `InputError` where there is none."""
    found = [convert(name, value, kind) for value in raw]
    if not found:
        raise InputError(f"{name} has no values; give at least one.")
    return found


def _list(text: str) -> list[str]:
    found, start = [], 0
    while True:
        item, end = _item(text, start, ",")
        found.append(item)
        if end == len(text):
            return found
        start = end + 1


def _from_json(name: str, text: str) -> list[object]:
    def refuse(constant: str) -> float:
        raise InputError(f"{name}=json: holds {constant}; JSON has finite numbers.")

    try:
        found = json.loads(text, parse_constant=refuse, parse_float=_as_written)
    except ValueError as error:
        raise InputError(f"{name}=json: is not JSON: {error}.") from error
    if not isinstance(found, list):
        raise InputError(f"{name}=json: is no list; write json:[…].")
    if len(found) > LARGEST:
        raise refuse_count(name, len(found))
    return found


def _as_written(number: str) -> float | Decimal:
    """Return the number of a JSON text, a Decimal where a float would lose its form."""
    short = float(number)
    return short if repr(short) == number else Decimal(number)


def _shortest(number: Decimal) -> int | float:
    """Return a number of a range, whose steps have more decimals than it needs."""
    return int(number) if number == number.to_integral_value() else float(number)


def variable(text: str, lookup: Lookup) -> object:
    """Return what ``@name``, ``@name.column`` or ``@name["column"]`` stands for."""
    match = _VARIABLE.fullmatch(text)
    if match is None:
        raise InputError(f'{text} is no variable; write @name or @name["column"].')
    name, attribute, _, key = match.groups()
    try:
        found: Any = lookup(name)
    except KeyError:
        raise InputError(f"{text} names no variable; assign {name} first.") from None
    try:
        if attribute is not None:
            return getattr(found, attribute)
        return found if key is None else found[key]
    except (AttributeError, KeyError, TypeError, IndexError):
        raise InputError(f"{name} has no {attribute or key}.") from None


def elements(name: str, value: Any) -> Sequence[object]:
    """Return the elements of a list, range, array or column; no more than allowed."""
    if isinstance(value, range):
        count = max(0, -((value.start - value.stop) // value.step))
        if count > LARGEST:
            raise refuse_count(name, count)
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise InputError(f"{name} is a {type(value).__name__}; give a list of values.")
    dimensions = getattr(value, "ndim", 1)
    if dimensions != 1:
        raise InputError(f"{name} has {dimensions} dimensions; give a flat list.")
    if isinstance(value, Sized) and len(value) > LARGEST:
        raise refuse_count(name, len(value))
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    found = list(itertools.islice(value, LARGEST + 1))
    if len(found) > LARGEST:
        raise refuse_count(name, f"more than {LARGEST:,}")
    dtype = str(getattr(value, "dtype", ""))
    return [narrowed(native(item), dtype) for item in found]


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
