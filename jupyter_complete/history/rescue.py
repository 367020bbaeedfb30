"""What can still be read of a damaged file, without SQLite: page by page, row by row.

SQLite gives up at the first page that is wrong, and reads nothing where that is the
first of all. But the rows of a table stand in pages of their own, each with what is
needed to read it (https://www.sqlite.org/fileformat2.html). So every page is looked at
for rows that look like ours, and of the runs they make those are given whose hashes
and sums say that nothing of them was altered.
"""

from __future__ import annotations

import mmap
import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from ..errors import HistoryError
from . import schema
from .columns import row_of
from .disk import PAGE_BYTES
from .row import Row
from .texts import UNDECODED

_LEAF = 13  # the kind of a page that holds rows of a table
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)  # by the kind of a value

Cells = list[Any]

# How the rows of each table look: what each of their first columns can be.
_TEXTS = (type(None), bytes, int, (str, bytes))
_REQUESTS = (type(None), bytes, str, str, str, int, str, int, str)
_ORIGINS = (type(None), str, str, str, int)
_RUNS = (type(None), int, int, (int, type(None)), int, (str, type(None)), str)


def rescued(path: Path) -> Iterator[tuple[int | None, Row | None]]:
    """Yield the runs of a damaged file, each with its key, None for one that is lost.

    Raises `OSError`.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            tables = _tables(_Pages(data, _log(path)))
            if not tables.runs:  # the damage may have altered how large pages are
                tables = _tables(_Pages(data, _log(path), PAGE_BYTES))
            for number, cells in sorted(tables.runs.items()):
                values = tables.joined(number, cells)
                try:
                    yield values.get("key"), row_of(values)
                except HistoryError:
                    yield None, None


class _Pages:
    """The pages of a file, those in its log before those it has."""

    def __init__(self, data: mmap.mmap, log: bytes, size: int = 0) -> None:
        (told,) = struct.unpack_from(">H", data[:18].ljust(18, b"\0"), 16)
        told = 65_536 if told == 1 else told
        known = 512 <= told <= 65_536 and not told & (told - 1)
        self.size: int = size or (told if known else PAGE_BYTES)
        self._data, self._logged = data, dict(_logged(log, self.size))
        self.count = max(len(data) // self.size, *self._logged, 0)

    def __getitem__(self, number: int) -> bytes:
        """Return a page, the first has the number 1."""
        if number in self._logged:
            return self._logged[number]
        if not 0 < number <= self.count:
            raise IndexError(number)
        return self._data[(number - 1) * self.size : number * self.size]

    def rows(self, number: int) -> Iterator[tuple[int, Callable[[], Cells]]]:
        """Yield the id and what reads the rest of each row that a page holds."""
        page, start = self[number], 100 * (number == 1)
        if len(page) < self.size or page[start] != _LEAF:
            return
        (count,) = struct.unpack_from(">H", page, start + 3)
        for cell in range(min(count, self.size // 4)):
            (place,) = struct.unpack_from(">H", page, start + 8 + 2 * cell)
            try:
                length, place = _varint(page, place)
                rowid, place = _varint(page, place)
            except IndexError:
                continue
            yield rowid, partial(self._cells, page, length, place)

    def _cells(self, page: bytes, length: int, place: int) -> Cells:
        """Read a row. Raises `ValueError`, `IndexError` or `struct.error`."""
        most = self.size - 35
        here = length
        if length > most:
            least = (self.size - 12) * 32 // 255 - 23
            here = least + (length - least) % (self.size - 4)
            here = least if here > most else here
        parts = [page[place : place + here]]
        if here < length:
            (more,) = struct.unpack_from(">I", page, place + here)
            left = length - here
            while left > 0:
                page = self[more]
                parts.append(page[4 : 4 + left])
                left -= self.size - 4
                (more,) = struct.unpack_from(">I", page, 0)
        return _values(b"".join(parts))


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place, and the place after it."""
    value = 0
    for _ in range(8):
        byte = data[place]
        place += 1
        value = value << 7 | byte & 127
        if byte < 128:
            return value, place
    return value << 8 | data[place], place + 1


