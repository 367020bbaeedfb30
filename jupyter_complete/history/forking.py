"""A fork takes no lock, connection or file with it: each is let go of before it."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """What has to know of a fork."""

    def pause(self) -> None:
        """Let nothing begin until the fork is over."""
        ...

    def resume(self, *, child: bool) -> None:
        """Go on, in the parent or in the child."""
        ...


_known: weakref.WeakSet[Forked] = weakref.WeakSet()
_paused: list[Forked] = []


def watch(one: Forked) -> None:
    """Tell it of each fork from now on."""
    _known.add(one)


def _before() -> None:
    for one in list(_known):
        one.pause()
        _paused.append(one)


def _after(*, child: bool) -> None:
    while _paused:
        _paused.pop().resume(child=child)


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(
        before=_before,
        after_in_parent=lambda: _after(child=False),
        after_in_child=lambda: _after(child=True),
    )
