"""The file: opened safely, shared by kernels, set aside when it is damaged.

One connection for the process, used by one thread at a time and closed before a fork.
A connection for every operation is as safe, but each would be the last one to close,
and that makes SQLite fold its log into the file and sync it, every time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ..errors import HistoryError, one_line
from . import alive

T = TypeVar("T")

BUSY_SECONDS = 30.0
PAGE_BYTES = 8_192
# The log is cut back to this many bytes once it is folded into the file.
LOG_BYTES = 16 * 1024 * 1024
# Several hosts would each map their own copy of the log's index.
NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "afs", "lustre", "fuse.sshfs")


class Store:
    """Runs jobs on the file, each in a transaction.

    ``prepare`` brings a fresh connection up to date. ``warn`` gets one line when a
    damaged file was set aside.
    """

    def __init__(
        self,
        path: Path,
        *,
        prepare: Callable[[sqlite3.Connection], None],
        warn: Callable[[str], None],
        vfs: str | None = None,
    ) -> None:
        self.path = path
        self._prepare = prepare
        self._warn = warn
        self._vfs = vfs
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        _stores.add(self)

    def run(self, job: Callable[[sqlite3.Connection], T], *, write: bool = True) -> T:
        """Give what the job gives; raise `HistoryError` if the file cannot."""
        with self._lock:
            try:
                return self._attempt(job, write=write)
            except sqlite3.ProgrammingError:
                raise  # a fault of ours, not of the file
            except (sqlite3.DatabaseError, OSError) as error:
                fault: Exception = error
            try:
                if self._mended(fault):
                    return self._attempt(job, write=write)
            except (sqlite3.DatabaseError, OSError) as error:
                fault = error
            raise self._translated(fault) from fault

    def close(self) -> None:
        """Close the connection; the next job opens another."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection:
                connection.close()

    def pause(self) -> None:
        """Close the connection and let no job begin until `resume`."""
        self._lock.acquire()
        self.close()

    def resume(self) -> None:
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
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if writable:
                _patiently(lambda: _set_journal(connection, self.path))
            _patiently(lambda: self._prepare(connection))
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
        code = _code(error)
        if code & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return False
        opened = self._file
        if code == sqlite3.SQLITE_CORRUPT_VTAB and self._connection:
            # Only the index of words; marked stale, it is made anew from the texts.
            self._connection.execute("PRAGMA user_version = 1")
            self.close()
            return True
        self.close()
        with alive.alone(self.path):
            if opened == _identity(self.path):  # pragma: no branch - a race, lost
                kept = self._set_aside()
                self._warn(
                    f"The history was damaged ({one_line(str(error))}); it is kept as "
                    f"{kept}, and a new one begins."
                )
        return True

    def _set_aside(self) -> Path:
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        kept = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        for suffix in ("-wal", "-shm", "-journal", ""):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{kept}{suffix}")
        return kept

    def _translated(self, error: Exception) -> HistoryError:
        self.close()
        return HistoryError(
            f"The history {self.path} cannot be used ({one_line(str(error))}); make "
            "room or give write permission, or turn it off: "
            "%config CompletionSettings.history = False."
        )


@contextlib.contextmanager
def transaction(
    connection: sqlite3.Connection, *, write: bool = True
) -> Iterator[None]:
    """Commit what is done inside, or none of it."""
    # A transaction that begins by reading cannot wait for its turn to write.
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # pragma: no branch - SQLite may have ended it
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _set_journal(connection: sqlite3.Connection, path: Path) -> None:
    # Counts for a new file only. Texts of a kilobyte fill a page of four badly.
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    wanted = "DELETE" if on_network(path, _mounts()) else "WAL"
    (mode,) = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    # What is deleted is overwritten.
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    if mode == "wal":
        # Without a sync at each commit; a crash of the process loses nothing.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}").fetchall()


def _patiently(step: Callable[[], None]) -> None:
    """Repeat while another process opens or closes the file.

    SQLite does not wait where waiting could mean a deadlock.
    """
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            busy = _code(error) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > end:
                raise
        time.sleep(0.005)


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", None) or 0


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _mounts() -> str:
    try:
        return Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:  # pragma: no cover - no Linux
        return ""


def on_network(path: Path, mounts: str) -> bool:
    """Tell whether the path is on a network file system, by the lines of mounts(5)."""
    place = os.path.realpath(path)
    found, longest = "", -1
    for line in mounts.splitlines():
        _, point, kind, *_ = [*line.split(" "), "", "", ""]
        point = point.replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= longest:
            found, longest = kind, len(point)
    return found.startswith(NETWORK_FILE_SYSTEMS)


# A connection carried over a fork would share its locks with the parent's.
_stores: weakref.WeakSet[Store] = weakref.WeakSet()
_forking: list[Store] = []


def _before_fork() -> None:
    for store in list(_stores):
        store.pause()
        _forking.append(store)


def _after_fork() -> None:
    while _forking:
        _forking.pop().resume()


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
