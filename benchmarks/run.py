"""Every figure this project promises, in one table.

``python benchmarks/run.py [name ...]``

Each module beside this one that has a ``measure()`` gives rows; those of one that
takes ``peers`` stand beside the nearest other tools, each installed into a fresh
environment. A module whose packages are missing, or a peer that cannot be installed,
is named with the reason. All of it takes about ten minutes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import importlib.metadata
import inspect
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from peers import Peers, peers
from table import Row, as_text

HERE = Path(__file__).parent
SHOWN = ("jupyter-complete", "ipython", "ipykernel", "requests")
FAILED = "failed"


def names() -> list[str]:
    """Return the modules that measure something."""
    return sorted(
        path.stem
        for path in HERE.glob("*.py")
        if path.stem != "run" and "\ndef measure(" in path.read_text(encoding="utf-8")
    )


def rows(name: str, peers: Peers) -> Iterator[Row]:
    """Yield the rows of a module; one that says why where it cannot be measured."""
    start = time.perf_counter()
    try:
        measure = importlib.import_module(name).measure
        beside = "peers" in inspect.signature(measure).parameters
        yield from measure(peers=peers) if beside else measure()
    except ImportError as error:
        yield Row(name, "", "missing", note=str(error))
    except Exception as error:  # noqa: BLE001 - the others are still to be measured
        traceback.print_exc()
        yield Row(name, "", FAILED, note=f"{type(error).__name__}; see above")
    print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)


def machine() -> str:
    """Return the date and what it ran on."""
    cpu = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        cpu = next(x for x in text.splitlines() if x.startswith("model name"))[13:]
    except (OSError, StopIteration):
        pass
    versions = ", ".join(f"{name} {_version(name)}" for name in SHOWN)
    now = dt.datetime.now(dt.UTC)
    return (
        f"{now:%Y-%m-%d %H:%M} UTC; {platform.system()} {platform.release()}, "
        f"{os.cpu_count()} CPUs, {cpu.strip()}; "
        f"Python {platform.python_version()}, {versions}"
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _load() -> str:
    """Return how busy the machine is, which every figure suffers from."""
    try:
        return "load average " + ", ".join(f"{each:.1f}" for each in os.getloadavg())
    except OSError:
        return "load average unknown"


def main() -> int:
    """Print the table; give 1 if something failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="*", help=f"one of {', '.join(names())}")
    parser.add_argument(
        "--no-peers", action="store_true", help="leave out the tools beside ours"
    )
    parser.add_argument(
        "--environments",
        type=Path,
        metavar="DIR",
        help="keep the peers' environments here for the next run",
    )
    asked = parser.parse_args()
    unknown = set(asked.name) - set(names())
    if unknown:
        parser.error(f"{unknown.pop()!r} is none of {', '.join(names())}")
    print(machine(), _load(), sep="\n", flush=True)
    with peers(asked.environments, wanted=not asked.no_peers) as nearest:
        found = [row for name in asked.name or names() for row in rows(name, nearest)]
    print(f"{_load()} at the end", as_text(found), sep="\n\n")
    return int(any(row.measured == FAILED for row in found))


if __name__ == "__main__":
    sys.exit(main())
