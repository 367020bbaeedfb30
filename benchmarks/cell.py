"""What a streamed cell costs: bytes to the front end, delay and CPU.

A real kernel runs the cells; a server in this process streams the tokens, so that the
time at which bytes were sent and the time at which they reach the front end are of
one clock.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from jupyter_client.manager import start_new_kernel
from table import Row, as_text

SIZES = (1000, 2000, 4000)
RATES = (0, 400)
"""Tokens a second; 0 is as fast as it goes."""
BUSY = -1
FIRSTS = 20
WORDS = ("with", " the", " statement", " runs", " its", " block", ".\n", " and", " so")


class Server:
    """Streams as many tokens as asked for, at the rate in the user's id.

    A rate of BUSY is refused for now, to be asked again in half a minute.
    """

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent: float = 0.0
        """When the first token of the last answer went out."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,)).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with (
            contextlib.suppress(OSError),  # a client may leave at any time
            connection,
            connection.makefile("rb") as lines,
        ):
            while lines.readline():
                length = 0
                while line := lines.readline().strip().lower():
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                self._answer(connection, json.loads(lines.read(length)))

    def _answer(self, connection: socket.socket, asked: Any) -> None:
        rate = float(asked["metadata"]["user_id"])
        if rate == BUSY:
            connection.sendall(
                b"HTTP/1.1 529 Overloaded\r\nretry-after: 30\r\n"
                b"content-length: 0\r\n\r\n"
            )
            return
        connection.sendall(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        time.sleep(0.02)
        self.sent = time.perf_counter()
        for number in range(asked["max_tokens_to_sample"]):
            if rate and number:
                due = self.sent + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
            connection.sendall(_event(WORDS[number % len(WORDS)], None))
        connection.sendall(_event("", "max_tokens") + b"0\r\n\r\n")


def _event(text: str, stop: str | None) -> bytes:
    data = json.dumps(
        {"type": "completion", "completion": text, "stop_reason": stop, "model": "m"}
    )
    event = f"event: completion\ndata: {data}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


class Kernel:
    """A kernel with the extension, and what it sends, frame by frame."""

    def __enter__(self) -> Self:
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        self.run("%load_ext jupyter_complete")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(
        self, code: str, seen: Callable[[str], None] = lambda _: None
    ) -> list[tuple[float, str, int, Any]]:
        """Return the time, type, size and content of each message of a cell.

        ``seen`` gets the type of each as it comes.
        """
        asked = self.client.execute(code)
        channel, session = self.client.iopub_channel, self.client.session
        found: list[tuple[float, str, int, Any]] = []
        deadline = time.perf_counter() + 120
        while time.perf_counter() < deadline:
            if not channel.socket.poll(100):
                continue
            frames = channel.socket.recv_multipart()
            came = time.perf_counter()
            _, parts = session.feed_identities(frames)
            message = session.deserialize(parts)
            if message["parent_header"].get("msg_id") != asked:
                continue
            size = sum(map(len, frames))
            content = message["content"]
            found.append((came, message["msg_type"], size, content))
            seen(message["msg_type"])
            if content.get("execution_state") == "idle":
                return found
        raise queue.Empty


def line(server: Server, tokens: int, rate: float) -> str:
    """Return the line that asks the server for tokens at a rate."""
    return (
        f"%complete -m m --endpoint {server.url} --dialect text --no-history "
        f"--user-id {rate} --max-tokens {tokens} Hi"
    )


def of_bytes(kernel: Kernel, server: Server) -> Iterator[Row]:
    """Measure what goes to the front end, beside the text itself."""
    for rate in RATES:
        ratios, texts = [], []
        for tokens in SIZES:
            sent = kernel.run(line(server, tokens, rate))
            size = sum(
                size
                for _, kind, size, _ in sent
                if kind not in {"status", "execute_input"}
            )
            text = sum(len(WORDS[number % len(WORDS)]) for number in range(tokens))
            ratios.append(size / text)
            texts.append(f"{tokens:,}: {size / 1000:.0f} kB in {len(sent)} messages")
        speed = f"{rate} tokens a second" if rate else "as fast as it goes"
        yield Row(
            f"cell: bytes to the front end / text, {speed}",
            "<= 3",
            f"{ratios[-1]:.1f}",
            note="; ".join(texts),
        )
        yield Row(
            f"cell: growth from 2,000 to 4,000 tokens, {speed}",
            "<= 2 (linear)",
            f"{2 * ratios[-1] / ratios[-2]:.2f}",
        )


def of_first_tokens(kernel: Kernel, server: Server) -> Row:
    """Measure from the first token's bytes leaving the server to its message."""
    delays = []
    for _ in range(FIRSTS):
        messages = kernel.run(line(server, 20, 100))
        shown = next(came for came, kind, *_ in messages if kind == "display_data")
        delays.append(shown - server.sent)
    return Row(
        "cell: first token at the front end",
        "<= 50 ms",
        f"{statistics.median(delays) * 1000:.1f} ms",
        note=f"median of {FIRSTS}; worst {max(delays) * 1000:.1f} ms",
    )


def of_cpu(kernel: Kernel, server: Server) -> Row:
    """Measure the kernel's CPU for a cell of 4,000 tokens."""
    spent = []
    for _ in range(5):
        asked = line(server, 4000, 0)
        code = (
            "import time; start = time.process_time()\n"
            f"{asked}\nprint('CPU', time.process_time() - start)"
        )
        texts = [
            content["text"]
            for _, kind, _, content in kernel.run(code)
            if kind == "stream"
        ]
        spent.append(float("".join(texts).rpartition("CPU")[2]))
    return Row(
        "cell: the kernel's CPU for 4,000 streamed tokens",
        "",
        f"{statistics.median(spent):.2f} s",
        note=f"median of 5; {statistics.median(spent) / 4:.3f} ms a token",
    )


def measure() -> list[Row]:
    """Return the rows of the report; takes about a minute."""
    with Server() as server, Kernel() as kernel:
        kernel.run(line(server, 10, 0))
        rows = [*of_bytes(kernel, server), of_first_tokens(kernel, server)]
        rows.append(of_cpu(kernel, server))
    return rows


if __name__ == "__main__":
    print(as_text(measure()))
