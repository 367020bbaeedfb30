"""How fast a sweep is, beside the official SDK, against a server of 200 ms latency.

    python benchmarks/sweeps.py

The server is another process, so that it takes no time from whoever asks. Each figure
is the median of several runs in turn.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import statistics
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from jupyter_complete.cancel import Cancel
from jupyter_complete.client import Client
from jupyter_complete.completion import Completion, CompletionRequest, Endpoint
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.errors import CompleteError
from jupyter_complete.sweep.axes import Point
from jupyter_complete.sweep.result import Sweep
from jupyter_complete.sweep.run import run
from jupyter_complete.sweep.tasks import Limits, Run, Task

LATENCY = 0.2
RUNS = 3
ANSWERS = 5000
KILOBYTE = "lorem ipsum dolor sit amet " * 38


class Row(NamedTuple):
    """One figure beside its promise."""

    name: str
    target: str
    measured: str
    note: str = ""


# --- the server ---------------------------------------------------------------------


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
def _serving(refuse: int = 0) -> Iterator[Endpoint]:
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    server = context.Process(target=_serve, args=(port, refuse), daemon=True)
    server.start()
    try:
        yield Endpoint("loop", f"http://127.0.0.1:{port.get(timeout=30)}", "text")
    finally:
        server.terminate()
        server.join()


# --- who asks -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Outcome:
    completion: Completion
    error: CompleteError | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _request(place: int) -> CompletionRequest:
    return CompletionRequest("claude-2.1", f"\n\nHuman: {place}\n\nAssistant:", 16)


def _tasks(count: int) -> list[Task]:
    requests = [_request(place) for place in range(count)]
    return [
        Task(Point({"place": place}), 0, request, request)
        for place, request in enumerate(requests)
    ]


def ours(endpoint: Endpoint, calls: int, at_once: int) -> Run:
    """Ask by a sweep, over the project's own client."""
    dialect = TextDialect("2023-06-01")

    with Client(lambda _: None, pool_size=max(64, at_once)) as client:

        def ask(request: CompletionRequest, cancel: Cancel | None) -> _Outcome:
            kept = Completion("", request)
            try:
                with client.send(
                    request,
                    endpoint,
                    dialect,
                    stream=False,
                    cancel=cancel,
                    retries=0,
                ) as answer:
                    text = "".join(chunk.text for chunk in answer)
            except CompleteError as error:
                status = error.status
                return _Outcome(
                    replace(kept, status="error", http_status=status), error
                )
            return _Outcome(replace(kept, text=text), None, answer.headers)

        done = run(_tasks(calls), ask, limits=Limits(at_once))
    assert all(one and one.status == "complete" for one in done.completions)
    return done


def official(endpoint: Endpoint, calls: int, at_once: int) -> None:
    """Ask by the official SDK's async client with a semaphore."""
    import anthropic  # noqa: PLC0415 - the benchmark runs without it, too

    async def ask_all() -> None:
        gate = asyncio.Semaphore(at_once)
        async with anthropic.AsyncAnthropic(
            api_key="k", base_url=endpoint.base_url, max_retries=0
        ) as client:

            async def ask(request: CompletionRequest) -> None:
                async with gate:
                    await client.completions.create(
                        model=request.model,
                        prompt=request.prompt,
                        max_tokens_to_sample=16,
                    )

            await asyncio.gather(*(ask(_request(place)) for place in range(calls)))

    asyncio.run(ask_all())


PROMPTTOOLS = """
import time
from prompttools.experiment import OpenAICompletionExperiment
experiment = OpenAICompletionExperiment(["m"], [str(n) for n in range({calls})])
start = time.perf_counter()
experiment.run()
print(time.perf_counter() - start)
"""


