"""The text as it comes, then one card in its place."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from ..errors import printable_lines
from .card import below, card, drawn
from .columns import Wrapping, room, wrapped
from .live import LiveDisplay
from .markdown import boxed, preformatted
from .tokens import Tokens

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..completion import Completion


RATE = 10_000
"""Bytes a second of a text that grows: ten messages cost about as many anyway."""

EXCERPT = 500
"""Characters of the end of a text for those who show no HTML while it grows."""


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
        self._wrapping = Wrapping()

    def write(self, text: str) -> None:
        """Show an increment."""
        text = printable_lines(text)
        if not self._written:
            text = text.lstrip()
        self._written = text[-1:] or self._written
        width = room()
        sys.stdout.write(self._wrapping.write(text, width) if width else text)
        sys.stdout.flush()

    def finish(self, completion: Completion) -> None:
        """Show what was not streamed, and the facts."""
        if not self._written:
            self.write(completion.text)
        end = "" if self._written.endswith("\n") or not self._written else "\n"
        below = drawn(lambda: self._below(completion), lambda line: f"[{line}]")
        sys.stdout.write(f"{end}{below}\n")
        sys.stdout.flush()

    def _below(self, completion: Completion) -> str:
        tokens = [repr(Tokens(completion))] if self._format == "tokens" else []
        return "\n".join([*tokens, *map(wrapped, below(completion))])


class NotebookScreen:
    """One display: the text as it comes, and in the end the card."""

    def __init__(self, shell: InteractiveShell, format: str) -> None:  # noqa: A002
        self._format = format
        self._live = LiveDisplay(shell, RATE)
        self._texts: list[str] = []
        self._size = 0

    def write(self, text: str) -> None:
        """Show an increment, now or with those that follow."""
        text = printable_lines(text)
        self._texts.append(text)
        self._size += len(text.encode())
        if self._live.has_room(self._size):
            self._live.show(self._bundle("".join(self._texts).strip("\n")))

    def _bundle(self, text: str) -> dict[str, str]:
        """Return what a front end draws in the way in which it will draw the card.

        It would be empty for a moment if one took the place of another kind.
        """
        if self._format == "text":
            return {"text/plain": text}
        return {
            "text/plain": text[-EXCERPT:],
            "text/html": boxed(preformatted(text), "jc-card"),
        }

    def finish(self, completion: Completion) -> None:
        """Show the card in the place of the text."""
        self._live.finish(card(completion, self._format))


def completion_screen(shell: InteractiveShell, format: str) -> Screen:  # noqa: A002
    """Return the screen of this shell: a notebook has a kernel, a terminal has none."""
    if getattr(shell, "kernel", None) is None:
        return TerminalScreen(format)
    return NotebookScreen(shell, format)


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
