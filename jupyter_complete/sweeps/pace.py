"""How many calls at once, and when the next may go: what the endpoint bears."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from ..completion import Usage

FIRST_LIMIT = 8
LARGEST_LIMIT = 64
LONGEST_PAUSE = 60.0
"""Seconds of a pause for which the endpoint did not ask by a retry-after."""
_LIMITED = (429, 529)
_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Ticket:
    """When a call was sent, and as which."""

    number: int
    sent: float


class Pace:
    """The limit of calls at once, and the pauses that hold for all of them.

    ``auto`` starts at 8: each answer makes room for one more, up to 64; a refusal
    halves the room, and from then on a whole round of answers makes room for one. A
    fixed number stays, but waits when the endpoint asks to.
    """

    def __init__(
        self,
        concurrency: int | Literal["auto"],
        *,
        largest: int = LARGEST_LIMIT,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._adapts = concurrency == "auto"
        self._largest = largest
        self._room = float(
            min(FIRST_LIMIT if concurrency == "auto" else concurrency, largest)
        )
        self._clock = clock
        self._quota = _Quota(clock, now)
        self._growth = 1.0
        self._resume = 0.0
        self._paused = -math.inf
        self.refusals = 0
        """Refusals and failures in a row, a burst of them counted as one."""
        self._sent = 0
        self._last = -math.inf

    @property
    def limit(self) -> int:
        """How many calls may be in flight now."""
        return int(self._room)

    @property
    def pause(self) -> float:
        """Seconds for which everything waits, 0 when nothing does."""
        return max(0.0, self._resume - self._clock())

    def wait(self) -> float:
        """Return the seconds until the next call may go, as the endpoint told."""
        spread = self._quota.next(self._last, self.limit) - self._clock()
        return max(self.pause, spread, 0.0)

    def sent(self) -> Ticket:
        """Note that a call goes now."""
        self._sent += 1
        self._last = self._clock()
        self._quota.spend()
        return Ticket(self._sent, self._last)

    def answered(
        self,
        ticket: Ticket,
        headers: Mapping[str, str],
        usage: Usage | None,
        *,
        in_flight: int,
    ) -> None:
        """Note an answer: room for more, and what its headers say is left."""
        self.refusals = 0
        if self._adapts:
            grown = self._room + (self._growth if self._growth == 1 else 1 / self._room)
            self._room = min(grown, self._largest)
        self._quota.read(headers, usage, ticket.number, in_flight)

    def refused(
        self,
        ticket: Ticket,
        status: int | None,
        retry_after: float | None,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        in_flight: int = 0,
    ) -> float:
        """Note a refusal or a failure; return the seconds that it makes all wait.

        What was sent before the pause began belongs to it: a burst of refusals is
        one refusal. What its headers say is left holds beside the pause.
        """
        now = self._clock()
        self._quota.read(headers, None, ticket.number, in_flight)
        if ticket.sent > self._paused:
            self._paused = now
            self.refusals += 1
            if self._adapts and status in _LIMITED:
                self._growth = 0.0
                self._room = max(1.0, self._room / 2)
            asked = retry_after or self._backoff(status)
        else:
            asked = retry_after or 0.0
        self._resume = max(self._resume, now + asked)
        return self._resume - now

    def _backoff(self, status: int | None) -> float:
        first, last = (1.0, LONGEST_PAUSE) if status in _LIMITED else (0.5, 8.0)
        longest = min(first * 2.0 ** (self.refusals - 1), last)
        return longest * (1 - 0.25 * random.random())  # noqa: S311 - no secret


class _Quota:
    """What the ``anthropic-ratelimit-…`` headers say is left, counted in calls.

    As long as a whole round of calls is left, nothing waits; after that, what is
    left is spread over the time until it is filled up again.
    """

    def __init__(self, clock: Callable[[], float], now: Callable[[], float]) -> None:
        self._clock = clock
        self._now = now
        self._newest = 0
        self._left = self._full = math.inf
        self._reset: float | None = None
        """When it is filled up, by the clock; None: nobody told since it was."""
        self._tokens: dict[str, _Mean] = {}

    def spend(self) -> None:
        self._left -= 1

    def next(self, last: float, limit: int) -> float:
        """Return when the next call may go, if the last went then."""
        if self._reset is not None and self._reset <= self._clock():
            self._left, self._reset = self._full, None
        if self._left >= limit:
            return last
        if self._reset is None:
            return last if self._left >= 1 else last + LONGEST_PAUSE
        return last + (self._reset - last) / max(1.0, self._left)

    def read(
        self, headers: Mapping[str, str], usage: Usage | None, number: int, flying: int
    ) -> None:
        costs = self._costs(usage)
        if number < self._newest:
            return
        found = [
            (told.left / cost, told.full / cost, told.reset)
            for kind, cost in costs.items()
            if (told := _told(headers, kind)) is not None
        ]
        if not found:
            if self._reset is None:  # what was told is over, and no more is told
                self._left = self._full = math.inf
            return
        self._newest = number
        left, full, reset = min(found)
        self._reset = self._clock() + min(reset - self._now(), LONGEST_PAUSE)
        # The endpoint may not have counted those that are under way.
        self._left = left - flying
        self._full = full if self._full == math.inf else max(full, self._full)

    def _costs(self, usage: Usage | None) -> dict[str, float]:
        counted = usage or Usage()
        kinds = {
            "input-tokens": counted.input_tokens,
            "output-tokens": counted.output_tokens,
        }
        known = [tokens for tokens in kinds.values() if tokens is not None]
        for kind, tokens in {**kinds, "tokens": sum(known) or None}.items():
            if tokens is not None:
                self._tokens.setdefault(kind, _Mean()).take(tokens)
        means = {kind: mean.value for kind, mean in self._tokens.items()}
        return {"requests": 1.0} | {k: v for k, v in means.items() if v > 0}


@dataclass(slots=True)
class _Mean:
    total: float = 0.0
    count: int = 0

    def take(self, number: float) -> None:
        self.total += number
        self.count += 1

    @property
    def value(self) -> float:
        return self.total / self.count


class _Told(NamedTuple):
    left: float
    full: float
    reset: float
    """When it is filled up, as Unix time."""


def _told(headers: Mapping[str, str], kind: str) -> _Told | None:
    name = f"anthropic-ratelimit-{kind}"
    try:
        left = float(headers[f"{name}-remaining"])
        full = float(headers.get(f"{name}-limit", left))
        reset = datetime.fromisoformat(headers[f"{name}-reset"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None
    finite = math.isfinite(left) and math.isfinite(full)
    # One call at least may go after the reset, to be told how many more.
    return _Told(left, max(full, 1.0), reset) if finite else None
