"""Keeps the text of running calls in the history, so that a crash loses little."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..background import Background

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..history import Entry, History

# A killed kernel loses at most what came in this time; the promise is one second.
INTERVAL_SECONDS = 0.5


class Journal:
    """Writes the text so far of every running call, in a thread of its own.

    The thread lives only while calls run. It also writes when nothing more arrives:
    a server that stalls must not keep the last words out of the store.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._lock = threading.Lock()
        self._running: dict[Entry, tuple[Callable[[], str], int]] = {}
        self._wake = threading.Event()
        self._thread: Background | None = None

    def add(self, entry: Entry, text: Callable[[], str]) -> None:
        """Keep the run's text up to date until `remove`."""
        with self._lock:
            self._running[entry] = (text, 0)
            if self._thread is None:
                self._wake.clear()
                self._thread = Background(self._write, name="completion-journal")
                self._thread.start()

    def remove(self, entry: Entry) -> None:
        """Leave the run alone from now on; what is written last is the caller's."""
        with self._lock:
            self._running.pop(entry, None)
            if not self._running:
                self._wake.set()

    def _write(self) -> None:
        while True:
            self._wake.wait(INTERVAL_SECONDS)
            with self._lock:
                if not self._running:
                    self._thread = None
                    return
                self._wake.clear()
                for entry, (text_so_far, written) in self._running.items():
                    text = text_so_far()
                    if len(text) > written:
                        self._history.update(entry, text)
                        self._running[entry] = (text_so_far, len(text))
