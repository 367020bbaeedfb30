"""A request as code that sends the same: curl, requests, the official client.

The key is never in it: the code takes it from the environment, as the client does.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..completion import Endpoint, HttpCall
from ..errors import InputError
from .http import curl, requests
from .sdk import sdk
from .sending import KEY, SERVED, sending_of

__all__ = ["KEY", "SERVED", "as_code"]

_WRITERS = {"curl": curl, "requests": requests, "sdk": sdk}


def as_code(
    kind: str, *, endpoint: Endpoint, call: HttpCall, authorization: Mapping[str, str]
) -> str:
    """Return code that sends the call: ``curl``, ``requests`` or ``sdk``.

    ``authorization``: the dialect's headers for the key `KEY`. A model in this
    process has no address; its code asks ``jupyter complete serve``. Raises
    `InputError` for what code cannot hold.
    """
    if kind not in _WRITERS:
        raise InputError(
            f"The kind of code is {kind!r}; choose from {', '.join(_WRITERS)}, magic."
        )
    code = _WRITERS[kind](sending_of(endpoint, call, authorization))
    if "\0" in code:
        raise InputError("The request has a NUL character, which code cannot hold.")
    return code
