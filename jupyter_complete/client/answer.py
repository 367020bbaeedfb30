"""An answer as it arrives: bytes, then chunks, then how it ended."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from urllib3.exceptions import HTTPError

from ..cancel import Cancel
from ..completion import Chunk
from ..errors import (
    Cancelled,
    CompleteError,
    EndpointError,
    IncompleteStream,
    ProtocolError,
    one_line,
)
from ..events import events
from .retry import Failure, refused

if TYPE_CHECKING:
    from ..dialects import Dialect

READ_SIZE = 65536
PATIENCE = 0.02
"""Seconds to wait for the end of a body whose answer is complete."""
MOST_PIECES_AFTER = 4


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
        cancel: Cancel,
        explain: Callable[[CompleteError], CompleteError],
        end: Callable[[], None],
    ) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.request_id: str | None = response.headers.get(
            "request-id", response.headers.get("x-request-id")
        )
        self.attempts = attempts
        self.notices = notices
        self._response = response
        self._dialect = dialect
        self._cancel = cancel
        self._explain = explain
        self._end = end
        self._broken: str | None = None
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
        self._chunks = itertools.chain(came, rest)
        return self._failure

    def close(self) -> None:
        """End the answer; a connection that still carries some of it is closed."""
        self._response.close()
        self._end()

    def json(self) -> Any:
        """Give the body's JSON, of an answer that is no completion. Raises as above."""
        body = b"".join(self._bytes())
        self._cancel.check()
        try:
            return json.loads(body)
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
            for each in self._decoded():
                chunk = each
                if self._half or not each.text.isascii():
                    chunk = self._mended(each)
                texts.append(chunk.text)
                yield chunk
                if chunk.stop_reason is None:
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

    def _decoded(self) -> Iterator[Chunk]:
        """Yield the chunks, of a stream or a whole answer, whichever it is."""
        pieces = self._bytes()
        head = b""
        while not head.removeprefix(b"\xef\xbb\xbf").strip():
            piece = next(pieces, b"")
            if not piece:
                break
            head += piece
        first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if self._is_stream(first):
            yield from self._streamed(_chain(head, pieces), head)
        else:
            yield from self._whole(head + b"".join(pieces))

    def _is_stream(self, first: bytes) -> bool:
        """Tell a stream by what came; the header is asked where nothing did."""
        if first in (b"{", b"[", b"<"):
            return False
        kind = self.headers.get("content-type", "")
        return "event-stream" in kind or (bool(first) and "json" not in kind)

    def _streamed(self, pieces: Iterable[bytes], head: bytes) -> Iterator[Chunk]:
        stopped = False
        length = 0
        try:
            for chunk in self._dialect.decode_stream(events(pieces)):
                length += len(chunk.text)
                stopped = stopped or chunk.ended or chunk.stop_reason is not None
                yield chunk
        except CompleteError:
            if not stopped:  # what comes after the reason is no part of the answer
                raise
        if not stopped:
            self._cancel.check()
            how = f"was cut ({self._broken})" if self._broken else "ended"
            begins = head[:200].decode("utf-8", "replace")
            came = f"{one_line(begins, 60)!r}" if begins else "nothing"
            if length:
                came = f"{length} character{'s' * (length != 1)}"
            raise IncompleteStream(
                f"The answer {how} without a stop reason after {came}; "
                "what came is kept, run it again for a whole one."
            )
        self._drain()

    def _whole(self, body: bytes) -> Iterator[Chunk]:
        self._cancel.check()
        if self._broken:
            if text := salvaged(body):
                yield Chunk(text)
            raise IncompleteStream(
                f"The answer was cut ({self._broken}) after {len(body)} bytes; what "
                "came of its text is kept, run it again for a whole one."
            )
        body = body.removeprefix(b"\xef\xbb\xbf").strip()
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

    def _mended(self, chunk: Chunk) -> Chunk:
        """Give the chunk without half characters, which JSON can carry in escapes.

        A pair that was split between two chunks is joined in the second.
        """
        text = self._half + chunk.text
        self._half = ""
        last = chunk.ended or chunk.stop_reason is not None
        if not last and "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        pairs = text.encode("utf-16-le", "surrogatepass")
        return chunk._replace(text=pairs.decode("utf-16-le", "replace"))

    def _bytes(self) -> Iterator[bytes]:
        """Yield bytes as they arrive; a failure ends them and is noted."""
        read = self._response.raw.read1
        try:
            while not self._cancel.is_set():
                piece = read(READ_SIZE, decode_content=True)
                if not piece:
                    return
                yield piece
        except (HTTPError, OSError, ValueError) as error:
            # urllib3 gives its words and the exception below as two arguments.
            words = error.args[0] if isinstance(error, HTTPError) else error
            self._broken = one_line(str(words), 120) or type(error).__name__

    def _drain(self) -> None:
        """Read the body's end, so that the connection can serve again."""
        raw = self._response.raw
        sock = getattr(getattr(raw, "connection", None), "sock", None)
        if sock is not None:
            with suppress(HTTPError, OSError, ValueError):
                sock.settimeout(PATIENCE)
                for _ in range(MOST_PIECES_AFTER):
                    if not raw.read1(READ_SIZE, decode_content=True):
                        break


def _bare(error: CompleteError) -> CompleteError:
    """Give the error without the frames that read the answer.

    Their variables hold what the server sent, which may be the key it was sent.
    """
    error.__context__ = None
    return error.with_traceback(None)


def _raise(error: CompleteError) -> Chunk:
    raise error


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


_TEXT = re.compile(r'"(?:completion|text)"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
_CUT_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}\Z")


def salvaged(body: bytes) -> str:
    """Give the longest text in the JSON of a completion that was cut."""
    found = _TEXT.findall(body.decode("utf-8", "ignore"))
    longest = _CUT_ESCAPE.sub("", max(found, key=len, default=""))
    try:
        text: str = json.loads(f'"{longest}"', strict=False)
    except ValueError:
        return ""
    return text.encode("utf-8", "replace").decode()
