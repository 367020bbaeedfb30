"""The bytes of an answer as they arrive: how many, for how long, and why they ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from urllib3.exceptions import HTTPError

from ..errors import one_line
from .connections import Line

READ_SIZE = 65536
PATIENCE = 0.02
"""Seconds to wait for the end of a body whose answer is complete."""
MOST_PIECES_AFTER = 4
LAST_WAIT = 2.0
"""Seconds in which the counts may follow the stop reason."""
MEGABYTE = 1_000_000


class Body:
    """The body of one response, unpacked, and no longer than ``max_mb`` megabytes."""

    def __init__(self, response: Any, line: Line, max_mb: int) -> None:
        self.broken: str | None = None
        """What ended it before its end, in a few words; None: nothing did."""
        self.too_long = False
        """Whether it was left because it is longer than it may be."""
        self.complete = False
        """Set by whoever reads it, when no more than counts can follow."""
        self._raw = response.raw
        self._line = line
        self._max_mb = max_mb
        self._left = max_mb * MEGABYTE
        self._hurried = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield bytes as they arrive; a failure ends them and is noted."""
        line, read = self._line, self._raw.read1
        try:
            while not line.cancel.is_set() and not line.late:
                if self.complete and not self._hurried:
                    self._hurried = True
                    line.cut_after(LAST_WAIT)
                piece = read(READ_SIZE, decode_content=True)
                if not piece:
                    return
                self._left -= len(piece)
                if self._left < 0:
                    self.too_long = True
                    return
                yield piece
        except (HTTPError, OSError, ValueError) as error:
            # urllib3 gives its words and the exception below as two arguments.
            words = error.args[0] if isinstance(error, HTTPError) else error
            self.broken = one_line(str(words), 120) or type(error).__name__

    @property
    def length(self) -> str:
        """What to tell the user of an answer that is too long."""
        return (
            f"The answer is longer than {self._max_mb:,} MB and was cut; what came "
            "of its text is kept. If it is meant to be that long, raise "
            "CompletionSettings.max_answer_mb."
        )

    def drain(self) -> None:
        """Read the end, so that the connection can serve again."""
        sock = getattr(getattr(self._raw, "connection", None), "sock", None)
        if sock is not None:
            with suppress(HTTPError, OSError, ValueError):
                sock.settimeout(PATIENCE)
                for _ in range(MOST_PIECES_AFTER):
                    if not self._raw.read1(READ_SIZE, decode_content=True):
                        break


def joined(pieces: Iterable[bytes]) -> bytes:
    """Return the pieces as one, at no more than twice their weight."""
    whole = bytearray()
    for piece in pieces:
        whole += piece
    return bytes(whole)
