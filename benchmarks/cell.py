"""What a streamed cell costs: bytes to the front end, delay, CPU, and what it installs.

A real kernel runs the cells; a server in this process streams the tokens, so that the
time at which bytes were sent and the time at which they reach the front end are of
one clock.
"""

from __future__ import annotations

import json
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from jupyter_client.manager import start_new_kernel

Row = tuple[str, str, str, str]

SIZES = (1000, 2000, 4000)
RATES = (0, 400)
"""Tokens a second; 0 is as fast as it goes."""
FIRSTS = 20
WORDS = ("with", " the", " statement", " runs", " its", " block", ".\n", " and", " so")


class Server:
    """Streams as many tokens as asked for, at the rate in the user's id."""

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
        with connection, connection.makefile("rb") as lines:
            while lines.readline():
                length = 0
                while line := lines.readline().strip().lower():
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                self._answer(connection, json.loads(lines.read(length)))

    def _answer(self, connection: socket.socket, asked: Any) -> None:
        rate = int(asked["metadata"]["user_id"])
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
        self._manager, self.client = start_new_kernel(kernel_name="python3")
        self.run("%load_ext jupyter_complete")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def run(self, code: str) -> list[tuple[float, str, int, Any]]:
        """Give the time, type, size and content of each message of a cell."""
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
            if content.get("execution_state") == "idle":
                return found
        raise queue.Empty


def _line(server: Server, tokens: int, rate: int) -> str:
    return (
        f"%complete -m m --endpoint {server.url} --dialect text --no-history "
        f"--user-id {rate} --max-tokens {tokens} Hi"
    )


def of_bytes(kernel: Kernel, server: Server) -> Iterator[Row]:
    """Measure what goes to the front end, beside the text itself."""
    for rate in RATES:
        ratios, texts = [], []
        for tokens in SIZES:
            sent = kernel.run(_line(server, tokens, rate))
            size = sum(
                size
                for _, kind, size, _ in sent
                if kind not in {"status", "execute_input"}
            )
            text = sum(len(WORDS[number % len(WORDS)]) for number in range(tokens))
            ratios.append(size / text)
            texts.append(f"{tokens:,}: {size / 1000:.0f} kB in {len(sent)} messages")
        speed = f"{rate} tokens a second" if rate else "as fast as it goes"
        yield (
            f"cell: bytes to the front end / text, {speed}",
            "<= 3",
            f"{ratios[-1]:.1f}",
            "; ".join(texts),
        )
        yield (
            f"cell: growth from 2,000 to 4,000 tokens, {speed}",
            "<= 2 (linear)",
            f"{2 * ratios[-1] / ratios[-2]:.2f}",
            "",
        )


def of_first_tokens(kernel: Kernel, server: Server) -> Row:
    """Measure from the first token's bytes leaving the server to its message."""
    delays = []
    for _ in range(FIRSTS):
        messages = kernel.run(_line(server, 20, 100))
        shown = next(came for came, kind, *_ in messages if kind == "stream")
        delays.append(shown - server.sent)
    return (
        "cell: first token at the front end",
        "<= 50 ms",
        f"{statistics.median(delays) * 1000:.1f} ms",
        f"median of {FIRSTS}; worst {max(delays) * 1000:.1f} ms",
    )


def of_cpu(kernel: Kernel, server: Server) -> Row:
    """Measure the kernel's CPU for a cell of 4,000 tokens."""
    spent = []
    for _ in range(5):
        line = _line(server, 4000, 0)
        code = (
            "import time; start = time.process_time()\n"
            f"{line}\nprint('CPU', time.process_time() - start)"
        )
        texts = [
            content["text"]
            for _, kind, _, content in kernel.run(code)
            if kind == "stream"
        ]
        spent.append(float("".join(texts).rpartition("CPU")[2]))
    return (
        "cell: the kernel's CPU for 4,000 streamed tokens",
        "",
        f"{statistics.median(spent):.2f} s",
        f"median of 5; {statistics.median(spent) / 4:.3f} ms a token",
    )


def of_packages() -> Row:
    """Count what an installation of the core pulls, itself among it."""
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        options = ["--dry-run", "--ignore-installed", "--quiet", "--report", report]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", *options, root],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            fault = done.stderr.strip().splitlines()[-1:]
            return ("core: packages in all", "<= 30", "missing", f"pip: {fault}")
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return ("core: packages in all", "<= 30", str(len(found)), "pip's own plan")


def measure() -> list[Row]:
    """Give the rows of the report; takes about a minute."""
    with Server() as server, Kernel() as kernel:
        kernel.run(_line(server, 10, 0))
        rows = [*of_bytes(kernel, server), of_first_tokens(kernel, server)]
        rows.append(of_cpu(kernel, server))
    return [*rows, of_packages()]


if __name__ == "__main__":
    for row in measure():
        print(*row, sep=" | ")
