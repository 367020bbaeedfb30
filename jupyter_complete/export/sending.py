"""A call with its whole address and the place of its key, ready to be written."""

from __future__ import annotations

import json
import pprint
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..addresses import KEY, HttpRequest, InCode
from ..completion import Endpoint
from ..errors import InputError

SERVED = "http://127.0.0.1:8765"
"""Where ``jupyter complete serve`` answers, unless it is told otherwise."""


class Key(NamedTuple):
    """The header that carries the key, and the variable that has it."""

    header: str
    before: str
    """What stands before the key in the header, as ``Bearer``."""
    variable: str


class Sending(NamedTuple):
    """What is sent, where to, and with whose key."""

    request: HttpRequest
    in_code: InCode
    key: Key | None
    note: str
    """A comment to put before the code, with its line end."""

    @property
    def fields(self) -> dict[str, Any]:
        """The body as an object."""
        fields: dict[str, Any] = json.loads(self.request.body)
        return fields

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.fields.get("stream"))


def sending_of(endpoint: Endpoint, request: HttpRequest, in_code: InCode) -> Sending:
    """Return what is sent; a model in this process is reached by ``serve``."""
    local = endpoint.is_embedded
    return Sending(
        request._replace(base=SERVED) if local else request,
        in_code,
        _key(endpoint.key_variable, request.key_headers),
        "# The model is served by: jupyter complete serve\n" if local else "",
    )


def _key(variable: str | None, headers: Mapping[str, str]) -> Key | None:
    if variable is None:
        return None
    if not re.fullmatch(r"[A-Za-z_]\w*", variable, re.ASCII):
        raise InputError(
            f"The key's variable is {variable!r}, which a shell cannot read; "
            "give one of letters, digits and underscores."
        )
    for header, value in headers.items():
        return Key(header, value.removesuffix(KEY), variable)
    return None


def literal(value: Any, indent: int = 0) -> str:
    """Return the value in Python, its further lines indented."""
    text = pprint.pformat(value, width=88 - indent, sort_dicts=False)
    return text.replace("\n", "\n" + " " * indent)


def key_literal(key: Key) -> str:
    """Return the header's value in Python."""
    variable = f"os.environ[{key.variable!r}]"
    return f"{key.before!r} + {variable}" if key.before else variable
