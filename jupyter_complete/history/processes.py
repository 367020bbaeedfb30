"""Processes that share a history: which still live, and what a fork lets go of.

Each holds a lock that ends with it: one byte of an empty file beside the history, at
the process's own number. It goes whatever ends the process, and is right across
containers and NFS, where a process id says nothing. Where there are no such locks every
process counts as living: then its rows stay ``running``, and none is taken from it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

# POSIX drops all locks of a process on a file when it closes any descriptor of it, so
# a process has one for each file and keeps it.
_descriptors: dict[str, int] = {}
_numbers: dict[str, int] = {}
_held: set[str] = set()


def _forget() -> None:
    _descriptors.clear()
    _numbers.clear()
    _held.clear()


def _descriptor(history: Path) -> int:
    name = os.path.realpath(history)
    if name not in _descriptors:
        _descriptors[name] = os.open(f"{name}-alive", os.O_RDWR | os.O_CREAT, 0o600)
    return _descriptors[name]


def _lock(history: Path, number: int, *, to_end: bool = False) -> bool:
    """Tell whether the byte is now ours; raise `OSError` if there are no locks."""
    if fcntl is None:
        raise OSError(errno.ENOLCK, "no record locks")
    try:
        mode = fcntl.LOCK_EX | fcntl.LOCK_NB
        fcntl.lockf(_descriptor(history), mode, 0 if to_end else 1, number)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True


def own(history: Path) -> int:
    """Return this process's number at a history; it lives as long as the process."""
    name = os.path.realpath(history)
    number = _numbers.setdefault(name, secrets.randbits(48) + 2)
    if name not in _held:  # the directory may not have been there before
        with contextlib.suppress(OSError):
            if _lock(history, number):
                _held.add(name)
    return number


def lives(history: Path, number: int) -> bool:
    """Tell whether the process of this number certainly lives."""
    if number == own(history):
        return os.path.realpath(history) in _held
    try:
        free = _lock(history, number)
    except OSError:
        return False
    if free:
        fcntl.lockf(_descriptor(history), fcntl.LOCK_UN, 1, number)
    return not free


def gone(history: Path, number: int) -> bool:
    """Tell whether the process of this number has certainly ended."""
    if number == own(history):
        return False
    try:
        free = _lock(history, number)
    except OSError:
        return False
    if free:
        fcntl.lockf(_descriptor(history), fcntl.LOCK_UN, 1, number)
    return free


def others(history: Path) -> bool:
    """Tell whether other processes use a history, too."""
    number = own(history)
    try:
        free = _lock(history, 1, to_end=True)
    except OSError:
        return False
    if free:
        # All but our own byte goes again.
        descriptor = _descriptor(history)
        fcntl.lockf(descriptor, fcntl.LOCK_UN, number - 1, 1)
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 0, number + 1)
    return not free


@contextlib.contextmanager
def alone(history: Path) -> Iterator[None]:
    """Be the one process that is in here, where there are locks."""
    try:
        fcntl.lockf(_descriptor(history), fcntl.LOCK_EX, 1, 0)
    except (AttributeError, OSError):
        yield
        return
    try:
        yield
    finally:
        fcntl.lockf(_descriptor(history), fcntl.LOCK_UN, 1, 0)


class Forked(Protocol):
    """What has a lock, a connection or a file, none of which a fork may take along."""

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
    os.register_at_fork(after_in_child=_forget)
    os.register_at_fork(
        before=_before,
        after_in_parent=lambda: _after(child=False),
        after_in_child=lambda: _after(child=True),
    )
