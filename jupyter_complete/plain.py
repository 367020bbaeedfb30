"""Values that any JSON writer takes, and back again, exactly."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
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
    """Return back what `plain` was given; raise `ValueError` if it was damaged."""
    if isinstance(value, Mapping):
        if _ESCAPE in value:
            return json.loads(value[_ESCAPE])
        return {key: restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [restored(item) for item in value]
    return value
