"""Bytes in, server-sent events out: split anywhere, UTF-8 whatever a header says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sseclient import SSEClient

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
    ended = False

    def feed() -> Iterator[bytes]:
        nonlocal ended
        yield from _without_bom(chunks)
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
