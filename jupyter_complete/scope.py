"""What a name stands for where something was called: a function's own names first."""

from __future__ import annotations

import inspect
from collections import ChainMap
from collections.abc import Collection, MutableMapping
from types import FrameType


class Variables(ChainMap[str, object]):
    """What names stand for, of which a traceback shows none: one may hold a key."""

    def __repr__(self) -> str:
        return f"<{len(self)} names>"


def caller_of(frame: FrameType | None, functions: Collection[str]) -> FrameType | None:
    """Return the frame that called the innermost of these functions; None: none is."""
    while frame is not None and frame.f_code.co_name not in functions:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_name in functions:
        frame = frame.f_back
    return frame


def names_at(
    frame: FrameType | None, *everywhere: MutableMapping[str, object]
) -> Variables:
    """Return the names of a frame, of what encloses it, then those of everywhere.

    Python keeps of an enclosing function only the names that its code reads, and a
    ``{{name}}`` in a text is not code; so they come from its frame while it runs.
    """
    found: list[MutableMapping[str, object]] = []
    while frame is not None:
        found.append(frame.f_locals)
        frame = _enclosing(frame)
    return Variables(*found, *everywhere)


def _enclosing(frame: FrameType) -> FrameType | None:
    if not frame.f_code.co_flags & inspect.CO_NESTED:
        return None
    outer = frame.f_back
    while outer is not None and frame.f_code not in outer.f_code.co_consts:
        outer = outer.f_back
    return outer
