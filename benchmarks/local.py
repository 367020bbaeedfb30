"""A model of this machine beside the engine that serves it, asked without us.

It wants smollm2 in the model directory: ``jupyter complete get smollm2``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from table import Row, as_text

from jupyter_complete.local import files, memory
from jupyter_complete.local.child import SLOTS
from jupyter_complete.local.children import CHILDREN, ENVIRONMENT
from jupyter_complete.session import UNSHAPED, Session
from jupyter_complete.settings import CompletionSettings

MODEL = "smollm2"
DIRECTORY = os.environ.get("JUPYTER_COMPLETE_TEST_MODELS", "")
ROUNDS, MANY, STARTS = 5, 40, 3
TOKENS, TOKENS_AT_ONCE = 128, 64
PROMPT = "Once upon a time"

# The engine in a process of its own, with what our child gives it; a line with how many
# calls at once and of how many tokens is answered with tokens a second.
_BARE = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
import xllamacpp
params = xllamacpp.CommonParams()
path, context, slots, prompt = sys.argv[1:]
params.model.path, params.n_ctx, params.n_parallel = path, int(context), int(slots)
params.port, params.kv_unified, params.verbosity = 0, False, -1
params.sampling.samplers = "temperature;top_k;top_p"
server = xllamacpp.Server(params)
def ask(n):
    chunks = []
    server.handle_completions({
        "prompt": f"{prompt} {n}" if n else prompt, "max_tokens": tokens,
        "temperature": 0,
        "stream": True, "stream_options": {"include_usage": True},
    }, chunks.append)
    last = [c if isinstance(c, dict) else json.loads(c) for c in chunks][-1]
    return last["usage"]["completion_tokens"]
for line in sys.stdin:
    calls, tokens = map(int, line.split())
    start = time.perf_counter()
    with ThreadPoolExecutor(calls) as pool:
        written = sum(pool.map(ask, range(calls)))
    print(written / (time.perf_counter() - start), flush=True)
"""


@contextlib.contextmanager
def _bare(path: str, context: int) -> Iterator[Callable[[int, int], float]]:
    """Run the engine alone; what is yielded gives its tokens a second."""
    process = subprocess.Popen(
        [sys.executable, "-c", _BARE, path, str(context), str(SLOTS), PROMPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **ENVIRONMENT},
    )
    with process:

        def speed(calls: int, tokens: int) -> float:
            print(calls, tokens, file=process.stdin, flush=True)
            return float(process.stdout.readline())  # type: ignore[union-attr]

        yield speed
        process.kill()


class _Ours:
    """Calls of a session, as a cell makes them."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def ask(self, prompt: str, tokens: int) -> tuple[int, float]:
        """Return the tokens of an answer, and the seconds until the first."""
        start, first = time.perf_counter(), []
        call = self.session.prepare(
            prompt, turns="raw", max_tokens=tokens, temperature=0
        )
        done = self.session.ask(
            call, on_text=lambda _: first.append(time.perf_counter() - start)
        )
        if done.error:
            raise done.error
        return done.completion.usage.output_tokens, first[0]  # type: ignore[union-attr,return-value]

    def speed(self, calls: int, tokens: int) -> float:
        """Return the tokens a second of so many calls at once."""
        prompts = [PROMPT, *(f"{PROMPT} {n}" for n in range(1, calls))]
        start = time.perf_counter()
        with ThreadPoolExecutor(calls) as pool:
            written = sum(
                n for n, _ in pool.map(lambda p: self.ask(p, tokens), prompts)
            )
        return written / (time.perf_counter() - start)


def _raw_first(url: str, key: str, body: dict[str, Any]) -> float:
    """Return the seconds until the engine's first token, with the least of HTTP."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.connect()
    start = time.perf_counter()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/completions", json.dumps(body), headers)
    answer = connection.getresponse()
    answer.readline()
    seconds = time.perf_counter() - start
    answer.read()
    connection.close()
    return seconds


def _beside(name: str, bare: Any, ours: _Ours, calls: int, tokens: int) -> Row:
    """Return how many times faster the engine alone writes, in alternating rounds."""
    for speed in (bare, ours.speed):
        speed(calls, tokens)
    pairs = [(bare(calls, tokens), ours.speed(calls, tokens)) for _ in range(ROUNDS)]
    alone, here = (statistics.median(each) for each in zip(*pairs, strict=True))
    note = f"the engine alone / here, medians of {ROUNDS}; {here:.0f} tokens/s here"
    return Row(name, 1.11, alone / here, f"{alone:.0f} tokens/s alone", note)


def _shares(ours: _Ours) -> Iterator[Row]:
    """Yield what we take of the time to the first token, and how long a look takes."""
    call = ours.session.prepare(PROMPT, turns="raw", max_tokens=1, temperature=0)
    at = CHILDREN.reach(call.endpoint.base_url, idle=900)
    body = json.loads(call.http().body)
    raw, here, looks = [], [], []
    for number in range(MANY):
        prompt = f"{PROMPT}, number {number}"
        ours.ask(prompt, 1)  # read once, so that both find it read
        raw.append(_raw_first(at.url, at.key, {**body, "prompt": prompt}))
        here.append(ours.ask(prompt, 1)[1])
        look = ours.session.prepare(prompt, turns="raw", **UNSHAPED)
        start = time.perf_counter()
        ours.session.distribution(look)
        looks.append(time.perf_counter() - start)
    share = statistics.median(b - a for a, b in zip(raw, here, strict=True))
    note = f"median of {MANY}; {statistics.median(here) * 1000:.0f} ms in all"
    yield Row("local: our share of the first token, ms", 10, share * 1000, note=note)
    note = f"median of {MANY}, the 1,000 likeliest of 49,152 tokens"
    yield Row("local: a look, ms", 150, statistics.median(looks) * 1000, note=note)


def _starts(ours: _Ours) -> Row:
    """Return how long it takes from no process to the first token."""
    times = []
    for _ in range(STARTS):
        CHILDREN.unload()
        times.append(ours.ask(PROMPT, 1)[1])
    note = f"median of {STARTS}; the file was read before"
    return Row("local: start to first token, s", 2, statistics.median(times), note=note)


def measure() -> Iterator[Row]:
    """Yield the rows of the report; takes about a minute and a half."""
    import xllamacpp  # noqa: F401, PLC0415 - an extra: without it there is no row

    file = files.find(MODEL, files.model_directory(DIRECTORY))
    if file is None:
        yield Row("local", "", "missing", note=f"jupyter complete get {MODEL}")
        return
    settings = CompletionSettings(model=MODEL, model_directory=DIRECTORY)
    context = memory.context_of(file, SLOTS) * SLOTS
    with contextlib.closing(Session(settings)) as session:
        ours = _Ours(session)
        yield _starts(ours)
        with _bare(str(file.path), context) as bare:
            yield _beside("local: one call", bare, ours, 1, TOKENS)
            name = f"local: {SLOTS} calls at once"
            yield _beside(name, bare, ours, SLOTS, TOKENS_AT_ONCE)
        yield from _shares(ours)
    CHILDREN.unload()


if __name__ == "__main__":
    print(as_text(measure()))