def _values(record: bytes) -> Cells:
    end, place = _varint(record, 0)
    kinds = []
    while place < end:
        kind, place = _varint(record, place)
        kinds.append(kind)
    values: Cells = []
    for kind in kinds:
        size = (kind - 12) // 2 if kind >= 12 else 8
        if kind < len(_INTEGER_BYTES):
            size = _INTEGER_BYTES[kind]
        elif kind in (8, 9):
            size = 0
        raw = record[place : place + size]
        if len(raw) < size:
            raise ValueError("the row is cut")
        values.append(_value(kind, raw))
        place += size
    return values


def _value(kind: int, raw: bytes) -> Any:
    if kind >= 12:
        return raw.decode("utf-8", UNDECODED) if kind % 2 else raw
    if kind == 7:
        return struct.unpack(">d", raw)[0]
    if kind in (0, 8, 9):
        return None if kind == 0 else kind - 8
    return int.from_bytes(raw, "big", signed=True)


class _Tables:
    """The rows found, by their ids; texts are read when they are asked for."""

    def __init__(self) -> None:
        self.texts: dict[int, Callable[[], Cells]] = {}
        self.requests: dict[int, Cells] = {}
        self.origins: dict[int, Cells] = {}
        self.runs: dict[int, Cells] = {}

    def joined(self, number: int, cells: Cells) -> Mapping[str, Any]:
        """Return a run as the tables joined give it."""
        run = _named("run", cells)
        request = _named("request", self.requests.get(run["request"]))
        origin = _named("origin", self.origins.get(run["origin"]))
        values = {**run, **request, **origin, "id": number}
        values["asked"], values["answered_by"] = request["model"], run["model"]
        values["model"] = run["model"] or request["model"]
        values["request_hash"] = request["hash"]
        for name, text in (
            ("prompt", request["prompt"]),
            ("answer", run["text"]),
            ("source", origin["source"]),
        ):
            found = self.texts[text]() if text in self.texts else [None] * 4
            values[f"{name}_hash"], values[name] = found[1], found[3]
        return values


def _tables(pages: _Pages) -> _Tables:
    tables = _Tables()
    for page in range(1, pages.count + 1):
        for rowid, read in pages.rows(page):
            try:
                cells = read()
            except (ValueError, IndexError, struct.error):
                continue
            if _looks(cells, _TEXTS, 4):
                tables.texts[rowid] = read
            elif _looks(cells, _REQUESTS, 9):
                tables.requests[rowid] = cells
            elif _looks(cells, _ORIGINS, 5):
                tables.origins[rowid] = cells
            elif _looks(cells, _RUNS, len(_columns("run"))):
                tables.runs[rowid] = cells
    return tables


def _looks(cells: Cells, kinds: Sequence[Any], most: int) -> bool:
    # A column that was added later is not in the rows of before.
    several = len(kinds) <= len(cells) <= most
    return several and all(map(isinstance, cells, kinds))


@cache
def _columns(table: str) -> dict[str, str]:
    """Return the columns of a table, each with its type."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    found = connection.execute(f"PRAGMA table_info({table})").fetchall()
    connection.close()
    return {name: kind for _, name, kind, *_ in found}


def _named(table: str, cells: Cells | None) -> dict[str, Any]:
    columns = _columns(table)
    every = (cells or []) + [None] * len(columns)
    return {
        # A whole number takes less room, and so it is stored as one.
        name: float(cell) if kind == "REAL" and isinstance(cell, int) else cell
        for (name, kind), cell in zip(columns.items(), every, strict=False)
    }


def _log(path: Path) -> bytes:
    try:
        return Path(f"{path}-wal").read_bytes()
    except OSError:
        return b""


def _logged(log: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the pages of what was committed to a log, the last of each at last."""
    salts, begun = log[16:24], []
    for place in range(32, len(log) - size - 23, size + 24):
        number, whole = struct.unpack_from(">II", log, place)
        if log[place + 8 : place + 16] != salts:
            return
        begun.append((number, log[place + 24 : place + 24 + size]))
        if whole:
            yield from begun
            begun = []
