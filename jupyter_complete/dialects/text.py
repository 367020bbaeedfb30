"""The Text Completions API, ``POST /v1/complete``: this project's native one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ..catalog import Model
from ..catalog.listing import Spoken
from ..completion import Chunk
from ..endpoint import DIALECTS, Endpoint, HttpCall, InCode
from ..errors import EndpointError, InputError, ProtocolError
from ..request import Bound, CompletionRequest, check_bound
from . import Dialect, Event, Options
from .faults import endpoint_error, error_in
from .logprobs import logprobs_of
from .refused import not_taken
from .wire import (
    DONE,
    NO_REASON,
    compact,
    name_of,
    parse_event,
    parse_object,
    stop_reason_of,
    usage_of,
)

TITLE = "the Text Completions API"
TAKES = ("temperature", "top_k", "top_p")
"""The sampling parameters that are sent, each under its own name."""
EXTRAS = ("seed", "logprobs")
"""Those that only a server of ours takes, in headers."""


@dataclass(frozen=True, slots=True)
class TextDialect(Dialect):
    """The Text Completions API."""

    version: str = "2023-06-01"
    extensions: bool = False
    """Whether the endpoint is one of ours, which has a seed."""

    name: ClassVar[str] = "text"
    models_query: ClassVar[Mapping[str, str]] = {"limit": "1000"}
    in_code: ClassVar[InCode] = InCode(
        '["completion"]',
        "anthropic",
        '"anthropic==0.125.0", the last with text completions',
        "Anthropic",
        "/v1/complete",
        "completions.create",
        "answer.completion",
        'event.completion, end=""',
        frozenset(
            {
                *("max_tokens_to_sample", "model", "prompt", "metadata"),
                *("stop_sequences", "stream", "temperature", "top_k", "top_p"),
            }
        ),
    )

    @classmethod
    def at(cls, endpoint: Endpoint, _: Model | None, options: Options) -> Self:
        """Return the dialect as an endpoint has it."""
        return cls(options.version, endpoint.extensions)

    @classmethod
    def recognise(
        cls, _: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Spoken | None:
        """Return what a server speaks, if it is one of ours."""
        ours = any(name.startswith("jupyter-complete") for name in headers)
        return Spoken(cls.name, extensions=True) if ours else None

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return the version, and the key if there is one."""
        version = {"anthropic-version": self.version}
        return version if key is None else {**version, "x-api-key": key}

    def encode(self, request: CompletionRequest, *, stream: bool) -> HttpCall:
        """Return the HTTP request, its body in the order of the official client."""
        if request.temperature is not None:
            bound = Bound(0, 1)
            check_bound("temperature", request.temperature, bound, f" for {TITLE}")
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            **self.headers(None),
        }
        if request.betas:
            headers["anthropic-beta"] = ",".join(dict.fromkeys(request.betas))
        ours = EXTRAS if self.extensions else ()
        for name, value in not_taken(request, (*TAKES, *ours)).items():
            raise InputError(
                f"{name} is {value}, but {TITLE} has none; leave it out, "
                "or use an endpoint that has one, such as embedded."
            )
        for name in ours:
            if (value := getattr(request, name)) is not None:
                headers[f"jupyter-complete-{name.replace('_', '-')}"] = str(value)
        user = request.user_id
        body = {
            "max_tokens_to_sample": request.max_tokens_to_sample,
            "model": request.model,
            "prompt": request.prompt,
            "metadata": None if user is None else {"user_id": user},
            "stop_sequences": list(request.stop_sequences) or None,
            "stream": stream or None,
            **{name: getattr(request, name) for name in TAKES},
        }
        return HttpCall("POST", DIALECTS[self.name], headers, compact(body))

    def decode(self, body: bytes) -> Sequence[Chunk]:
        """Return a whole answer as its one chunk."""
        answer = parse_object(body)
        if error := error_in(answer):
            raise error
        return (_chunk(answer),)

    def decode_stream(self, events: Iterable[Event]) -> Iterator[Chunk]:
        """Yield a streamed answer's chunks, up to the one with the stop reason."""
        begun = False
        for event in events:
            if event.data.strip() == DONE:
                if begun:
                    yield Chunk(notice=NO_REASON, ended=True)
                return
            chunk = _chunk_of_event(event)
            if chunk is None:
                continue
            begun = True
            yield chunk
            if chunk.stop_reason is not None:
                return

    def decode_error(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> EndpointError:
        """Return the error of an answer whose status is not 200."""
        return endpoint_error(status, headers, body)


DIALECT = TextDialect


def _chunk_of_event(event: Event) -> Chunk | None:
    """Return an event's chunk; None for a ping, an unknown or unfinished event."""
    if event.name not in ("completion", "message", "error"):
        return None
    answer = parse_event(event)
    if answer is None:
        return None
    if error := error_in(answer, named=event.name == "error"):
        raise error
    if "completion" not in answer:
        # Nameless pings are `{}`; the documentation asks to ignore unknown events.
        if event.name == "completion":
            _chunk(answer)
        return None
    chunk = _chunk(answer)
    return chunk if event.whole or chunk.stop_reason is not None else None


def _chunk(answer: Mapping[str, Any]) -> Chunk:
    text = answer.get("completion")
    if not isinstance(text, str):
        raise ProtocolError(
            f"The endpoint's answer has no text in its field completion ({text!r}); "
            f"check that it speaks {TITLE}."
        )
    return Chunk(
        text,
        stop_reason_of(answer.get("stop_reason")),
        name_of(answer.get("stop")),
        usage_of(answer.get("usage")),
        answer,
        name_of(answer.get("id")),
        name_of(answer.get("model")),
        None,
        logprobs_of(answer.get("logprobs")),
    )
