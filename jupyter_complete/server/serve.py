"""The app over HTTP: one thread waits for requests, each answer has its own.

A connection that says nothing, or little by little, waits beside the others for as
long as a request may take, and is in nobody's way: an answer's thread begins when the
whole request is there, and what is refused for its head is refused before its body.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from ..background import in_background
from .incoming import BadRequest, Head
from .lobby import Connection, Lobby
from .outgoing import ClientGone, Outgoing, environ_of, refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PING_SECONDS = 5.0
THREADS = 64
"""So many answers at once; more wait for their turn."""
MOST_QUEUED = 256
SHUTDOWN_SECONDS = 1.0
TICK_SECONDS = 0.25
MOST_ACCEPTED = 256
"""At once, before the others have their turn."""

_LOG = logging.getLogger(__name__)


def make_server(app: WSGIApplication, host: str, port: int) -> Server:
    """Return a server that listens; ``port`` 0 takes any. Raises `OSError`.

    ``serve()`` serves until ``stop()`` is called from another thread. An app that has
    a method ``check_head`` is asked as soon as a head is there: it raises `Refused`.
    """
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    for last, (family, kind, protocol, _, where) in enumerate(found, 1 - len(found)):
        listener = socket.socket(family, kind, protocol)
        try:
            # Elsewhere it would let two servers have one port.
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(512)
        except OSError:
            listener.close()
            if not last:
                raise
        else:
            return Server(app, listener)
    raise OSError(errno.EADDRNOTAVAIL, "no address")  # pragma: no cover - one is found


def address(server: Server) -> str:
    """Return the URL at which the server answers."""
    host, port = server.bind_addr
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server:
    """Serves an app at a socket that listens."""

    def __init__(self, app: WSGIApplication, listener: socket.socket) -> None:
        self.bind_addr: tuple[str, int] = listener.getsockname()[:2]
        self._app = app
        self._check_head: Callable[[Any], None] | None
        self._check_head = getattr(app, "check_head", None)
        self._listener = listener
        self._woken, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for sock, job in ((listener, self._accept), (self._woken, self._take_back)):
            sock.setblocking(False)  # noqa: FBT003 - the socket's own way
            self._selector.register(sock, selectors.EVENT_READ, job)
        self._lobby = Lobby(self._selector, self._check, self._start)
        self._queue: deque[tuple[Connection, Head]] = deque()
        self._working: set[Connection] = set()
        self._done: SimpleQueue[tuple[Connection, bool]] = SimpleQueue()
        self._stopping = False
        self._ended = threading.Event()
        self._ended.set()

    def serve(self) -> None:
        """Serve until `stop` is called from another thread."""
        self._ended.clear()
        try:
            while not self._stopping:
                for key, _ in self._selector.select(TICK_SECONDS):
                    key.data()
                self._lobby.expire()
        finally:
            self._ended.set()

    def stop(self) -> None:
        """End; answers that are on their way have a second to do so, too."""
        self._stopping = True
        self._wake()
        self._ended.wait()
        self._listener.close()
        self._lobby.leave()
        for connection, _ in self._queue:
            connection.sock.close()
        self._let_end()
        for connection in self._working:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self._let_end()
        for connection in self._working:
            connection.sock.close()
        self._selector.close()
        self._woken.close()
        self._waker.close()

    def _let_end(self) -> None:
        """Wait for the answers that are on their way, not for long."""
        ends = time.monotonic() + SHUTDOWN_SECONDS
        with suppress(Empty):
            while self._working:
                left = max(0.001, ends - time.monotonic())
                connection, _ = self._done.get(timeout=left)
                self._working.discard(connection)
                connection.sock.close()

    def _wake(self) -> None:
        with suppress(OSError):
            self._waker.send(b".")

    # What follows is the business of the thread in `serve` alone.

    def _accept(self) -> None:
        for _ in range(MOST_ACCEPTED):
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:  # pragma: no cover - no file is left for one more
                self._lobby.close_oldest()
                time.sleep(0.01)
                return
            self._lobby.enter(sock)

    def _check(self, connection: Connection, head: Head) -> None:
        if self._check_head:
            self._check_head(environ_of(head, b"", connection.sock, self.bind_addr))

    def _start(self, connection: Connection, head: Head) -> None:
        """Answer a request now, or when its turn comes."""
        if len(self._working) < THREADS:
            self._working.add(connection)
            job = functools.partial(self._work, connection, head)
            in_background(job)
        elif len(self._queue) < MOST_QUEUED:
            self._queue.append((connection, head))
        else:
            raise BadRequest(503, "too many requests wait already; send it later")

    def _take_back(self) -> None:
        """Go on with the connections whose answers have ended."""
        with suppress(BlockingIOError):
            self._woken.recv(2**16)
        with suppress(Empty):
            while True:
                connection, again = self._done.get_nowait()
                self._working.discard(connection)
                if again:
                    self._lobby.again(connection)
                else:
                    self._lobby.linger(connection)
        while self._queue and len(self._working) < THREADS:
            self._start(*self._queue.popleft())

    # And this that of an answer's own.

    def _work(self, connection: Connection, head: Head) -> None:
        outgoing = Outgoing(connection.sock, head, keep=head.keeps_alive)
        again = False
        try:
            body = bytes(connection.incoming.body)
            environ = environ_of(head, body, connection.sock, self.bind_addr)
            again = outgoing.answer(self._app, environ)
        except ClientGone:
            pass
        except Exception as error:  # noqa: BLE001 - told to the client, and logged
            _LOG.error("the app failed: %r", error)
            if not outgoing.begun:
                with suppress(OSError):
                    connection.sock.send(refusal(500, "Internal server error"))
        finally:
            self._done.put((connection, again))
            self._wake()
