"""Reading a request's body: its length first, and never more than is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .validation import LONGEST_BODY, Refused, invalid


def content_length(environ: Mapping[str, Any]) -> int | None:
    """Return the length of the body, None for one that comes in chunks."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length and not re.fullmatch("[0-9]+", length):
        raise invalid("Content-Length: Input should be a whole number, 0 or more")
    # Compared by its digits first: an int of thousands of them cannot be read.
    if len(length.lstrip("0")) > 18 or int(length or 0) > LONGEST_BODY:
        raise _too_large()
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    return None if chunked else int(length or 0)


def _too_large() -> Refused:
    message = f"body: is over {LONGEST_BODY} bytes"
    return Refused(413, "request_too_large", message)


def read_body(environ: Mapping[str, Any], length: int | None) -> bytes:
    """Return the body of this length, or of all chunks. Raises `Refused`."""
    stream = environ["wsgi.input"]
    parts, size = [], 0
    wanted = LONGEST_BODY + 1 if length is None else length
    try:
        while size < wanted and (part := stream.read(min(wanted - size, 2**20))):
            parts.append(part)
            size += len(part)
    except TimeoutError as error:
        message = "body: took too long to come"
        raise Refused(408, "invalid_request_error", message) from error
    except OSError as error:
        if error.errno is None:  # a server's own limit on what chunks sum up to
            raise _too_large() from error
        raise invalid("body: the connection broke before its end") from error
    except ValueError as error:
        raise invalid("body: its chunks are not well formed") from error
    if size > LONGEST_BODY:
        raise _too_large()
    if length is not None and size < length:
        raise invalid(f"body: ended after {size} of {length} bytes")
    if not size:
        raise invalid("body: is empty; send JSON, and its Content-Length")
    return b"".join(parts)
