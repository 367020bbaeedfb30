"""The bytes of an answer of ``POST /v1/complete``, whole or as named events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring_ascii
from typing import Any

from ..completion import TokenLogprob
from .answers import CompletionChunk

PING = b'event: ping\ndata: {"type": "ping"}\n\n'


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
