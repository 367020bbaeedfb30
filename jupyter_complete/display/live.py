"""One display of a cell: what runs shows in it, and in the end what came of it.

Nothing is cleared: what else the cell shows, before, after and meanwhile, stays.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.display import DisplayHandle, display

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

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
