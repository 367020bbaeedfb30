"""Ctrl-C where no completion runs yet: one line, as everywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..errors import CompletionInterrupted


@contextlib.contextmanager
def one_line(message: str) -> Iterator[None]:
    """Make a `CompletionInterrupted` with the message of a bare Ctrl-C."""
    try:
        yield
    except CompletionInterrupted:
        raise
    except KeyboardInterrupt:
        raise CompletionInterrupted(message) from None
