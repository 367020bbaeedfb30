"""A real HTTP server on the loopback interface that answers what a test tells it.

A reply is what the server does with one request: pieces of bytes, each sent by
itself, and between them a `STALL` (until the test says `go`), a `PAUSE`, or a cut::

    loopback.reply(events("Hel", "lo", stop="max_tokens"))
    loopback.reply(b"Bad Gateway", status=502, headers={"retry-after-ms": "10"})
    loopback.reply([b"data: {", STALL, b"}\\n\\n"])     # each piece its own chunk
    loopback.reply([b"data: {", RESET])                 # RST; CUT: FIN
    loopback.reply(raw=[STALL, b"HTTP/1.1 200 OK\\r\\n"])  # the head, too

Replies are used up in order; the last one stays. `requests` has what came; the
`gone` of each is an event, set when the client has closed that connection.
"""

import contextlib
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

STALL, PAUSE, CUT, RESET = "stall", "pause", "cut", "reset"


@dataclass
class Request:
    """What came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    connection: int
    """Which connection it came over, counted from 0."""
    gone: threading.Event
    """Set when the client has closed the connection."""
    head: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Reply:
    steps: list
    framing: str = "raw"


def event(data, name="completion"):
    """Return one server-sent event; a dict is written as JSON."""
    text = data if isinstance(data, str) else json.dumps(data)
    lines = [f"event: {name}"] if name else []
    return "\n".join([*lines, *(f"data: {x}" for x in text.split("\n"))]).encode() + (
        b"\n\n"
    )


def completion(text, stop_reason=None, **more):
    """Return the body of one completion, as the Text Completions API has it."""
    return {
        "type": "completion",
        "completion": text,
        "stop_reason": stop_reason,
        "model": "m",
        **more,
    }


def events(*texts, stop="stop_sequence"):
    """Return a stream's events, one for each text, and the last with the stop."""
    found = [event(completion(text)) for text in texts]
    return [*found, event(completion("", stop))] if stop else found


@dataclass
class Loopback:
    """The server; use it as a context manager."""

    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    choose: Callable[[Request], tuple[object, int]] | None = None
    """What gives body and status of the reply to each request, instead of `reply`."""

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._replies = []
        self._go = threading.Event()
        self._stalled = threading.Event()
        self._arrived = threading.Condition()
        self._done = False
        self._threads = []
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        self._done = True
        self._go.set()
        with contextlib.suppress(OSError):  # wakes accept()
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._listener.close()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def reply(
        self, body=b"", status=200, headers=None, *, framing=None, raw=None, then=None
    ):
        """Add a reply; a list of bytes is sent piece by piece, each its own chunk.

        ``framing`` is ``chunked`` (of a list), ``length`` (of bytes) or ``close``.
        A dict is sent as JSON. ``then=CUT`` closes the connection after it.
        """
        if raw is not None:
            self._replies.append(Reply(list(raw)))
            return self
        kind = "text/event-stream" if isinstance(body, list) else "application/json"
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        pieces = body if isinstance(body, list) else [body]
        framing = framing or ("chunked" if isinstance(body, list) else "length")
        fields = {"content-type": kind, "request-id": "req_1"} | (headers or {})
        if framing == "chunked":
            fields["transfer-encoding"] = "chunked"
        elif framing == "length" and "content-length" not in fields:
            fields["content-length"] = str(
                sum(len(piece) for piece in pieces if isinstance(piece, bytes))
            )
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        first = f"HTTP/1.1 {status} Reason\r\n{head}\r\n".encode("latin-1")
        last = [then] if then else ([CUT] if framing == "close" else [])
        self._replies.append(Reply([first, *pieces, *last], framing))
        return self

    def go(self):
        """Let every stalled reply go on, and those to come."""
        self._go.set()

    def wait_for_stall(self, seconds=60):
        """Wait until a reply stands at a `STALL`."""
        assert self._stalled.wait(seconds), "no reply stalled"

    def wait_for_requests(self, count=1, seconds=60):
        """Wait until that many requests came in."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: len(self.requests) >= count, seconds)
        assert came, f"{len(self.requests)} of {count} requests came"

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self._done:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection, self.connections)
            self.connections += 1

    def _serve(self, connection, number):
        gone = threading.Event()
        with connection, contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while request := self._receive(connection, number, gone):
                with self._arrived:
                    self.requests.append(request)
                    if self.choose is not None:
                        body, status = self.choose(request)
                        self.reply(body, status=status)
                    place = min(len(self.requests), len(self._replies)) - 1
                    reply = self._replies[place]
                    self._arrived.notify_all()
                if not self._perform(reply, connection, gone):
                    return
        gone.set()

    def _receive(self, connection, number, gone):
        data = b""
        while b"\r\n\r\n" not in data:
            if not self._readable(connection):
                return None
            piece = connection.recv(65536)
            if not piece:
                gone.set()
                return None
            data += piece
            if data.startswith(b"\x16"):  # a TLS handshake
                return None
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        while len(body) < int(headers.get("content-length", 0)):
            piece = connection.recv(65536)
            if not piece:  # a client that went away in the middle
                gone.set()
                return None
            body += piece
        return Request(method, path, headers, body, number, gone, head)

    def _readable(self, connection):
        """Wait for bytes or the end of them, or for the end of the server."""
        while not self._done:
            if select.select([connection], [], [], 0.02)[0]:
                return True
        return False

    def _perform(self, reply, connection, gone):
        for step in reply.steps:
            if step == STALL:
                self._stall(connection, gone)
            elif step == PAUSE:
                time.sleep(0.02)
            elif step == CUT:
                self._leave(connection, gone)
                return False
            elif step == RESET:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return False
            elif reply.framing == "chunked" and step is not reply.steps[0]:
                if step:
                    connection.sendall(b"%x\r\n%b\r\n" % (len(step), step))
            else:
                connection.sendall(step)
        if reply.framing == "chunked":
            connection.sendall(b"0\r\n\r\n")
        return True

    def _stall(self, connection, gone):
        self._stalled.set()
        while not self._go.is_set():
            if select.select([connection], [], [], 0.005)[0] and not self._peek(
                connection
            ):
                gone.set()
                raise ConnectionError

    def _peek(self, connection):
        try:
            return connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return b""

    def _leave(self, connection, gone):
        """Send FIN, then read until the client has closed, too."""
        connection.shutdown(socket.SHUT_WR)
        while self._readable(connection) and connection.recv(65536):
            pass
        gone.set()


@contextlib.contextmanager
def black_hole():
    """Return the URL of a port that takes no connection and refuses none."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(8):  # fills the queue; Linux then drops what comes
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}"


def port_that_refuses():
    """Return the URL of a port on which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"
