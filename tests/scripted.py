"""A language model that says what a test tells it to, and the WSGI way to ask it."""

import io
import json
import math
import re
import threading
from typing import NamedTuple

from jupyter_complete.completion import TokenLogprob

HALF = math.log(0.5)


class ScriptedModel:
    """Gives the texts one by one; an exception is raised, an event waited for."""

    name = "scripted"
    context_tokens = 100_000
    output_tokens = 4096

    def __init__(self, *script, wants_turns=False):
        self.script = script
        self.wants_turns = wants_turns
        self.asked = []
        self.given = 0
        self.closed = threading.Event()

    def generate(self, prompt, **sampling):
        self.asked.append((prompt, sampling))
        try:
            for step in self.script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, threading.Event):
                    step.wait(10)
                    continue
                self.given += 1
                text, others = step if isinstance(step, tuple) else (step, ())
                yield TokenLogprob(text, HALF, others)
        finally:
            self.closed.set()

    def count_tokens(self, text):
        return len(re.findall(r"\w+|[^\w\s]", text))


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def events(self):
        """Each event as its name and its data, JSON read."""
        return [read_event(block) for block in self.body.decode().split("\n\n")[:-1]]


def read_event(block):
    fields = dict(line.split(": ", 1) for line in block.split("\n"))
    data = fields["data"]
    return fields.get("event"), data if data == "[DONE]" else json.loads(data)


def environ(method="POST", path="/v1/complete", body=b"", *, query="", **headers):
    """Return a WSGI environ; header names have underscores for dashes."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    made = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
    }
    made |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return made


def ask(app, *args, **kwargs):
    return call(app, environ(*args, **kwargs))


def call(app, made):
    started = []
    chunks = app(made, lambda status, headers: started.append((status, headers)))
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    ((status, headers),) = started
    return Answer(int(status[:3]), dict(headers), body)
