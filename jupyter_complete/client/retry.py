"""When to send again, and how long to wait before."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import tenacity

from ..cancel import Cancel
from ..errors import CompleteError

LONGEST_WAIT = 60.0
"""Seconds: a longer wait that an endpoint asks for is told, not slept."""
LONGEST_ASKED = 366 * 86400.0
"""Seconds: a wait of over a year is none that an endpoint means."""
FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 8.0

_OF_THE_PACE = ("retry-after", "x-should-retry", "anthropic-ratelimit-")
"""How the headers begin that say when a call may be sent again."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong before an answer came, and whether to try again."""

    error: CompleteError
    again: bool


def persist(
    attempt: Callable[[], _T | Failure], *, tries: int, cancel: Cancel
) -> _T | Failure:
    """Return what the attempt gives, the last failure after that many tries.

    Waits as long as the failure's ``retry_after`` says, else ever longer. Raises
    `Cancelled`, also from within a wait.
    """

    def sleep(seconds: float) -> None:
        cancel.wait(seconds)
        cancel.check()

    return tenacity.Retrying(
        sleep=sleep,
        stop=tenacity.stop_after_attempt(max(tries, 1)),
        wait=_wait,
        retry=tenacity.retry_if_result(_again),
        retry_error_callback=_outcome,
    )(attempt)


def _again(outcome: object) -> bool:
    return isinstance(outcome, Failure) and outcome.again


def _outcome(state: tenacity.RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else None


def _wait(state: tenacity.RetryCallState) -> float:
    failure: Failure = _outcome(state)
    if failure.error.retry_after is not None:
        return failure.error.retry_after
    backoff = FIRST_BACKOFF * 2.0 ** (state.attempt_number - 1)
    longest = min(backoff, LONGEST_BACKOFF)
    return longest * (1 - 0.25 * random.random())  # noqa: S311 - no secret


def refused(error: CompleteError, status: int, headers: Mapping[str, str]) -> Failure:
    """Return the failure of an error status, with the wait that the headers ask for."""
    error.retry_after = retry_after(headers)
    error.headers = {
        name.lower(): value
        for name, value in headers.items()
        if name.lower().startswith(_OF_THE_PACE)
    }
    again = status in (408, 409, 429) or status >= 500
    told = headers.get("x-should-retry")
    if told in ("true", "false"):
        again = told == "true"
    return Failure(error, again and (error.retry_after or 0) <= LONGEST_WAIT)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an endpoint asks to wait, None where it names none."""
    with suppress(ValueError):
        return _positive(float(headers.get("retry-after-ms", "")) / 1000)
    asked = headers.get("retry-after", "")
    with suppress(ValueError):
        return _positive(float(asked))
    with suppress(ValueError, TypeError, OverflowError):
        date = email.utils.parsedate_to_datetime(asked)
        return _positive(date.timestamp() - time.time())
    return None


def _positive(seconds: float) -> float | None:
    return seconds if 0 < seconds < LONGEST_ASKED else None
