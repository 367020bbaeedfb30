"""A sweep while it runs: a grid that fills in a notebook, a bar in a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from IPython.display import DisplayHandle, clear_output, display

from ...errors import one_line, printable
from .summary import state
from .tiles import Tiles
from .view import view

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...session import SweepPlan
    from ...sweep.result import SweepResult
    from ...sweep.tasks import Ended, Progress

GROWTH = 1.05
"""By how much the answers have to grow before the grid is sent again."""
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
    """A line and a grid, each in a display of its own, replaced by one at the end.

    A report is shown by one message at most. The line goes out when it says something
    new; the grid when there are 5 % more answers, so that the bytes of both together
    grow with the answers and not with their square.
    """

    def __init__(self, plan: SweepPlan, name: str) -> None:
        self._name = name
        self._tiles = Tiles([(task.point, task.sample) for task in plan.tasks])
        self._line: DisplayHandle | None = None
        self._grid: DisplayHandle | None = None
        self._shown = 0
        self._newest = ""
        self._said: tuple[int, ...] = ()
        self._due = 0.0

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""
        self._take(progress.ended)
        ended = progress.done + progress.failed
        if self._line is None:
            self._line = _opened(self._status(progress))
            self._grid = _opened(self._drawn())
        elif self._grid and ended >= max(self._shown * GROWTH, self._shown + 1):
            self._shown = ended
            self._grid.update(self._drawn(), raw=True)
        elif _counts(progress) != self._said or time.monotonic() > self._due:
            self._said = _counts(progress)
            self._due = time.monotonic() + 1
            self._line.update(self._status(progress), raw=True)

    def _take(self, ended: Sequence[Ended]) -> None:
        for one in ended:
            self._tiles.end(one)
            if one.completion.text:
                label = self._tiles.label(one.place)
                self._newest = one_line(f"{label}: {one.completion.text}", EXCERPT)

    def _status(self, progress: Progress) -> dict[str, str]:
        line = state(progress)
        return {
            "text/plain": printable(line),
            "text/html": self._tiles.status(progress, line, self._newest),
        }

    def _drawn(self) -> dict[str, str]:
        return {"text/plain": "", "text/html": self._tiles.html()}

    def finish(self, sweep: SweepResult) -> None:
        """Show what came of it, in the place of what was live."""
        bundle = view(sweep, name=self._name).bundle()
        clear_output(wait=True)
        display(bundle, raw=True)


def _opened(bundle: dict[str, str]) -> DisplayHandle:
    handle = DisplayHandle()
    handle.display(bundle, raw=True)
    return handle


def _counts(progress: Progress) -> tuple[int, ...]:
    """Give what is worth a message at once; rate and time left can wait a second."""
    return progress.done, progress.failed, progress.in_flight, progress.limit


class TerminalSweep:
    """A bar on one line where someone watches, the table at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._drawn = ""

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""
        if not sys.stdout.isatty():
            return
        width = shutil.get_terminal_size().columns - 1
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
            self._write(" " * (shutil.get_terminal_size().columns - 1))
            self._write("")
        sys.stdout.write(f"{view(sweep, name=self._name)}\n")

    def _write(self, line: str) -> None:
        sys.stdout.write(f"\r{line}")
        sys.stdout.flush()


def sweep_screen(
    shell: InteractiveShell, plan: SweepPlan, *, name: str = "_sweep"
) -> SweepScreen:
    """Give the screen of this shell: a notebook has a kernel, a terminal has none.

    ``name`` is the variable that will hold the sweep.
    """
    if getattr(shell, "kernel", None) is None:
        return TerminalSweep(name)
    return NotebookSweep(plan, name)
