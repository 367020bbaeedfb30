"""How fast a sweep is, beside its peers, against a server of 200 ms latency.

    python benchmarks/sweeps.py

Each figure is the median of several runs in turn.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from calls import official_sdk
from latency import LATENCY, serving
from peers import PROMPTTOOLS, Missing, Peer, Peers, peers
from table import Row, as_text

from jupyter_complete.cancel import Cancel
from jupyter_complete.client import Client
from jupyter_complete.completion import Completion, Outcome
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import CompleteError
from jupyter_complete.request import CompletionRequest
from jupyter_complete.sweeps.points import Point
from jupyter_complete.sweeps.result import SweepResult
from jupyter_complete.sweeps.run import run
from jupyter_complete.sweeps.tasks import Limits, Task

RUNS = 3
FEW = 20


# --- who asks -----------------------------------------------------------------------


def _request(place: int) -> CompletionRequest:
    return CompletionRequest("claude-2.1", f"\n\nHuman: {place}\n\nAssistant:", 16)


def tasks_of(count: int) -> list[Task]:
    """Return so many tasks, each at a point of its own."""
    requests = [_request(place) for place in range(count)]
    return [
        Task(Point({"place": place}), 0, request, request)
        for place, request in enumerate(requests)
    ]


def ours(endpoint: Endpoint, calls: int, at_once: int | Literal["auto"]) -> SweepResult:
    """Ask by a sweep, over the project's own client."""
    dialect = TextDialect("2023-06-01")

    with Client(lambda _: None) as client:

        def ask(request: CompletionRequest, cancel: Cancel | None) -> Outcome:
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
                return Outcome(replace(kept, status="error", http_status=status), error)
            return Outcome(replace(kept, text=text), None, answer.headers)

        done = run(tasks_of(calls), ask, limits=Limits(at_once))
    assert not done.pending
    assert all(one.status == "complete" for one in done)
    return done


def official(anthropic: Any, endpoint: Endpoint, calls: int, at_once: int) -> None:
    """Ask by the official SDK's async client with a semaphore."""

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


PROMPTTOOLS_CODE = """
import time
from prompttools.experiment import OpenAICompletionExperiment
experiment = OpenAICompletionExperiment(["m"], [str(n) for n in range({calls})])
start = time.perf_counter()
experiment.run()
print(time.perf_counter() - start)
"""


def prompttools(python: Path, endpoint: Endpoint, calls: int) -> float:
    """Return the seconds that the same calls take with prompttools."""
    done = subprocess.run(
        [python, "-I", "-c", PROMPTTOOLS_CODE.format(calls=calls)],
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
        raise Missing(done.stderr.strip().splitlines()[-1])
    return float(done.stdout.split()[-1])


# --- what is measured ---------------------------------------------------------------


def _wall(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def of_speed(peers: Peers) -> Iterator[Row]:
    """Yield the walls as ratios to the ideal: calls / at once, times the latency."""
    anthropic, name = official_sdk()
    with serving() as endpoint:
        asked: dict[str, Callable[[Endpoint, int, int], object]] = {"ours": ours}
        if anthropic:
            asked["official"] = partial(official, anthropic)
        for ask in asked.values():
            ask(endpoint, 4, 4)  # what is imported at first use is not the sweep's
        for calls, at_once, target in ((100, 10, 1.1), (100, 20, 1.1), (640, 64, 1.25)):
            ideal = calls / at_once * LATENCY
            found: dict[str, list[float]] = {who: [] for who in asked}
            for _ in range(RUNS):
                for who, ask in asked.items():
                    wall = _wall(partial(ask, endpoint, calls, at_once))
                    found[who].append(wall / ideal)
            middle = {who: statistics.median(ratios) for who, ratios in found.items()}
            yield Row(
                f"sweep: {calls} calls at {at_once}: wall / ideal",
                f"<= {target:.2f}",
                f"{middle['ours']:.2f}",
                f"{name}, async: {middle['official']:.2f}" if anthropic else name,
            )
        yield of_defaults(peers, endpoint)


def of_defaults(peers: Peers, endpoint: Endpoint) -> Row:
    """Measure calls of which nobody says how many may run at once."""
    one_by_one = FEW * LATENCY

    def ratio(peer: Peer) -> str:
        python = peers.installed(peer).python
        return f"{prompttools(python, endpoint, FEW) / one_by_one:.2f}"

    wall = _wall(partial(ours, endpoint, FEW, "auto"))
    serial = _wall(partial(ours, endpoint, FEW, 1))
    return Row(
        f"sweep: {FEW} calls, nothing said: wall / one by one",
        "",
        f"{wall / one_by_one:.2f}",
        peers.beside([PROMPTTOOLS], ratio),
        f"told to run one by one: {serial / one_by_one:.2f}",
    )


def of_refusals() -> Iterator[Row]:
    """Yield what a burst of twenty 429 with retry-after 1 costs."""
    with serving(refuse=20) as endpoint:
        wall = _wall(lambda: ours(endpoint, 100, 20))
        with Client(lambda _: None) as client:
            state, _ = client.get_json(
                endpoint, "/state", dialect=TextDialect("2023-06-01")
            )
    ideal = 1 + 100 / 20 * LATENCY
    yield Row(
        "sweep: 20 x 429 in 100 calls at 20: rejected bursts",
        "<= 2",
        f"{state['bursts']}",
        note=f"{state['refused']} rejected, {wall:.2f} s; ideal {ideal:.2f} s",
    )


def measure(peers: Peers) -> list[Row]:
    """Return every figure; takes about a minute."""
    return [*of_speed(peers), *of_refusals()]


if __name__ == "__main__":
    with peers() as nearest:
        print(as_text(measure(nearest)))
