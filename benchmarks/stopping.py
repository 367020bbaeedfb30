"""How soon a cell and a sweep end when the kernel is interrupted.

From the interrupt until the kernel says that the cell is over: whatever it was
waiting for, its connection is closed and its text is kept by then.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from cell import BUSY, Kernel, Server, line
from table import Row, as_text

ROUNDS = 5
SILENT = 0.001
"""Tokens a second: one, and no other."""
MOMENT = 0.7
"""Seconds that a cell runs before it is interrupted."""

WAITS = (
    ("tokens streaming", 100),
    ("server silent", SILENT),
    ("waiting to ask again", BUSY),
)
AXES = "-s temperature=0:1:0.01 -j 8"


def stop(kernel: Kernel, code: str) -> float:
    """Return the seconds from the interrupt of a running cell to its end."""
    interrupted: list[float] = []

    def interrupt() -> None:
        interrupted.append(time.perf_counter())
        kernel.manager.interrupt_kernel()

    timer = threading.Timer(MOMENT, interrupt)

    def seen(kind: str) -> None:
        if kind == "execute_input":  # from here on the cell runs
            timer.start()

    messages = kernel.run(code, seen)
    timer.join()
    if not any(kind == "error" for _, kind, *_ in messages):
        raise RuntimeError(f"not interrupted: {_texts(messages)}")
    return messages[-1][0] - interrupted[0]


def _texts(messages: list[tuple[float, str, int, Any]]) -> str:
    return "".join(x["text"] for _, kind, _, x in messages if kind == "stream")


def measure() -> list[Row]:
    """Return the rows of the report; takes about half a minute."""
    rows = []
    with Server() as server, Kernel() as kernel:
        kernel.run(line(server, 10, 0))
        for what, rate in WAITS:
            asked = line(server, 4000, rate)
            found = max(stop(kernel, asked) for _ in range(ROUNDS))
            rows.append(_row(f"cell: interrupted, {what}", 200, found))
        asked = line(server, 4000, 100).removesuffix(" Hi")
        sweep = f"%{asked} {AXES}\nHi"
        found = max(stop(kernel, sweep) for _ in range(ROUNDS))
        rows.append(_row("sweep: interrupted, 8 calls running", 1000, found))
    return rows


def _row(name: str, most: float, found: float) -> Row:
    note = f"longest of {ROUNDS}, to the end of the cell"
    return Row(name, f"<= {most:g} ms", f"{found * 1000:.0f} ms", note=note)


if __name__ == "__main__":
    print(as_text(measure()))
