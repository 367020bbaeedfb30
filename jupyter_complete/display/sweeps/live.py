"""A sweep while it runs: a grid that fills in a notebook, a bar in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ...errors import one_line, printable
from ..columns import room
from ..live import LiveDisplay
from .summary import state
from .tiles import Tiles
from .view import view

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...session import SweepPlan
    from ...sweeps.result import SweepResult
    from ...sweeps.tasks import Finished, Progress

RATE = 40_000
"""Bytes a second of a grid: the largest goes out about once in a second."""
EXCERPT = 90
"""Characters of the newest answer beside the bar."""


class SweepScreen(Protocol):
    """Where a sweep appears."""

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""
        ...

    def finish(self, sweep: SweepResult) -> None:
        """Show what came of it."""
        ...


class NotebookSweep:
    """One display: a line and a grid that fills, then the table.

    It goes out again when it has something to say and there is room for it, at the
    latest after a second; its bytes grow with the time that the sweep takes.
    """

    def __init__(self, shell: InteractiveShell, plan: SweepPlan, name: str) -> None:
        self._name = name
        self._tiles = Tiles([(task.point, task.sample) for task in plan.tasks])
        self._live = LiveDisplay(shell, RATE)
        self._size = 0
        self._newest = ""
        self._said: tuple[int, ...] = ()
        self._due = 0.0

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""
        self._take(progress.finished)
        news = _counts(progress) != self._said or time.monotonic() > self._due
        if news and self._live.has_room(self._size):
            self._said = _counts(progress)
            self._due = time.monotonic() + 1
            bundle = self._bundle(progress)
            self._size = len(bundle["text/html"])
            self._live.show(bundle)

    def _take(self, ended: Sequence[Finished]) -> None:
        for one in ended:
            self._tiles.end(one)
            if one.completion.text:
                label = self._tiles.label(one.index)
                self._newest = one_line(f"{label}: {one.completion.text}", EXCERPT)

    def _bundle(self, progress: Progress) -> dict[str, str]:
        line = state(progress)
        status = self._tiles.status(progress, line, self._newest)
        return {
            "text/plain": printable(line),
            "text/html": f"{status}{self._tiles.html()}",
        }

    def finish(self, sweep: SweepResult) -> None:
        """Show what came of it, in the place of what was live."""
        self._live.finish(view(sweep, name=self._name).bundle())


def _counts(progress: Progress) -> tuple[int, ...]:
    """Return what is worth a message at once; rate and time left can wait a second."""
    return progress.done, progress.failed, progress.in_flight, progress.limit


class TerminalSweep:
    """A bar on one line where someone watches, the table at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._drawn = ""

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""
        columns = room()
        if columns is None:
            return
        width = columns - 1
        cells = max(min(width // 4, 30), 4)
        ended = progress.done + progress.failed
        full = cells * ended // max(progress.total, 1)
        line = f"{'█' * full}{'░' * (cells - full)} {state(progress)}"
        if line != self._drawn:
            self._drawn = line
            self._write(f"{line[:width]:<{width}}")

    def finish(self, sweep: SweepResult) -> None:
        """Show the table in the bar's place."""
        if self._drawn:
            self._write(" " * ((room() or 1) - 1))
            self._write("")
        sys.stdout.write(f"{view(sweep, name=self._name)}\n")

    def _write(self, line: str) -> None:
        sys.stdout.write(f"\r{line}")
        sys.stdout.flush()


def sweep_screen(
    shell: InteractiveShell, plan: SweepPlan, *, name: str = "_sweep"
) -> SweepScreen:
    """Return the screen of this shell: a notebook has a kernel, a terminal has none.

    ``name`` is the variable that will hold the sweep.
    """
    if getattr(shell, "kernel", None) is None:
        return TerminalSweep(name)
    return NotebookSweep(shell, plan, name)
