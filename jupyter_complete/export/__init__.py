"""A request as code that sends the same: curl, requests, the official client, a cell.

The key is never in it: the code takes it from the environment, as the client does.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..completion import CompletionRequest, Endpoint, HttpCall
from ..errors import InputError, printable
from ..prompts import template_names
from .http import curl, requests
from .sdk import sdk
from .sending import KEY, SERVED, sending_of

__all__ = ["KEY", "SERVED", "as_cell", "as_code"]

_WRITERS = {"curl": curl, "requests": requests, "sdk": sdk}


def as_code(
    kind: str, *, endpoint: Endpoint, call: HttpCall, authorization: Mapping[str, str]
) -> str:
    """Give code that sends the call: ``curl``, ``requests`` or ``sdk``.

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


def as_cell(request: CompletionRequest, line: str) -> str:
    """Give the ``%%complete`` cell of a request; ``line`` is its flags.

    The turns stand in the prompt already, so the line has to say ``--turns raw``.
    Raises `InputError` for a prompt that a cell would change.
    """
    if names := template_names(request.prompt):
        raise InputError(
            f"A cell would fill in the {{{{{names[0]}}}}} that this prompt holds; "
            "use --as requests, or rerun the cell that made it."
        )
    if "\r" in request.prompt:
        raise InputError(
            "The prompt has a carriage return, which a cell does not keep; "
            "use --as requests."
        )
    odd = next((c for c in request.prompt if printable(c) != c), None)
    if odd is not None:
        raise InputError(
            f"The prompt has a control character ({odd!r}), which a cell and a "
            "terminal would not keep; use --as requests."
        )
    # A cell's last line break is its end, no part of the prompt.
    end = "\n" if request.prompt.endswith("\n") else ""
    return f"%%complete {line}\n{request.prompt}{end}"
