"""Texts, each kept once, and the index of their words.

The index is made beside the tables, not by a migration: a build of SQLite without FTS5
leaves it out, or leaves it stale, and another build makes it anew.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection

from .disk import transaction

FRESH, STALE = 0, 1  # of the index: PRAGMA user_version
UNDECODED = "surrogateescape"
"""How a column of text is read whose bytes are none: its hash tells that it is not."""
SMALL_BLOCKS = 5_000  # of 4 KB, which take a fraction of a second to write anew


class Texts:
    """The texts behind one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.indexed = has_fts5(connection)

    def prepare(self) -> None:
        """Make the index of words, if it is missing or stale."""
        connection = self._connection
        if not self.indexed or self._is_fresh():
            return
        with transaction(connection):
            if self._is_fresh():  # another process was first
                return  # pragma: no cover - a race, lost
            self._drop_index()
            # Which texts have a word is all that is asked: no positions, no lengths,
            # no second copy of the text.
            connection.execute(
                "CREATE VIRTUAL TABLE words USING fts5(body, content='', detail=none, "
                "columnsize=0, tokenize='unicode61 remove_diacritics 2')"
            )
            texts = connection.execute("SELECT id, body FROM text WHERE searched")
            connection.executemany(
                "INSERT INTO words (rowid, body) VALUES (?, ?)",
                ((number, _readable(decoded(body))) for number, body in texts),
            )
            connection.execute(f"PRAGMA user_version = {FRESH}")

    def put(self, text: str, *, searched: bool = True) -> int:
        """Return the number of the text, storing it if it is new."""
        body = encoded(text)
        key = digest(body)
        row = self._connection.execute(
            "SELECT id, searched, body IS ? FROM text WHERE hash = ?", (body, key)
        ).fetchone()
        if row and not row[2]:  # it was damaged
            self._connection.execute(
                "UPDATE text SET body = ? WHERE id = ?", (body, row[0])
            )
        if row is None:
            cursor = self._connection.execute(
                "INSERT INTO text (hash, searched, body) VALUES (?, ?, ?)",
                (key, searched, body),
            )
            row = (int(cursor.lastrowid or 0), not searched, True)
        if searched and not row[1]:
            self._connection.execute(
                "UPDATE text SET searched = 1 WHERE id = ? AND NOT searched", row[:1]
            )
            self._index(row[0], text)
        return int(row[0])

    def drop_unused(self, numbers: Collection[int]) -> None:
        """Delete those of the texts that nothing refers to, and their words."""
        unused = self._connection.execute(
            """SELECT id, searched, body, hash FROM text
            WHERE id IN (SELECT value FROM json_each(?))
            AND NOT EXISTS (SELECT 1 FROM run WHERE run.text = text.id)
            AND NOT EXISTS (SELECT 1 FROM request WHERE request.prompt = text.id)
            AND NOT EXISTS (SELECT 1 FROM origin WHERE origin.source = text.id)""",
            (json.dumps(list(numbers)),),
        ).fetchall()
        for number, searched, body, key in unused:
            if digest(body) != key:  # nobody knows which words the index has of it
                self._mark_stale()
            elif searched:
                self._unindex(number, decoded(body))
            self._connection.execute("DELETE FROM text WHERE id = ?", (number,))

    def drop_all(self) -> None:
        """Delete every text."""
        self._connection.execute("DELETE FROM text")
        if self.indexed:
            self._connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
        else:
            self._mark_stale()

    def tidy(self) -> None:
        """Leave no word of what was deleted in a small index.

        A large one gives its space back bit by bit, as it is written.
        """
        if self.indexed:
            blocks = self._connection.execute("SELECT count(*) FROM words_data")
            if blocks.fetchone()[0] <= SMALL_BLOCKS:
                self._connection.execute(
                    "INSERT INTO words (words) VALUES ('optimize')"
                )

    def _is_fresh(self) -> bool:
        made = self._connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'words'"
        ).fetchone()
        state = self._connection.execute("PRAGMA user_version").fetchone()
        return bool(made[0]) and state[0] == FRESH

    def _drop_index(self) -> None:
        try:
            self._connection.execute("DROP TABLE IF EXISTS words")
        except sqlite3.DatabaseError:
            # Damaged, it cannot even be dropped; as a new one begins, it can.
            self._connection.execute("DELETE FROM words_idx")
            self._connection.execute("DELETE FROM words_data")
            self._connection.execute(
                "INSERT INTO words_data VALUES (1, x''), (10, x'00000000000000')"
            )
            self._connection.execute("DROP TABLE words")

    def _index(self, number: int, text: str) -> None:
        if self.indexed:
            self._connection.execute(
                "INSERT INTO words (rowid, body) VALUES (?, ?)",
                (number, _readable(text)),
            )
        else:
            self._mark_stale()

    def _unindex(self, number: int, text: str) -> None:
        if self.indexed:
            self._connection.execute(
                "INSERT INTO words (words, rowid, body) VALUES ('delete', ?, ?)",
                (number, _readable(text)),
            )
        else:
            self._mark_stale()

    def _mark_stale(self) -> None:
        self._connection.execute(f"PRAGMA user_version = {STALE}")


def has_fts5(connection: sqlite3.Connection) -> bool:
    """Tell whether this build of SQLite has full-text search."""
    found = connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'")
    return found.fetchone() is not None


def encoded(text: str) -> str | bytes:
    """Return the text as a column takes it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def decoded(body: str | bytes) -> str:
    """Return the text of a column, of a damaged one what can be told of it."""
    if not isinstance(body, bytes):
        return str(body)
    try:
        return body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace")


def digest(body: object) -> bytes:
    """Return the hash that a text is stored with, of its column."""
    data = body if isinstance(body, bytes) else str(body).encode("utf-8", UNDECODED)
    return hashlib.blake2b(data, digest_size=16).digest()


def _readable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
