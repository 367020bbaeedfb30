"""The special tokens of a model: texts that its tokenizer takes for its own marks."""

from __future__ import annotations

import functools
import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from .gguf import not_a_model

_TOKENS, _TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
_CONTROL, _USER_DEFINED = 3, 4
# These are marks whatever a file says of their type, as llama.cpp has it, too.
_MARK = re.compile(r"<\|.+\|>|<(?:start|end)_of_turn>|\[/?INST\]|</?s>")
_STRING, _ARRAY = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""The bytes of a number, by its type."""
_LENGTH = struct.Struct("<Q")


def special_in(text: str, path: Path) -> str | None:
    """Return the first special token of a file's model that is in a text, if any is.

    The file's header is known to be good. Raises `NotAModel` if it is not any more.
    """
    now = path.stat()
    found = _pattern(path, now.st_size, now.st_mtime_ns, now.st_ino)
    match = found.search(text) if found else None
    return match[0] if match else None


@functools.lru_cache(maxsize=64)
def _pattern(path: Path, *_: int) -> re.Pattern[str] | None:
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            tokens = _special(data)
    except (OSError, ValueError, LookupError, struct.error) as error:
        raise not_a_model(path, "has no tokens that can be read") from error
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if tokens else None


def _special(data: mmap.mmap) -> set[str]:
    """Return the tokens that are marks."""
    places = dict(_arrays(data))
    if not {_TOKENS, _TYPES} <= set(places):
        return set()  # a tokenizer that marks none
    (count,) = _LENGTH.unpack_from(data, places[_TYPES] - _LENGTH.size)
    kinds = struct.unpack_from(f"<{count}i", data, places[_TYPES])
    at, found = places[_TOKENS], set()
    for kind in kinds:
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if kind in (_CONTROL, _USER_DEFINED):
            token = data[at : at + length].decode("utf-8", "replace")
            if token and (kind == _CONTROL or _MARK.fullmatch(token)):
                found.add(token)
        at += length
    return found


def _arrays(data: mmap.mmap) -> Iterator[tuple[str, int]]:
    """Yield the key of each array, and where the first of its values is."""
    (entries,) = _LENGTH.unpack_from(data, 16)
    at = 24
    for _ in range(entries):
        (length,) = _LENGTH.unpack_from(data, at)
        key = data[at + 8 : at + 8 + length].decode("utf-8", "replace")
        at += 8 + length
        (kind,) = struct.unpack_from("<I", data, at)
        at += 4
        if kind == _ARRAY:
            yield key, at + 12
        at = _after(data, at, kind)


def _after(data: mmap.mmap, at: int, kind: int) -> int:
    """Return where the next thing is after a value."""
    if kind == _STRING:
        return int(at + 8 + _LENGTH.unpack_from(data, at)[0])
    if kind != _ARRAY:
        return at + _SIZES[kind]
    of, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if of != _STRING:
        return int(at + count * _SIZES[of])
    for _ in range(count):
        at += 8 + _LENGTH.unpack_from(data, at)[0]
    return at
