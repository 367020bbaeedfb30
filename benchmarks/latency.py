"""A server that answers after 200 ms, in a process of its own.

So it takes no time from whoever asks. It speaks the Text Completions API and, for a
path that ends in ``/completions``, OpenAI's.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jupyter_complete.endpoint import Endpoint

LATENCY = 0.2


def _serve(port: multiprocessing.Queue[int], refuse: int) -> None:
    asyncio.run(_server(port, refuse))


async def _server(port: multiprocessing.Queue[int], refuse: int) -> None:
    """Answer after the latency; refuse the first so many with a 429."""
    state = {"seen": 0, "refused": 0, "bursts": 0, "last": 0.0}

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length: ")[2]
                await reader.readexactly(int(length.partition(b"\r\n")[0] or 0))
                writer.write(await reply(head))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def reply(head: bytes) -> bytes:
        if head.startswith(b"GET"):
            return _http(200, state)
        now = time.monotonic()
        state["seen"] += 1
        if state["seen"] <= refuse:
            state["refused"] += 1
            state["bursts"] += now - state["last"] > 0.5
            state["last"] = now
            error = {"type": "rate_limit_error", "message": "no"}
            return _http(429, {"type": "error", "error": error}, b"retry-after: 1\r\n")
        await asyncio.sleep(LATENCY)
        line = head.partition(b"\r\n")[0]
        return _http(200, OPENAI if b"/completions " in line else ANSWER)

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
    port.put(server.sockets[0].getsockname()[1])
    await server.serve_forever()


ANSWER = {
    "type": "completion",
    "id": "compl_1",
    "completion": "yes",
    "stop_reason": "stop_sequence",
    "model": "claude-2.1",
}
OPENAI = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 0,
    "model": "m",
    "choices": [{"text": "yes", "index": 0, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def _http(status: int, body: Mapping[str, Any], headers: bytes = b"") -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n".encode()
    return head + headers + b"content-length: %d\r\n\r\n" % len(data) + data


@contextmanager
def serving(refuse: int = 0) -> Iterator[Endpoint]:
    """Run the server; it refuses the first so many calls."""
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    server = context.Process(target=_serve, args=(port, refuse), daemon=True)
    server.start()
    try:
        yield Endpoint("loop", f"http://127.0.0.1:{port.get(timeout=30)}", "text")
    finally:
        server.terminate()
        server.join()
