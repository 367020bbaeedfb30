"""A switch that ends a request from any thread, and what Ctrl-C does meanwhile."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

from .errors import Cancelled


class Cancel:
    """A switch, thrown once and for good; what listens to it ends at once.

    May be thrown, read and waited for in any thread, and handed to many requests.
    """

    def __init__(self) -> None:
        self._thrown = threading.Event()
        self._lock = threading.Lock()
        self._listeners: dict[object, Callable[[], None]] = {}

    def set(self) -> None:
        """Throw the switch; a second time does nothing."""
        with self._lock:
            self._thrown.set()
            listeners = list(self._listeners.values())
            self._listeners.clear()
        for listener in listeners:
            listener()

    def is_set(self) -> bool:
        """Tell whether it was thrown."""
        return self._thrown.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is thrown or the seconds are over; tell which, as `is_set`."""
        return self._thrown.wait(seconds)

    def check(self) -> None:
        """Raise `Cancelled` if it was thrown."""
        if self._thrown.is_set():
            raise Cancelled("The completion was stopped.")

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener, in the other thread, when thrown; at once if it is.

        Gives the function that ends the listening.
        """
        token = object()
        with self._lock:
            if not self._thrown.is_set():
                self._listeners[token] = listener
                return lambda: self._forget(token)
        listener()
        return lambda: None

    def _forget(self, token: object) -> None:
        with self._lock:
            self._listeners.pop(token, None)


@contextlib.contextmanager
def on_ctrl_c(handler: Any) -> Iterator[None]:
    """Let Ctrl-C call the handler, as `signal.signal` takes one.

    Only the main thread gets Ctrl-C; in another this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def shielded() -> contextlib.AbstractContextManager[None]:
    """Let no Ctrl-C in: a second one must not lose the card of the first."""
    return on_ctrl_c(signal.SIG_IGN)
