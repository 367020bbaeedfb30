"""The connections that have no whole request yet, or are done with.

They are many and may be silent, so that one thread listens to them all, and each has
so much time and room. None is in the way of an answer.
"""

from __future__ import annotations

import functools
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from .incoming import BadRequest, Head, Incoming
from .outgoing import refusal
from .validation import LONGEST_BODY, Refused

MOST_WAITING = 256
"""Connections without a request; where one more comes, the oldest goes."""
MOST_SENDING = 64
"""Connections whose body is on its way; where one more comes, the slowest goes."""
MOST_BYTES = 8 * LONGEST_BODY
"""Of all bodies together."""
HEAD_SECONDS = 10.0
IDLE_SECONDS = 30.0
BODY_SECONDS = 10.0
SLOWEST_BODY = 2**14
"""Bytes a second that a body has to come with, after its first seconds."""
LINGER_SECONDS = 2.0
READ_SIZE = 2**18


class Connection:
    """A client's connection, and what came over it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.incoming = Incoming(LONGEST_BODY)
        self.since = time.monotonic()
        self.deadline = 0.0
        self.idle = False
        """Whether it may say nothing for a while, as its last request was answered."""
        self.lingers = False
        """Whether it has its answer, and whatever else it says is not heard."""
        self.held = 0
        """Bytes of its body that were counted."""

    @property
    def ends(self) -> float:
        """When it has taken too long, as far as it has come."""
        return self.deadline + len(self.incoming.body) / SLOWEST_BODY

    @property
    def pace(self) -> float:
        """Bytes a second of its body."""
        return len(self.incoming.body) / (time.monotonic() - self.since + 1)


class Lobby:
    """Listens to connections until a request is whole, and hands that on.

    ``check`` is asked as soon as a head is there whose body is to come; it and
    ``hand_on`` may raise `Refused` or `BadRequest`. All in one thread.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        check: Callable[[Connection, Head], None],
        hand_on: Callable[[Connection, Head], None],
    ) -> None:
        self._selector = selector
        self._check = check
        self._hand_on = hand_on
        self._waiting: dict[Connection, None] = {}
        self._sending: dict[Connection, None] = {}
        self._bytes = 0

    def enter(self, sock: socket.socket) -> None:
        """Listen to a new connection."""
        sock.setblocking(False)  # noqa: FBT003 - the socket's own way
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock)
        self._wait(connection, HEAD_SECONDS)
        self._readable(connection)

    def again(self, connection: Connection) -> None:
        """Listen for a connection's next request, of which some may have come."""
        self._count(connection, 0)
        connection.incoming.next()
        connection.idle = True
        self._wait(connection, IDLE_SECONDS)
        if connection.incoming.begun:
            self._read(connection, b"")

    def leave(self) -> None:
        """Close every connection."""
        for connection in (*self._waiting, *self._sending):
            self._close(connection)

    def close_oldest(self) -> None:
        """Close the connection that waits longest, if any does."""
        for connection in [*self._waiting][:1]:
            self._close(connection)

    def _wait(self, connection: Connection, seconds: float) -> None:
        """Listen to a connection that has no request, not for longer than this."""
        connection.deadline = time.monotonic() + seconds
        self._waiting[connection] = None
        job = functools.partial(self._readable, connection)
        self._selector.register(connection.sock, selectors.EVENT_READ, job)
        while len(self._waiting) > MOST_WAITING:
            self.close_oldest()

    def _forget(self, connection: Connection) -> None:
        """Listen no more."""
        self._waiting.pop(connection, None)
        self._sending.pop(connection, None)
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection.sock)

    def _close(self, connection: Connection) -> None:
        self._forget(connection)
        self._count(connection, 0)
        connection.sock.close()

    def linger(self, connection: Connection) -> None:
        """Return the client a chance to read its answer, then close.

        A socket that is closed with bytes unread resets the connection, and the
        client may lose an answer such as 413 that is on its way (RFC 9112, 9.6).
        """
        self._count(connection, 0)
        connection.incoming = Incoming(LONGEST_BODY)
        connection.lingers = True
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            connection.sock.close()
        else:
            self._wait(connection, LINGER_SECONDS)

    def refuse(self, connection: Connection, bad: BadRequest | Refused) -> None:
        """Answer with an error, and listen no more."""
        self._forget(connection)
        head = connection.incoming.head
        answer = refusal(
            bad.status,
            str(bad),
            type_=bad.type if isinstance(bad, Refused) else None,
            with_body=head is None or head.method != "HEAD",
        )
        with suppress(OSError):
            connection.sock.send(answer)
        self.linger(connection)

    def _readable(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self._close(connection)
            return
        if connection.lingers or not (data or connection.incoming.begun):
            if not data:
                self._close(connection)
        elif data:
            self._read(connection, data)
        else:
            self.refuse(connection, BadRequest(400, "the request has no end"))

    def _read(self, connection: Connection, data: bytes) -> None:
        if connection.idle:
            connection.idle = False
            connection.deadline = time.monotonic() + HEAD_SECONDS
        try:
            connection.incoming.feed(data)
            self._count(connection, len(connection.incoming.body))
            if self._bytes > MOST_BYTES:
                raise BadRequest(503, "there is no room for the body; send it later")
            head = connection.incoming.head
            if head and connection.incoming.whole:
                self._forget(connection)
                self._hand_on(connection, head)
            elif head and connection not in self._sending:
                self._expect_body(connection, head)
        except (BadRequest, Refused) as bad:
            self.refuse(connection, bad)

    def _count(self, connection: Connection, size: int) -> None:
        self._bytes += size - connection.held
        connection.held = size

    def _expect_body(self, connection: Connection, head: Head) -> None:
        """Go on with a connection whose head is good and whose body is to come."""
        self._check(connection, head)
        if head.get("expect") and head.version == "1.1":
            with suppress(OSError):
                connection.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._waiting.pop(connection)
        if len(self._sending) >= MOST_SENDING:
            slowest = min(self._sending, key=lambda one: one.pace)
            self.refuse(slowest, BadRequest(408, "body: took too long to come"))
        connection.since = time.monotonic()
        connection.deadline = connection.since + BODY_SECONDS
        self._sending[connection] = None

    def expire(self) -> None:
        """Return up what has taken too long."""
        now = time.monotonic()
        late = [one for one in (*self._waiting, *self._sending) if one.ends < now]
        for connection in late:
            if connection.lingers or not connection.incoming.begun:
                self._close(connection)
            else:
                what = "body" if connection.incoming.head else "head"
                self.refuse(
                    connection, BadRequest(408, f"{what}: took too long to come")
                )
