"""Values that any JSON writer takes, and back again, exactly."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_ESCAPE = "$json"


def plain(value: Any) -> Any:
    """Return the value as strict JSON that encodes as UTF-8.

    What that cannot carry, half a character or a NaN, stands as its own JSON text
    under the one key ``$json``. Tuples become lists.
    """
    if isinstance(value, Mapping):
        if _ESCAPE in value or not all(map(_encodes, value)):
            return {_ESCAPE: json.dumps(dict(value))}
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    finite = not isinstance(value, float) or math.isfinite(value)
    if finite and (not isinstance(value, str) or _encodes(value)):
        return value
    return {_ESCAPE: json.dumps(value)}


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
