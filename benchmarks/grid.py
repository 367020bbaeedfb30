"""What the grid of a running sweep sends to the front end: how often, how many bytes.

A real kernel runs the sweep against a server of 200 ms latency.
"""

from __future__ import annotations

import statistics
from operator import sub
from typing import Any

from cell import Kernel
from latency import serving
from table import Row, as_text

SIZES = (400, 800)


def cell(url: str, calls: int) -> str:
    """Return a sweep of so many calls, 32 at once."""
    return (
        f"%%complete -m claude-2.1 --endpoint {url} --dialect text --turns raw "
        f"--no-stream --no-history --yes -j 32 -s place=1:{calls}:1\n{{{{place}}}}"
    )


def measure() -> list[Row]:
    """Return the rows of the report; takes about a quarter of a minute."""
    sizes: list[int] = []
    updates: list[float] = []
    with serving() as endpoint, Kernel() as kernel:
        kernel.run(cell(endpoint.base_url, 2))
        for calls in SIZES:
            shown = [
                message
                for message in kernel.run(cell(endpoint.base_url, calls))
                if message[1] not in {"status", "execute_input"}
            ]
            check(shown)
            sizes.append(sum(size for _, _, size, _ in shown))
            updates = [
                came for came, kind, *_ in shown if kind == "update_display_data"
            ]
    few, many = SIZES
    return [
        Row(
            "sweep: updates of the grid in a second",
            "<= 10",
            f"{1 / statistics.median(map(sub, updates[1:], updates)):.1f}",
            note=f"by the median of {len(updates)} while {many} answers came",
        ),
        Row(
            f"sweep: bytes of the grid from {few} to {many} answers",
            "<= 2 (linear)",
            f"{sizes[1] / sizes[0]:.2f}",
            note=f"{sizes[1] / many:,.0f} bytes an answer, the final table included",
        ),
    ]


def check(shown: list[tuple[float, str, int, Any]]) -> None:
    """Raise where the sweep failed: its error would be quick and small."""
    for _, kind, _, content in shown:
        if kind == "error":
            raise RuntimeError(content["evalue"])


if __name__ == "__main__":
    print(as_text(measure()))
