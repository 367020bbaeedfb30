"""Which kernel asks for which call of a sweep, so that no two pay for the same.

A claim is the run itself, written before it is sent: as long as it is ``running`` and
its kernel lives, others leave that call to it. It ends with the run, or with the
kernel.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from ..completion import Completion
from ..errors import HistoryError
from ..request import CompletionRequest
from . import processes
from .file import File, Tables
from .queue import Entry, Queue
from .row import request_hash
from .store import Locked
from .writer import CROWDED_SECONDS, PATIENCE_SECONDS

_RUNS = """
    SELECT run.id, run.status, run.writer FROM request
    JOIN run ON run.request = request.id JOIN origin ON origin.id = run.origin
    WHERE request.hash = ? AND request.base_url = ? AND request.dialect = ?
    AND run.sample = ? AND origin.sweep = ? AND run.status IN ('complete', 'running')
    ORDER BY run.created DESC, run.id DESC
"""


class Claims:
    """Claims calls of sweeps, while the history can be written."""

    def __init__(self, file: File, queue: Queue) -> None:
        self._file, self._queue = file, queue
        self._jammed: float | None = None

    def claim(self, entry: Entry) -> Entry | Completion | None:
        """Claim a call; return its entry, now written down.

        Else the answer that another kernel has by now, or None while one asks for it.
        A history that cannot be written has no claims.
        """
        try:
            if self._queue.fault is None:
                found = self._claimed(entry)
                self._jammed = None
                if isinstance(found, int):
                    entry.number, entry.kept = found, True
                    return entry
                return found
        except Locked as error:
            if error.crowded and not self._jammed_for(CROWDED_SECONDS):
                return None
        except HistoryError:
            pass
        self._queue.hand_over(entry, entry.row)
        return entry

    def _claimed(self, entry: Entry) -> int | Completion | None:
        job = partial(_claim, path=self._file.path, entry=entry)
        found = self._file.do(job, patience=PATIENCE_SECONDS)
        if found == "dead":
            self._file.recover(patience=PATIENCE_SECONDS)
            found = self._file.do(job, patience=PATIENCE_SECONDS)
        return None if isinstance(found, str) else found

    def _jammed_for(self, seconds: float) -> bool:
        """Tell whether other kernels have been in the way for so long."""
        self._jammed = self._jammed or time.monotonic()
        return time.monotonic() - self._jammed > seconds


def answer_in(
    tables: Tables,
    *,
    request: CompletionRequest,
    place: tuple[str, str, str],
    sample: int,
) -> Completion | None:
    """Return the newest complete answer to a request, marked as reused.

    ``place`` is the endpoint's name, URL and dialect.
    """
    found = tables.connection.execute(
        """SELECT run.id FROM request JOIN run ON run.request = request.id
        WHERE request.hash = ? AND request.endpoint = ? AND request.base_url = ?
        AND request.dialect = ? AND run.sample = ? AND run.status = 'complete'
        ORDER BY run.created DESC, run.id DESC""",
        (request_hash(request), *place, sample),
    )
    rows = tables.runs.rows((number for (number,) in found), damaged=[])
    row = next(rows, None)
    return replace(row.completion, reused=True) if row else None


def _claim(
    tables: Tables, *, path: Path, entry: Entry
) -> int | Completion | Literal["dead"] | None:
    sent = entry.row.sending
    same = (request_hash(sent.request), sent.base_url, sent.dialect)
    found = tables.connection.execute(
        _RUNS, (*same, sent.sample, sent.sweep)
    ).fetchall()
    complete = (number for number, status, _ in found if status == "complete")
    for row in tables.runs.rows(complete, damaged=[]):
        return row.completion
    writers = {writer for _, status, writer in found if status == "running"} - {None}
    if any(processes.gone(path, writer) for writer in writers):
        return "dead"
    # Where nobody can tell who lives, nobody waits.
    if any(processes.lives(path, writer) for writer in writers):
        return None
    return tables.runs.put(entry.key, entry.row, tables.writer)
