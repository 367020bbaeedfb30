"""The text as it comes, then one card in its place."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from IPython.display import clear_output, display

from .card import card, facts, notes
from .markdown import shown
from .tokens import Tokens

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..completion import Completion


class Screen(Protocol):
    """Where one completion appears."""

    def write(self, text: str) -> None:
        """Show an increment."""
        ...

    def finish(self, completion: Completion) -> None:
        """Show the card."""
        ...


class TerminalScreen:
    """Plain text on stdout, the line of facts below it."""

    def __init__(self, format: str = "text") -> None:  # noqa: A002 - as below
        self._format = format
        self._written = ""

    def write(self, text: str) -> None:
        """Show an increment."""
        text = shown(text)
        if not self._written:
            text = text.lstrip()
        self._written = text[-1:] or self._written
        sys.stdout.write(text)
        sys.stdout.flush()

    def finish(self, completion: Completion) -> None:
        """Show what was not streamed, and the facts."""
        if not self._written:
            self.write(completion.text)
        end = "" if self._written.endswith("\n") or not self._written else "\n"
        below = "".join(f"\n{note}" for note in notes(completion))
        if self._format == "tokens":
            end += f"{Tokens(completion)!r}\n"
        sys.stdout.write(f"{end}[{facts(completion)}]{below}\n")
        sys.stdout.flush()


class NotebookScreen:
    """Stdout while it streams, replaced by one display at the end."""

    def __init__(self, format: str) -> None:  # noqa: A002 - the setting's name
        self._format = format

    def write(self, text: str) -> None:
        """Show an increment."""
        sys.stdout.write(shown(text))
        sys.stdout.flush()

    def finish(self, completion: Completion) -> None:
        """Replace what streamed by the card."""
        clear_output(wait=True)
        display(card(completion, self._format), raw=True)


def screen(shell: InteractiveShell, format: str) -> Screen:  # noqa: A002
    """Give the screen of this shell: a notebook has a kernel, a terminal has none."""
    if getattr(shell, "kernel", None) is None:
        return TerminalScreen(format)
    return NotebookScreen(format)


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Let no Ctrl-C in: a second one must not lose the card of the first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
