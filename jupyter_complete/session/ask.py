"""One call, sent and gathered: chunks in, a completion and its error out.

What an endpoint is found to refuse is left out from then on.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..completion import Chunk, Completion, Outcome, Status, TokenLogprob, Usage
from ..errors import (
    Cancelled,
    CompleteError,
    IncompleteStream,
    InputError,
    ProtocolError,
)

if TYPE_CHECKING:
    from ..cancel import Cancel
    from ..client import Answer, Client
    from ..endpoint import Endpoint
    from ..errors import CompleteError
    from .plan import Call


OnText = Callable[[str], object]


class CompletionBuilder:
    """The answer so far: what arrived, when, and how it was asked for."""

    def __init__(self, call: Call, clock: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._clock = clock
        self._start = clock()
        self._first: float | None = None
        self._texts: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._stop_reason: str | None = None
        self._stop: str | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._usage: Usage | None = None
        self._raw: dict[str, Any] = {}
        self._notices: list[str] = [*call.notices]
        self._answer: Answer | None = None
        self._attempts = 0

    def text(self) -> str:
        """Return the text so far."""
        return "".join(self._texts)

    @property
    def begun(self) -> bool:
        """Whether the endpoint took the call: an answer began."""
        return self._answer is not None

    def answered(self, answer: Answer) -> None:
        """Note the answer whose chunks will follow."""
        self._answer = answer
        self._attempts += answer.attempts

    def failed(self, error: CompleteError) -> None:
        """Note what came in the place of an answer, or broke it off."""
        if self._answer is None:
            self._attempts += error.attempts or 0

    def tell(self, notices: Iterable[str]) -> None:
        """Add lines that the user should see."""
        self._notices.extend(notices)

    def take(self, chunk: Chunk, on_text: OnText | None) -> None:
        """Note a chunk and pass its text on."""
        if chunk.text:
            if self._first is None:
                self._first = self._clock()
            self._texts.append(chunk.text)
            if on_text:
                on_text(chunk.text)
        if chunk.logprobs:
            self._logprobs.extend(chunk.logprobs)
        if chunk.raw:
            self._raw.update(chunk.raw)
        if chunk.notice:
            self._notices.append(chunk.notice)
        self._stop_reason = chunk.stop_reason or self._stop_reason
        self._stop = chunk.stop or self._stop
        self._id = chunk.id or self._id
        self._model = chunk.model or self._model
        if chunk.usage:
            self._usage = _latest(self._usage, chunk.usage)

    def completion(
        self, status: Status, error: CompleteError | None = None
    ) -> Completion:
        """Return the completion as it stands now."""
        call, answer = self._call, self._answer
        failed = error or CompleteError("")
        return Completion(
            text=self.text(),
            request=call.request,
            status=status,
            model=self._model or call.request.model,
            stop_reason=self._stop_reason,
            stop=self._stop,
            id=self._id,
            request_id=answer.request_id if answer else failed.request_id,
            usage=self._usage,
            seconds=self._clock() - self._start,
            first_token_seconds=None
            if self._first is None
            else self._first - self._start,
            endpoint=call.endpoint.name,
            dialect=call.dialect.name,
            attempts=self._attempts or 1,
            notices=tuple(dict.fromkeys(self._notices)),
            raw=self._raw,
            logprobs=tuple(self._logprobs),
            http_status=answer.status if answer else failed.status,
            error_type=failed.type,
            error=str(error) if error else None,
            sample=call.sample,
            cost=call.price.of(self._usage) if call.price else None,
        )


def _latest(old: Usage | None, new: Usage) -> Usage:
    """Return the usage with each count the newest that was told."""
    if old is None:
        return new
    return Usage(
        old.input_tokens if new.input_tokens is None else new.input_tokens,
        old.output_tokens if new.output_tokens is None else new.output_tokens,
    )


def ask(
    call: Call,
    client: Client,
    builder: CompletionBuilder,
    *,
    on_text: OnText | None,
    cancel: Cancel,
    left_out: LeftOut,
    retries: int | None = None,
) -> Outcome:
    """Send the call and gather its answer, in this thread, until it ends.

    A call is sent once more without an optional field that the endpoint refuses, and
    ``left_out`` remembers it. Never raises for what the endpoint or the network did:
    the error is in the outcome, beside a completion with all that arrived.
    """
    here = left_out.applied(call)
    if here is not call:
        builder.tell(here.http().notices)
    send = functools.partial(
        _sent, client=client, builder=builder, on_text=on_text, cancel=cancel
    )
    outcome = send(here, retries=retries)
    while (less := leaner(here, outcome.error)) is not None:
        here, notice = less
        builder.tell([notice])
        outcome = send(here, retries=retries)
    if builder.begun:
        left_out.note(here)
    return outcome


def _sent(
    call: Call,
    *,
    client: Client,
    builder: CompletionBuilder,
    on_text: OnText | None,
    cancel: Cancel,
    retries: int | None,
) -> Outcome:
    """Send the call once, but for retries, and gather its answer."""
    headers: Mapping[str, str] = {}
    try:
        call.refuse_offline()
        with client.send(
            call.request,
            call.endpoint,
            call.dialect,
            stream=call.stream,
            cancel=cancel,
            retries=retries,
        ) as answer:
            builder.answered(answer)
            headers = answer.headers
            take: Iterable[Chunk] = answer
            for chunk in take:
                builder.take(chunk, on_text)
    except Cancelled:
        return Outcome(builder.completion("interrupted"), None, headers)
    except CompleteError as error:
        if error.partial and not builder.text():
            builder.take(Chunk(error.partial), on_text)
        builder.failed(error)
        began = isinstance(error, IncompleteStream) or builder.text()
        completion = builder.completion("broken" if began else "error", error)
        error.completion = completion
        error.partial = completion.text
        return Outcome(completion, error, headers or error.headers)
    return Outcome(builder.completion("complete"), None, headers)


_REFUSALS = (400, 422)


class LeftOut:
    """The fields that endpoints refused, for as long as a session lasts."""

    def __init__(self) -> None:
        self._fields: dict[tuple[str, str], frozenset[str]] = {}

    def of(self, endpoint: Endpoint) -> frozenset[str]:
        """Return the fields that are left out there, in the endpoint's dialect."""
        return self._fields.get((endpoint.base_url, endpoint.dialect), frozenset())

    def note(self, call: Call) -> None:
        """Note that the endpoint answered the call, which left out what it leaves."""
        if fields := call.dialect.left_out:
            place = (call.endpoint.base_url, call.endpoint.dialect)
            self._fields[place] = self.of(call.endpoint) | fields

    def applied(self, call: Call) -> Call:
        """Return the call without what its endpoint was found to refuse."""
        fields = self.of(call.endpoint)
        return _without(call, fields) if fields else call


