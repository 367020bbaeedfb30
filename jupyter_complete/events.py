r"""Bytes in, server-sent events out: split anywhere, UTF-8 whatever a header says.

The standard's parser (HTML, section "Server-sent events"), equal to sseclient-py's at
every split of the bytes, which a test holds; that one costs twice what JSON costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .errors import ProtocolError

_BOM = b"\xef\xbb\xbf"


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
    rest = bytearray()
    for chunk in _lines(chunks):
        # Only what is new is searched, or a long event would cost its square.
        fresh = max(len(rest) - 1, 0)
        rest += chunk
        if rest.find(b"\n\n", fresh) < 0:
            continue
        *blocks, left = bytes(rest).split(b"\n\n")
        rest = bytearray(left)
        for block in blocks:
            lines = _text(block)
            # Nearly every event is a name and one line of data, or that line alone.
            ends = lines.count("\n")
            name, found, data = lines.partition("\ndata: ")
            if ends == 1 and found and name.startswith("event: "):
                yield Event(name[7:] or "message", data)
            elif ends == 0 and lines.startswith("data: "):
                yield Event("message", lines[6:])
            elif lines and (event := _event(lines)) is not None:
                yield event
    last = _event(_text(bytes(rest)))
    if last is not None:
        yield last._replace(whole=False)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yield the bytes with every line ending as ``\n``, and without a leading BOM."""
    head: bytes | None = b""
    ended_in_return = False
    for chunk in chunks:
        piece = chunk
        if head is not None:
            head += chunk
            if len(head) < len(_BOM) and _BOM.startswith(head):
                continue
            piece, head = head.removeprefix(_BOM), None
        if ended_in_return and piece.startswith(b"\n"):
            piece = piece[1:]
            ended_in_return = False
        if piece:
            ended_in_return = piece.endswith(b"\r")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield piece
    if head:
        yield head


def _event(lines: str) -> Event | None:
    """Return the event of these lines, None if they have no data."""
    name = ""
    data = []
    for line in lines.split("\n"):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "error":  # not the standard's: older llama.cpp servers
            name = "error"
            data.append(value)
    return Event(name or "message", "\n".join(data)) if data else None


def _text(lines: bytes) -> str:
    try:
        return lines.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError(
            "The endpoint's stream is not UTF-8; check the endpoint's URL."
        ) from error
