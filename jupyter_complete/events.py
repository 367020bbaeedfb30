"""Bytes in, server-sent events out: split anywhere, UTF-8 whatever a header says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sseclient import SSEClient

from .errors import ProtocolError

_BOM = b"\xef\xbb\xbf"
_ERROR = b"error:"


class Event(NamedTuple):
    """One server-sent event."""

    name: str
    """The ``event`` field, ``message`` where there was none."""
    data: str
    whole: bool = True
    """False for a last event whose closing blank line never came."""


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Yield each event as soon as its last byte is there.

    A last event without its blank line comes with ``whole=False``. Raises
    `ProtocolError` for what is not UTF-8.
    """
    ended = False

    def feed() -> Iterator[bytes]:
        nonlocal ended
        yield from _with_named_errors(_without_bom(chunks))
        ended = True

    try:
        for event in SSEClient(feed()).events():
            yield Event(event.event, event.data, not ended)
    except UnicodeDecodeError as error:
        raise ProtocolError(
            "The endpoint's stream is not UTF-8; check the endpoint's URL."
        ) from error


def _without_bom(chunks: Iterable[bytes]) -> Iterator[bytes]:
    source = iter(chunks)
    head = b""
    for chunk in source:
        head += chunk
        if len(head) >= len(_BOM) or not _BOM.startswith(head):
            break
    yield head.removeprefix(_BOM)
    yield from source


def _with_named_errors(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Make the field ``error`` of older llama.cpp servers an event of that name."""
    line = b""  # what may yet become the field's name
    fresh = True
    for chunk in chunks:
        out = b""
        for piece in chunk.splitlines(keepends=True):
            if fresh:
                line += piece
                if line != _ERROR and _ERROR.startswith(line):
                    continue
                if line.startswith(_ERROR):
                    line = b"event: error\ndata:" + line.removeprefix(_ERROR)
                out, line = out + line, b""
            else:
                out += piece
            fresh = piece.endswith((b"\n", b"\r"))
        if out:
            yield out
    if line:
        yield line
