"""What could not be written yet, in a file of lines beside the history.

Each process appends to a file of its own, named for its number in `processes`, so that
no two ever share one. The next kernel that opens the history takes over the file of a
process that has ended. Nothing is synced to the disk: what was written outlives the
process whatever ends it, and a power cut may take the last seconds, as it may of
SQLite's own log.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ..errors import HistoryError
from . import processes, transfer
from .row import Row

Keyed = tuple[int, Row]
"""A run and the key that it is known by."""


class Spill:
    """The file of this process; one thread works with it."""

    def __init__(self, history: Path) -> None:
        self._history = history
        self._descriptor: int | None = None
        self.path: Path | None = None
        self._size = 0

    def append(self, runs: Sequence[Keyed]) -> None:
        """Write down runs as they stand now. Raises `OSError`, and then kept none."""
        data = b"".join(map(_line, runs))
        descriptor = self._opened()
        try:
            if os.write(descriptor, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(descriptor, self._size)
            raise
        self._size += len(data)

    def read(self, start: int, most: int) -> tuple[list[Keyed], int]:
        """Return the runs written from a place on, and the place after them."""
        if self._descriptor is None or start >= self._size:
            return [], start
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            file.seek(start)
            return list(itertools.islice(_runs(file), most)), file.tell()

    def clear(self) -> None:
        """Empty it: the history has all of it."""
        if self._descriptor is not None and self._size:
            os.ftruncate(self._descriptor, 0)
            self._size = 0

    def close(self) -> None:
        """Let go of the file; it stays only if there is something in it."""
        if self._descriptor is not None and self.path is not None:
            if not self._size:
                self.path.unlink(missing_ok=True)
            self.forget()

    def forget(self) -> None:
        """Let go of the file as it is: a child's parent goes on with it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self.path, self._size = None, None, 0

    def _opened(self) -> int:
        if self._descriptor is not None and not os.fstat(self._descriptor).st_nlink:
            self.forget()  # somebody deleted it
        if self._descriptor is None:
            self._history.parent.mkdir(parents=True, exist_ok=True)
            number = processes.own(self._history)
            self.path = Path(f"{self._history}-waiting-{number}.jsonl")
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
            self._descriptor = os.open(self.path, flags, 0o600)
            self._size = os.fstat(self._descriptor).st_size
        return self._descriptor


def left_behind(history: Path) -> dict[Path, int]:
    """Return the files of processes that have ended, each with its number."""
    found = {}
    for path in history.parent.glob(f"{history.name}-waiting-*.jsonl"):
        number = path.name.removesuffix(".jsonl").rpartition("-")[2]
        if number.isdecimal() and processes.gone(history, int(number)):
            found[path] = int(number)
    return found


def runs_of(path: Path) -> list[Keyed]:
    """Return the runs in a file that was left behind."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        return list(_runs(file))
    return []


def _line(run: Keyed) -> bytes:
    key, row = run
    return json.dumps({"key": key, "row": transfer.record_of(row)}).encode() + b"\n"


def _runs(file: BinaryIO) -> Iterator[Keyed]:
    """Yield the runs of whole lines; a process may have died within the last one."""
    while line := file.readline():
        with contextlib.suppress(ValueError, KeyError, TypeError, HistoryError):
            record = json.loads(line)
            yield int(record["key"]), transfer.row_of_record(record["row"])
