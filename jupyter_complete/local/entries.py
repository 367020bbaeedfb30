"""The entries of a GGUF file's header that is known to be good, read where they are."""

from __future__ import annotations

import contextlib
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .gguf import not_a_model

STRING, ARRAY = 8, 9
LENGTH = struct.Struct("<Q")
_FORMATS = {
    number: struct.Struct(f"<{letter}")
    for number, letter in enumerate("BbHhIif?  Qqd")
    if letter != " "
}


class Entry(NamedTuple):
    """A value of a header, by its type and place in the file."""

    kind: int
    place: int


@contextlib.contextmanager
def opened(path: Path) -> Iterator[mmap.mmap]:
    """Open a file to be read. Raises `NotAModel` if its header is no good after all."""
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            yield data
    except (OSError, ValueError, ArithmeticError, LookupError, struct.error) as error:
        raise not_a_model(path, "has a header that cannot be read") from error


def entries(data: mmap.mmap) -> dict[str, Entry]:
    """Return the entries of a header by their keys."""
    (count,) = LENGTH.unpack_from(data, 16)
    at, found = 24, {}
    for _ in range(count):
        (length,) = LENGTH.unpack_from(data, at)
        key = data[at + 8 : at + 8 + length].decode("utf-8", "replace")
        at += 8 + length
        (kind,) = struct.unpack_from("<I", data, at)
        at += 4
        found[key] = Entry(kind, at)
        at = _after(data, at, kind)
    return found


def number(data: mmap.mmap, entry: Entry) -> float:
    """Return a number, of an array of them the largest."""
    if entry.kind != ARRAY:
        return float(_FORMATS[entry.kind].unpack_from(data, entry.place)[0])
    kind, count = struct.unpack_from("<IQ", data, entry.place)
    one = _FORMATS[kind]
    places = range(entry.place + 12, entry.place + 12 + count * one.size, one.size)
    return max(float(one.unpack_from(data, place)[0]) for place in places)


def _after(data: mmap.mmap, at: int, kind: int) -> int:
    """Return where the next thing is after a value."""
    if kind == STRING:
        return int(at + 8 + LENGTH.unpack_from(data, at)[0])
    if kind != ARRAY:
        return at + _FORMATS[kind].size
    of, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if of != STRING:
        return int(at + count * _FORMATS[of].size)
    for _ in range(count):
        at += 8 + LENGTH.unpack_from(data, at)[0]
    return at
