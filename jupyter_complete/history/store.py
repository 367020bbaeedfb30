"""The file: opened safely, shared by kernels, set aside when it is damaged.

One connection for the process, used by one thread at a time and closed before a fork.
A connection for every operation is as safe, but each would be the last one to close,
and that makes SQLite fold its log into the file and sync it, every time.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ..errors import CompleteError, HistoryError, one_line
from . import disk, processes, schema
from .disk import code_of, is_busy, transaction
from .texts import UNDECODED

T = TypeVar("T")

PATIENCE_SECONDS = 1.0
"""How long a job waits for its turn on the file."""


# What SQLite says where a page was altered, and where a statement of ours is wrong.
_MAYBE_DAMAGED = (
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_INTERNAL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
)


class Locked(HistoryError):
    """The file is locked; ``crowded`` tells whether it may be by other kernels."""

    crowded = False


class Store:
    """Runs jobs on the file, each in a transaction.

    ``prepare`` brings a fresh connection up to date. ``warn`` gets one line when a
    damaged file was set aside, and ``rescue`` its place.
    """

    def __init__(
        self,
        path: Path,
        *,
        prepare: Callable[[sqlite3.Connection], None],
        warn: Callable[[str], None],
        rescue: Callable[[Path], None],
        vfs: str | None = None,
    ) -> None:
        self.path = path
        self._prepare = prepare
        self._warn = warn
        self._rescue = rescue
        self._vfs = vfs
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        processes.watch(self)

    def run(
        self,
        job: Callable[[sqlite3.Connection], T],
        *,
        write: bool = True,
        patience: float = PATIENCE_SECONDS,
        queue: bool = False,
    ) -> T:
        """Return what the job does; raise `HistoryError` if the file cannot.

        It waits so many seconds for its turn; to ``queue`` is to wait for other jobs
        of this process as long as they take. A job may be done again from its start.
        """
        if not self._lock.acquire(timeout=-1 if queue else patience):
            raise HistoryError(
                f"The history {self.path} is busy with other work; try again."
            )
        try:
            return self._result(lambda: self._attempt(job, write=write), patience)
        finally:
            self._lock.release()

    def at_once(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Return what the job does if nothing is in its way, within a moment.

        Else, whatever it is, the job is not done and this raises `HistoryError`.
        """
        if not self._lock.acquire(blocking=False):
            raise HistoryError("The history is busy.")
        try:
            if self._connection and self._file == _identity(self.path):
                return self._attempt(job, write=True)
        except Exception as error:  # whatever `run` would look into
            raise HistoryError("The history needs more than a moment.") from error
        finally:
            self._lock.release()
        raise HistoryError("The history is not open.")

    def _result(self, attempt: Callable[[], T], patience: float) -> T:
        # Whatever a damaged file makes SQLite, or the decoding of a row, raise.
        try:
            return _patiently(attempt, patience)
        except (CompleteError, sqlite3.ProgrammingError):
            raise  # said already, or a fault of ours and not of the file
        except Exception as error:  # noqa: BLE001 - see above
            fault = error
        try:
            if self._mended(fault):
                return _patiently(attempt, patience)
        except CompleteError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            fault = error
        raise self._translated(fault) from fault

    def close(self) -> None:
        """Close the connection; the next job opens another."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection:
                connection.close()

    def pause(self) -> None:
        """Close the connection, whose locks a child would share, until `resume`."""
        self._lock.acquire()
        self.close()

    def resume(self, *, child: bool) -> None:  # noqa: ARG002 - each opens its own
        """Let jobs begin again."""
        self._lock.release()

    def tidy(self, *, vacuum: bool = False) -> None:
        """Leave nothing of what was deleted in the log, nor, if wanted, room for it."""
        with self._lock:
            try:
                connection = self._connected()
                if vacuum:
                    connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except (sqlite3.DatabaseError, OSError) as error:
                self.close()
                raise HistoryError(
                    f"They are deleted, but {self.path} keeps the room they had "
                    f"({one_line(str(error))}); make room and delete again."
                ) from error

    def _attempt(self, job: Callable[[sqlite3.Connection], T], *, write: bool) -> T:
        connection = self._connected()
        with transaction(connection, write=write):
            return job(connection)

    def _connected(self) -> sqlite3.Connection:
        if self._connection and self._file == _identity(self.path):
            return self._connection
        self.close()
        self._connection = self._opened()
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with contextlib.suppress(OSError):
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)
        self._file = _identity(self.path)
        writable = all(os.access(it, os.W_OK) for it in (self.path, self.path.parent))
        connection = sqlite3.connect(
            self._uri(writable=writable),
            uri=True,
            timeout=0,  # it would wait where Ctrl-C cannot come in
            isolation_level=None,
            check_same_thread=False,
        )
        connection.text_factory = lambda text: text.decode("utf-8", UNDECODED)
        try:
            new = not self.path.stat().st_size
            if writable:
                disk.set_journal(connection, self.path, new=new)
            self._prepare(connection)
            if new:
                disk.set_syncs(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _uri(self, *, writable: bool) -> str:
        # Without a log SQLite has to make one even to read, unless it is told that
        # nobody writes.
        still = not writable and not Path(f"{self.path}-wal").exists()
        options = [*["immutable=1"] * still, *[f"vfs={self._vfs}"] * bool(self._vfs)]
        return f"{self.path.absolute().as_uri()}?{'&'.join(options)}"

    def _mended(self, error: Exception) -> bool:
        """Tell whether it is worth another try: the damage is out of the way."""
        code = code_of(error)
        told = code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        if is_busy(error) or not (told or self._is_damaged(error)):
            return False
        opened = self._file
        if code == sqlite3.SQLITE_CORRUPT_VTAB and self._connection:
            # Only the index of words; marked stale, it is made anew from the texts.
            self._connection.execute("PRAGMA user_version = 1")
            self.close()
            return True
        self.close()
        with processes.alone(self.path):
            if opened == _identity(self.path):  # pragma: no branch - a race, lost
                kept = self._set_aside()
                self._warn(
                    f"The history was damaged ({one_line(str(error))}); it is kept as "
                    f"{kept}, and what can be read of it is taken into a new one."
                )
                self._rescue(kept)
        return True

    def _is_damaged(self, error: Exception) -> bool:
        """Tell whether damage is behind an error that may have another reason."""
        code = code_of(error) & 0xFF
        if code not in _MAYBE_DAMAGED and not isinstance(error, UnicodeDecodeError):
            return False
        try:
            with self.path.open("rb") as file:
                if not {*file.read(20)[18:]} <= {1, 2}:
                    return True  # how it may be read and written
            uri = self._uri(writable=True)
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
                (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
                return found != "ok" or not schema.is_whole(connection)
        except (sqlite3.OperationalError, OSError):
            return False
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return True

    def _set_aside(self) -> Path:
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        kept = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        for suffix in ("-wal", "-shm", "-journal", ""):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{kept}{suffix}")
        return kept

    def _translated(self, error: Exception) -> HistoryError:
        if is_busy(error):
            locked = Locked(
                f"The history {self.path} is locked by another program; end it, or "
                "turn the history off: %config CompletionSettings.history = False."
            )
            locked.crowded = processes.others(self.path)
            return locked
        self.close()
        return HistoryError(
            f"The history {self.path} cannot be used ({one_line(str(error))}); make "
            "room or give write permission, or turn it off: "
            "%config CompletionSettings.history = False."
        )


def _patiently(step: Callable[[], T], seconds: float) -> T:
    """Repeat a step while another connection is in its way.

    The waits are short, and ours: in SQLite's own Ctrl-C has to wait, too, and it does
    not wait where that could mean a deadlock.
    """
    end = time.monotonic() + seconds
    for pause in itertools.chain((0.001, 0.002, 0.004), itertools.repeat(0.008)):
        try:
            return step()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > end:
                raise
        time.sleep(pause)
    raise AssertionError  # pragma: no cover - it never ends so


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
