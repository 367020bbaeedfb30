"""The child processes that serve models: started at the first use, watched, ended.

A call goes to `endpoint_of` a file, whose URL names the file and no port, so that
what is stored or shown of a call holds for as long as the file is there. `Children`
says where the child of such a URL answers now.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..background import Background
from ..endpoint import Endpoint
from ..errors import Cancelled
from .child import SLOTS
from .faults import refuse_missing_engine, why
from .files import SUFFIX, ModelFile, name_of
from .memory import context_of, refuse_full

LOCAL = "local"
"""The endpoint's name."""
PREFIX = "local://gguf"
SLOW = 1.0
"""Seconds after which a start is spoken of."""
WAIT = 0.05
END_SECONDS = 2.0
PROGRAM = Path(__file__).with_name("child.py")
# Threads of the engine that wait for one another would else do so at full speed: on
# a busy machine, each token takes twenty times as long.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}


def endpoint_of(file: ModelFile) -> Endpoint:
    """Return the endpoint of a file, as settings and history have it."""
    url = PREFIX + file.path.absolute().as_uri().removeprefix("file://")
    return Endpoint(LOCAL, url, "openai", flavour="llamacpp", both=True)


def file_of(url: str) -> ModelFile:
    """Return the file of an endpoint's URL."""
    path = Path(url2pathname(urlsplit(url).path))
    return ModelFile(name_of(path), path)


class Address(NamedTuple):
    """Where a child answers now."""

    url: str
    key: str

    def __repr__(self) -> str:
        return f"Address({self.url!r})"


class Child:
    """A process that serves one file, from its start on."""

    def __init__(self, file: ModelFile, idle: float) -> None:
        self.file = file
        self._owner = os.getpid()
        self._key = secrets.token_urlsafe(32)
        self._url = ""
        self._told: dict[str, str] = {}
        told = {"key": self._key, "name": file.name, "idle": idle}
        told["context"] = context_of(file, SLOTS)
        self._heard = threading.Event()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives with the child
        self._process = subprocess.Popen(  # noqa: S603 - the command is ours
            [sys.executable, "-P", str(PROGRAM), str(file.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            env={**ENVIRONMENT, **os.environ},
            # A notebook's Stop goes to all processes of the kernel's group.
            start_new_session=True,
        )
        self._say(json.dumps(told))
        Background(self._hear, name="local-model-start").start()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs, as far as this one can tell."""
        if self.ours:
            return self._process.poll() is None
        # A fork of its parent may use it, but hears no news of it.
        return bool(self._url) and _exists(self.pid)

    @property
    def ours(self) -> bool:
        """Whether it is a child of this process, not of the one that forked it."""
        return self._owner == os.getpid()

    def wait(
        self, cancelled: Callable[[], bool], slow: Callable[[], object]
    ) -> Address:
        """Return the address once it answers.

        ``slow`` is called if that takes its time. Raises `CompleteError` if it cannot
        serve the file, and `Cancelled`.
        """
        start, told = time.monotonic(), False
        while not self._heard.wait(WAIT):
            if cancelled():
                raise Cancelled("Stopped while the model was loaded.")
            if not told and time.monotonic() - start > SLOW:
                told = True
                slow()
        if self._url:
            return Address(self._url, self._key)
        raise why(self.file, self._process.wait(), self._told, self._logged())

    def end(self) -> None:
        """End the process if it is ours, whatever it does; wait until it has."""
        if not self.ours:
            return
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError):  # it has ended: `wait` tells why
            print(line, file=self._process.stdin, flush=True)

    def _hear(self) -> None:
        with contextlib.closing(self._process.stdout or io.StringIO()) as out:
            line = out.readline()
        self._told = json.loads(line) if line else {}
        self._url = self._told.get("url", "")
        self._heard.set()

    def _logged(self) -> str:
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")


class Children:
    """The children of this process, one for each file; safe in any thread."""

    def __init__(self) -> None:
        self._children: dict[ModelFile, Child] = {}
        self._lock = threading.Lock()
        atexit.register(self.unload)
        if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
            os.register_at_fork(after_in_child=self._unlock)

    def reach(
        self,
        url: str,
        *,
        idle: float,
        cancelled: Callable[[], bool] = lambda: False,
        slow: Callable[[], object] = lambda: None,
    ) -> Address:
        """Return where the child of an endpoint's URL answers, starting it if need be.

        ``idle``: the seconds without a call after which a new one ends. Raises as
        `Child.wait`, and `InputError` where there is no engine.
        """
        file = file_of(url)
        with self._lock:
            child = self._children.get(file)
            if child is None or not child.alive:
                if child is not None:
                    child.end()
                refuse_missing_engine()
                refuse_full(file, SLOTS, [one.file.name for one in self.running()])
                child = self._children[file] = Child(file, idle)
        return child.wait(cancelled, slow)

    def running(self) -> tuple[Child, ...]:
        """Return the children that run."""
        return tuple(child for child in self._children.values() if child.alive)

    def unload(self) -> tuple[str, ...]:
        """End all children of this process; return the names of their models."""
        with self._lock:
            running, known = self.running(), [*self._children.values()]
            self._children.clear()
        for child in known:
            child.end()
        return tuple(child.file.name for child in running if child.ours)

    def _unlock(self) -> None:
        self._lock = threading.Lock()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def split(url: str) -> tuple[str, str]:
    """Return the base URL of a file, and the rest, of a call's URL."""
    end = url.lower().rindex(f"{SUFFIX}/") + len(SUFFIX)
    return url[:end], url[end:]


CHILDREN = Children()
"""Those of this process: a model is loaded once, whatever asks for it."""
