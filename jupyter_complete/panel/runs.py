"""A press of Run: its samples, each in a thread that only passes on what came."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ..errors import CompleteError

if TYPE_CHECKING:
    from ..session import Call, Outcome, Running, Session


class Watcher(Protocol):
    """What a run tells, from its own threads."""

    def text(self, sample: int, text: str) -> None:
        """Take more text of a sample."""

    def ended(self, sample: int, outcome: Outcome | CompleteError) -> None:
        """Take the end of a sample."""

    def all_ended(self) -> None:
        """Take notice that the last of them ended."""


class Run:
    """Samples under way; ``stop`` ends them all within 200 ms."""

    def __init__(
        self, session: Session, calls: Sequence[Call], watcher: Watcher
    ) -> None:
        """Start them; raise `CompleteError`, and start none, if there is no key."""
        self._watcher = watcher
        self._left = len(calls)
        self._lock = threading.Lock()
        self._running: list[Running] = []
        try:
            for call in calls:
                self._running.append(session.start(call))
        except BaseException:
            self.stop()
            raise
        self._threads = [
            threading.Thread(
                target=self._follow, args=pair, name="completion-panel", daemon=True
            )
            for pair in enumerate(self._running)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask every sample to end; does not wait."""
        for running in self._running:
            running.cancel()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until every sample has ended and was told."""
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(seconds)

    def _follow(self, sample: int, running: Running) -> None:
        def show(text: str) -> None:
            self._watcher.text(sample, text)

        try:
            while running.wait_for_news():
                running.show(show)
            running.show(show)
            ended: Outcome | CompleteError = running.outcome
        except CompleteError as error:  # the history could not be written
            ended = error
        except Exception as error:  # noqa: BLE001 - it is shown, in one line
            ended = CompleteError(f"{type(error).__name__}: {error}")
        self._watcher.ended(sample, ended)
        with self._lock:
            self._left -= 1
            last = not self._left
        if last:
            self._watcher.all_ended()
