"""How SQLite keeps the file: transactions, errors, journal, syncs, network mounts."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

PAGE_BYTES = 8_192
# The log is cut back to this many bytes once it is folded into the file.
LOG_BYTES = 16 * 1024 * 1024
# Several hosts would each map their own copy of the log's index.
NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "afs", "lustre", "fuse.sshfs")


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


def is_busy(error: Exception) -> bool:
    """Tell whether another connection was in the way."""
    return code_of(error) & 0xFF in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
    )


def code_of(error: Exception) -> int:
    """Return the code of SQLite's error, 0 for another."""
    return getattr(error, "sqlite_errorcode", None) or 0


def set_journal(connection: sqlite3.Connection, path: Path, *, new: bool) -> None:
    """Set how the file is written; a new one has no syncs until `set_syncs`."""
    # Counts for a new file only. Texts of a kilobyte fill a page of four badly.
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    if new:
        # Nothing can be lost yet, and to wait for the disk takes a tenth of a second.
        connection.execute("PRAGMA synchronous = OFF")
    wanted = "DELETE" if on_network(path, mounts()) else "WAL"
    connection.execute(f"PRAGMA journal_mode = {wanted}").fetchall()
    # What is deleted is overwritten.
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}").fetchall()
    if not new:
        set_syncs(connection)


def set_syncs(connection: sqlite3.Connection) -> None:
    """Have the disk waited for, as often as the journal needs it."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    # With a log, not at each commit; a crash of the process loses nothing.
    level = "NORMAL" if mode == "wal" else "FULL"
    connection.execute(f"PRAGMA synchronous = {level}")


def mounts() -> str:
    """Return what is mounted where, as the kernel lists it; nothing elsewhere."""
    try:
        return Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:  # pragma: no cover - no Linux
        return ""


def on_network(path: Path, table: str) -> bool:
    """Tell whether the path is on a network file system, by the lines of mounts(5)."""
    place = os.path.realpath(path)
    found, longest = "", -1
    for line in table.splitlines():
        _, point, kind, *_ = [*line.split(" "), "", "", ""]
        point = point.replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= longest:
            found, longest = kind, len(point)
    return found.startswith(NETWORK_FILE_SYSTEMS)
