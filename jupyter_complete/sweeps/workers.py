"""Where the calls run: threads of this process, or any executor's workers."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..background import Background
from ..cancel import Cancel
from ..completion import Outcome
from ..errors import CompleteError, InputError, one_line
from .pace import LARGEST_LIMIT, Ticket
from .tasks import Ask, Limits

MOST_POOLS = 4
"""Pools of processes that a sweep uses up, one after the other."""
BEAT = 0.5
"""Seconds between two questions."""
SILENCE = 7.0
"""Seconds without an answer of the scheduler, after which it counts as gone."""
ALONE = 8.0
"""Seconds that a cluster may be without a worker, as while it starts them."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A call on its way."""

    index: int
    ticket: Ticket
    cancel: Cancel | None
    executor: Executor


class Workers:
    """An executor, or threads of our own, and what takes its place when it breaks."""

    def __init__(self, executor: Executor | None, limits: Limits) -> None:
        wanted = LARGEST_LIMIT if limits.concurrency == "auto" else limits.concurrency
        self._cluster = cluster_of(executor)
        size = self._cluster.size() if self._cluster else _size(executor)
        self.size = min(wanted, size or wanted)
        """How many calls may be in flight at the most."""
        self.deaths = 0
        """How often a pool broke and another took its place."""
        self._own = executor is None
        self._executor = executor or ThreadPoolExecutor(self.size, "sweep-call")

    def submit(self, ask: Ask, call: Any) -> tuple[Future[Outcome], Cancel | None]:
        """Return the future of the outcome, and what cancels it, where that reaches."""
        try:
            return self._submit(ask, call)
        except BrokenExecutor:
            self.renew(self._executor)
            return self._submit(ask, call)

    @property
    def executor(self) -> Executor:
        """The executor now."""
        return self._executor

    def renew(self, broken: Executor) -> None:
        """Put a pool of the same kind in the place of one that broke."""
        if broken is not self._executor:
            return  # another call noticed first
        if not isinstance(broken, ProcessPoolExecutor) or self.deaths + 1 >= MOST_POOLS:
            raise CompleteError("The executor is broken: its workers keep dying.")
        self.close()
        self._executor = _like(broken)
        self._own = True
        self.deaths += 1

    def recall(self, future: Future[Outcome]) -> bool:
        """Take back a call that has not begun; tell whether that was so.

        A Dask future would be cancelled even while it runs, and its answer, which is
        paid for, be lost. As no more are sent than the workers have threads, all run.
        """
        return self._cluster is None and future.cancel()

    def give_up(self, futures: Sequence[Future[Outcome]]) -> None:
        """Let go of calls that nothing will answer, without waiting for anything."""

        def cancel() -> None:
            for future in futures:
                with suppress(Exception):  # as whatever they belong to is gone
                    future.cancel()

        Background(cancel, name="sweep-give-up").start()

    @property
    def unsure(self) -> bool:
        """Whether a call that is sent now might go nowhere."""
        return self._cluster is not None and self._cluster.unsure

    def gone(self) -> str | None:
        """Return why nothing is answered any more, None where this is not known."""
        return self._cluster.gone() if self._cluster else None

    def close(self) -> None:
        """Let the threads or processes go that are our own, without waiting."""
        if self._cluster:
            self._cluster.close()
        if self._own:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _submit(self, ask: Ask, call: Any) -> tuple[Future[Outcome], Cancel | None]:
        try:
            if isinstance(self._executor, ThreadPoolExecutor):
                cancel = Cancel()
                return self._executor.submit(ask, call, cancel), cancel
            nonce = uuid.uuid4().hex
            return self._executor.submit(_elsewhere, ask, call, nonce), None
        except BrokenExecutor:
            raise
        except Exception as error:
            words = one_line(str(error), 150) or type(error).__name__
            raise CompleteError(f"The executor takes no calls ({words}).") from error


def as_executor(name: str, value: object) -> Executor:
    """Return the executor that a variable is, or that its Dask client has.

    Raises `InputError` for anything else.
    """
    if isinstance(value, Executor):
        return value
    get_executor = getattr(value, "get_executor", None)
    if callable(get_executor) and isinstance(found := get_executor(), Executor):
        return found
    raise InputError(
        f"executor {name} is a {type(value).__name__}; give a "
        "concurrent.futures.Executor or a dask.distributed.Client."
    )


def _elsewhere(ask: Ask, call: Any, nonce: str) -> Outcome:  # noqa: ARG001 - see below
    """Ask in another process.

    The nonce makes every call another one: Dask takes equal arguments for the same
    task, and would give all samples of a point one answer.
    """
    return ask(call, None)


def _size(executor: Executor | None) -> int | None:
    """Return how many calls an executor runs at once; None where it does not tell."""
    size = getattr(executor, "_max_workers", None)
    return size if isinstance(size, int) else None


def _like(pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
    # A pool does not tell publicly how it was made; what it hides is left to default.
    made: dict[str, Any] = {
        name: getattr(pool, f"_{name}", None)
        for name in ("max_workers", "mp_context", "initializer", "max_tasks_per_child")
    }
    return ProcessPoolExecutor(**made, initargs=getattr(pool, "_initargs", ()))


class Cluster:
    """A Dask client's cluster; nothing here waits for it but a thread of its own.

    What a client asks of a scheduler that died is answered after half a minute, and of
    one that stands still never.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._threads: int | None = None
        self._heard = time.monotonic()
        self._manned = self._heard
        self._first = threading.Event()
        self._over = threading.Event()
        Background(self._listen, name="sweep-cluster").start()

    def size(self) -> int | None:
        """Return how many calls it runs at once, None if it does not tell in time."""
        if not self._closed:
            self._first.wait(SILENCE)
        return self._threads

    @property
    def unsure(self) -> bool:
        """Whether a call that is sent now might go nowhere."""
        return str(self._client.status) != "running"

    def gone(self) -> str | None:
        """Return why it can answer no more, in a few words; None if it can.

        An interrupt of a notebook's kernel also ends the workers of a cluster that was
        started in it; their calls would be waited for for ever.
        """
        now = time.monotonic()
        if self._closed:
            return "its Dask client is closed"
        if now - self._heard > SILENCE:
            return f"its Dask scheduler has not answered for {SILENCE:g} s"
        if self._threads == 0 and now - self._manned > ALONE:
            return "it has no workers any more"
        return None

    def close(self) -> None:
        """Ask no more."""
        self._over.set()

    @property
    def _closed(self) -> bool:
        return str(self._client.status) in ("closing", "closed")

    def _listen(self) -> None:
        while not self._over.wait(0 if self._threads is None else BEAT):
            # It raises whatever its connection, its loop or its end raises.
            with suppress(Exception):
                self._threads = sum(self._client.nthreads().values())
                self._heard = time.monotonic()
                if self._threads:
                    self._manned = self._heard
                self._first.set()
            if self._threads is None:
                self._over.wait(BEAT)


def cluster_of(executor: Executor | None) -> Cluster | None:
    """Return the cluster of a Dask client's executor, None for any other."""
    if type(executor).__module__.partition(".")[0] != "distributed":
        return None
    # It has no public way to its client; without one it is an executor like others.
    client = getattr(executor, "_client", None)
    return None if client is None else Cluster(client)
