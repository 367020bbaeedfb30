"""OpenAI's completions API, ``POST /v1/completions``, as the servers of today have it.

The servers differ in what they take, in their defaults, and in how they tell an error
inside a stream. What was left out is not sent, but to those whose own defaults would
reshape the text: these get neutral values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from ..catalog import Model
from ..catalog.listing import Spoken
from ..completion import Chunk
from ..endpoint import DIALECTS, Endpoint, HttpCall, InCode
from ..errors import EndpointError, InputError, ProtocolError
from ..prompts import HUMAN
from ..request import Bound, CompletionRequest, check_bound
from . import MOST_LOGPROBS, Dialect, Event, Options
from .choice import Choice
from .faults import endpoint_error, error_in
from .refused import Refused, not_taken
from .servers import ALL, TITLES, misread, spoken_of
from .wire import DONE, json_call, parse_event, parse_object

MOST_STOPS = 4
"""What OpenAI takes; the rest is cut here."""
TAKES: Mapping[str, frozenset[str]] = {
    "temperature": ALL,
    "top_p": ALL,
    "top_k": frozenset({"vllm", "llamacpp", "lmstudio", "openrouter", "together"}),
    "seed": ALL,
    "logprobs": ALL - {"ollama", "lmstudio"},
}
"""The parameters that are sent, and the flavours that take each."""
# What users set, of the fields that are left out where an endpoint refuses them.
_PARAMETERS = {"seed": "seed", "user": "user_id"}
# Sent to those that have defaults of their own, or the model's, in the place of what
# was left out: llama.cpp has temperature 0.8 and top_p 0.95.
_NEUTRAL = {"temperature": 1.0, "top_p": 1.0}
_NEUTRALS: Mapping[str, Mapping[str, Any]] = {
    "vllm": _NEUTRAL,
    "llamacpp": {
        **_NEUTRAL,
        "top_k": 0,
        "min_p": 0,
        # in this order, and none of its others
        "samplers": ["temperature", "top_k", "top_p", "min_p"],
    },
    "ollama": _NEUTRAL,
    "lmstudio": _NEUTRAL,
}
# llama.cpp tells no probabilities beside half a character, or the end.
_VISIBLE = "root ::= [ -~]+"
MOST_OF_LLAMACPP = 1000
# How many of the likeliest tokens a server tells, where it is not the usual number.
_MOST: Mapping[str, int] = {"openai": 5, "other": 5, "llamacpp": MOST_OF_LLAMACPP}


@dataclass(frozen=True, slots=True)
class OpenAIDialect(Dialect):
    """OpenAI's completions API, in the flavour of one server.

    ``flavour`` is a name of `servers.TITLES`. ``unsupported`` says what becomes of a
    parameter that it has not: ``error`` is an `InputError`, ``drop`` leaves it out
    with a notice.
    """

    unsupported: str = "error"
    flavour: str = "other"
    stops: tuple[str, ...] = ()
    """What ends an answer, cut again here, as some servers leave it in the text;
    `for_request` knows."""

    left_out: frozenset[str] = frozenset()
    """Fields that this endpoint was found to refuse: see `field_named`."""
    looks: bool = False
    """Whether the one token that is asked for may be any: see `for_look`."""

    name: ClassVar[str] = "openai"
    wants_turns: ClassVar[bool] = False
    most: ClassVar[Mapping[str, int]] = _MOST
    in_code: ClassVar[InCode] = InCode(
        '["choices"][0]["text"]',
        "openai",
        "openai",
        "OpenAI",
        "/completions",
        "completions.create",
        "answer.choices[0].text",
        'event.choices[0].text if event.choices else "", end=""',
        frozenset(
            {
                *("model", "prompt", "max_tokens", "temperature", "top_p", "stop"),
                *("seed", "logprobs", "user", "stream", "stream_options"),
            }
        ),
    )

    @classmethod
    def at(cls, endpoint: Endpoint, _: Model | None, options: Options) -> Self:
        """Return the dialect in the flavour of an endpoint."""
        return cls(options.unsupported, endpoint.flavour, left_out=options.left_out)

    @classmethod
    def recognise(
        cls, page: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Spoken | None:
        """Return what a server speaks, if its list, or its error, is of this kind."""
        return spoken_of(page, headers)

    @property
    def most_logprobs(self) -> int:
        """How many of the likeliest tokens the server tells."""
        return self.most.get(self.flavour, MOST_LOGPROBS)

    def without(self, fields: frozenset[str]) -> Self:
        """Return this dialect, leaving out the fields too."""
        return replace(self, left_out=self.left_out | fields)

    def for_request(self, request: CompletionRequest) -> Self:
        """Return this dialect as it reads the answer to a request."""
        return replace(self, stops=_stops(request))

    def for_look(self) -> Self:
        """Return this dialect as it asks what may come next."""
        return replace(self, looks=self.flavour == "llamacpp")

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return the key, if there is one."""
        return {} if key is None else {"Authorization": f"Bearer {key}"}

    def encode(self, request: CompletionRequest, *, stream: bool) -> HttpCall:
        """Return the HTTP request; its notices say what is not as it was asked."""
        refused = Refused(self.unsupported)
        if request.betas:
            what = f"beta is {', '.join(request.betas)}, and {self._who} has no betas"
            refused.leave_out(what, "unset it")
        body = {
            **self._fields(request, refused),
            "grammar": _VISIBLE if self.looks else None,
            "stream": stream or None,
            "stream_options": {"include_usage": True} if stream else None,
        }
        for field in sorted(self.left_out):
            value = body.pop(field, None)
            if value is not None and field in _PARAMETERS:
                refused.notices.append(
                    f"{_PARAMETERS[field]} is {value}, and this endpoint refused it: "
                    "left out."
                )
        return json_call(self._path(request), body, refused.notices)

    def count(self, request: CompletionRequest) -> HttpCall | None:
        """Return the HTTP request that counts a prompt's tokens; llama.cpp has one."""
        body = {"content": request.prompt, "add_special": True}
        return json_call("/tokenize", body) if self.flavour == "llamacpp" else None

    def decode(self, body: bytes) -> Sequence[Chunk]:
        """Return a whole answer's chunks."""
        answer = parse_object(body)
        if error := error_in(answer):
            raise error
        if not answer.get("choices"):
            raise ProtocolError(
                "The endpoint's answer has no choices; check its URL and that it "
                f"speaks {self.name}."
            )
        choice = self._reading(streamed=False)
        return (*choice.take(answer), *choice.end())

    def decode_stream(self, events: Iterable[Event]) -> Iterator[Chunk]:
        """Yield a streamed answer's chunks; the token counts may follow the last."""
        choice = self._reading(streamed=True)
        for event in events:
            if event.data.strip() == DONE:
                yield from choice.end()
                return
            answer = parse_event(event)
            if answer is None:
                continue
            if error := error_in(answer, named=event.name == "error"):
                yield from choice.rest()
                raise error
            yield from choice.take(answer)
            if choice.overrun:
                return
        yield from choice.rest()

    def decode_error(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> EndpointError:
        """Return the error of an answer whose status is not 200."""
        ids = ("x-request-id", "request-id")
        return endpoint_error(status, headers, body, ids)

    def field_named(
        self, refusal: str, request: CompletionRequest, *, stream: bool
    ) -> str | None:
        """Return the field that a refusal names, of those that may be left out.

        None if it names none that was sent. That these are left out is always said,
        and no error whatever ``unsupported`` is: that they are refused is known too
        late for one.
        """
        sent = {
            "stream_options": stream,
            "seed": request.seed is not None,
            "user": request.user_id is not None,
        }
        named = (
            field
            for field in sent
            if sent[field] and field not in self.left_out
            if re.search(rf"(?<!\w){field}(?!\w)", refusal)
        )
        return next(named, None)

    @property
    def _who(self) -> str:
        return TITLES.get(self.flavour, TITLES["other"])

    def _path(self, request: CompletionRequest) -> str:  # noqa: ARG002
        return DIALECTS[self.name]

    def _reading(self, *, streamed: bool) -> Choice:  # noqa: ARG002
        """Return what reads an answer."""
        return Choice(self.stops)

    def _fields(self, request: CompletionRequest, refused: Refused) -> dict[str, Any]:
        """Return the fields of a request, but those of a stream."""
        sampling = self._sampling(request, refused)
        seed, logprobs = (sampling.pop(name, None) for name in ("seed", "logprobs"))
        return {
            "model": request.model,
            "prompt": request.prompt,
            "max_tokens": request.max_tokens_to_sample,
            **sampling,
            "stop": self._sent_stops(request, refused),
            "seed": seed,
            "logprobs": self._logprobs(logprobs),
            "user": request.user_id,
        }

    def _takes(self) -> list[str]:
        """Return the names of the parameters that are sent."""
        return [name for name, who in TAKES.items() if self.flavour in who]

    def _without(self, name: str) -> str:  # noqa: ARG002
        """Return who has no parameter of that name."""
        return self._who

    def _sampling(self, request: CompletionRequest, refused: Refused) -> dict[str, Any]:
        """Return what shapes the text, neutral values among it."""
        takes = self._takes()
        given = {
            name: value
            for name in takes
            if (value := getattr(request, name)) is not None
        }
        for name, why, remedy in misread(self.flavour, dict(given)):
            refused.leave_out(
                f"{name} is {given.pop(name)}, and {self._who} {why}", remedy
            )
        for name, value in not_taken(request, takes).items():
            refused.leave_out(
                f"{name} is {value}, and {self._without(name)} has none", "unset it"
            )
        return {**_NEUTRALS.get(self.flavour, {}), **given}

    def _logprobs(self, wanted: int | None) -> int | None:
        if wanted is not None and self.flavour == "openai":
            check_bound("logprobs", wanted, Bound(0, 5, whole=True), " for OpenAI")
        if wanted is None or self.flavour != "llamacpp":
            return wanted
        return max(wanted, 1)

    def _sent_stops(self, request: CompletionRequest, _: Refused) -> list[str]:
        if self.flavour != "openai":
            return list(_stops(request))
        if len(request.stop_sequences) > MOST_STOPS:
            raise InputError(
                f"stop is given {len(request.stop_sequences)} times, and OpenAI "
                f"takes at most {MOST_STOPS}; leave some out."
            )
        return list(_stops(request))[:MOST_STOPS]


DIALECT = OpenAIDialect


def _stops(request: CompletionRequest) -> tuple[str, ...]:
    """Return the stop sequences, with the one that the text completions API adds."""
    return tuple(dict.fromkeys((*request.stop_sequences, HUMAN)))
