"""Connections that another thread can cut, whatever they are waiting for.

A thread that waits on a socket hears nothing but its socket. So each request has a
`Line`, which knows the connection that serves it now; cutting the line shuts that
socket down, and the wait ends.
"""

from __future__ import annotations

import http.client
import os
import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.response import HTTPResponse
from urllib3.util.timeout import Timeout

from ..background import Background
from ..cancel import Cancel
from ..errors import Cancelled

SLICE = 0.05
"""Seconds between two looks at the switch, where nothing can be shut down."""
MOST_INTERIM = 100
"""Interim answers (1xx) that are skipped before one answer."""

_thread = threading.local()


class HandshakeTimeout(ConnectTimeoutError):
    """A connection was made, and then no TLS on it."""


class Line:
    """One request's way to the endpoint, while the request lasts."""

    def __init__(self, cancel: Cancel) -> None:
        self.cancel = cancel
        self.late = False
        """Whether it was cut because its time was over."""
        self._connection: Connection | None = None
        self._ended = threading.Event()
        self._unlisten = cancel.listen(self.cut)

    def __enter__(self) -> None:
        """Make connections that this thread opens or reuses belong to the line."""
        _thread.line = self

    def __exit__(self, *_: object) -> None:
        _thread.line = None

    def take(self, connection: Connection) -> None:
        """Make the connection this line's. Raises `Cancelled` if it is cut."""
        self._connection = connection
        self.cancel.check()

    def cut(self) -> None:
        """Shut the connection down, if it is still this line's."""
        if self._connection is not None:
            self._connection.shut_down(self)

    def cut_after(self, seconds: float) -> None:
        """Cut it after the seconds, unless it has ended by then.

        A socket's timeout would begin anew with every byte.
        """

        def wait() -> None:
            if not self._ended.wait(seconds):
                self.late = True
                self.cut()

        Background(wait, name="cut late answer").start()

    def end(self) -> None:
        """Leave the connection to whoever uses it next."""
        self._ended.set()
        self._unlisten()


class _Head(http.client.HTTPResponse):
    """An answer's head, which interim ones (102, 103, …) may come before.

    The standard library skips 100 alone, and that for ever.
    """

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM):
            line: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            status = line[1]
            if not 100 <= status < 200 or status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                return line
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException(f"more than {MOST_INTERIM} interim answers")


class Connection(HTTPConnection):
    """An HTTP connection that its line can shut down."""

    response_class = _Head

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._owner: Line | None = None
        self._owning = threading.Lock()
        # TLS takes the socket's descriptor over: this is a second one to the same
        # connection, which can be shut down during the handshake.
        self._opening: socket.socket | None = None
        # http.client forgets the socket of an answer that ends with the connection.
        self._answering: socket.socket | None = None

    def _belong(self) -> None:
        line = getattr(_thread, "line", None)
        with self._owning:
            self._owner = line
        if line is not None:  # pragma: no branch - as in `_new_conn`
            line.take(self)

    def shut_down(self, line: Line) -> None:
        """End every wait on the socket, unless another line has it now."""
        with self._owning:
            if self._owner is line:  # pragma: no branch - a race that it loses
                for sock in (self._opening, self.sock, self._answering):
                    if sock is not None:
                        # Below TLS, whose state is its reader's.
                        with suppress(OSError):
                            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def connect(self) -> None:
        """Connect, unless the line is cut."""
        self._belong()
        try:
            super().connect()
        except TimeoutError as error:
            kind = ConnectTimeoutError if self.proxy else HandshakeTimeout
            raise kind(f"no TLS handshake within {self.timeout:g} s") from error
        finally:
            with self._owning:
                if self._opening is not None:
                    self._opening.close()
                    self._opening = None
        if self._owner is not None:  # pragma: no branch - as in `_new_conn`
            # A cut that came just before had no socket yet to shut down.
            self._owner.cancel.check()

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request, unless the line is cut."""
        self._answering = None
        self._belong()
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3
        """Wait for the head of the answer."""
        self._answering = self.sock
        return super().getresponse()

    def _new_conn(self) -> socket.socket:
        line = self._owner
        if line is None:  # pragma: no cover - the client opens none without a line
            return super()._new_conn()
        try:
            sock = reach(
                (self._dns_host, self.port or self.default_port),
                timeout=Timeout.resolve_default_timeout(self.timeout),
                cancel=line.cancel,
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        for option in self.socket_options or ():
            sock.setsockopt(*option)
        if isinstance(self, HTTPSConnection):
            self._opening = sock.dup()
            try:
                line.cancel.check()
            except Cancelled:
                sock.close()  # nothing else has it yet
                raise
        return sock


class SecureConnection(Connection, HTTPSConnection):
    """An HTTPS connection that its line can shut down."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = SecureConnection


POOLS: dict[str, Any] = {"http": _Pool, "https": _SecurePool}
"""What a `urllib3.PoolManager` takes as its ``pool_classes_by_scheme``."""


def reach(
    address: tuple[str, int], *, timeout: float | None, cancel: Cancel
) -> socket.socket:
    """Return a connected socket, trying each of the host's addresses.

    ``timeout`` is in seconds, for each of them. Raises `OSError`, and `Cancelled`
    within two slices.
    """
    failure = OSError(f"{address[0]} has no address")
    for family, kind, protocol, _, where in resolve(address, cancel):
        sock = socket.socket(family, kind, protocol)
        try:
            _await_connection(sock, where, timeout, cancel)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            sock.settimeout(timeout)
            return sock
    raise failure


def _await_connection(
    sock: socket.socket, where: Any, timeout: float | None, cancel: Cancel
) -> None:
    deadline = None if timeout is None else time.monotonic() + timeout
    sock.settimeout(0)
    with suppress(BlockingIOError):
        sock.connect(where)
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        while not selector.select(SLICE):
            cancel.check()
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"no connection within {timeout:g} s")
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def resolve(address: tuple[str, int], cancel: Cancel) -> list[Any]:
    """Return the host's addresses; a slow name server does not hold a cancel up."""
    host, port = address
    host = host.strip("[]")
    with suppress(socket.gaierror):
        return socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    found: list[Any] = []
    failures: list[OSError] = []
    done = threading.Event()

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failures.append(
                error if isinstance(error, OSError) else OSError(str(error))
            )
        finally:
            done.set()

    # A name server cannot be told to stop: its thread is left to end by itself.
    Background(look_up, name="look up host").start()
    while not done.wait(SLICE):
        cancel.check()
    if failures:
        raise failures[0]
    return found
