"""Numbers from outside, checked where they come in: what cannot be one is unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

LARGEST_COUNT = 10**12
"""More tokens than any text has, and a million of these still fit 64 bits."""
LEAST_LOGPROB = -9999.0
"""What OpenAI and vLLM say of a token that cannot be; its probability is 0."""
_ROUNDING = 0.001


def count_of(value: object) -> int | None:
    """Return a number if it can be a count, as of tokens; None for any other value."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= LARGEST_COUNT else None


def logprob_of(value: object) -> float | None:
    """Return a number, or its text, if it can be a log-probability; None otherwise.

    It is finite, and not above 0.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if math.isnan(number) or number > _ROUNDING:
        return None
    return min(0.0, max(number, LEAST_LOGPROB))


def kept_logprob(value: object) -> float:
    """Return a log-probability of a record as it was kept, the least for what is none.

    Earlier versions kept an infinite one.
    """
    if value == -math.inf:
        return -math.inf
    return LEAST_LOGPROB if (number := logprob_of(value)) is None else number


def check_numbers(record: Mapping[str, Any]) -> None:
    """Raise `ValueError` for a record of a completion with a number that cannot be."""
    for name in ("attempts", "sample", "http_status", "history_id"):
        value = record.get(name)
        if value is not None and not _fits(value):
            raise ValueError(f"{name} is no whole number of 64 bits")
    for name in ("seconds", "first_token_seconds"):
        value = record.get(name)
        if value is not None and not _passed(value):
            raise ValueError(f"{name} is no number of seconds")


def _fits(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _passed(seconds: Any) -> bool:
    return (_fits(seconds) or type(seconds) is float) and 0 <= seconds < math.inf
