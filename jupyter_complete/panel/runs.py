"""A press of Run: its samples, each in a thread that only passes on what came.

Nothing here runs in the thread that pressed: finding the endpoint may ask it what it
speaks, finding the key may open a keyring, and a callback must never wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..background import Background
from ..cancel import Cancel
from ..errors import CompleteError
from ..session import Origin

if TYPE_CHECKING:
    from ..session import Call, Outcome, Running, Session
    from .answers import Answers


class PanelCall(NamedTuple):
    """What was in the panel when Run was pressed."""

    template: str
    values: Mapping[str, object]
    """What the ``{{name}}`` in the template stand for."""
    settings: Mapping[str, Any]
    """Every parameter of a call."""
    samples: int
    source: str
    """The cell that would do the same, for the history."""


class PanelRun:
    """Samples under way, whose text and ends `Answers` is told from their threads."""

    def __init__(self, session: Session, ask: PanelCall, answers: Answers) -> None:
        self._session = session
        self._ask = ask
        self._answers = answers
        self._left = ask.samples
        self._lock = threading.Lock()
        self._cancel = Cancel()
        self._running: list[Running] = []
        self._threads: list[Background] = []
        self._begin(self._start)

    def stop(self) -> None:
        """Ask every sample to end; does not wait."""
        self._cancel.set()
        with self._lock:
            for running in self._running:
                running.cancel()

    def wait(self) -> None:
        """Wait until every sample has ended and was told."""
        for thread in self._threads:  # the first adds the others before it ends
            if thread is not threading.current_thread():
                thread.join()

    def _begin(self, target: Callable[..., None], *args: object) -> None:
        thread = Background(partial(target, *args), name="completion-panel")
        self._threads.append(thread)
        thread.start()

    def _start(self) -> None:
        ask = self._ask
        try:
            call = self._session.prepare(
                ask.template,
                ask.values,
                origin=Origin(ask.source),
                cancel=self._cancel,
                **ask.settings,
            )
        except Exception as error:  # noqa: BLE001 - each is shown, in one line
            for sample in range(ask.samples):
                self._end(sample, in_one_line(error))
            return
        for sample in range(ask.samples):
            self._begin(self._follow, sample, call.again(sample))

    def _follow(self, sample: int, call: Call) -> None:
        try:
            running = self._session.start(call)
            with self._lock:
                self._running.append(running)
                if self._cancel.is_set():
                    running.cancel()
            running.watch(partial(self._answers.text, sample))
            ended: Outcome | CompleteError = running.outcome
        except Exception as error:  # noqa: BLE001 - as above
            ended = in_one_line(error)
        self._end(sample, ended)

    def _end(self, sample: int, ended: Outcome | CompleteError) -> None:
        self._answers.ended(sample, ended)
        with self._lock:
            self._left -= 1
            last = not self._left
        if last:
            self._answers.all_ended()


def in_one_line(error: Exception) -> CompleteError:
    """Return any error, a foreign one too, as one that can be shown."""
    if isinstance(error, CompleteError):
        return error
    return CompleteError(f"{type(error).__name__}: {error}")
