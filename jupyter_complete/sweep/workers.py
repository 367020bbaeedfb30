"""Where the calls run: threads of this process, or any executor's workers."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from typing import Any

from ..cancel import Cancel
from ..errors import CompleteError, InputError
from .pace import LARGEST_LIMIT
from .tasks import Ask, Limits, Outcome

ALONE_SECONDS = 10.0
"""How long a cluster may be without a worker, as while it starts them."""
MOST_POOLS = 4
"""Pools of processes that a sweep uses up, one after the other."""


class Workers:
    """An executor, or threads of our own, and what takes its place when it breaks."""

    def __init__(self, executor: Executor | None, limits: Limits) -> None:
        wanted = LARGEST_LIMIT if limits.concurrency == "auto" else limits.concurrency
        self.size = min(wanted, _size(executor) or wanted)
        """How many calls may be in flight at the most."""
        self.deaths = 0
        """How often a pool broke and another took its place."""
        self._own = executor is None
        self._alone_since: float | None = None
        self._executor = executor or ThreadPoolExecutor(self.size, "sweep-call")

    def submit(self, ask: Ask, call: Any) -> tuple[Future[Outcome], Cancel | None]:
        """Give the future of the outcome, and what cancels it, where that reaches."""
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
            raise CompleteError(
                "The executor is broken: its workers keep dying. Make a new one."
            )
        self.close()
        self._executor = _like(broken)
        self._own = True
        self.deaths += 1

    def recall(self, future: Future[Outcome]) -> bool:
        """Take back a call that has not begun; tell whether that was so.

        A Dask future would be cancelled even while it runs, and its answer, which is
        paid for, be lost. As no more are sent than the workers have threads, all run.
        """
        return not _dask(self._executor) and future.cancel()

    def gone(self) -> bool:
        """Tell whether a cluster has been without workers for too long.

        An interrupt of a notebook's kernel also ends the workers of a cluster that
        was started in it; their calls would be waited for for ever.
        """
        if not _dask(self._executor) or _size(self._executor) != 0:
            self._alone_since = None
            return False
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        return now - self._alone_since >= ALONE_SECONDS

    def close(self) -> None:
        """Let the threads or processes go that are our own, without waiting."""
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
        except RuntimeError as error:
            raise CompleteError(f"The executor takes no calls: {error}.") from error


def as_executor(name: str, value: object) -> Executor:
    """Give the executor that a variable is, or that its Dask client has.

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


def _dask(executor: Executor | None) -> bool:
    return type(executor).__module__.partition(".")[0] == "distributed"


def _size(executor: Executor | None) -> int | None:
    """Give how many calls an executor runs at once; None where it does not tell."""
    if _dask(executor):
        threads: dict[str, int] = vars(executor)["_client"].nthreads()
        return sum(threads.values())
    return getattr(executor, "_max_workers", None)


def _like(pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
    made: dict[str, Any] = vars(pool)
    return ProcessPoolExecutor(
        made["_max_workers"],
        made.get("_mp_context"),
        made.get("_initializer"),
        made.get("_initargs", ()),
        max_tasks_per_child=made.get("_max_tasks_per_child"),
    )
