"""The app over HTTP, on cheroot: each event is on its way as soon as it is made.

Cheroot writes an app's chunks straight to the socket, so a client that left is noticed
at the next one, and it leaves a body unread until the app asks for it.
"""

from __future__ import annotations

import logging
import select
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.wsgi import Gateway_10, Server

from ..version import __version__
from .validation import LONGEST_BODY
from .wire import error_body

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PING_SECONDS = 5.0
THREADS = 64
"""So many answers at once; more wait for their turn."""
LINGER_SECONDS = 2.0
LARGEST_HEADERS = 2**16

_TYPES = {"413": "request_too_large", "500": "api_error", "503": "overloaded_error"}


def make_server(app: WSGIApplication, host: str, port: int) -> Server:
    """Give a server that listens; ``port`` 0 takes any. Raises `OSError`.

    ``serve()`` serves until ``stop()`` is called from another thread.
    """
    server = _Server(
        (host, port),
        app,
        numthreads=THREADS,
        server_name=f"jupyter-complete/{__version__}",
        request_queue_size=128,
        timeout=30,
        shutdown_timeout=1,
    )
    server.prepare()
    return server


def address(server: Server) -> str:
    """Give the URL at which the server answers."""
    host, port = server.bind_addr[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Request(HTTPRequest):
    """Says what is wrong with a malformed request in the API's own form."""

    def simple_response(self, status: str, msg: str = "") -> None:
        """Answer a request that the app never sees."""
        status = str(status)
        request_id = f"req_{uuid4().hex[:24]}"
        type_ = _TYPES.get(status[:3], "invalid_request_error")
        body = error_body(type_, msg or status[4:], request_id)
        self.close_connection = True
        head = (
            f"{self.server.protocol} {status}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"request-id: {request_id}\r\n"
            f"jupyter-complete: {__version__}\r\n"
            "Connection: close\r\n\r\n"
        )
        with suppress(OSError):
            self.conn.wfile.write(head.encode("latin-1") + body)

    def send_headers(self) -> None:
        """Give the connection up where some of the body will stay unread."""
        # It would be taken for the next request.
        unread = getattr(self.rfile, "remaining", 0) < 0
        if self.chunked_read:
            unread = not getattr(self.rfile, "closed", True)
        self.close_connection = self.close_connection or unread
        super().send_headers()


class _Connection(HTTPConnection):
    RequestHandlerClass = _Request

    def communicate(self) -> bool:
        """Answer a request. True: the connection can serve another."""
        again: bool = super().communicate()  # type: ignore[no-untyped-call]  # as above
        if not again:
            self._linger()
        return again

    def close(self) -> None:
        """Close the connection, and its writer before it.

        A writer that is left open tries once more, when it is collected, to write what
        the client did not take; from Python 3.13 on, its failure is printed.
        """
        with suppress(OSError):
            self.wfile.close()
        super().close()

    def _linger(self) -> None:
        """Give the client a chance to read the answer.

        A socket that is closed with bytes unread resets the connection, and the
        client may lose an answer such as 413 that is on its way (RFC 9112, 9.6).
        """
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            ends = time.monotonic() + LINGER_SECONDS
            while (left := ends - time.monotonic()) > 0:
                self.socket.settimeout(left)
                if not self.socket.recv(2**16):
                    break


class _Gateway(Gateway_10):
    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # its stubs have no types
        """Give the environ, and in it a way to see whether the client has left."""
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]  # its stubs have no types
        sock = self.req.conn.socket

        def client_gone() -> bool:
            """Tell whether the client has closed its end."""
            try:
                readable, _, _ = select.select([sock], [], [], 0)
                return bool(readable) and not sock.recv(1, socket.MSG_PEEK)
            except (OSError, ValueError):  # pragma: no cover - a race with its end
                return True

        environ["jupyter_complete.client_gone"] = client_gone
        return environ


class _Server(Server):
    ConnectionClass = _Connection
    max_request_header_size = LARGEST_HEADERS
    max_request_body_size = LONGEST_BODY
    keep_alive_conn_limit = 4 * THREADS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gateway = _Gateway

    @staticmethod
    def bind_socket(sock: socket.socket, where: Any) -> socket.socket:
        """Bind the socket, or close it: cheroot leaves that open."""
        try:
            sock.bind(where)
        except (OSError, UnicodeError, ValueError):
            sock.close()
            raise
        return sock

    def error_log(
        self,
        msg: str = "",
        level: int = logging.INFO,
        traceback: bool = False,  # noqa: ARG002, FBT001, FBT002 - as in cheroot
    ) -> None:
        """Log one line, and nothing of a connection that a client broke off."""
        if level >= logging.ERROR and not isinstance(sys.exception(), OSError):
            logging.getLogger(__name__).error("%s", msg)
