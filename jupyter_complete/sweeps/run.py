"""The calls of a sweep, run: adaptive, resumable, stopped within a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress

from .board import Board
from .flights import Flights
from .tasks import Ask, Ended, Hooks, Limits, Run, Task, reused

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
) -> Run:
    """Run the tasks and give their completions; one that failed is no exception.

    Ctrl-C ends it within a second, as ``interrupted``: what runs is cancelled and
    keeps its text. Calls in other processes cannot be cancelled: they are left
    pending, and what they answer later still goes to ``on_end``.
    """
    hooks = hooks or Hooks()
    board = _board_of(tasks, hooks)
    flights = Flights(
        tasks,
        ask,
        limits=limits or Limits(),
        executor=executor,
        hooks=hooks,
        board=board,
    )
    interrupted = _watch(flights, board, hooks)
    stopped, notices = flights.finish()
    with suppress(KeyboardInterrupt):
        hooks.on_progress(flights.progress())
    return Run(board.completions(), interrupted, stopped, notices)


def _board_of(tasks: Sequence[Task], hooks: Hooks) -> Board:
    """Return the board with what an earlier run answered."""
    board = Board(len(tasks))
    for place, task in enumerate(tasks):
        kept = hooks.stored(task)
        if kept is not None and kept.status == "complete":
            board.reuse(Ended(place, reused(kept, task)))
    return board


def _watch(flights: Flights, board: Board, hooks: Hooks) -> bool:
    """Let it run to its end, reporting; tell whether Ctrl-C ended it before."""
    interrupted = False
    try:
        flights.start()
        while not board.over.wait(TICK):
            hooks.on_progress(flights.progress())
    except KeyboardInterrupt:
        interrupted = True
    finally:
        if not board.over.is_set():
            flights.stop()
            _wait(board.over, GRACE)
    return interrupted


def _wait(over: threading.Event, seconds: float) -> None:
    """Wait, whatever a second Ctrl-C says: the end is near."""
    deadline = time.monotonic() + seconds
    while not over.is_set() and time.monotonic() < deadline:
        with suppress(KeyboardInterrupt):
            over.wait(min(TICK, seconds))
