"""The special tokens of a model: texts that its tokenizer takes for its own marks."""

from __future__ import annotations

import functools
import mmap
import re
import struct
from pathlib import Path

from .entries import LENGTH, entries, opened

_TOKENS, _TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
_CONTROL, _USER_DEFINED = 3, 4
# These are marks whatever a file says of their type, as llama.cpp has it, too.
_MARK = re.compile(r"<\|.+\|>|<(?:start|end)_of_turn>|\[/?INST\]|</?s>")
_HEAD = 12
"""The bytes before the first value of an array: their type and number."""


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
    with opened(path) as data:
        tokens = _special(data)
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if tokens else None


def _special(data: mmap.mmap) -> set[str]:
    """Return the tokens that are marks."""
    known = entries(data)
    if not {_TOKENS, _TYPES} <= set(known):
        return set()  # a tokenizer that marks none
    first = known[_TYPES].place + _HEAD
    (count,) = LENGTH.unpack_from(data, first - LENGTH.size)
    kinds = struct.unpack_from(f"<{count}i", data, first)
    at, found = known[_TOKENS].place + _HEAD, set()
    for kind in kinds:
        (length,) = LENGTH.unpack_from(data, at)
        at += LENGTH.size
        if kind in (_CONTROL, _USER_DEFINED):
            token = data[at : at + length].decode("utf-8", "replace")
            if token and (kind == _CONTROL or _MARK.fullmatch(token)):
                found.add(token)
        at += length
    return found
