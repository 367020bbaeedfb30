"""What `complete` costs beside the barest call, and beside the official SDK.

A server in another process answers on the loopback interface; what is measured is
this process's CPU time, so the server's work and the waiting count for nothing. Each
figure is the least of several rounds in which the candidates take turns: what else the
machine does can only add to it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import logging
import multiprocessing
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import requests
from table import Row, as_text

from jupyter_complete import complete
from jupyter_complete.request import CompletionRequest

EVENTS = 4000
EVENTS_PER_CHUNK = (1, 20, 400)
CALLS = 100
ROUNDS = 9

REQUEST = CompletionRequest("m", "\n\nHuman: Hi\n\nAssistant:", 5000)
BODY = {
    "max_tokens_to_sample": REQUEST.max_tokens_to_sample,
    "model": REQUEST.model,
    "prompt": REQUEST.prompt,
}
HEADERS = {"anthropic-version": "2023-06-01", "x-api-key": "sk-0123456789"}


def _event(text: str, stop: str | None) -> bytes:
    answer = {
        "type": "completion",
        "id": "compl_01",
        "completion": text,
        "stop_reason": stop,
        "model": "m",
    }
    return f"event: completion\ndata: {json.dumps(answer)}\n\n".encode()


def _whole() -> bytes:
    return json.dumps(
        {
            "type": "completion",
            "id": "compl_01",
            "completion": "word " * 200,
            "stop_reason": "stop_sequence",
            "model": "m",
        }
    ).encode()


def _stream(per_chunk: int) -> bytes:
    """Return a chunked body of the events, so many of them in each chunk."""
    found = [_event(f" word{n % 10}", None) for n in range(EVENTS - 1)]
    found.append(_event("", "stop_sequence"))
    body = b""
    for start in range(0, EVENTS, per_chunk):
        piece = b"".join(found[start : start + per_chunk])
        body += b"%x\r\n%b\r\n" % (len(piece), piece)
    return body + b"0\r\n\r\n"


def _serve(port: multiprocessing.Queue[int]) -> None:
    whole = _whole()
    plain = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    answers = {b"/whole": plain + b"content-length: %d\r\n\r\n" % len(whole) + whole}
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    for per_chunk in EVENTS_PER_CHUNK:
        path = b"/stream%d" % per_chunk
        framing = b"transfer-encoding: chunked\r\n\r\n"
        answers[path] = head + framing + _stream(per_chunk)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    port.put(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection, answers)).start()


def _answer(connection: socket.socket, answers: dict[bytes, bytes]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as lines:
        while first := lines.readline():
            length = 0
            while line := lines.readline().strip().lower():
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            lines.read(length)
            path = first.split()[1].removesuffix(b"/v1/complete")
            connection.sendall(answers[path])


@contextmanager
def _server() -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_serve, args=(port,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{port.get(timeout=30)}"
    finally:
        process.terminate()
        process.join()
        port.close()


def _cpu(candidates: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Return each candidate's CPU seconds, the least of rounds taken in turns."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    for _ in range(ROUNDS):
        for name, call in candidates.items():
            start = time.process_time()
            call()
            found[name].append(time.process_time() - start)
    return {name: min(times) for name, times in found.items()}


def _ours(
    url: str, *, stream: bool, history: bool = False, key: bool = False
) -> Callable[[], None]:
    """Return a call as a user makes it, in Python; with a key of theirs, or none."""

    def call() -> None:
        # The key goes to its own endpoint alone, whatever that is called by.
        os.environ["ANTHROPIC_BASE_URL"] = url if key else "https://nowhere.invalid"
        answer = complete(
            REQUEST.prompt,
            model=REQUEST.model,
            max_tokens=REQUEST.max_tokens_to_sample,
            endpoint="anthropic" if key else url,
            dialect="text",
            stream=stream,
            history=history,
        )
        if answer.text.count("word") != (EVENTS - 1 if stream else 200):
            raise RuntimeError(f"{len(answer.text)} characters came")

    return call


def _barest_whole(session: requests.Session, url: str) -> Callable[[], None]:
    def call() -> None:
        answer = session.post(f"{url}/v1/complete", json=BODY, headers=HEADERS)
        answer.json()["completion"]

    return call


def _barest_stream(session: requests.Session, url: str) -> Callable[[], None]:
    """Read bytes, split at blank lines, parse: no case of the standard but this."""

    def call() -> None:
        answer = session.post(
            f"{url}/v1/complete", json=BODY, headers=HEADERS, stream=True
        )
        texts = []
        rest = b""
        while data := answer.raw.read1(65536, decode_content=True):
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in blocks:
                _, _, text = block.partition(b"\ndata: ")
                texts.append(json.loads(text)["completion"])
        if len(texts) != EVENTS:
            raise RuntimeError(f"{len(texts)} events came")

    return call


def official_sdk() -> tuple[Any, str]:
    """Return the official SDK and what to call it; None and why where it is missing."""
    try:
        anthropic = importlib.import_module("anthropic")
    except ImportError as error:
        return None, f"official SDK: not measured ({error})"
    name = f"official SDK {importlib.metadata.version('anthropic')}"
    if not hasattr(anthropic.Anthropic, "completions"):
        return None, f"{name}: not measured (0.125.0 is the last with completions)"
    return anthropic, name


def _official(anthropic: Any, url: str) -> Callable[[], None]:
    """Return a streamed call of the official SDK."""
    client = anthropic.Anthropic(api_key="sk-0123456789", base_url=url)

    def call() -> None:
        for each in client.completions.create(**BODY, stream=True):
            each.completion  # noqa: B018 - what a user would print

    return call


def _repeated(call: Callable[[], None]) -> Callable[[], None]:
    def calls() -> None:
        for _ in range(CALLS):
            call()

    return calls


@contextmanager
def _user() -> Iterator[None]:
    """Be a user with a key and a profile of their own."""
    with tempfile.TemporaryDirectory() as directory:
        mine = {"IPYTHONDIR": directory, "ANTHROPIC_API_KEY": HEADERS["x-api-key"]}
        with mock.patch.dict(os.environ, mine):
            yield


def _of_whole(session: requests.Session, url: str) -> Iterator[Row]:
    ways = {
        "bare": _repeated(_barest_whole(session, url)),
        "without": _repeated(_ours(url, stream=False, history=False)),
        "with": _repeated(_ours(url, stream=False, history=True)),
    }
    times = _cpu(ways)
    for kind, most in (("without", 1.8), ("with", 3.0)):
        yield Row(
            f"complete(), a whole answer, {kind} history: CPU / bare requests",
            most,
            times[kind] / times["bare"],
            note=f"{times[kind] / CALLS * 1e6:.0f} us each",
        )


def _of_stream(
    session: requests.Session, url: str, per_chunk: int, anthropic: Any, official: str
) -> Iterator[Row]:
    ways = {
        "bare": _barest_stream(session, url),
        "ours": _ours(url, stream=True),
        "with a key": _ours(url, stream=True, key=True),
    }
    if anthropic:
        ways["official"] = _official(anthropic, url)
    times = _cpu(ways)
    beside = official
    if anthropic:
        beside = f"{official}: {times['official'] / times['bare']:.2f}"
    for kind, more, most in (("ours", "", 2.5), ("with a key", ", with a key", 3.0)):
        yield Row(
            f"complete(), {EVENTS:,} events, {per_chunk} a chunk{more}: "
            "CPU / barest loop",
            most,
            times[kind] / times["bare"],
            beside,
            f"{times[kind] / EVENTS * 1e6:.1f} us an event",
        )


def measure() -> list[Row]:
    """Return the figures of one run; takes about half a minute."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    anthropic, official = official_sdk()
    with _user(), _server() as url, requests.Session() as session:
        rows = [*_of_whole(session, f"{url}/whole")]
        for per_chunk in EVENTS_PER_CHUNK:
            path = f"{url}/stream{per_chunk}"
            rows += _of_stream(session, path, per_chunk, anthropic, official)
    return rows


if __name__ == "__main__":
    print(as_text(measure()))
