"""What tokens cost: US dollars per million, and what an answer came to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import InputError

if TYPE_CHECKING:
    from .completion import Usage
    from .request import CompletionRequest

_MILLION = 1_000_000
_TEMPLATE = 32
"""Tokens that a server may add around a prompt, beside its turns."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens of the prompt, and of the answer."""

    input: float
    output: float
    date: str | None = None
    """The day on which it was looked up, ISO 8601."""
    source: str | None = None

    def of(self, usage: Usage | None) -> float | None:
        """Return what these tokens cost; None where they were not told."""
        if usage is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        paid = usage.input_tokens * self.input + usage.output_tokens * self.output
        return paid / _MILLION

    def most(self, request: CompletionRequest) -> float:
        """Return the most that a request can cost: no token is less than a byte."""
        tokens = len(request.prompt.encode("utf-8", "replace")) + _TEMPLATE
        paid = tokens * self.input + request.max_tokens_to_sample * self.output
        return paid / _MILLION


def price_of(value: Any, what: str) -> Price:
    """Return the price that ``[3, 15]`` or a mapping with both says.

    Raises `InputError`, naming ``what`` has it.
    """
    given = value
    if isinstance(value, (list, tuple)) and len(value) == 2:
        value = {"input": value[0], "output": value[1]}
    known = {"input", "output", "date", "source"}
    try:
        if not (isinstance(value, Mapping) and {"input", "output"} <= set(value)):
            raise ValueError
        if not set(value) <= known or not all(map(_is_price, _numbers(value))):
            raise ValueError
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The price of {what} is {given!r}; give US dollars per million tokens of "
            'the prompt and of the answer, as in [3, 15] or {"input": 3, "output": 15}.'
        ) from error
    return Price(**value)


def _numbers(value: Mapping[str, Any]) -> tuple[Any, Any]:
    return value["input"], value["output"]


def _is_price(value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 <= value < math.inf  # type: ignore[operator]


def dollars(amount: float, *, up: bool = False) -> str:
    """Return an amount with cents, or with two digits that tell; ``up`` rounds so."""
    digits = 2 if amount >= 0.01 or amount <= 0 else 1 - math.floor(math.log10(amount))
    if up:
        amount = math.ceil(round(amount * 10**digits, 6)) / 10**digits
    return f"${amount:,.{digits}f}"


def total(amounts: Iterable[float | None]) -> float | None:
    """Return the sum of those that are known; None: none is."""
    known = [amount for amount in amounts if amount is not None]
    return math.fsum(known) if known else None


def refuse_cost(most: Iterable[float | None], ceiling: float, what: str) -> None:
    """Raise `InputError` for calls that can cost more than a ceiling, or who knows.

    ``most`` has of each call the most that it can cost, None where that is unknown.
    """
    amounts = [*most]
    if None in amounts:
        raise InputError(
            f"max_cost is {dollars(ceiling)}, and the price of {what} is not known; "
            f"set CompletionSettings.prices = {{{what!r}: [3, 15]}}, dollars per "
            "million tokens in and out, or leave out --max-cost."
        )
    sum_ = total(amounts) or 0.0
    if sum_ > ceiling:
        raise InputError(
            f"max_cost is {dollars(ceiling)}, and this can cost "
            f"{dollars(sum_, up=True)}; lower --max-tokens, ask for less, or raise it."
        )
