"""The calls of a sweep, run: adaptive, resumable, stopped within a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress

from .result import SweepResult
from .scheduler import CallScheduler
from .table import SweepRow
from .tasks import Ask, Hooks, Limits, SweepState, Task

TICK = 0.1
"""Seconds between two reports of progress."""
GRACE = 0.9
"""Seconds after Ctrl-C in which running calls may hand in what they have."""


def run(
    tasks: Sequence[Task],
    ask: Ask,
    *,
    limits: Limits | None = None,
    executor: Executor | None = None,
    hooks: Hooks | None = None,
) -> SweepResult:
    """Run the tasks and return their completions; one that failed is no exception.

    Ctrl-C ends it within a second, as ``interrupted``: what runs is cancelled and
    keeps its text. Calls in other processes cannot be cancelled: they are left
    pending, and what they answer later still goes to ``on_end``.
    """
    hooks = hooks or Hooks()
    state = _state_of(tasks, hooks)
    scheduler = CallScheduler(
        tasks,
        ask,
        limits=limits or Limits(),
        executor=executor,
        hooks=hooks,
        state=state,
    )
    interrupted = _watch(scheduler, state, hooks)
    stopped, notices = scheduler.finish()
    with suppress(KeyboardInterrupt):
        hooks.on_progress(scheduler.progress())
    rows = tuple(
        SweepRow(task.point, task.sample, completion)
        for task, completion in zip(tasks, state.completions(), strict=True)
    )
    return SweepResult(rows, interrupted=interrupted, stopped=stopped, notices=notices)


def _state_of(tasks: Sequence[Task], hooks: Hooks) -> SweepState:
    """Return the state with what an earlier run answered."""
    state = SweepState(len(tasks))
    for index, task in enumerate(tasks):
        recorded = hooks.stored(task)
        if recorded is not None and recorded.status == "complete":
            state.reuse(index, task, recorded)
    return state


def _watch(scheduler: CallScheduler, state: SweepState, hooks: Hooks) -> bool:
    """Let it run to its end, reporting; tell whether Ctrl-C ended it before."""
    interrupted = False
    try:
        scheduler.start()
        while not state.over.wait(TICK):
            hooks.on_progress(scheduler.progress())
    except KeyboardInterrupt:
        interrupted = True
    finally:
        if not state.over.is_set():
            scheduler.stop()
            _wait(state.over, GRACE)
    return interrupted


def _wait(over: threading.Event, seconds: float) -> None:
    """Wait for the end, ignoring further Ctrl-C."""
    deadline = time.monotonic() + seconds
    while not over.is_set() and time.monotonic() < deadline:
        with suppress(KeyboardInterrupt):
            over.wait(min(TICK, seconds))
