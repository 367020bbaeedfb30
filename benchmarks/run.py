"""Every figure this project promises, in one table.

``python benchmarks/run.py [name ...]``

Each module beside this one has a ``measure()`` that gives rows of name, target,
measured and note; a target that is a number is the most allowed. A module whose
packages are missing is named and passed over. All of them take some minutes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import importlib.metadata
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
SHOWN = ("jupyter-complete", "ipython", "ipykernel", "requests")


class Line(NamedTuple):
    """One line of the table, as text."""

    name: str
    target: str
    measured: str
    note: str


HEAD = Line("name", "target", "measured", "note")


def names() -> list[str]:
    """Give the modules that measure something."""
    return sorted(
        path.stem
        for path in HERE.glob("*.py")
        if path.stem != "run" and "\ndef measure(" in path.read_text(encoding="utf-8")
    )


def lines(name: str) -> Iterator[Line]:
    """Yield the lines of a module; one that says why where it cannot be measured."""
    start = time.perf_counter()
    try:
        found = importlib.import_module(name).measure()
    except ImportError as error:
        yield Line(name, "", "missing", str(error))
        return
    except Exception as error:  # noqa: BLE001 - the others are still to be measured
        traceback.print_exc()
        yield Line(name, "", "failed", f"{type(error).__name__}; see above")
        return
    for title, target, measured, note in found:
        yield Line(title, _most(target), _figure(measured), note)
    print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)


def _most(target: object) -> str:
    return f"<= {target:g}" if isinstance(target, (int, float)) else str(target or "")


def _figure(measured: object) -> str:
    return f"{measured:.3g}" if isinstance(measured, float) else str(measured)


def machine() -> str:
    """Give the date and what it ran on."""
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


def table(rows: list[Line]) -> str:
    """Give the rows below their head, the columns aligned."""
    rows = [HEAD, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(map(str.ljust, row, widths)).rstrip()
        for row in [rows[0], Line(*("-" * width for width in widths)), *rows[1:]]
    )


def main() -> int:
    """Print the table; give 1 if something failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="*", help=f"one of {', '.join(names())}")
    wanted = parser.parse_args().name
    unknown = set(wanted) - set(names())
    if unknown:
        parser.error(f"{unknown.pop()!r} is none of {', '.join(names())}")
    print(machine(), "\n", flush=True)
    rows = [line for name in wanted or names() for line in lines(name)]
    print(table(rows))
    return int(any(row.measured == "failed" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
