"""A WSGI app that serves language models as the Text Completions API does.

``POST /v1/complete``, whole and streamed, ``GET /v1/models``, ``GET /v1/models/{id}``.
What it adds to that API, for clients that look for it:

- every answer has the header ``jupyter-complete``, the version of this package;
- the request header ``jupyter-complete-seed: N`` makes the completion repeatable;
- the request header ``jupyter-complete-logprobs: N`` (0 to 20) adds ``logprobs`` to
  each event, or to the whole answer: for each token shown
  ``{"token": text, "logprob": number, "alternatives": [[text, number], ...]}`` with
  the N likeliest tokens in its place, natural logarithms;
- the last event, or the whole answer, has ``usage`` with ``input_tokens`` and
  ``output_tokens``.

The server may put ``jupyter_complete.client_gone`` into the environ, a callable that
tells whether the client has left: an answer that is not streamed then ends early.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..completion import TokenLogprob
from ..errors import BadRequestError, CompleteError, InputError
from ..language_model import LanguageModel
from ..prompts import HUMAN, refusals, sanitise
from ..stops import StopFinder
from ..version import __version__
from .answers import (
    Chunks,
    CompletionChunk,
    Wire,
    completion_chunks,
    dumps,
    error_body,
    error_event,
    with_pings,
)
from .hosts import Hosts
from .listing import model_info, page_of
from .outgoing import REASONS
from .validation import (
    CompletionBody,
    Refused,
    content_length,
    invalid,
    read_body,
    read_completion_body,
    read_extras,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

__all__ = ["LanguageModel", "make_app"]

GONE_EVERY = 16
"""Tokens of a whole answer between two looks whether the client is there."""
GONE_SECONDS = 0.25
"""The same where no token comes."""
LONGEST_TOKEN = 64
"""Characters. A prompt of more of these than the context has tokens is not counted."""

_LOG = logging.getLogger(__name__)


def make_app(
    models: Mapping[str, LanguageModel],
    *,
    key: str | None = None,
    hosts: Hosts | None = None,
    ping_seconds: float | None = None,
) -> WSGIApplication:
    """Return the app that serves these models, by the ids they have here.

    With a ``key``, a request must bring it, as ``x-api-key`` or ``Authorization:
    Bearer``; with ``hosts``, name one of them, and come from no page of another.
    ``ping_seconds``: send a ping when a token takes longer than this; None sends
    none, and asks the model in the caller's own thread, as suits a client in it.
    """
    return _App(models, key.encode() if key else None, hosts, ping_seconds)


@dataclass(frozen=True, slots=True, repr=False)
class _Answer:
    status: int
    body: Iterable[bytes]
    content_type: str = "application/json"
    allow: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class _App:
    models: Mapping[str, LanguageModel]
    key: bytes | None
    hosts: Hosts | None
    ping_seconds: float | None

    def __call__(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        request_id = f"req_{uuid4().hex[:24]}"
        with_body = environ.get("REQUEST_METHOD") != "HEAD"
        try:
            answer = self._answer(environ, request_id)
        except Refused as refused:
            body = error_body(refused.type, str(refused), request_id)
            answer = _Answer(refused.status, [body], allow=refused.allow)
        headers = [
            ("Content-Type", answer.content_type),
            ("request-id", request_id),
            ("jupyter-complete", __version__),
        ]
        if isinstance(answer.body, list):
            length = sum(map(len, answer.body))
            headers.append(("Content-Length", str(length)))
        else:
            headers.append(("Cache-Control", "no-cache"))
        if answer.allow:
            headers.append(("Allow", answer.allow))
        start_response(f"{answer.status} {REASONS[answer.status]}", headers)
        return answer.body if with_body else []

    def _answer(self, environ: dict[str, Any], request_id: str) -> _Answer:
        length = content_length(environ)
        self.check_head(environ)
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if path == "/v1/complete":
            _check_method(method, "POST", path)
            extras = read_extras(environ)
            body = read_completion_body(read_body(environ, length))
            return self._complete(environ, body, extras, request_id)
        if path == "/v1/models" or path.startswith("/v1/models/"):
            _check_method(method, "GET", path)
            read_extras(environ)
            if path == "/v1/models":
                return _json(page_of(self.models, environ.get("QUERY_STRING", "")))
            raw = path.removeprefix("/v1/models/").encode("latin-1", "replace")
            name = raw.decode(errors="replace")
            return _json(model_info(name, self._known(name)))
        raise Refused(404, "not_found_error", f"path: {path} is not served here")

    def check_head(self, environ: Mapping[str, Any]) -> None:
        """Raise `Refused` for what is refused whatever the body: see `serve`."""
        if self.hosts is not None:
            self.hosts.check(environ)
        self._check_key(environ)

    def _check_key(self, environ: Mapping[str, Any]) -> None:
        if self.key is None:
            return
        bearer = environ.get("HTTP_AUTHORIZATION", "")
        given = [environ.get("HTTP_X_API_KEY", "")]
        if bearer[:7].lower() == "bearer ":
            given.append(bearer[7:].strip())
        if not any(given):
            missing = "x-api-key: header is required (or Authorization: Bearer)"
            raise Refused(401, "authentication_error", missing)
        # Both are compared, in constant time, so that the answer's time tells nothing.
        sent = [value.encode("latin-1", "replace") for value in given]
        good = [hmac.compare_digest(value, self.key) for value in sent]
        if not any(good):
            raise Refused(401, "authentication_error", "x-api-key: invalid key")

    def _known(self, name: str) -> LanguageModel:
        if name not in self.models:
            raise Refused(404, "not_found_error", f"model: {name[:200]}")
        return self.models[name]

    def _complete(
        self,
        environ: Mapping[str, Any],
        body: CompletionBody,
        extras: Mapping[str, Any],
        request_id: str,
    ) -> _Answer:
        model = self._known(body.model)
        prompt = _checked_prompt(body.prompt, turns=model.wants_turns)
        try:
            size = _size(prompt, model)
            room = min(model.output_tokens, model.context_tokens - size)
            body = replace(body, prompt=prompt, max_tokens=min(body.max_tokens, room))
            chunks = self._chunks(model, body, extras)
        except Refused:
            raise
        except Exception as error:
            raise _failure(error, request_id) from error
        wire = Wire(
            answer_id=f"compl_{uuid4().hex[:24]}", model=body.model, input_tokens=size
        )
        if body.stream:
            events = _guarded(wire.stream(chunks), chunks, request_id)
            return _Answer(200, events, "text/event-stream; charset=utf-8")
        gone = environ.get("jupyter_complete.client_gone", bool)
        with closing(chunks):
            return _whole(wire, chunks, gone, request_id)

    def _chunks(
        self, model: LanguageModel, body: CompletionBody, extras: Mapping[str, Any]
    ) -> Chunks:
        tokens: Iterator[TokenLogprob | None] = model.generate(
            body.prompt,
            max_tokens=body.max_tokens,
            temperature=body.temperature,
            top_k=body.top_k,
            top_p=body.top_p,
            **extras,
        )
        if seconds := self.ping_seconds:
            tokens = with_pings(tokens, seconds if body.stream else GONE_SECONDS)
        return completion_chunks(
            tokens,
            StopFinder((HUMAN, *body.stop_sequences)),
            body.max_tokens,
            end=HUMAN if model.wants_turns else None,
            logprobs="logprobs" in extras,
        )


def _json(value: object) -> _Answer:
    return _Answer(200, [dumps(value)])


def _check_method(method: str, wanted: str, path: str) -> None:
    if method != wanted:
        raise Refused(
            405,
            "invalid_request_error",
            f"method: {path} takes {wanted}, not {method[:20]}",
            allow=wanted,
        )


def _checked_prompt(prompt: str, *, turns: bool) -> str:
    if not turns:
        return prompt
    for refusal in refusals(prompt):
        raise invalid(f"prompt: {refusal.message}")
    return sanitise(prompt)


def _size(prompt: str, model: LanguageModel) -> int:
    """Return the tokens of a prompt. Raises `Refused` if no answer fits behind it."""
    most = model.context_tokens - 1
    if len(prompt) > LONGEST_TOKEN * most:
        raise invalid(f"prompt: is too long: over {most} tokens")
    size = model.count_tokens(prompt)
    if size > most:
        message = f"has {size} tokens, and {model.name} takes at most {most}"
        raise invalid(f"prompt: is too long: it {message}")
    return size


def _whole(
    wire: Wire,
    chunks: Chunks,
    gone: Callable[[], bool],
    request_id: str,
) -> _Answer:
    def until_gone() -> Iterator[CompletionChunk]:
        for index, chunk in enumerate(chunks):
            if chunk is not None:
                yield chunk
            if (chunk is None or index % GONE_EVERY == 0) and gone():
                return

    try:
        return _Answer(200, [wire.whole(until_gone())])
    except Exception as error:
        raise _failure(error, request_id) from error


def _guarded(
    events: Iterator[bytes], chunks: Chunks, request_id: str
) -> Iterator[bytes]:
    """Yield the events; an error becomes the last of them. Ends the generation."""
    with closing(chunks):
        try:
            yield from events
        except Exception as error:  # noqa: BLE001 - told to the client, and logged
            failure = _failure(error, request_id)
            yield error_event(failure.type, str(failure), request_id)


def _failure(error: Exception, request_id: str) -> Refused:
    """Return what a client is told of an error of the model, and log the rest."""
    if isinstance(error, (InputError, BadRequestError)):
        return invalid(str(error))
    _LOG.error("%s: the model failed: %r", request_id, error)
    broke = isinstance(error, CompleteError)
    said = "The model broke off; ask it again" if broke else "Internal server error"
    return Refused(500, "api_error", said)
