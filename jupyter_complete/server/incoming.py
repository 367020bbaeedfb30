"""What comes over a connection, read as RFC 9112 has it and no other way.

Two readers that disagree about where a request ends let one hide a request from the
other. So nothing is guessed here: what the RFC lets a recipient mend is refused, too,
and after a refusal the connection is closed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

LARGEST_HEAD = 2**16
LONGEST_TARGET = 2**13
MOST_FIELDS = 100
LONGEST_CHUNK_LINE = 256
LARGEST_TRAILER = 2**12
SMALL_CHUNKS = 2**14
"""So many chunks of any size are taken; more have to have 64 bytes on average."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# A line break is CR and LF together, and no other control character but the tab.
_NO_TEXT = re.compile(rb"(?<!\r)\n|\r(?=[^\n])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_REQUEST_LINE = re.compile(rb"(%b) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])" % _TOKEN)
_FIELD = re.compile(rb"(%b):(.*)" % _TOKEN)
_FRAMING = {b"content-length", b"transfer-encoding", b"host"}
_TARGET = re.compile(r"(?:http://([^/?#@]+))?(/[^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})(?:;.*)?")


class BadRequest(Exception):
    """A request that is answered with this status, and then the connection closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Head(NamedTuple):
    """A request without its body."""

    method: str
    path: str
    """As it was sent, with its ``%`` escapes."""
    query: str
    version: str
    """``1.0`` or ``1.1``."""
    fields: tuple[tuple[str, str], ...]
    """Names in lower case and values, as Latin-1."""
    length: int | None
    """Bytes of the body; None: it comes in chunks."""

    def get(self, name: str) -> str | None:
        """Return the value of the first field of this name."""
        return next((value for known, value in self.fields if known == name), None)

    @property
    def keeps_alive(self) -> bool:
        """Whether the client would send another request."""
        options = ",".join(value for name, value in self.fields if name == "connection")
        named = {option.strip().lower() for option in options.split(",")}
        return self.version == "1.1" and "close" not in named


@dataclass(slots=True)
class Incoming:
    """The requests of one connection, one after the other, as their bytes come."""

    longest_body: int
    head: Head | None = None
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False
    """Whether the request is there with all of its body."""
    _bytes: bytearray = field(default_factory=bytearray)
    _looked: int = 0
    _empty_line: bool = False
    _left: int = 0
    _chunks: int = 0
    _in_trailer: bool = False
    _after_chunk: bool = False

    @property
    def begun(self) -> bool:
        """Whether some of a request has come."""
        return self.head is not None or bool(self._bytes)

    def feed(self, data: bytes) -> None:
        """Take what came. Raises `BadRequest`."""
        self._bytes += data
        self.read()

    def read(self) -> None:
        """Read as far as one request goes. Raises `BadRequest`."""
        if self.head is None and (end := self._end_of_head()):
            self.head = _head_of(bytes(self._bytes[: end - 4]), self.longest_body)
            del self._bytes[:end]
            self._looked = 0
            self._left = self.head.length or 0
        if self.head is None or self.whole:
            return
        if self.head.length is None:
            self.whole = self._read_chunks()
        else:
            self._take()
            self.whole = not self._left

    def next(self) -> None:
        """Forget the request that was read; what came after it is the next."""
        self.head, self.whole, self.body = None, False, bytearray()
        self._chunks, self._in_trailer, self._empty_line = 0, False, False

    def _end_of_head(self) -> int:
        """Return where the body begins, 0 if that has not come."""
        if not self._empty_line and self._bytes.startswith(b"\r\n"):
            self._empty_line = True  # one is allowed, as after a body with one too many
            del self._bytes[:2]
            self._looked = 0
        found = self._bytes.find(b"\r\n\r\n", max(0, self._looked - 3))
        end = found + 4 if found >= 0 else len(self._bytes)
        if _NO_TEXT.search(self._bytes, max(0, self._looked - 1), end):
            raise BadRequest(400, "the head has a control character or a lone line end")
        if end > LARGEST_HEAD:
            raise BadRequest(431, f"the head is over {LARGEST_HEAD} bytes")
        self._looked = end
        return end if found >= 0 else 0

    def _take(self) -> None:
        """Move to the body what is there of it."""
        part = self._bytes[: self._left]
        self.body += part
        del self._bytes[: len(part)]
        self._left -= len(part)

    def _read_chunks(self) -> bool:
        """Read chunks as far as they came; tell whether the last is there."""
        while not self._in_trailer:
            if self._left:
                self._take()
                if self._left:
                    return False
                self._after_chunk = True
            if self._after_chunk:
                if not b"\r\n".startswith(self._bytes[:2]):
                    raise BadRequest(400, "a chunk is longer than it says")
                if len(self._bytes) < 2:
                    return False
                del self._bytes[:2]
                self._after_chunk = False
            line = self._line(LONGEST_CHUNK_LINE, "the line before a chunk")
            if line is None:
                return False
            self._begin_chunk(line)
        return self._read_trailer()

    def _begin_chunk(self, line: bytes) -> None:
        found = _CHUNK.fullmatch(line)
        if not found:
            raise BadRequest(400, "the line before a chunk is not its size")
        self._left = int(found[1], 16)
        self._in_trailer = not self._left
        self._chunks += 1
        if len(self.body) + self._left > self.longest_body:
            raise BadRequest(413, f"body: is over {self.longest_body} bytes")
        if self._chunks > SMALL_CHUNKS + len(self.body) // 64:
            raise BadRequest(400, "the chunks are too small; send larger ones")

    def _read_trailer(self) -> bool:
        """Read the fields after the last chunk; nobody asks for them."""
        while (line := self._line(LARGEST_TRAILER, "the trailer")) is not None:
            if not line:
                return True
            self._chunks += 1
            found = _FIELD.fullmatch(line)
            framing = found is not None and found[1].lower() in _FRAMING
            if not found or framing or self._chunks > SMALL_CHUNKS:
                raise BadRequest(400, "the trailer has what is no field")
        return False

    def _line(self, longest: int, what: str) -> bytes | None:
        """Return a line without its end, None if that has not come."""
        end = self._bytes.find(b"\r\n", 0, longest + 2)
        come = bytes(self._bytes[: end if end >= 0 else longest + 2])
        if _NO_TEXT.search(come):
            raise BadRequest(400, f"{what} has a control character or a lone line end")
        if end < 0:
            if len(come) > longest:
                raise BadRequest(400, f"{what} is too long")
            return None
        del self._bytes[: end + 2]
        return come


def _head_of(data: bytes, longest_body: int) -> Head:
    """Return the head. Raises `BadRequest`."""
    first, *lines = data.split(b"\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if not found:
        raise BadRequest(400, "the first line is no request line")
    method, target = found[1].decode(), found[2].decode()
    version = f"{found[3].decode()}.{found[4].decode()}"
    if version not in ("1.0", "1.1"):
        raise BadRequest(505, f"HTTP/{version} is not spoken here; use HTTP/1.1")
    if len(target) > LONGEST_TARGET:
        raise BadRequest(414, f"the path is over {LONGEST_TARGET} bytes")
    fields = tuple(map(_field, lines))
    if len(fields) > MOST_FIELDS:
        raise BadRequest(431, f"the head has over {MOST_FIELDS} fields")
    path, query = _where(target, _host(fields, version))
    length = _length(fields, version)
    if length is not None and length > longest_body:
        raise BadRequest(413, f"body: is over {longest_body} bytes")
    expected = {value.lower() for name, value in fields if name == "expect"}
    if expected - {"100-continue"}:
        raise BadRequest(417, "Expect: only 100-continue is known here")
    return Head(method, path, query, version, fields, length)


def _field(line: bytes) -> tuple[str, str]:
    if line[:1] in (b" ", b"\t"):
        raise BadRequest(400, "a header is folded over two lines; send it on one")
    found = _FIELD.fullmatch(line)
    if not found:
        raise BadRequest(400, "a header is no name, colon and value")
    return found[1].decode().lower(), found[2].strip(b" \t").decode("latin-1")


def _host(fields: tuple[tuple[str, str], ...], version: str) -> str | None:
    hosts = [value for name, value in fields if name == "host"]
    if len(hosts) > 1:
        raise BadRequest(400, "Host: stands there twice")
    if not hosts and version == "1.1":
        raise BadRequest(400, "Host: is missing")
    return hosts[0] if hosts else None


def _where(target: str, host: str | None) -> tuple[str, str]:
    """Return path and query of a target that may name the host, too."""
    found = _TARGET.fullmatch(target)
    if not found and target != "*":
        raise BadRequest(400, "the request's target is no path")
    if not found:
        return "*", ""
    if found[1] is not None and found[1].lower() != (host or "").lower():
        raise BadRequest(400, "Host: and the target name different hosts")
    return found[2], found[3] or ""


def _length(fields: tuple[tuple[str, str], ...], version: str) -> int | None:
    """Return the length of the body, None for chunks. Raises `BadRequest`."""
    lengths = [value for name, value in fields if name == "content-length"]
    codings = [value for name, value in fields if name == "transfer-encoding"]
    if codings:
        if lengths or len(codings) > 1 or version == "1.0":
            raise BadRequest(
                400, "Transfer-Encoding: leaves the body's length in doubt"
            )
        if codings[0].lower() != "chunked":
            raise BadRequest(501, "Transfer-Encoding: only chunked is known here")
        return None
    if len(lengths) > 1:
        raise BadRequest(400, "Content-Length: stands there twice")
    if not lengths:
        return 0
    if not re.fullmatch("[0-9]{1,4000}", lengths[0]):
        raise BadRequest(
            400, "Content-Length: Input should be a whole number, 0 or more"
        )
    return int(lengths[0])
