"""Threads of our own, which no front end takes for its own."""

from __future__ import annotations

import collections
import os
import queue
import threading
from collections.abc import Callable

IDLE_SECONDS = 5.0
"""How long a thread that has done its job waits for another."""


class Background(threading.Thread):
    """A thread that does one job; it keeps no process alive.

    ipykernel 6.29 to 7.0 wraps `threading.Thread.run` to note which thread began
    which, by numbers that are used again: among threads that begin threads, what is
    printed or logged may look for the first of them in a circle, for ever
    (ipython/ipykernel#1269). With a ``run`` of its own a thread is not noted.
    """

    def __init__(self, job: Callable[[], object], *, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._job = job

    def run(self) -> None:
        """Do the job."""
        self._job()


def in_background(job: Callable[[], object]) -> None:
    """Start the job in a thread that is idle, else in a new one.

    To begin a thread costs a third of a short call, to wake one a tenth. The job
    catches its own errors.
    """
    try:
        worker = _IDLE.pop()
    except IndexError:
        worker = _Worker()
    worker.jobs.put(job)


class _Worker:
    """A thread that does one job after another, until none comes for a while."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        Background(self._work, name="completion-call").start()

    def _work(self) -> None:
        while self._did_one():
            _IDLE.append(self)

    def _did_one(self) -> bool:
        """Do the next job; tell whether one came."""
        while True:
            try:
                job = self.jobs.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                try:
                    _IDLE.remove(self)
                except ValueError:
                    continue  # it was taken in this moment: a job is on its way
                return False
            job()
            return True


_IDLE: collections.deque[_Worker] = collections.deque()  # its methods are atomic
if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_IDLE.clear)  # a fork takes one thread along
