"""The text as it comes, then one card in its place: one display of a cell.

Nothing is cleared: what else the cell shows, before, after and meanwhile, stays.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.display import DisplayHandle, display

from ..errors import printable_lines
from .card import below, card, drawn
from .columns import Wrapping, room, wrapped
from .markdown import boxed, preformatted
from .tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from ..completion import Completion


RATE = 10_000
"""Bytes a second of a text that grows: ten messages cost about as many anyway."""

EXCERPT = 500
"""Characters of the end of a text for those who show no HTML while it grows."""


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


def completion_screen(
    shell: InteractiveShell,
    format: str,  # noqa: A002
) -> NotebookScreen | TerminalScreen:
    """Return the screen of this shell: a notebook has a kernel, a terminal has none."""
    if getattr(shell, "kernel", None) is None:
        return TerminalScreen(format)
    return NotebookScreen(shell, format)


BURST = 2_000
"""Bytes that may go out before any time has passed."""
ENVELOPE = 600
"""Bytes of a message beside what it shows."""


class LiveDisplay:
    """Shows one MIME bundle after the other in the same place.

    An update sends its whole bundle again. So that the bytes grow with the time that
    it runs, and not with the square of what it shows, ``has_room`` tells whether
    another is within ``rate`` bytes a second.
    """

    def __init__(self, shell: InteractiveShell, rate: float) -> None:
        self._watched = not (_captured(shell) or _in_output_widget(shell))
        self._rate = rate
        self._handle: DisplayHandle | None = None
        self._start = 0.0
        self._sent = 0.0

    def has_room(self, size: int) -> bool:
        """Tell whether so many bytes may be shown now; the first always may."""
        if self._handle is None:
            return self._watched
        room = BURST + self._rate * (time.monotonic() - self._start)
        return self._sent + size + ENVELOPE <= room

    def show(self, bundle: Mapping[str, str]) -> None:
        """Show a bundle."""
        self._sent += ENVELOPE + sum(len(text.encode()) for text in bundle.values())
        if self._handle is None:
            self._start = time.monotonic()
            self._handle = DisplayHandle()
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)

    def finish(self, bundle: dict[str, Any]) -> None:
        """Show the last one, in the place of those before it."""
        if self._handle is None:
            display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)


def _captured(shell: InteractiveShell) -> bool:
    """Tell whether ``%%capture`` keeps what is shown: updates, too, each for itself."""
    return isinstance(shell.display_pub, CapturingDisplayPublisher)


def _in_output_widget(shell: InteractiveShell) -> bool:
    """Tell whether an Output widget takes what is shown: it takes no updates."""
    ipywidgets = sys.modules.get("ipywidgets")
    if ipywidgets is None:
        return False
    kernel: Any = getattr(shell, "kernel", None)
    asked = kernel.get_parent().get("header", {}).get("msg_id")
    return any(
        isinstance(widget, ipywidgets.Output) and widget.msg_id == asked
        for widget in [*ipywidgets.widgets.widget._instances.values()]  # noqa: SLF001
    )
