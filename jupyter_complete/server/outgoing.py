"""An app's answer on its way to the client: each chunk as soon as it is made."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from ..version import __version__
from .answers import error_body
from .incoming import Head

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PATIENCE_SECONDS = 60.0
"""So long in all may a client let an answer wait that it does not read."""

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
_TYPES = {
    403: "permission_error",
    413: "request_too_large",
    500: "api_error",
    503: "overloaded_error",
}


class ClientGone(Exception):
    """The client takes no more of its answer."""


def environ_of(
    head: Head, body: bytes, sock: socket.socket, bound: tuple[str, int]
) -> dict[str, Any]:
    """Return the WSGI environ of a request, and in it whether the client has left.

    The socket does not block; ``bound`` is where the server listens.
    """
    environ: dict[str, Any] = {
        "REQUEST_METHOD": head.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(head.path).decode("latin-1"),
        "QUERY_STRING": head.query,
        "SERVER_NAME": bound[0],
        "SERVER_PORT": str(bound[1]),
        "SERVER_PROTOCOL": f"HTTP/{head.version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "jupyter_complete.client_gone": lambda: _is_gone(sock),
    }
    for name, value in head.fields:
        if "_" in name:
            continue  # WSGI cannot tell it from the name with a hyphen
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        before = environ.get(key)
        environ[key] = value if before is None else f"{before},{value}"
    return environ


def _is_gone(sock: socket.socket) -> bool:
    """Tell whether the client has closed its end."""
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:  # pragma: no cover - a race with its end
        return True


class Outgoing:
    """Writes the answer to one request; ``keep`` would let another follow."""

    def __init__(self, sock: socket.socket, head: Head, *, keep: bool) -> None:
        self._sock = sock
        self._version = head.version
        self._keep = keep
        self._without_body = head.method == "HEAD"
        self._head: bytes | None = None
        self._left: int | None = None
        """Bytes that are still to come, None where their number was not told."""
        self._chunked = False
        self._patience = PATIENCE_SECONDS

    def answer(self, app: WSGIApplication, environ: dict[str, Any]) -> bool:
        """Send what the app gives; tell whether the connection can serve again.

        Raises what the app raises, and `ClientGone`.
        """
        chunks = app(environ, self._start)
        try:
            for chunk in chunks:
                self._write(chunk)
            return self._end()
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    @property
    def begun(self) -> bool:
        """Whether a status is on its way, so that there can be no other."""
        return self._head == b""

    def _start(
        self, status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if self._head is not None and exc_info is None:
            raise RuntimeError("start_response was called twice")
        given = list(headers)
        for name, value in given:
            if name.lower() == "content-length":
                self._left = int(value)
        if self._left is None:
            self._chunked = self._version == "1.1" and not self._without_body
            self._keep = self._keep and (self._chunked or self._without_body)
            given += [("Transfer-Encoding", "chunked")] * self._chunked
        self._head = _head(status, given, keep=self._keep)
        return self._write

    def _write(self, chunk: bytes) -> None:
        if self._head is None:
            raise RuntimeError("the app gave a chunk before its status")
        if not chunk or self._without_body:
            return
        if self._left is not None:
            chunk = chunk[: self._left]
            self._left -= len(chunk)
        if self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        self._send(self._head + chunk)

    def _end(self) -> bool:
        if self._head is None:
            raise RuntimeError("the app gave no status")
        last = b"0\r\n\r\n" if self._chunked else b""
        if self._head or last:
            self._send(self._head + last)
        return self._keep and (self._without_body or not self._left)

    def _send(self, data: bytes) -> None:
        began = time.monotonic()
        self._sock.settimeout(max(self._patience, 0.001))
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise ClientGone from error
        self._sock.setblocking(False)  # noqa: FBT003 - the socket's own way
        self._head = b""
        self._patience -= time.monotonic() - began


def _head(status: str, headers: Iterable[tuple[str, str]], *, keep: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        f"Server: jupyter-complete/{__version__}",
        f"Date: {formatdate(usegmt=True)}",
        *(f"{name}: {value}" for name, value in headers),
        *["Connection: close"] * (not keep),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def refusal(
    status: int,
    message: str,
    *,
    type_: str | None = None,
    with_body: bool = True,
) -> bytes:
    """Return an answer to a request that the app never sees, in the API's form."""
    request_id = f"req_{uuid4().hex[:24]}"
    type_ = type_ or _TYPES.get(status, "invalid_request_error")
    body = error_body(type_, message, request_id)
    headers = (
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("request-id", request_id),
        ("jupyter-complete", __version__),
    )
    head = _head(f"{status} {REASONS[status]}", headers, keep=False)
    return head + body * with_body
