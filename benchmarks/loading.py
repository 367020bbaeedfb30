"""What loading costs: time over IPython alone, modules and memory.

``python benchmarks/loading.py``: this project beside the magics of Jupyter AI, each
in a fresh environment of its own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from memory import PEAK
from peers import MAGICS, OURS, Missing, Peer, Peers, peers
from table import Row, as_text

ROUNDS = 9

# The clock starts when IPython is there; the last line that is printed is ours.
LOAD = (
    PEAK
    + """
import collections, json, sys, time
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = TerminalInteractiveShell.instance(config=config)
before = set(sys.modules)
memory = peak()
start = time.perf_counter()
shell.run_line_magic("load_ext", sys.argv[1])
seconds = time.perf_counter() - start
memory = peak() - memory
new = set(sys.modules) - before
rooms = collections.Counter(name.partition(".")[0] for name in new)
slow = sorted(set("requests ipywidgets anywidget".split()) & set(sys.modules))
print()
print(json.dumps([seconds, len(new), memory,
    [name for name, _ in rooms.most_common(3)], slow]))
"""
)


class Load(NamedTuple):
    """What one loading took and brought."""

    seconds: float
    modules: int
    megabytes: float
    largest: list[str]
    """The packages that brought most modules."""
    slow: list[str]
    """Which of requests, ipywidgets and anywidget were imported."""


def load(python: str | Path, extension: str) -> Load:
    """Load an extension into a fresh IPython; raise Missing where it fails."""
    done = subprocess.run(
        [python, "-I", "-c", LOAD, extension],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Missing(f"{extension}: {done.stderr.strip().splitlines()[-1]}")
    return Load(*json.loads(done.stdout.splitlines()[-1]))


def _loads(found: Peers, place: str | Path) -> dict[Peer, list[Load]]:
    """Return the loads of ours and of each peer, made in turns."""
    loads: dict[Peer, list[Load]] = {OURS: []}
    pythons: dict[Peer, str | Path] = {OURS: place}
    for peer in MAGICS:
        try:
            pythons[peer] = found.installed(peer).python
            load(pythons[peer], peer.extension)  # the first one fills the disk's cache
        except Missing as reason:
            found.give_up(peer, reason)
        else:
            loads[peer] = []
    for _ in range(ROUNDS):
        for peer, each in loads.items():
            each.append(load(pythons[peer], peer.extension))
    return loads


def measure(peers: Peers) -> list[Row]:
    """Return the rows of the report; takes about two minutes, the peers' included."""
    where = "in a fresh environment"
    try:
        place: str | Path = peers.installed(OURS).python
    except Missing as reason:
        place, where = sys.executable, f"in this environment; fresh: {reason}"
    loads = _loads(peers, place)

    def seconds(peer: Peer) -> str:
        middle = statistics.median(each.seconds for each in loads[peer])
        return f"{middle * 1000:,.0f} ms"

    def brought(peer: Peer) -> str:
        last = loads[peer][-1]
        most = ", ".join(last.largest)
        return f"{last.modules:,} and {last.megabytes:.0f} MB (most: {most})"

    last = loads[OURS][-1]
    slow = ", ".join(last.slow) or "none"
    return [
        Row(
            "%load_ext over IPython alone",
            "<= 50 ms",
            seconds(OURS),
            peers.beside(MAGICS, seconds),
            f"median of {ROUNDS}, {where}; "
            f"of requests, ipywidgets, anywidget imported: {slow}",
        ),
        Row(
            "modules and memory that %load_ext adds",
            "",
            f"{last.modules}, {last.megabytes:.0f} MB",
            peers.beside(MAGICS, brought),
        ),
    ]


if __name__ == "__main__":
    with peers() as nearest:
        print(as_text(measure(nearest)))
