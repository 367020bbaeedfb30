"""A server that counts what it is asked, and the ways to ask it."""

import functools
import json
import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jupyter_complete.client import Client
from jupyter_complete.completion import Completion, Outcome
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import Cancelled, CompleteError
from jupyter_complete.request import CompletionRequest
from jupyter_complete.sweeps.points import Point
from jupyter_complete.sweeps.tasks import Task


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        counting = self.server.counting
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        prompt = asked["prompt"]
        with counting.lock:
            counting.asked[prompt] += 1
            counting.times.append(time.monotonic())
            counting.lock.notify_all()
            counting.now += 1
            counting.most = max(counting.most, counting.now)
            number = len(counting.times)
        counting.released.wait(counting.latency)
        status, headers, body = counting.answer(prompt, number)
        data = json.dumps(body).encode()
        with counting.lock:
            counting.now -= 1
            counting.statuses.append(status)
        self.send_response(status)
        for name, value in {"content-length": len(data), **headers}.items():
            self.send_header(name, str(value))
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        """A client that was cancelled has closed its connection."""


def answered(text):
    """Return the body of an answer."""
    return {
        "type": "completion",
        "id": "compl_1",
        "completion": text,
        "stop_reason": "stop_sequence",
        "model": "m",
    }


def error(type_):
    """Return the body of an error."""
    return {"type": "error", "error": {"type": type_, "message": "no"}}


class Counting:
    """A server on the loopback interface; ``answer(prompt, number)`` may be set."""

    def __init__(self, latency=0.0):
        self.latency = latency
        self.lock = threading.Condition()
        self.released = threading.Event()
        self.asked, self.times, self.statuses = Counter(), [], []
        self.now = self.most = 0
        self.answer = lambda prompt, number: (200, {}, answered(f"re: {prompt}"))

    def __enter__(self):
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.counting = self
        self.endpoint = Endpoint(
            "loop", f"http://127.0.0.1:{self._server.server_port}", "text"
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def when(self, count, act):
        """Act, in a thread of its own, as soon as that many calls came."""

        def wait():
            with self.lock:
                self.lock.wait_for(lambda: len(self.times) >= count)
            act()

        threading.Thread(target=wait, daemon=True).start()

    def interrupt_when(self, count, seconds=0):
        """Press Ctrl-C when that many calls came, or so many seconds later."""
        interrupt = functools.partial(os.kill, os.getpid(), signal.SIGINT)
        self.when(count, lambda: (time.sleep(seconds), interrupt()))

    def tasks(self, count, samples=1, **more):
        """Return a sweep of that many prompts, ``p0`` and so on."""
        return [
            self.task(f"p{place}", sample=sample, **more)
            for place in range(count)
            for sample in range(samples)
        ]

    def task(self, prompt, *, sample=0, max_tokens=16, mark=None, **values):
        request = CompletionRequest("m", prompt, max_tokens)
        call = Call(request, self.endpoint, sample, mark)
        return Task(Point({"topic": prompt} | values), sample, call, request)


@dataclass(frozen=True)
class Call:
    """What the ways to ask take."""

    request: CompletionRequest
    endpoint: Endpoint
    sample: int = 0
    mark: str | None = None
    """A path that a test's own way to ask may use."""


def answers(sweep):
    """Return the completions of a sweep, None for each that is pending."""
    return [row.completion for row in sweep.rows]


@functools.cache
def client():
    return Client(lambda _: None)


def ask(call, cancel):
    """Ask once, over the project's own client, in whatever process this is."""
    kept = Completion("", call.request, model="m", sample=call.sample)
    start = time.monotonic()
    try:
        with client().send(
            call.request,
            call.endpoint,
            TextDialect("2023-06-01"),
            stream=False,
            cancel=cancel,
            retries=0,
        ) as answer:
            chunks = list(answer)
    except Cancelled as stopped:
        return Outcome(replace(kept, status="interrupted"), stopped)
    except CompleteError as failed:
        row = replace(
            kept,
            status="error",
            http_status=failed.status,
            error_type=failed.type,
            error=str(failed),
        )
        return Outcome(row, failed)
    seconds = time.monotonic() - start
    return Outcome(
        replace(
            kept,
            text="".join(chunk.text for chunk in chunks),
            stop_reason=chunks[-1].stop_reason,
            seconds=seconds,
            raw=chunks[-1].raw or {},
        ),
        None,
        answer.headers,
    )
