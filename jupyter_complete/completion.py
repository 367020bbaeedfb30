"""What an endpoint answers: chunks as they come, the completion that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple, get_args

from .counts import check_numbers, count_of, kept_logprob
from .errors import CompleteError, InputError
from .plain import by_name, plain, restored
from .request import CompletionRequest

Status = Literal["complete", "interrupted", "broken", "error"]


class Usage(NamedTuple):
    """Tokens as the endpoint counted them; None where it did not tell."""

    input_tokens: int | None = None
    output_tokens: int | None = None


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


class Check(NamedTuple):
    """What came of one check of an answer."""

    what: str
    """What was looked for, as it was asked: ``contains:Paris``, ``words<=50``."""
    passed: bool | None
    """None: it could not be told."""
    got: str
    """What was there, in a line: the number, the text, or what a function gave."""

    def __str__(self) -> str:
        if self.passed:
            return f"✓ {self.what}"
        if self.passed is None:
            return f"? {self.what}: not checked ({self.got})"
        return f"✗ {self.what}: got {self.got or 'nothing'}"


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
    checks: tuple[Check, ...] = ()
    """What came of the checks that its cell asked for; the history has none."""
    cost: float | None = None
    """US dollars, by the price of a hosted model; None: not known, or nothing is paid.
    """

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
            values["checks"] = tuple(map(_check, values.get("checks", ())))
            return cls(**values)
        except _DAMAGE as error:
            raise InputError(
                f"The record of a completion is damaged ({error!r}); "
                "take it from another copy."
            ) from error


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: always with a completion, and with the error if it failed."""

    completion: Completion
    error: CompleteError | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """The answer's headers, of an error those of the pace; empty where none came."""


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


def _check(record: Any) -> Check:
    what, passed, got = record
    if not isinstance(passed, bool | None):
        raise TypeError(f"a check passed {passed!r}")
    return Check(str(what), passed, str(got))


def _usage(record: Mapping[str, Any]) -> Usage:
    return Usage(*map(count_of, Usage(**record)))
