"""A line for the one who reads the terminal."""

from __future__ import annotations

from typing import TextIO


def say(line: str, where: TextIO) -> None:
    """Print a line at once."""
    print(line, file=where, flush=True)
