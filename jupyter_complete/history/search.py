"""Finding runs: by words in the prompt or the answer, by model, time, status, sweep."""

from __future__ import annotations

import itertools
import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from .columns import EPOCH, MILLISECOND
from .row import RunStatus
from .texts import Texts, decoded

# So few texts with the words that going to their runs beats walking all runs.
FEW = 20_000
# So many of the newest runs are looked at first, where most searches end.
NEWEST = 5_000


@dataclass(frozen=True, slots=True)
class Query:
    """What runs to find; None and no words: any."""

    words: str = ""
    """All of them in the prompt, or all in the answer; ``word*`` is a beginning, and
    what stands in double quotes has to be found as it stands."""
    model: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    status: RunStatus | None = None
    sweep: str | None = None


def find(connection: sqlite3.Connection, query: Query, texts: Texts) -> Iterator[int]:
    """Yield the ids of the runs, the newest first."""
    where, values = _filters(query)
    terms = _terms(query.words)
    if not terms:
        found = connection.execute(
            f"SELECT run.id {_FROM} WHERE {where} {_ORDER}",
            values,
        )
        yield from (number for (number,) in found)
        return
    few, holds = _matcher(connection, terms, texts)
    if few == []:
        return
    runs = connection.execute(
        f"""SELECT run.id, run.text, request.prompt {_FROM}
        WHERE {where} {_ORDER}""",
        values,
    )
    newest = runs if few is None else itertools.islice(runs, NEWEST)
    last = None
    for last, answer, prompt in newest:
        if any(text is not None and holds(text) for text in (prompt, answer)):
            yield last
    if few and last is not None:
        certain = [number for number in few if holds(number)]
        yield from _of_texts(connection, query, certain, after=last)


# A run whose request is gone is found, and then told as damaged.
_FROM = """FROM run LEFT JOIN request ON request.id = run.request
    LEFT JOIN origin ON origin.id = run.origin"""
_ORDER = "ORDER BY run.created DESC, run.id DESC"


def _filters(query: Query) -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {
        "model": query.model,
        "since": query.since and (query.since - EPOCH) // MILLISECOND,
        "before": query.before and (query.before - EPOCH) // MILLISECOND,
        "status": query.status,
        "sweep": query.sweep,
    }
    tests = [test for name, test in _TESTS.items() if values[name] is not None]
    return " AND ".join(tests) or "1", values


_TESTS = {
    "model": "(request.model = :model OR run.model = :model)",
    "since": "run.created >= :since",
    "before": "run.created < :before",
    "status": "run.status = :status",
    "sweep": "run.origin IN (SELECT id FROM origin WHERE sweep = :sweep)",
}


def _of_texts(
    connection: sqlite3.Connection, query: Query, few: list[int], after: int
) -> Iterator[int]:
    """Yield the runs of these texts that come after one in the order of time."""
    where, values = _filters(query)
    found = connection.execute(
        f"""WITH few AS MATERIALIZED (SELECT value AS text FROM json_each(:few)),
        of_few AS MATERIALIZED (
            SELECT run.id FROM few JOIN run ON run.text = few.text
            UNION SELECT run.id FROM few JOIN request ON request.prompt = few.text
            JOIN run ON run.request = request.id
        )
        SELECT run.id FROM of_few CROSS JOIN run ON run.id = of_few.id
        JOIN request ON request.id = run.request
        WHERE {where} AND (run.created, run.id) <
            (SELECT created, id FROM run WHERE id = :after)
        {_ORDER}""",  # noqa: S608 - our own
        {**values, "few": json.dumps(few), "after": after},
    )
    yield from (number for (number,) in found)


@dataclass(frozen=True, slots=True)
class _Term:
    text: str
    """As the user wrote it, without quotes and star."""
    quoted: bool
    star: bool

    @property
    def words(self) -> list[str]:
        """What the index of words calls words."""
        return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", self.text))

    @property
    def exact(self) -> bool:
        """Whether the index alone cannot tell: a phrase, signs, no spaces."""
        return self.quoted or self.words != [self.text] or bool(_UNSPACED(self.text))


# Scripts that put no spaces between words: the index has no words of theirs.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff]").search


def _terms(words: str) -> list[_Term]:
    found = re.findall(r'"([^"]*)"|(\S+)', words)
    terms = [
        _Term(quoted, quoted=True, star=False)
        if quoted
        else _Term(plain.rstrip("*"), quoted=False, star=plain.endswith("*"))
        for quoted, plain in found
    ]
    return [term for term in terms if term.text.strip()]


Holds = Callable[[int], bool]


def _matcher(
    connection: sqlite3.Connection, terms: list[_Term], texts: Texts
) -> tuple[list[int] | None, Holds]:
    """Return the texts that may have the terms, if few, and the test of one."""
    expression = " AND ".join(
        f'"{word}"{"*" if term.star and word == term.words[-1] else ""}'
        for term in terms
        if not _UNSPACED(term.text)
        for word in term.words
    )
    exact = [_pattern(term) for term in terms if term.exact]
    if not expression or not texts.indexed:
        return None, _reader(connection, [_pattern(term) for term in terms])
    newest = [
        number
        for (number,) in connection.execute(
            """SELECT rowid FROM words WHERE words MATCH ?
            ORDER BY rowid DESC LIMIT ?""",
            (expression, FEW),
        )
    ]
    few = newest if len(newest) < FEW else None
    may_hold = _indexed(connection, expression, newest, complete=few is not None)
    if not exact:
        return few, may_hold
    reads = _reader(connection, exact)
    return few, lambda number: may_hold(number) and reads(number)


def _indexed(
    connection: sqlite3.Connection,
    expression: str,
    newest: list[int],
    *,
    complete: bool,
) -> Holds:
    known = frozenset(newest)
    oldest = 0 if complete else newest[-1]

    @cache
    def look_up(number: int) -> bool:
        found = connection.execute(
            "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?",
            (expression, number),
        )
        return found.fetchone() is not None

    return lambda number: number in known or (number < oldest and look_up(number))


def _reader(
    connection: sqlite3.Connection, patterns: list[Callable[[str], object]]
) -> Holds:
    @cache
    def holds(number: int) -> bool:
        row = connection.execute(
            "SELECT body FROM text WHERE id = ?", (number,)
        ).fetchone()
        text = decoded(row[0]) if row else ""
        return all(pattern(text) for pattern in patterns)

    return holds


def _pattern(term: _Term) -> Callable[[str], object]:
    text = re.escape(term.text)
    if not term.quoted and term.words == [term.text] and not _UNSPACED(term.text):
        text = rf"(?<![^\W_]){text}" + ("" if term.star else r"(?![^\W_])")
    return re.compile(text, re.IGNORECASE).search
