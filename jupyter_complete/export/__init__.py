"""A request as code that sends the same: curl, requests, the official client.

The key is never in it: the code takes it from the environment, as the client does.
"""

from __future__ import annotations

from ..addresses import HttpRequest, InCode
from ..completion import Endpoint
from ..errors import InputError
from .http import curl, requests
from .sdk import sdk
from .sending import SERVED, sending_of

__all__ = ["SERVED", "as_code"]

_WRITERS = {"curl": curl, "requests": requests, "sdk": sdk}


def as_code(
    kind: str, *, endpoint: Endpoint, request: HttpRequest, in_code: InCode
) -> str:
    """Return code that sends the request: ``curl``, ``requests`` or ``sdk``.

    ``in_code`` is the dialect's. A model in this process has no address; its code
    asks ``jupyter complete serve``. Raises `InputError` for what code cannot hold.
    """
    if kind not in _WRITERS:
        raise InputError(
            f"The kind of code is {kind!r}; choose from {', '.join(_WRITERS)}, magic."
        )
    code = _WRITERS[kind](sending_of(endpoint, request, in_code))
    if "\0" in code:
        raise InputError("The request has a NUL character, which code cannot hold.")
    return code
