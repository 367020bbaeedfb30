"""A sweep while it runs: a grid that fills in a notebook, a bar in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import one_line, printable
from ..columns import room
from ..markdown import boxed, escape
from ..screen import LiveDisplay
from .summary import error, state
from .view import view

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...completion import Completion
    from ...session import SweepPlan
    from ...sweeps.points import Point
    from ...sweeps.result import SweepResult
    from ...sweeps.tasks import Finished, Progress


RATE = 40_000
"""Bytes a second of a grid: the largest goes out about once in a second."""
NEWEST = 90
"""Characters of the newest answer beside the bar."""


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
                self._newest = one_line(f"{label}: {one.completion.text}", NEWEST)

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
) -> NotebookSweep | TerminalSweep:
    """Return the screen of this shell: a notebook has a kernel, a terminal has none.

    ``name`` is the variable that will hold the sweep.
    """
    if getattr(shell, "kernel", None) is None:
        return TerminalSweep(name)
    return NotebookSweep(shell, plan, name)


MOST_TILES = 200
EXCERPT = 60
"""Characters of a tile's newest answer."""
LABEL = 40
"""Characters that tell a tile's point."""

_LINE = "1px solid var(--jp-border-color2,rgba(128,128,128,.4))"
_STYLE = (
    ".jc-live{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5em,1fr));"
    "gap:3px;font-size:12px;line-height:1.3;"
    "color:var(--jp-content-font-color1,inherit);max-height:70vh;overflow:auto}"
    f".jc-live div{{border:{_LINE};border-radius:3px;padding:2px 5px;"
    "overflow:hidden;overflow-wrap:anywhere;min-height:3.9em}"
    ".jc-live b{float:right;font-weight:600;padding-left:.5em}"
    ".jc-live i{font-style:normal;opacity:.7;display:block}"
    ".jc-live .jc-some{border-left:3px solid var(--jp-brand-color1,#1976d2)}"
    ".jc-live .jc-all{border-left:3px solid var(--jp-success-color1,#2e7d32)}"
    ".jc-live .jc-fail{border-left:3px solid var(--jp-error-color1,#d32f2f)}"
)


class _Tile:
    """How far the calls of one tile are."""

    __slots__ = ("done", "failed", "label", "newest", "reused", "total")

    def __init__(self, label: str) -> None:
        self.label = label
        self.newest = ""
        self.total = self.done = self.failed = self.reused = 0

    def end(self, completion: Completion) -> None:
        """Count a call that ended."""
        if completion.status == "complete":
            self.done += 1
            self.reused += completion.reused
        else:
            self.failed += 1
        self.newest = one_line(completion.text or error(completion), EXCERPT)

    def html(self) -> str:
        """Return it as HTML, short: it is sent many times."""
        ended = self.done + self.failed
        if not ended:
            return f"<div><i>{escape(self.label)}</i></div>"
        kind = "fail" if self.failed else "all" if ended == self.total else "some"
        count = f"{self.done}/{self.total}"
        if self.failed:
            count += f" ✗{self.failed}"
        if self.reused:
            count += f" ↺{self.reused}"
        label, newest = escape(self.label), escape(self.newest)
        return f"<div class=jc-{kind}><b>{count}</b><i>{label}</i>{newest}</div>"


class Tiles:
    """The grid of a sweep that runs."""

    def __init__(self, calls: Sequence[tuple[Point, int]]) -> None:
        """Take the point and sample of each call, in order."""
        points: dict[int, int] = {}
        # A point's samples are its own object's: that is cheaper to tell than values.
        self._points = [points.setdefault(id(point), len(points)) for point, _ in calls]
        self._step = -(-len(points) // MOST_TILES) or 1
        self._names = ", ".join(calls[0][0].values) if calls else ""
        self._labels = [
            one_line(", ".join(map(str, point.values.values())), LABEL)
            for point, _ in calls
        ]
        self._tiles: list[_Tile] = []
        for index, point in enumerate(self._points):
            if point // self._step == len(self._tiles):
                more = " …" if self._step > 1 else ""
                self._tiles.append(_Tile(self._labels[index] + more))
            self._tiles[-1].total += 1

    def label(self, index: int) -> str:
        """Return the point of a call in a few words."""
        return self._labels[index]

    def end(self, ended: Finished) -> None:
        """Count a call that ended."""
        self._tiles[self._points[ended.index] // self._step].end(ended.completion)

    def html(self) -> str:
        """Return the grid as it is now."""
        tiles = "".join(tile.html() for tile in self._tiles)
        several = f", {self._step} points in each tile" if self._step > 1 else ""
        what = (
            f"<div><i>{escape(self._names)}{several}</i></div>" if self._names else ""
        )
        return f"<style>{_STYLE}</style>{boxed(f'{what}{tiles}', 'jc-live')}"

    def status(self, progress: Progress, line: str, newest: str) -> str:
        """Return the line above the grid: a bar, the counts, the newest answer."""
        ended = progress.done + progress.failed
        text = f"<br><small>{escape(newest)}</small>" if newest else ""
        bar = f"<progress max={progress.total} value={ended}></progress>"
        return boxed(f"{bar} {escape(line)}{text}", "jc-line")
