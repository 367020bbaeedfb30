"""The Messages API, ``POST /v1/messages``: the same prompt, turn by turn.

The text before the first turn is the system prompt, each turn is a message, and text
after the last ``Assistant:`` is the start of the answer. "Migrating from Text
Completions" in the vendor's documentation has the outline; what a text completion
has and a message has not is said, never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from ..catalog import Model
from ..catalog.listing import Spoken
from ..completion import Chunk
from ..endpoint import DIALECTS, Endpoint, HttpCall, InCode
from ..errors import EndpointError, ProtocolError
from ..prompts import HUMAN
from ..request import Bound, CompletionRequest, check_bound
from . import Dialect, Event, Options
from .conversation import TITLE, Conversation, conversation_of
from .faults import endpoint_error, error_in
from .message import Message
from .refused import Refused, not_taken
from .wire import (
    DONE,
    first_model,
    json_call,
    name_of,
    parse_event,
    parse_object,
    usage_of,
)

TAKES = ("temperature", "top_k", "top_p")
"""The sampling parameters that are sent, each under its own name."""
NO_SAMPLING = "2026-10-21"
"""The version from which no model takes any of them."""


@dataclass(frozen=True, slots=True)
class MessagesDialect(Dialect):
    """The Messages API in one of its versions, for one model.

    ``model`` is what the catalogue knows of it; None lets everything pass.
    ``unsupported`` says what becomes of a parameter that the model refuses: ``error``
    is an `InputError`, ``drop`` leaves it out with a notice.
    """

    version: str = "2023-06-01"
    unsupported: str = "error"
    model: Model | None = None
    spaced: bool = False
    """Whether an answer begins with a space, as a text completion does after
    ``Assistant:``; `for_request` knows."""

    name: ClassVar[str] = "messages"
    models_query: ClassVar[Mapping[str, str]] = {"limit": "1000"}
    in_code: ClassVar[InCode] = InCode(
        '["content"][0]["text"]',
        "anthropic",
        '"anthropic==0.125.0"',
        "Anthropic",
        "/v1/messages",
        "messages.create",
        "answer.content",
        "event",
        frozenset(
            {
                *("max_tokens", "messages", "model", "metadata", "stop_sequences"),
                *("stream", "system", "temperature", "thinking", "top_k", "top_p"),
            }
        ),
    )

    @classmethod
    def at(cls, _: Endpoint, model: Model | None, options: Options) -> Self:
        """Return the dialect for a model."""
        return cls(options.version, options.unsupported, model)

    @classmethod
    def recognise(cls, page: Mapping[str, Any], _: Mapping[str, str]) -> Spoken | None:
        """Return what a server speaks, if its list, or its error, is the API's."""
        refusal = page.get("type") == "error" and isinstance(page.get("error"), Mapping)
        listed = "has_more" in page or first_model(page).get("type") == "model"
        return Spoken(cls.name) if listed or refusal else None

    def for_request(self, request: CompletionRequest) -> Self:
        """Return this dialect as it reads the answer to a request."""
        conversation = conversation_of(request.prompt)
        kept = conversation.prefill and (self.model is None or self.model.prefill)
        return replace(self, spaced=not kept)

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return the version, and the key if there is one."""
        version = {"anthropic-version": self.version}
        return version if key is None else {**version, "x-api-key": key}

    def encode(self, request: CompletionRequest, *, stream: bool) -> HttpCall:
        """Return the HTTP request; its notices say what is not as it was asked."""
        refused = Refused(self.unsupported)
        conversation = self._allowed(conversation_of(request.prompt), refused)
        user = request.user_id
        body = {
            "model": request.model,
            "max_tokens": self._max_tokens(request, refused),
            **conversation.body(),
            "metadata": None if user is None else {"user_id": user},
            "stop_sequences": _stops(request, refused),
            "stream": stream or None,
            "thinking": self._thinking(),
            **self._sampling(request, refused),
        }
        for name, value in not_taken(request, TAKES).items():
            refused.leave_out(f"{name} is {value}, but {TITLE} has none", "unset it")
        return self._call(DIALECTS[self.name], request, body, refused.notices)

    def count(self, request: CompletionRequest) -> HttpCall:
        """Return the HTTP request that counts a prompt's tokens."""
        refused = Refused(self.unsupported)
        conversation = self._allowed(conversation_of(request.prompt), refused)
        body = {
            "model": request.model,
            **conversation.body(),
            "thinking": self._thinking(),
        }
        path = f"{DIALECTS[self.name]}/count_tokens"
        return self._call(path, request, body, refused.notices)

    def decode(self, body: bytes) -> Sequence[Chunk]:
        """Return a whole answer as its one chunk."""
        answer = parse_object(body)
        if error := error_in(answer):
            raise error
        blocks = answer.get("content")
        if not isinstance(blocks, list):
            raise ProtocolError(
                f"The endpoint's answer has no content; check that it speaks {TITLE}."
            )
        reading = Message(spaced=self.spaced)
        for block in blocks:
            reading.open(block)
        chunk = Chunk(
            reading.text,
            usage=usage_of(answer.get("usage")),
            raw=answer,
            id=name_of(answer.get("id")),
            model=name_of(answer.get("model")),
        )
        return (reading.end(reading.told(chunk, answer)),)

    def decode_stream(self, events: Iterable[Event]) -> Iterator[Chunk]:
        """Yield a streamed answer's chunks; the stop reason comes with the last."""
        reading = Message(spaced=self.spaced)
        for event in events:
            # Some gateways end it as OpenAI does.
            done = event.data.strip() == DONE
            answer = {"type": "message_stop"} if done else parse_event(event)
            if answer is None:
                continue
            if error := error_in(answer, named=event.name == "error"):
                raise error
            kind = answer.get("type", event.name)
            if kind == "message_stop":
                if reading.unexplained:
                    yield reading.end(Chunk())
                return
            chunk = reading.take(kind, answer)
            if chunk is not None:
                yield chunk

    def decode_error(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> EndpointError:
        """Return the error of an answer whose status is not 200."""
        return endpoint_error(status, headers, body)

    def _call(
        self,
        path: str,
        request: CompletionRequest,
        body: Mapping[str, Any],
        notices: Sequence[str],
    ) -> HttpCall:
        headers = dict(self.headers(None))
        if request.betas:
            headers["anthropic-beta"] = ",".join(dict.fromkeys(request.betas))
        return json_call(path, body, notices, **headers)

    def _allowed(self, conversation: Conversation, refused: Refused) -> Conversation:
        """Return the conversation without a start of the answer that is refused."""
        prefill = conversation.prefill
        if not prefill or self.model is None or self.model.prefill:
            return conversation
        refused.leave_out(
            f"The prompt has text after the last Assistant: ({prefill[:40]!r}), and "
            f"{self.model.id} does not continue one",
            "end the prompt with Assistant: alone, or name a model that does, see "
            "%complete_models",
        )
        return conversation._replace(messages=conversation.messages[:-1])

    def _max_tokens(self, request: CompletionRequest, refused: Refused) -> int:
        wanted = request.max_tokens_to_sample
        most = self.model.output_tokens if self.model else None
        if most is None or wanted <= most:
            return wanted
        refused.notices.append(
            f"max_tokens is {wanted}, and {request.model} writes at most {most}: "
            f"{most} was sent."
        )
        return most

    def _thinking(self) -> dict[str, str] | None:
        """Turn off what a text completion never had, where it can be turned off."""
        optional = self.model is not None and self.model.thinking == "optional"
        return {"type": "disabled"} if optional else None

    def _sampling(
        self, request: CompletionRequest, refused: Refused
    ) -> dict[str, float]:
        given = {
            name: value
            for name in TAKES
            if (value := getattr(request, name)) is not None
        }
        if "temperature" in given:
            bound = Bound(0, 1)
            check_bound("temperature", given["temperature"], bound, f" for {TITLE}")
        takes = self.model.sampling if self.model else "both"
        who = request.model
        if self.version >= NO_SAMPLING:
            takes, who = "none", f"version {self.version} of {TITLE}"
        if takes == "none":
            for name, value in given.items():
                refused.leave_out(
                    f"{name} is {value}, and {who} takes none", "unset it"
                )
            return {}
        if takes == "either" and {"temperature", "top_p"} <= set(given):
            refused.leave_out(
                f"top_p is {given.pop('top_p')} beside temperature "
                f"{given['temperature']}, and {who} takes only one of them",
                "unset one",
            )
        return given


DIALECT = MessagesDialect


def _stops(request: CompletionRequest, refused: Refused) -> list[str]:
    """Return the stop sequences, with the one that the text completions API adds."""
    stops = []
    for stop in request.stop_sequences:
        if stop.strip():
            stops.append(stop)
        else:
            refused.leave_out(
                f"stop is {stop!r}, and {TITLE} takes none of white space alone",
                "give one with a character to see",
            )
    return list(dict.fromkeys((*stops, HUMAN)))
