"""What the header of a GGUF file says of its model: read in place, nothing else loaded.

The format is described in ``docs/gguf.md`` of ggml: little-endian, versions 2 and 3. A
file may be anything at all, so no length in it is believed before the file has that
many bytes, and nothing long is kept.
"""

from __future__ import annotations

import math
import os
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from ..errors import InputError
from .tensors import FILE_TYPES, TENSOR_TYPES, TensorType

_WINDOW = 1 << 18
_MOST_ENTRIES = 1 << 16
"""Entries of a header, and tensors; models of many experts have 47,000 tensors."""
_MOST_STRINGS = 2_000_000
"""Strings in all arrays of a header; large vocabularies have 800,000."""
_MOST_DIMENSIONS = 4
_LONGEST_KEY = (1 << 16) - 1
_LONGEST_WORD = 200
_MOST_ELEMENTS = 1 << 63

_STRING, _ARRAY = 8, 9
_NUMBERS = {
    number: struct.Struct(f"<{letter}")
    for number, letter in enumerate("BbHhIif?  Qqd")
    if letter != " "
}
"""How each type of a value is read, by its number."""
_MAGIC = int.from_bytes(b"GGUF", "little")
_CONTEXT = ".context_length"
_UNKNOWN = TensorType("", 1, 0)
_COUNT, _LONG = _NUMBERS[4], _NUMBERS[10]

_WORDS = frozenset(
    {
        "general.architecture",
        "general.name",
        "general.size_label",
        "general.type",
        "tokenizer.chat_template",
    }
)
"""The texts that are wanted."""


class NotAModel(InputError):
    """A file that holds no model, or not the whole of one.

    ``fault`` says so in a few words, which go on after the file's name.
    """

    fault = "is no model"


def not_a_model(path: Path, fault: str) -> NotAModel:
    """Return the error of a file with a fault."""
    error = NotAModel(f"{path} {fault}; get it anew, or name another file.")
    error.fault = fault
    return error


class _Fault(Exception):
    """What is wrong with a file, after its name."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of its model; None is not said. Its words are anyone's."""

    architecture: str
    name: str | None
    size_label: str | None
    """The class of its size, such as ``135M``."""
    parameters: int
    context_tokens: int | None
    """The context that it was trained with."""
    quantization: str | None
    """How its weights are stored, such as ``Q4_1``."""
    size: int
    """The bytes of the file."""
    chat_template: bool
    """Whether it knows turns."""