def leaner(call: Call, error: CompleteError | None) -> tuple[Call, str] | None:
    """Return the call without the field that an error refuses, and a notice of it.

    None where the error refuses none that could be left out.
    """
    if error is None or error.status not in _REFUSALS:
        return None
    field = call.dialect.field_named(str(error), call.request, stream=call.stream)
    if field is None:
        return None
    notice = f"The endpoint refused {field}, so it was asked again without: {error}"
    return _without(call, frozenset({field})), notice


def _without(call: Call, fields: frozenset[str]) -> Call:
    return replace(call, dialect=call.dialect.without(fields))


def templated(call: Call, client: Client) -> str:
    """Return the prompt as the model's chat template writes it.

    Raises `InputError` where the endpoint does not tell it, and as `Client.send`.
    """
    asked = call.dialect.template(call.request)
    if asked is None:
        raise InputError(
            f"The endpoint {call.endpoint.name} tells no template of this prompt: "
            "llama.cpp does, of one with turns; leave out --show-prompt."
        )
    body, _ = client.json(asked, call.endpoint, call.dialect)
    if not isinstance(body, dict) or not isinstance(body.get("prompt"), str):
        raise ProtocolError(
            f"The endpoint {call.endpoint.name} told no prompt; drop --show-prompt."
        )
    return str(body["prompt"])


def count(call: Call, client: Client) -> int:
    """Return how many tokens the call's prompt has, as its endpoint counts.

    Raises `InputError` where the endpoint does not count, and as `Client.send`.
    """
    asked = call.dialect.count(call.request)
    if asked is None:
        raise InputError(
            f"The endpoint {call.endpoint.name} counts no tokens; the prompt has "
            f"{len(call.request.prompt)} characters."
        )
    call.refuse_offline()
    body, _ = client.json(asked, call.endpoint, call.dialect)
    return call.dialect.counted(body)
