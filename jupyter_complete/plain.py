"""Values that any JSON writer takes, and back again, exactly; and that CSV takes.

A spreadsheet must not take a cell of a CSV file for a formula.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields
from numbers import Number
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_ESCAPE = "$json"


def plain(value: Any) -> Any:
    """Return the value as strict JSON that encodes as UTF-8.

    What that cannot carry, half a character or a NaN, stands as its own JSON text
    under the one key ``$json``. Tuples become lists.
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return value if _encodes(value) else {_ESCAPE: json.dumps(value)}
    if isinstance(value, Mapping):
        if _ESCAPE in value or not all(map(_encodes, value)):
            return {_ESCAPE: json.dumps(dict(value))}
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    finite = not isinstance(value, float) or math.isfinite(value)
    return value if finite else {_ESCAPE: json.dumps(value)}


def by_name(instance: DataclassInstance) -> dict[str, Any]:
    """Return a dataclass's fields by name; unlike `asdict`, it copies none of them."""
    return {item.name: getattr(instance, item.name) for item in fields(instance)}


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def restored(value: Any) -> Any:
    """Return what `plain` was given; raise `ValueError` if it was damaged."""
    if isinstance(value, Mapping):
        if _ESCAPE in value:
            return json.loads(value[_ESCAPE])
        return {key: restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [restored(item) for item in value]
    return value


# Spreadsheets look past white space, quotes and what cannot be seen, and take the
# full-width forms for the characters they stand for.
_FORMULA = re.compile(
    "[\\s\"'`\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u180e\u200b-\u200f\u2028-\u202f"
    "\u205f-\u206f\u3000\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe63\ufe62\ufe66"
    "\ufe6b]|[\t\r\n]"
)


def csv_cell(value: object) -> object:
    """Return the value; text that could be a formula begins with an apostrophe.

    Numbers stay numbers, as in -1.5.
    """
    if value is None or isinstance(value, Number):
        return value
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text