def prompttools(endpoint: Endpoint, calls: int) -> str:
    """Give what the same calls take with prompttools, which knows no concurrency.

    It wants an environment of its own: PROMPTTOOLS_PYTHON names its interpreter.
    """
    python = os.environ.get("PROMPTTOOLS_PYTHON")
    if not python:
        return "prompttools: not measured, PROMPTTOOLS_PYTHON is not set"
    done = subprocess.run(
        [python, "-c", PROMPTTOOLS.format(calls=calls)],
        env={
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": endpoint.base_url,
            "SENTRY_OPT_OUT": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return f"prompttools: {done.stderr.strip().splitlines()[-1]}"
    return f"prompttools: {float(done.stdout.split()[-1]) / LATENCY / calls:.2f}"


# --- what is measured ---------------------------------------------------------------


def _wall(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def of_speed() -> Iterator[Row]:
    """Yield the walls as ratios to the ideal: calls / at once, times the latency."""
    with _serving() as endpoint:
        ours(endpoint, 4, 4)  # what is imported at first use is not the sweep's
        for calls, at_once, target in ((100, 10, 1.1), (100, 20, 1.1), (640, 64, 1.25)):
            ideal = calls / at_once * LATENCY
            found: dict[str, list[float]] = {"ours": [], "official": []}
            for _ in range(RUNS):
                for name, ask in (("ours", ours), ("official", official)):
                    wall = _wall(partial(ask, endpoint, calls, at_once))
                    found[name].append(wall / ideal)
            middle = {name: statistics.median(ratios) for name, ratios in found.items()}
            yield Row(
                f"{calls} calls at {at_once}: wall / ideal",
                f"<= {target:.2f}",
                f"{middle['ours']:.2f}",
                f"official SDK, async: {middle['official']:.2f}",
            )
        yield Row(
            "20 calls at 1: wall / ideal",
            "-",
            f"{_wall(partial(ours, endpoint, 20, 1)) / (20 * LATENCY):.2f}",
            f"{prompttools(endpoint, 20)} (it runs no two calls at once)",
        )


def of_refusals() -> Iterator[Row]:
    """Yield what a burst of twenty 429 with retry-after 1 costs."""
    with _serving(refuse=20) as endpoint:
        wall = _wall(lambda: ours(endpoint, 100, 20))
        with Client(lambda _: None) as client:
            state, _ = client.get_json(
                endpoint, "/state", dialect=TextDialect("2023-06-01")
            )
    ideal = 1 + 100 / 20 * LATENCY
    yield Row(
        "20 x 429 in 100 calls at 20: rejected bursts",
        "<= 2",
        f"{state['bursts']}",
        f"{state['refused']} rejected, {wall:.2f} s; ideal {ideal:.2f} s",
    )


def of_memory() -> Iterator[Row]:
    """Yield what 5,000 answers of a kilobyte take, and their table."""

    def ask(request: CompletionRequest, cancel: Cancel | None) -> _Outcome:  # noqa: ARG001
        body = json.loads(json.dumps(ANSWER | {"completion": KILOBYTE}))
        return _Outcome(Completion(body["completion"], request, raw=body))

    gc.collect()
    tracemalloc.start()
    tasks = _tasks(ANSWERS)
    sweep = Sweep.of(tasks, run(tasks, ask))
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    yield Row(
        f"{ANSWERS:,} answers of 1 KB: memory",
        "<= 100 MB",
        f"{size / 1e6:.0f} MB",
        "requests, points and raw JSON included",
    )
    walls = [_wall(sweep.to_dataframe) for _ in range(RUNS)]
    yield Row(
        f"{ANSWERS:,} answers: data frame",
        "<= 1 s",
        f"{statistics.median(walls):.2f} s",
    )
    wall = _wall(lambda: sweep.metrics("words", "distinct_2", "self_bleu", by=[]))
    yield Row(f"{ANSWERS:,} answers at one point: three measures", "-", f"{wall:.1f} s")


def measure() -> list[Row]:
    """Give every figure."""
    return [*of_speed(), *of_refusals(), *of_memory()]


if __name__ == "__main__":
    for row in measure():
        print(f"{row.name:48} {row.target:>10} {row.measured:>8}  {row.note}")
