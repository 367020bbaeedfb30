"""What a value reads as in a prompt: always the same text, and always the whole of it.

A text is itself, a number as Python writes it (1, 0.1, 19.90), a date as ISO 8601, a
list or dict as JSON, and any other object what its own ``str()`` says. Refused is what
has no text that is whole and its own: a gap, a table or array, bytes, what has but a
``repr``.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import struct
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

from .errors import PromptError

_GAPS = {"NAType", "NaTType", "NoneType"}
_TABLES = ("__array__", "__dataframe__", "__arrow_c_stream__", "__arrow_c_array__")
_AS_LIST = {"to_csv": "to_csv()", "write_csv": "write_csv()", "tolist": "tolist()"}
_NARROW = {
    "float16": "e",
    "halffloat[pyarrow]": "e",
    "float32": "f",
    "Float32": "f",
    "float[pyarrow]": "f",
}
_MOST_DIGITS = 9
"""What any number of single precision needs at most."""


_INFINITE = float("inf")


class _RefusedError(Exception):
    """Why a value has no text, and the remedy."""


def reading(name: str, value: object) -> str:
    """Return what the value of this name reads as; raise `PromptError` for none."""
    if type(value) is str:
        return value
    try:
        return _text(value)
    except _RefusedError as refused:
        what = str(refused).replace("NAME", name)
        raise PromptError(f"{name} {what}.") from None
    except Exception as error:
        raise PromptError(
            f"{{{{{name}}}}} in the prompt has a value without a text "
            f"({type(error).__name__}: {error}); assign another to {name}."
        ) from error


def native(value: Any) -> Any:
    """Return NumPy's scalar as the Python value that reads the same, if there is one.

    Anything else comes back as it is.
    """
    dtype = getattr(value, "dtype", None)
    if not hasattr(value, "item") or getattr(value, "ndim", None) != 0:
        return value
    if str(dtype) in ("datetime64[ns]", "timedelta64[ns]"):
        shorter = value.astype(str(dtype).replace("ns", "us"))
        value = shorter if shorter == value else value
    found = value.item()
    kind = getattr(dtype, "kind", "")
    if kind in "Mm":
        whole = str(value.dtype).endswith(("[D]", "[s]", "[ms]", "[us]"))
        return found if whole and not isinstance(found, int) else value
    return narrowed(found, str(dtype))


def narrowed(value: Any, dtype: str) -> Any:
    """Return a number of a narrow type as short as that type tells it: 0.1."""
    code = _NARROW.get(dtype.removeprefix("torch."))
    if code is None or not isinstance(value, float):
        return value
    for digits in range(1, _MOST_DIGITS):
        short = float(f"{value:.{digits}g}")
        try:
            if struct.pack(code, short) == struct.pack(code, value):
                return short
        except OverflowError:  # rounded up, it is out of the type's range
            continue
    return float(f"{value:.{_MOST_DIGITS}g}")


def _text(value: Any) -> str:
    value = _readable(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return repr(value)
    if isinstance(value, (int, float, complex)):
        return next(
            kind.__repr__(value)
            for kind in (int, float, complex)
            if isinstance(value, kind)
        )
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (list, tuple, Mapping)):
        return _json(value)
    return os.fsdecode(value) if isinstance(value, os.PathLike) else str(value)


def _readable(value: Any) -> Any:
    """Return the value that is to be read; raise for one that has no text."""
    value = native(value)
    if isinstance(value, Enum) and not isinstance(value, (str, int)):
        if not isinstance(value.value, str):
            raise _RefusedError(
                f"is {value!r}; put NAME.name or NAME.value into a variable"
            )
        return value.value
    if any(hasattr(value, door) for door in _TABLES) and value is native(value):
        _refuse_table(value)
    if is_gap(value):
        raise _RefusedError(f"has a gap ({value}); drop it, or fill it first")
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise _RefusedError("is bytes; put its text into a variable: NAME.decode()")
    plain = (str, int, float, complex, list, tuple, Mapping, os.PathLike)
    says: object = type(value).__str__
    if not isinstance(value, plain) and (
        isinstance(value, type) or says is object.__str__
    ):
        raise _RefusedError(
            f"is of type {type(value).__name__}, which has no text of its own; put the "
            "text that you mean into a variable"
        )
    return value


def _refuse_table(value: Any) -> None:
    if getattr(value, "ndim", None) == 0:
        return
    way = next((way for has, way in _AS_LIST.items() if hasattr(value, has)), None)
    remedy = f"as in text = NAME.{way}, then {{{{text}}}}" if way else "then name that"
    raise _RefusedError(
        f"is of type {type(value).__name__}, whose text would be cut and rounded; put "
        f"the whole of it into a variable, {remedy}"
    )


def is_gap(value: Any) -> bool:
    """Tell whether a value says that there is none: None, NaN, pandas' NA and NaT."""
    if type(value).__name__ in _GAPS:
        return True
    scalar = hasattr(value, "dtype") and getattr(value, "ndim", None) == 0
    numbers = isinstance(value, (float, Decimal)) or scalar
    return numbers and bool(value != value)  # noqa: PLR0124 - what NaN is known by


def _json(value: Any) -> str:
    if value is None:
        return "null"
    value = _readable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        pairs = (f"{_quoted(key)}: {_json(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, (int, float, Decimal)) and value not in (
        _INFINITE,
        -_INFINITE,
    ):
        return _text(value)
    return _quoted(value)


def _quoted(value: object) -> str:
    return json.dumps(_text(value), ensure_ascii=False)
