"""Threads of our own, which no front end takes for its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Background(threading.Thread):
    """A thread that does one job; it keeps no process alive.

    ipykernel 6.29 to 6.31 wraps `threading.Thread.run` to note which thread began
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
