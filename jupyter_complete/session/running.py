"""A call in a thread of its own, its text handed to the thread that waits."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..background import in_background
from ..cancel import Cancel, on_ctrl_c
from ..errors import CompletionInterrupted

if TYPE_CHECKING:
    from ..completion import Completion, Outcome
    from .ask import OnText

# How long a text may wait before it is shown: smooth, and cheap for the front end.
SHOW_SECONDS = 0.1
WAIT_SECONDS = 0.1
# A call ends within 200 ms of being stopped; one that has not may be let go.
PATIENCE_SECONDS = 2.0


class Running:
    """A call under way in a thread of its own.

    ``ask`` is called in that thread with ``on_text`` and ``cancel``. ``so_far`` gives
    what there is of the completion while it runs.
    """

    def __init__(
        self,
        ask: Callable[..., Outcome],
        so_far: Callable[[], Completion | None] = lambda: None,
    ) -> None:
        self.outcome: Outcome
        self._ask, self._so_far = ask, so_far
        self._cancel: Cancel = Cancel()
        self._interrupted: float | None = None
        self._texts: list[str] = []
        self._shown = 0
        self._failure: BaseException | None = None
        self._news = threading.Event()
        self._done = threading.Event()
        in_background(self._run)

    def _run(self) -> None:
        try:
            self.outcome = self._ask(on_text=self._take, cancel=self._cancel)
        except BaseException as error:  # noqa: BLE001 - raised again by `wait`
            self._failure = error
        self._done.set()
        self._news.set()

    def _take(self, text: str) -> None:
        self._texts.append(text)
        # `show` clears it before it looks, so that one who sees it set is seen, too.
        if not self._news.is_set():
            self._news.set()

    def wait_for_news(self) -> bool:
        """Wait for text to show or for the end; tell whether it still runs.

        The first text is news at once, what follows after a pause, so that a front
        end is not flooded. Waits are short: only between them can Ctrl-C come in on
        every system.
        """
        if self._shown:
            self._done.wait(SHOW_SECONDS)
        # The end counts by itself: its news may be gone with the text before it.
        while not self._news.wait(WAIT_SECONDS) and not self._done.is_set():
            pass
        if self._failure:
            raise self._failure
        return not self._done.is_set()

    def show(self, on_text: OnText | None) -> None:
        """Pass on the text that came since the last time."""
        self._news.clear()
        fresh = self._texts[self._shown :]
        self._shown += len(fresh)
        if fresh and on_text:
            on_text("".join(fresh))

    def watch(self, on_text: OnText | None) -> None:
        """Pass its text on, in this thread, until it ends."""
        while self.wait_for_news():
            self.show(on_text)
        self.show(on_text)

    def cancel(self) -> None:
        """Ask it to end; it does within 200 ms."""
        self._cancel.set()

    @property
    def interrupted(self) -> bool:
        """Whether the user pressed Ctrl-C."""
        return self._interrupted is not None

    def interrupt(self, *_: object) -> None:
        """Do what Ctrl-C does: end it, and the second time nothing more.

        Raises `CompletionInterrupted` if it should have ended long ago.
        """
        now = time.monotonic()
        if self._interrupted is None:
            self._interrupted = now
            self._cancel.set()
        # A second one may come within the first, which must not wait for itself.
        elif now - self._interrupted > PATIENCE_SECONDS:
            raise CompletionInterrupted(
                "It did not stop in time; what came is kept.", self._so_far()
            )

    @contextlib.contextmanager
    def stopped_by_ctrl_c(self) -> Iterator[None]:
        """Let Ctrl-C end the call instead of raising wherever the thread happens to be.

        Only the main thread gets Ctrl-C; in another this does nothing.
        """
        with on_ctrl_c(self.interrupt):
            yield

    def stop(self) -> Outcome:
        """End it; return its outcome."""
        self._cancel.set()
        while not self._done.wait(WAIT_SECONDS):
            pass
        if self._failure:
            raise self._failure
        return self.outcome


def follow(running: Running, on_text: OnText | None) -> Completion:
    """Show a call until it ends, through ``on_text`` in this thread.

    Raises the call's `CompleteError`, and `CompletionInterrupted` on Ctrl-C.
    """
    with running.stopped_by_ctrl_c():
        try:
            running.watch(on_text)
        except CompletionInterrupted:
            raise
        except KeyboardInterrupt:  # raised by a front end, not by a signal
            running.interrupt()
            running.stop()
    if running.interrupted:
        raise _interruption(running.outcome.completion)
    if running.outcome.error:
        raise running.outcome.error
    return running.outcome.completion


def _interruption(completion: Completion) -> CompletionInterrupted:
    """Return what Ctrl-C raises of a completion."""
    count = len(completion.text)
    came = f"after {count:,} character{'s' * (count != 1)}; the text is kept"
    return CompletionInterrupted(
        f"Stopped {came if count else 'before any text came'}.", completion
    )
