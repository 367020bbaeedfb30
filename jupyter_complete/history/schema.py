"""The tables, as numbered migrations, and the index of words.

A migration is never edited once it is released: a change is another one at the end.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Sequence

from ..errors import HistoryError
from .disk import transaction

Migration = Sequence[str]

FIRST: Migration = (
    # Each text once. ``body`` is text, or UTF-8 bytes where the text has half a
    # character (surrogates encoded as they are). ``searched``: a prompt or an answer.
    """CREATE TABLE text (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        searched INTEGER NOT NULL,
        body NOT NULL
    )""",
    # Each request to an endpoint once. ``parameters``: all but the prompt, as
    # canonical JSON. ``hash``: of the whole canonical JSON, prompt included.
    """CREATE TABLE request (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL,
        endpoint TEXT NOT NULL,
        base_url TEXT NOT NULL,
        dialect TEXT NOT NULL,
        stream INTEGER NOT NULL,
        model TEXT NOT NULL,
        prompt INTEGER NOT NULL REFERENCES text,
        parameters TEXT NOT NULL,
        UNIQUE (hash, endpoint, base_url, dialect, stream)
    )""",
    "CREATE INDEX request_by_prompt ON request (prompt)",
    # Where requests came from: a cell, a sweep.
    """CREATE TABLE origin (
        id INTEGER PRIMARY KEY,
        sweep TEXT NOT NULL,
        notebook TEXT NOT NULL,
        cell TEXT NOT NULL,
        source INTEGER NOT NULL REFERENCES text,
        UNIQUE (sweep, notebook, cell, source)
    )""",
    "CREATE INDEX origin_by_source ON origin (source)",
    # Each time a request was sent. ``created``: UTC, milliseconds since 1970.
    # ``partial``: the text so far and ``writer``: who writes it, while it runs.
    # ``model``: where another answered. ``detail``: what else is known.
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        created INTEGER NOT NULL,
        request INTEGER NOT NULL REFERENCES request,
        origin INTEGER REFERENCES origin,
        sample INTEGER NOT NULL,
        point TEXT,
        status TEXT NOT NULL,
        writer INTEGER,
        partial,
        text INTEGER REFERENCES text,
        model TEXT,
        stop_reason TEXT,
        stop,
        http_status INTEGER,
        error_type TEXT,
        error TEXT,
        request_id TEXT,
        attempts INTEGER NOT NULL DEFAULT 1,
        input_tokens INTEGER,
        output_tokens INTEGER,
        first_token_seconds REAL,
        seconds REAL,
        detail BLOB
    )""",
    "CREATE INDEX run_by_time ON run (created)",
    "CREATE INDEX run_by_request ON run (request, sample)",
    "CREATE INDEX run_by_text ON run (text)",
    "CREATE INDEX run_by_origin ON run (origin) WHERE origin IS NOT NULL",
    "CREATE INDEX run_by_writer ON run (writer) WHERE writer IS NOT NULL",
)

SECOND: Migration = (
    # ``key``: what a run is known by from before it is written, so that it is written
    # once. ``sum``: of all that the run says, once it has ended.
    "ALTER TABLE run ADD COLUMN key INTEGER",
    "ALTER TABLE run ADD COLUMN sum BLOB",
    "CREATE UNIQUE INDEX run_by_key ON run (key) WHERE key IS NOT NULL",
)

MIGRATIONS: tuple[Migration, ...] = (FIRST, SECOND)


def migrate(
    connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Bring the tables up to date; raise `HistoryError` if they are newer than this."""
    while (done := version(connection)) < len(migrations):
        with transaction(connection):
            if version(connection) != done:  # another process was first
                continue  # pragma: no cover - a race, lost
            if done == 0:
                connection.execute(
                    "CREATE TABLE migration (number INTEGER PRIMARY KEY, applied REAL)"
                )
            for statement in migrations[done]:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migration VALUES (?, ?)", (done + 1, time.time())
            )
    if done > len(migrations):
        raise HistoryError(
            f"The history was written by a later version (schema {done}, this one "
            f"knows {len(migrations)}) and is left alone; upgrade jupyter-complete."
        )


def is_whole(connection: sqlite3.Connection) -> bool:
    """Tell whether a file has the tables of its version, as they were made."""
    done = version(connection)
    named = "SELECT name, sql FROM sqlite_master"
    found = {*connection.execute(named).fetchall()}
    made = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statement in itertools.chain.from_iterable(MIGRATIONS[:done]):
            made.execute(statement)
        wanted = {*made.execute(named).fetchall()}
    finally:
        made.close()
    # An empty file has no version, and one of a later version more than is known here.
    return wanted <= found if done else not found


def version(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration that was applied, 0 if none was."""
    named = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'migration'"
    )
    if not named.fetchone()[0]:
        return 0
    (number,) = connection.execute("SELECT max(number) FROM migration").fetchone()
    return number or 0
