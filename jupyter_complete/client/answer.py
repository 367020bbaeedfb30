"""An answer as it arrives: bytes, then chunks, then how it ended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from ..completion import Chunk
from ..endpoint import Secret
from ..errors import (
    Cancelled,
    CompleteError,
    EndpointError,
    IncompleteStream,
    ProtocolError,
    one_line,
)
from ..events import events
from .body import Body, joined
from .connections import Line
from .echo import Echo
from .failures import Failure, refused

if TYPE_CHECKING:
    from ..dialects import Dialect

_BOM = b"\xef\xbb\xbf"


class Answer:
    """An answer whose head has come; a context manager and an iterator of chunks.

    Iterating raises `IncompleteStream` for an answer that was cut or ends without a
    stop reason, `ProtocolError` for one that cannot be read, `EndpointError` for an
    error inside the stream, and `Cancelled`; each with the text so far in
    ``partial``.
    """

    def __init__(
        self,
        response: Any,
        dialect: Dialect,
        *,
        attempts: int,
        notices: tuple[str, ...],
        line: Line,
        explain: Callable[[CompleteError], CompleteError],
        max_mb: int,
        key: Secret | None = None,
    ) -> None:
        self.status: int = response.status_code
        self._echo = Echo(key)
        self.headers = self._echo.headers(response.headers)
        self.request_id: str | None = self.headers.get(
            "request-id", self.headers.get("x-request-id")
        )
        self.attempts = attempts
        self.notices = notices
        self._response = response
        self._dialect = dialect
        self._line = line
        self._cancel = line.cancel
        self._explain = explain
        self._body = Body(response, line, max_mb)
        self._failure: Failure | None = None
        self._half = ""
        self._chunks: Iterator[Chunk] = self._iterate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Chunk]:
        return self._chunks

    def opening_failure(self) -> Failure | None:
        """Return the failure that came in the place of text, None if text came.

        It waits for one of the two; iterating gives what came in any case.
        """
        came: list[Chunk] = []
        rest = self._chunks
        try:
            for chunk in rest:
                came.append(chunk)
                if chunk.text or chunk.stop_reason or chunk.ended:
                    break
        except CompleteError as error:
            rest = map(_raise, [error])
        self._chunks = chain(came, rest)
        return self._failure

    def close(self) -> None:
        """End the answer; a connection that still carries some of it is closed."""
        self._response.close()
        self._line.end()

    def json(self) -> Any:
        """Return the JSON of an answer that is no completion. Raises as above."""
        body = joined(self._body)
        self._cancel.check()
        if self._body.too_long:
            raise self._explain(ProtocolError(self._body.length))
        try:
            return self._echo.value(json.loads(body))
        except (ValueError, RecursionError):
            what = f"begins {body[:60]!r}" if body else "is empty"
            raise self._explain(
                ProtocolError(
                    f"The endpoint's answer is not JSON (it {what}); check its URL."
                )
            ) from None

    def _iterate(self) -> Iterator[Chunk]:
        texts: list[str] = []
        try:
            for chunk in self._echo.chunks(self._in_whole_characters()):
                texts.append(chunk.text)
                if chunk.ended or chunk.stop_reason is not None:
                    self._body.complete = True
                yield chunk
                if not self._body.complete:
                    self._cancel.check()
        except CompleteError as error:
            failure: CompleteError = error
            shut = self._cancel.is_set() and not isinstance(error, Cancelled)
            if shut:  # pragma: no cover - a race with the check of the switch
                # What went wrong is that the connection was shut down.
                failure = Cancelled("The completion was stopped.")
            if failure.partial is None:
                failure.partial = "".join(texts)
            failure.request_id = failure.request_id or self.request_id
            if isinstance(failure, EndpointError):
                told = failure.status or self.status
                self._failure = refused(failure, told, self.headers)
            raise _bare(self._explain(failure)) from None
        finally:
            self.close()

    def _in_whole_characters(self) -> Iterator[Chunk]:
        for chunk in self._decoded():
            halves = self._half or not chunk.text.isascii()
            yield self._mended(chunk) if halves else chunk

    def _decoded(self) -> Iterator[Chunk]:
        """Yield the chunks, of a stream or a whole answer, whichever it is."""
        pieces = self._echo.watched(self._body)
        head: list[bytes] = []
        first = b""
        for piece in pieces:
            head.append(piece)
            first = (piece if head[1:] else piece.removeprefix(_BOM)).lstrip()[:1]
            if first:
                break
        if self._is_stream(first):
            yield from self._streamed(chain(head, pieces), head)
        else:
            yield from self._whole(joined(chain(head, pieces)))

    def _is_stream(self, first: bytes) -> bool:
        """Tell a stream by what came; the header is asked where nothing did."""
        if first in (b"{", b"[", b"<"):
            return False
        kind = self.headers.get("content-type", "")
        return "event-stream" in kind or (bool(first) and "json" not in kind)

    def _streamed(
        self, pieces: Iterable[bytes], head: Sequence[bytes]
    ) -> Iterator[Chunk]:
        length = 0
        try:
            for chunk in self._dialect.decode_stream(events(pieces)):
                length += len(chunk.text)
                yield chunk
        except CompleteError:
            if not self._body.complete:  # what comes behind its end is no part of it
                raise
        if not self._body.complete:
            self._cancel.check()
            if self._body.too_long:
                raise IncompleteStream(self._body.length)
            broken = self._body.broken
            how = f"was cut ({broken})" if broken else "ended"
            begins = b"".join(head)[:200].decode("utf-8", "replace")
            came = f"{one_line(begins, 60)!r}" if begins else "nothing"
            if length:
                came = f"{length} character{'s' * (length != 1)}"
            raise IncompleteStream(
                f"The answer {how} without a stop reason after {came}; "
                "what came is kept, run it again for a whole one."
            )
        self._body.drain()

    def _whole(self, body: bytes) -> Iterator[Chunk]:
        self._cancel.check()
        body = body.removeprefix(_BOM).strip()
        if self._body.broken or self._body.too_long:
            yield from self._half_of(body)
            return
        if not body:
            raise ProtocolError(
                "The endpoint's answer is empty; check its URL and dialect."
            )
        if body.startswith(b"<"):
            raise ProtocolError(
                "The endpoint's answer is a web page, not a completion; check its "
                "URL, and whether a proxy or a login page stands before it."
            )
        yield from self._dialect.decode(body)

    def _half_of(self, body: bytes) -> Iterator[Chunk]:
        """Yield what came of a whole answer that was cut; raises unless that is all."""
        try:
            yield from self._dialect.decode(body)
        except ProtocolError:
            if text := salvaged(body):
                yield Chunk(text)
            raise IncompleteStream(
                self._body.length
                if self._body.too_long
                else f"The answer was cut ({self._body.broken}) after {len(body)} "
                "bytes; what came of its text is kept, run it again for a whole one."
            ) from None

    def _mended(self, chunk: Chunk) -> Chunk:
        """Return the chunk without half characters, which JSON can carry in escapes.

        A pair that was split between two chunks is joined in the second.
        """
        text = self._half + chunk.text
        self._half = ""
        last = chunk.ended or chunk.stop_reason is not None
        if not last and "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        pairs = text.encode("utf-16-le", "surrogatepass")
        return chunk._replace(text=pairs.decode("utf-16-le", "replace"))


def _bare(error: CompleteError) -> CompleteError:
    """Return the error without the frames that read the answer.

    Their variables hold what the server sent, which may be the key it was sent.
    """
    error.__context__ = None
    return error.with_traceback(None)


def _raise(error: CompleteError) -> Chunk:
    raise error


# Possessive: a text of megabytes would else be remembered character by character.
_TEXT = re.compile(r'"(?:completion|text)"\s*+:\s*+"((?:[^"\\]++|\\.)*+)', re.DOTALL)
_CUT_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}\Z")


def salvaged(body: bytes) -> str:
    """Return the longest text in the JSON of a completion that was cut."""
    found = _TEXT.findall(body.decode("utf-8", "ignore"))
    longest = _CUT_ESCAPE.sub("", max(found, key=len, default=""))
    try:
        text: str = json.loads(f'"{longest}"', strict=False)
    except ValueError:
        return ""
    return text.encode("utf-8", "replace").decode()
