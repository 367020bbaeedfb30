"""What is asked for: a prompt with its parameters, each within its bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from .errors import InputError


class Bound(NamedTuple):
    """The smallest and largest value of a parameter; None is no limit."""

    smallest: float
    largest: float | None = None
    whole: bool = False
    """Whether only whole numbers are taken."""


LONGEST_USER_ID = 512


def check_bound(name: str, value: object, bound: Bound, where: str = "") -> None:
    """Raise `InputError` unless the value is a number within the bound."""
    kind = int if bound.whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind):
        wanted = "a whole number" if bound.whole else "a number"
        raise InputError(f"{name} is {value!r}; give {wanted}{where}.")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise InputError(f"{name} is beyond 64 bits; give a smaller number{where}.")
    largest = math.inf if bound.largest is None else bound.largest
    if not bound.smallest <= value <= largest or math.isinf(value):
        raise InputError(f"{name} is {value}; give {_range(bound)}{where}.")


def _range(bound: Bound) -> str:
    if bound.largest is None:
        return f"{bound.smallest:g} or more"
    return f"a value from {bound.smallest:g} to {bound.largest:g}"


def _number(least: float, most: float | None = None, *, whole: bool = False) -> Any:
    """Return a field that is a number within a bound, or None: not sent."""
    bound = Bound(least, most, whole)
    return field(default=None, metadata={"bound": bound})


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A complete, valid request; building one is the check.

    ``prompt`` is exactly what is sent: template filled, turns wrapped, system text
    before the first turn. None means: not sent. The bounds are the widest of any
    dialect, and a dialect that takes less says so. Raises `InputError`.
    """

    model: str
    prompt: str
    max_tokens_to_sample: int = field(metadata={"bound": Bound(1, whole=True)})
    temperature: float | None = _number(0, 2)
    top_p: float | None = _number(0, 1)
    top_k: int | None = _number(0, whole=True)
    stop_sequences: tuple[str, ...] = ()
    betas: tuple[str, ...] = ()
    user_id: str | None = None
    seed: int | None = _number(0, whole=True)
    logprobs: int | None = _number(0, whole=True)
    """How many likeliest tokens to tell at each place; 0: the chosen one alone."""

    def __post_init__(self) -> None:
        _check_text("model", self.model, "name one, as in --model ngram-chat")
        _check_text("prompt", self.prompt, "write at least one character")
        for name, bound in BOUNDS.items():
            value = getattr(self, name)
            if value is not None or name == "max_tokens_to_sample":
                check_bound(name, value, bound)
        for stop in self.stop_sequences:
            _check_text("stop", stop, "give at least one character, or leave it out")
        for beta in self.betas:
            _check_beta(beta)
        if self.user_id is not None:
            _check_text("user_id", self.user_id, "give one, or leave it out")
            if len(self.user_id) > LONGEST_USER_ID:
                raise InputError(
                    f"user_id has {len(self.user_id)} characters; "
                    f"the API takes at most {LONGEST_USER_ID}."
                )


BOUNDS: Mapping[str, Bound] = {
    item.name: item.metadata["bound"]
    for item in fields(CompletionRequest)
    if item.metadata
}


def _check_text(name: str, value: object, remedy: str) -> None:
    if not isinstance(value, str) or not value:
        raise InputError(f"{name} is {value!r}; {remedy}.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name} has half a character at position {error.start} "
            f"({value[error.start]!r}); remove it."
        ) from error


def _check_beta(beta: object) -> None:
    good = isinstance(beta, str) and beta.isascii() and beta.isprintable()
    if not good or not beta or "," in str(beta) or " " in str(beta):
        raise InputError(
            f"beta is {beta!r}; give one flag in each --beta, "
            "such as context-1m-2025-08-07."
        )