def read_header(path: Path) -> Header:
    """Return what the header of a file says. Raises `NotAModel`.

    Also for a file that is cut, and one that cannot be read. Reads the header alone,
    in time that is linear in its length, and keeps a few words of it.
    """
    try:
        with open(path, "rb", buffering=0, opener=_opened) as file:
            return _header(_Window(file, os.fstat(file.fileno()).st_size))
    except _Fault as fault:
        raise not_a_model(path, str(fault)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise not_a_model(path, f"cannot be read ({reason})") from error


def _opened(path: str, flags: int) -> int:
    # To open a device may do anything, and a pipe waits for who writes to it.
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise _Fault("is no file")
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class _Window:
    """The part of a file from a place on, which only moves forward."""

    def __init__(self, file: FileIO, size: int) -> None:
        self._file = file
        self._size = size
        self._start = 0
        self._data = b""
        self._at = 0
        self._strings = 0

    @property
    def size(self) -> int:
        """The bytes of the whole file."""
        return self._size

    @property
    def place(self) -> int:
        """Where the next byte is in the file."""
        return self._start + self._at

    def _refill(self, wanted: int) -> None:
        """Have that many bytes at hand, which are few."""
        self._start, self._at = self.place, 0
        if self._start + wanted > self._size:
            raise _Fault(f"is cut: its header goes on after its {self._size:,} bytes")
        self._file.seek(self._start)
        self._data = self._file.read(_WINDOW) or b""
        if len(self._data) < wanted:
            raise _Fault("is cut: it became shorter while it was read")

    def number(self, kind: struct.Struct) -> Any:
        """Return the next number."""
        if self._at + kind.size > len(self._data):
            self._refill(kind.size)
        (value,) = kind.unpack_from(self._data, self._at)
        self._at += kind.size
        return value

    def word(self, longest: int) -> str:
        """Return the next string, or its beginning if it is longer."""
        length = self.number(_LONG)
        part = min(length, longest)
        if self._at + part > len(self._data):
            self._refill(part)
        text = self._data[self._at : self._at + part]
        self.skip(length)
        return text.decode("utf-8", "replace")

    def skip(self, length: int) -> None:
        """Go on after that many bytes."""
        self._at += length

    def skip_strings(self, count: int) -> None:
        """Go on after that many strings."""
        self._strings += count
        if self._strings > _MOST_STRINGS:
            raise _Fault(f"has more than {_MOST_STRINGS:,} strings in its header")
        data, at, unpack = self._data, self._at, _LONG.unpack_from
        for _ in range(count):
            try:
                (length,) = unpack(data, at)
            except (struct.error, OverflowError):
                self._at = at
                self._refill(_LONG.size)
                data, at = self._data, 0
                (length,) = unpack(data, at)
            at += 8 + length
        self._at = at


def _header(file: _Window) -> Header:
    tensors = _tensors_announced(file)
    entries = file.number(_LONG)
    for count, what in ((tensors, "tensors"), (entries, "entries in its header")):
        if count > _MOST_ENTRIES:
            raise _Fault(f"has {count:,} {what}, more than any model")
    said = dict(_entries(file, entries))
    kind = said.get("general.type") or "model"
    if kind != "model":
        raise _Fault(f"is no model of its own but of the type {kind}")
    if (part := _count(said.get("split.no"))) is not None:
        raise _Fault(f"is part {part + 1} of a model; name its first part")
    stored = _stored(file, tensors, _count(said.get("general.alignment")) or 32)
    if not stored:
        raise _Fault("has no weights")
    architecture = _text(said.get("general.architecture"))
    if architecture is None:
        raise _Fault("does not say the architecture of its model")
    main = max(stored, key=lambda number: stored[number])
    file_type = FILE_TYPES.get(said.get("general.file_type", -1))
    return Header(
        architecture,
        _text(said.get("general.name")),
        _text(said.get("general.size_label")),
        sum(stored.values()),
        _count(said.get(f"{architecture}.context_length")),
        file_type or (TENSOR_TYPES[main].name if main in TENSOR_TYPES else None),
        file.size,
        bool(said.get("tokenizer.chat_template")),
    )


def _tensors_announced(file: _Window) -> int:
    """Return how many tensors a file says that it has."""
    if file.size == 0:
        raise _Fault("is empty")
    if file.size < 4 or file.number(_COUNT) != _MAGIC:
        raise _Fault("is no GGUF file")
    version = file.number(_COUNT)
    if version & 0xFFFF == 0:
        raise _Fault("is for machines of the other byte order")
    if version not in (2, 3):
        raise _Fault(f"is GGUF of version {version}, and 2 and 3 are known")
    tensors: int = file.number(_LONG)
    return tensors


def _entries(file: _Window, count: int) -> Iterator[tuple[str, Any]]:
    """Yield the entries that are wanted."""
    for _ in range(count):
        key = file.word(_LONGEST_KEY)
        kind = file.number(_COUNT)
        if kind in _NUMBERS:
            value = file.number(_NUMBERS[kind])
            if key.startswith(("general.", "split.")) or key.endswith(_CONTEXT):
                yield key, value
        elif kind == _STRING and key in _WORDS:
            yield key, file.word(_LONGEST_WORD)
        elif kind == _STRING:
            file.skip(file.number(_LONG))
        elif kind == _ARRAY:
            _skip_array(file)
        else:
            raise _Fault(f"is damaged: its entry {key[:50]!r} is of no known type")


def _skip_array(file: _Window) -> None:
    kind, count = file.number(_COUNT), file.number(_LONG)
    if kind == _STRING:
        file.skip_strings(count)
    elif kind in _NUMBERS:
        file.skip(count * _NUMBERS[kind].size)
    else:  # llama.cpp knows no arrays of arrays, either
        raise _Fault("is damaged: an array in its header is of no known type")


def _stored(file: _Window, tensors: int, alignment: int) -> Mapping[int, int]:
    """Return how many parameters are stored in each type of tensor."""
    stored: dict[int, int] = {}
    end = 0
    for _ in range(tensors):
        file.word(0)
        dimensions = file.number(_COUNT)
        if dimensions > _MOST_DIMENSIONS:
            raise _Fault(f"is damaged: a tensor has {dimensions:,} dimensions")
        elements = math.prod(file.number(_LONG) for _ in range(dimensions))
        if elements > _MOST_ELEMENTS:
            raise _Fault("is damaged: a tensor has no end")
        number, offset = file.number(_COUNT), file.number(_LONG)
        stored[number] = stored.get(number, 0) + elements
        kind = TENSOR_TYPES.get(number, _UNKNOWN)
        end = max(end, offset + -(-elements // kind.elements) * kind.bytes)
    whole = -(-file.place // alignment) * alignment + end
    if whole > file.size:
        raise _Fault(f"is cut: it has {file.size:,} of its {whole:,} bytes")
    return stored


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None
