"""Runs, as the tables hold them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ..completion import Completion
from ..errors import HistoryError
from ..plain import by_name, plain
from .columns import (
    EPOCH,
    FILLED,
    MILLISECOND,
    SEALED,
    columns_of,
    row_of,
    seal,
    written,
)
from .row import Row, Sending, request_hash
from .texts import Texts, decoded, encoded

_HASHED = ("request", "prompt", "answer", "source")
_OF_REQUEST = ("endpoint", "dialect", "base_url", "stream")

_JOINED = """
    FROM run
    LEFT JOIN request ON request.id = run.request
    LEFT JOIN text AS prompt ON prompt.id = request.prompt
    LEFT JOIN text AS answer ON answer.id = run.text
    LEFT JOIN origin ON origin.id = run.origin
    LEFT JOIN text AS source ON source.id = origin.source
    WHERE run.id = ?
"""
_RENAMED = {
    "answered_by": "run.model",
    "asked": "request.model",
    **{f"{name}_hash": f"{name}.hash" for name in _HASHED},
    **{name: f"request.{name}" for name in _OF_REQUEST},
    **{name: f"origin.{name}" for name in ("sweep", "notebook", "cell")},
}
_SAID = ", ".join(f"{_RENAMED.get(name, f'run.{name}')} AS {name}" for name in SEALED)
_SELECT = f"""SELECT {_SAID}, run.sum, run.key, run.partial, run.writer,
    coalesce(run.model, request.model) AS model, request.parameters AS parameters,
    prompt.body AS prompt, answer.body AS answer, source.body AS source {_JOINED}"""


class Runs:
    """The runs behind one connection, inside a transaction of the caller's."""

    def __init__(self, connection: sqlite3.Connection, texts: Texts) -> None:
        self._connection = connection
        self._texts = texts

    def insert(
        self,
        sending: Sending,
        *,
        created: datetime,
        writer: int | None = None,
        key: int | None = None,
    ) -> int:
        """Return the id of a new run, ``running``."""
        cursor = self._connection.execute(
            """INSERT INTO run
            (created, request, origin, sample, point, status, writer, key)
            VALUES (?, ?, ?, ?, ?, 'running', ?, ?)""",
            (
                (created - EPOCH) // MILLISECOND,
                self._request(sending),
                self._origin(sending),
                sending.sample,
                _point(sending),
                writer,
                key,
            ),
        )
        return int(cursor.lastrowid or 0)

    def put(self, key: int, row: Row, writer: int) -> int:
        """Write the run of this key as it now stands, once; return its id."""
        found = self._connection.execute(
            "SELECT id FROM run WHERE key = ?", (key,)
        ).fetchone()
        number: int = (
            found[0]
            if found
            else self.insert(row.sending, created=row.created, writer=writer, key=key)
        )
        if row.status != "running":
            self.finish(number, row.completion, row.status)
        elif row.completion.text:
            self.update(number, row.completion.text)
        return number

    def add(self, row: Row, key: int | None = None) -> bool:
        """Add a run from elsewhere; tell whether it was not here."""
        known = self._connection.execute("SELECT 1 FROM run WHERE key = ?", (key,))
        if known.fetchone():
            return False
        status = "lost" if row.status == "running" else row.status
        same = self._connection.execute(
            """SELECT run.id FROM run JOIN request ON request.id = run.request
            WHERE run.created = ? AND request.hash = ? AND run.sample = ?
            AND run.status = ?""",
            (
                (row.created - EPOCH) // MILLISECOND,
                request_hash(row.completion.request),
                row.completion.sample,
                status,
            ),
        ).fetchall()
        found = self.rows((n for (n,) in same), damaged=[])
        texts = (one.completion.text for one in found)
        if row.completion.text in texts:
            return False
        number = self.insert(row.sending, created=row.created, key=key)
        return self.finish(number, row.completion, status)

    def update(self, number: int, text: str) -> None:
        """Note the text so far of a run."""
        self._connection.execute(
            "UPDATE run SET partial = ? WHERE id = ? AND status = 'running'",
            (encoded(text), number),
        )

    def finish(
        self, number: int, completion: Completion, status: str | None = None
    ) -> bool:
        """Note how a run ended; tell whether there was one."""
        values = {
            **columns_of(completion),
            "text": self._texts.put(completion.text),
            "status": status or completion.status,
            "writer": None,
            "partial": None,
        }
        places = ", ".join(f"{name} = ?" for name in values)
        done = self._connection.execute(
            f"UPDATE run SET {places} WHERE id = ?",  # noqa: S608 - our own names
            (*values.values(), number),
        )
        self._seal(number)
        return done.rowcount > 0

    def lose(self, number: int) -> None:
        """Note that a run will not end."""
        (text,) = self._connection.execute(
            "SELECT coalesce(partial, '') FROM run WHERE id = ?", (number,)
        ).fetchone()
        self._connection.execute(
            """UPDATE run SET status = 'lost', writer = NULL, partial = NULL, text = ?
            WHERE id = ?""",
            (self._texts.put(decoded(text)), number),
        )
        self._seal(number)

    def delete(self, numbers: Sequence[int]) -> int:
        """Delete those of the runs that have ended, and all that only they had."""
        wanted = json.dumps(numbers)
        ended = "id IN (SELECT value FROM json_each(?)) AND status <> 'running'"
        found = self._connection.execute(
            f"SELECT id, request, origin, text FROM run WHERE {ended}",  # noqa: S608
            (wanted,),
        ).fetchall()
        self._connection.execute(f"DELETE FROM run WHERE {ended}", (wanted,))  # noqa: S608
        _, requests, origins, answers = zip(*found, strict=True) if found else [()] * 4
        texts = {*answers}
        for table, text, used in (
            ("request", "prompt", requests),
            ("origin", "source", origins),
        ):
            unused = self._connection.execute(
                f"""SELECT id, {text} FROM {table}
                WHERE id IN (SELECT value FROM json_each(?)) AND NOT EXISTS
                (SELECT 1 FROM run WHERE run.{table} = {table}.id)""",  # noqa: S608
                (json.dumps(list({*used})),),
            ).fetchall()
            texts.update(number for _, number in unused)
            self._connection.executemany(
                f"DELETE FROM {table} WHERE id = ?",  # noqa: S608
                [(number,) for number, _ in unused],
            )
        self._texts.drop_unused(texts)
        return len(found)

    def delete_all(self) -> int | None:
        """Delete every run; None, and nothing, if one is still running."""
        running, count = self._connection.execute(
            "SELECT coalesce(sum(status = 'running'), 0), count(*) FROM run"
        ).fetchone()
        if running:
            return None
        for table in ("run", "request", "origin"):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608
        self._texts.drop_all()
        return int(count)

    def rows(
        self, numbers: Iterable[int], damaged: list[int] | None = None
    ) -> Iterator[Row]:
        """Yield the runs with these ids, in their order; unknown ids give none.

        The ids of damaged ones go to ``damaged``. Raises `HistoryError` without it.
        """
        for number in numbers:
            cursor = self._connection.execute(_SELECT, (number,))
            names = [column[0] for column in cursor.description]
            for values in cursor:
                try:
                    yield row_of(dict(zip(names, values, strict=True)))
                except HistoryError:
                    if damaged is None:
                        raise
                    damaged.append(number)

    def _seal(self, number: int) -> None:
        """Note the sum of what a run says, now that it has ended."""
        values = self._connection.execute(
            f"SELECT {_SAID} {_JOINED}",
            (number,),
        ).fetchone()
        if values:
            self._connection.execute(
                "UPDATE run SET sum = ? WHERE id = ?", (seal(values), number)
            )

    def _request(self, sending: Sending) -> int:
        request = sending.request
        values = (
            request_hash(request),
            sending.endpoint,
            sending.base_url,
            sending.dialect,
            sending.stream,
        )
        parameters = written(
            {
                name: value
                for name, value in by_name(request).items()
                if name != "prompt" and value is not None and value != ()
            }
        )
        said = (request.model, self._texts.put(request.prompt), parameters)
        row = self._connection.execute(
            """SELECT id, model, prompt, parameters FROM request WHERE hash = ?
            AND endpoint = ? AND base_url = ? AND dialect = ? AND stream = ?""",
            values,
        ).fetchone()
        if row:
            if row[1:] != said:  # it was damaged
                self._connection.execute(
                    """UPDATE request SET model = ?, prompt = ?, parameters = ?
                    WHERE id = ?""",
                    (*said, row[0]),
                )
            return int(row[0])
        cursor = self._connection.execute(
            """INSERT INTO request (hash, endpoint, base_url, dialect, stream, model,
            prompt, parameters) VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            (*values, *said),
        )
        return int(cursor.lastrowid or 0)

    def _origin(self, sending: Sending) -> int | None:
        told = (sending.sweep, sending.notebook, sending.cell, sending.source)
        if told == (None, None, None, None):
            return None
        source = self._texts.put(sending.source or "", searched=False)
        values = (*(text or "" for text in told[:3]), source)
        row = self._connection.execute(
            """SELECT id FROM origin WHERE sweep = ? AND notebook = ? AND cell = ?
            AND source = ?""",
            values,
        ).fetchone()
        if row:
            return int(row[0])
        cursor = self._connection.execute(
            "INSERT INTO origin (sweep, notebook, cell, source) VALUES (?, ?, ?, ?)",
            values,
        )
        return int(cursor.lastrowid or 0)


def _point(sending: Sending) -> str | None:
    """Return a place in a sweep as it is stored: its axes have an order."""
    if sending.point is None:
        return None
    told = {**sending.point, **({FILLED: sending.filled} if sending.filled else {})}
    return written(plain(told), sorted_names=False)
