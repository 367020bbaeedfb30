"""What stands between a client and a server: a proxy, and TLS; real ones."""

import contextlib
import select
import socket
import ssl
import threading


class Relay:
    """Takes connections and hands each, in a thread, to `serve`."""

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.over = threading.Event()
        self._threads = []
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        self.over.set()
        with contextlib.suppress(OSError):  # wakes accept()
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._listener.close()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._listener.accept()
                self._start(self._serve, connection)

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            self.serve(connection)

    def pump(self, one, other):
        """Carry bytes both ways until one side ends."""
        while not self.over.is_set():
            for ready in select.select([one, other], [], [], 0.02)[0]:
                data = ready.recv(65536)
                if not data:
                    return
                (other if ready is one else one).sendall(data)


class Proxy(Relay):
    """A proxy that leads to one server whatever host is asked for.

    With a ``reply`` it says that to every request instead; an empty one is silence.
    """

    def __init__(self, target=None, reply=None):
        self.target, self.reply = target, reply
        self.heads = []

    @property
    def url(self):
        return f"http://me:hunter2@127.0.0.1:{self.port}"

    def serve(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
        self.heads.append(head)
        if self.reply is not None:
            connection.sendall(self.reply)
            self.over.wait(0 if self.reply else 5)
            return
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            if head.startswith(b"CONNECT"):
                connection.sendall(b"HTTP/1.1 200 Go\r\n\r\n")
            else:
                server.sendall(head)
            self.pump(connection, server)


class Tls(Relay):
    """TLS in front of a server on this machine."""

    def __init__(self, certificate, target):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self._context)
        self._target = target

    def serve(self, connection):
        with (
            self._context.wrap_socket(connection, server_side=True) as secure,
            socket.create_connection(("127.0.0.1", self._target)) as server,
        ):
            self.pump(secure, server)
