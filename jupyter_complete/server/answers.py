"""From a model's tokens to the bytes of an answer, which have no stop sequence."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from json.encoder import encode_basestring_ascii
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from ..background import Background
from ..completion import TokenLogprob
from ..stops import StopFinder

PING = b'event: ping\ndata: {"type": "ping"}\n\n'


class CompletionChunk(NamedTuple):
    """Text that may be shown; the last chunk has none, but says why it ended."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    """The tokens whose text ends in it, where they were asked for."""
    stop_reason: str | None = None
    stop: str | None = None
    tokens: int = 0
    """How many tokens have been sampled so far."""


Chunks = Generator[CompletionChunk | None, None, None]


def completion_chunks(
    tokens: Iterator[TokenLogprob | None],
    stops: StopFinder,
    most: int,
    *,
    end: str | None,
    logprobs: bool = False,
) -> Chunks:
    """Yield each token's text as it may be shown, then the last chunk.

    A token that may belong to a stop sequence yields nothing until that is known.
    None is passed on: nothing has come for a while. ``end`` is the stop sequence to
    report where the model ended by itself. The tokens are closed at the end.
    """
    ledger = _Ledger() if logprobs else None
    count = 0
    with ended(tokens):
        for token in tokens:
            if token is None:
                yield None
                continue
            count += 1
            if ledger:
                ledger.add(token)
            if text := stops.feed(token.token):
                released = ledger.release(text) if ledger else ()
                yield CompletionChunk(text, released, tokens=count)
            if stops.stop is not None or count >= most:
                break
    if stops.stop is None and (rest := stops.flush()):
        released = ledger.release(rest) if ledger else ()
        yield CompletionChunk(rest, released, tokens=count)
    if stops.stop is None and count >= most:
        yield CompletionChunk("", stop_reason="max_tokens", tokens=count)
    else:
        stop = stops.stop or end
        yield CompletionChunk("", stop_reason="stop_sequence", stop=stop, tokens=count)


@contextmanager
def ended(tokens: Iterator[Any]) -> Iterator[None]:
    """Close the generator at the end, where the tokens come from one.

    One that is at work in another thread closes itself, after its current token.
    """
    try:
        yield
    finally:
        close = getattr(tokens, "close", None)
        if close is not None:
            with suppress(ValueError):  # it is at work
                close()


class _Ledger:
    """Holds back the logprobs of a token until all of its text is shown.

    A token of which a stop sequence took a part is never shown: that would leak it.
    """

    def __init__(self) -> None:
        self._waiting: deque[TokenLogprob] = deque()
        self._shown = 0

    def add(self, token: TokenLogprob) -> None:
        self._waiting.append(token)

    def release(self, text: str) -> tuple[TokenLogprob, ...]:
        self._shown += len(text)
        logprobs = []
        while self._waiting and len(self._waiting[0].token) <= self._shown:
            token = self._waiting.popleft()
            self._shown -= len(token.token)
            logprobs.append(token)
        return tuple(logprobs)


def with_pings(
    tokens: Iterator[TokenLogprob | None], seconds: float
) -> Iterator[TokenLogprob | None]:
    """Yield the tokens, and None whenever one takes longer than this.

    A thread of its own asks the model. Closing this ends the model's generation: at
    once if it can be closed from any thread, else when its current token is there.
    """
    ready: SimpleQueue[TokenLogprob | BaseException | None] = SimpleQueue()
    gone = threading.Event()

    def ask() -> None:
        try:
            with ended(tokens):
                for token in tokens:
                    ready.put(token)
                    if gone.is_set():
                        return
        except BaseException as error:  # noqa: BLE001 - raised again by the reader
            ready.put(error)
        else:
            ready.put(None)

    Background(ask, name="jupyter-complete-model").start()
    try:
        with ended(tokens):
            while True:
                try:
                    token = ready.get(timeout=seconds)
                except Empty:
                    yield None
                    continue
                if token is None:
                    return
                if isinstance(token, BaseException):
                    raise token
                yield token
    finally:
        gone.set()


class Wire:
    """Writes the answers of one request."""

    def __init__(
        self,
        *,
        answer_id: str,
        model: str,
        input_tokens: int,
    ) -> None:
        self._input_tokens = input_tokens
        self._same: dict[str, Any] = {
            "model": model,
            "id": answer_id,
            "log_id": answer_id,
        }
        # All of an event but its text, written once: a stream is thousands of them.
        self._head = b'event: completion\ndata: {"type":"completion","completion":'
        rest = dumps({"stop_reason": None, "stop": None, **self._same})
        self._tail = b"," + rest[1:-1]

    def whole(self, chunks: Iterable[CompletionChunk]) -> bytes:
        """Return the body of an answer that is not streamed."""
        texts: list[str] = []
        logprobs: list[dict[str, Any]] = []
        last = CompletionChunk("")
        for last in chunks:
            texts.append(last.text)
            logprobs.extend(map(_logprob, last.logprobs))
        extra = {"logprobs": logprobs} if logprobs else {}
        return dumps(
            {
                "type": "completion",
                "completion": "".join(texts),
                **self._ending(last),
                **extra,
            }
        )

    def stream(self, chunks: Iterable[CompletionChunk | None]) -> Iterator[bytes]:
        """Yield one event for each chunk, a ping for None."""
        for chunk in chunks:
            if chunk is None:
                yield PING
                continue
            if chunk.stop_reason is None:
                yield self._event(chunk, self._tail)
            else:
                yield self._event(chunk, b"," + dumps(self._ending(chunk))[1:-1])

    def _event(self, chunk: CompletionChunk, tail: bytes) -> bytes:
        if chunk.logprobs:
            tail += b',"logprobs":' + dumps(
                [_logprob(token) for token in chunk.logprobs]
            )
        text = encode_basestring_ascii(chunk.text).encode()
        return self._head + text + tail + b"}\n\n"

    def _ending(self, last: CompletionChunk) -> dict[str, Any]:
        usage = {"input_tokens": self._input_tokens, "output_tokens": last.tokens}
        return {
            "stop_reason": last.stop_reason,
            "stop": last.stop,
            **self._same,
            "usage": usage,
        }


def _logprob(token: TokenLogprob) -> dict[str, Any]:
    return {
        "token": token.token,
        "logprob": token.logprob,
        "alternatives": [list(pair) for pair in token.alternatives],
    }


def error_body(type_: str, message: str, request_id: str) -> bytes:
    """Return the body of an answer that is an error."""
    error = {"type": type_, "message": message}
    return dumps({"type": "error", "error": error, "request_id": request_id})


def error_event(type_: str, message: str, request_id: str) -> bytes:
    """Return the event that ends a stream with an error."""
    return b"event: error\ndata: " + error_body(type_, message, request_id) + b"\n\n"


def dumps(value: object) -> bytes:
    """Return the value as compact JSON, in ASCII."""
    return json.dumps(value, separators=(",", ":")).encode()
