"""What passes between the rooms: request, endpoint, chunks, completion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple, get_args

from .counts import check_numbers, count_of, kept_logprob
from .errors import InputError
from .plain import by_name, plain, restored

Status = Literal["complete", "interrupted", "broken", "error"]


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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where, in which dialect, with whose key; never the key itself."""

    name: str
    base_url: str
    dialect: str
    """A name of `addresses.DIALECTS`."""
    key_variable: str | None = None
    """The environment variable that holds the key; None: it wants none."""
    key_required: bool = False
    extensions: bool = False
    """Whether it is one of ours and takes the ``jupyter-complete-…`` headers."""
    flavour: str = "other"
    """Which server it is, where the dialect differs: see `OpenAIDialect`."""
    both: bool = False
    """Whether it has chat and openai: turns go to one, raw text to the other."""

    @property
    def is_embedded(self) -> bool:
        """Whether it is in this process: it wants no key, and asking it is free."""
        return self.base_url.startswith("embedded:")

    @property
    def is_local(self) -> bool:
        """Whether a child of this process answers: its key is not the user's."""
        return self.base_url.startswith("local:")


class Usage(NamedTuple):
    """Tokens as the endpoint counted them; None where it did not tell."""

    input_tokens: int | None = None
    output_tokens: int | None = None


class HttpCall(NamedTuple):
    """One HTTP request, without host and key."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    notices: tuple[str, ...] = ()
    """What the dialect changed in the request, for the user to see."""


class Chunk(NamedTuple):
    """An increment of an answer, never the whole text."""

    text: str = ""
    stop_reason: str | None = None
    """``stop_sequence``, ``max_tokens`` or the endpoint's own word where it was told;
    chunks that come after it have no text, only counts."""
    stop: str | None = None
    usage: Usage | None = None
    raw: Mapping[str, Any] | None = None
    """The JSON this came from. A whole answer or event, as the endpoint sent it."""
    id: str | None = None
    model: str | None = None
    notice: str | None = None
    """Something the user should see, such as a refusal."""
    logprobs: tuple[TokenLogprob, ...] = ()
    ended: bool = False
    """Whether the answer ends here as its protocol ends, though no reason was told."""


class TokenLogprob(NamedTuple):
    """A token of an answer with its log-probability and the likeliest others."""

    token: str
    logprob: float | None
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion and all that is known of it; ``str()`` is the text.

    ``status`` is ``complete``, ``interrupted`` (the user stopped it), ``broken``
    (the answer was cut) or ``error``; in every case ``text`` is what arrived.
    """

    text: str
    request: CompletionRequest
    status: Status = "complete"
    model: str = ""
    """The model that answered; the one that was asked where the answer names none."""
    stop_reason: str | None = None
    stop: str | None = None
    id: str | None = None
    request_id: str | None = None
    usage: Usage | None = None
    seconds: float = 0.0
    first_token_seconds: float | None = None
    endpoint: str = ""
    dialect: str = ""
    attempts: int = 1
    notices: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)
    """The answer's JSON; of a stream, its events merged, the later field winning."""
    logprobs: tuple[TokenLogprob, ...] = ()
    http_status: int | None = None
    error_type: str | None = None
    error: str | None = None
    """The one line of the error, where ``status`` is ``broken`` or ``error``."""
    sample: int = 0
    history_id: int | None = None
    reused: bool = False
    """Whether it was answered from the history, without a call."""

    def __str__(self) -> str:
        return self.text

    @property
    def prompt(self) -> str:
        """The prompt, exactly as it was sent."""
        return self.request.prompt

    def to_record(self) -> dict[str, Any]:
        """Return everything as `plain` JSON; `from_record` gives an equal one."""
        record = {item.name: getattr(self, item.name) for item in fields(self)}
        record["request"] = by_name(self.request)
        record["usage"] = self.usage and self.usage._asdict()
        return {name: plain(value) for name, value in record.items()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Completion:
        """Return the completion of a record; fields of a later version are left out.

        Raises `InputError` for what is no record.
        """
        try:
            known = {item.name for item in fields(cls)}
            values = {k: restored(v) for k, v in record.items() if k in known}
            _check_kinds(values)
            values["request"] = _request(values["request"])
            values["usage"] = values.get("usage") and _usage(values["usage"])
            values["notices"] = tuple(values.get("notices", ()))
            values["logprobs"] = tuple(map(_logprob, values.get("logprobs", ())))
            return cls(**values)
        except _DAMAGE as error:
            raise InputError(
                f"The record of a completion is damaged ({error!r}); "
                "take it from another copy."
            ) from error


_DAMAGE = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


def _check_kinds(values: Mapping[str, Any]) -> None:
    kinds: Mapping[str, type] = {"text": str, "request": dict, "raw": dict}
    for name, kind in kinds.items():
        if name in values and not isinstance(values[name], kind):
            raise TypeError(f"{name} is {type(values[name]).__name__}")
    if values.get("status", "complete") not in get_args(Status):
        raise ValueError(f"status is {values['status']!r}")
    check_numbers(values)


def _request(record: Mapping[str, Any]) -> CompletionRequest:
    known = {item.name for item in fields(CompletionRequest)}
    values = {name: value for name, value in record.items() if name in known}
    for name in ("stop_sequences", "betas"):
        values[name] = tuple(values.get(name, ()))
    return CompletionRequest(**values)


def _logprob(record: Any) -> TokenLogprob:
    token, logprob, alternatives = record
    others = tuple((other, kept_logprob(number)) for other, number in alternatives)
    return TokenLogprob(token, logprob and kept_logprob(logprob), others)


def _usage(record: Mapping[str, Any]) -> Usage:
    return Usage(*map(count_of, Usage(**record)))
