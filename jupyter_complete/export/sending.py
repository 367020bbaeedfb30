"""A call with its whole address and the place of its key, ready to be written."""

from __future__ import annotations

import json
import pprint
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..addresses import url_of
from ..completion import Endpoint, HttpCall
from ..errors import InputError

KEY = "{key}"
"""What stands for the key in the headers that are given to `as_code`."""
SERVED = "http://127.0.0.1:8765"
"""Where ``jupyter complete serve`` answers, unless it is told otherwise."""


DIALECTS = {
    "/v1/complete": "text",
    "/v1/messages": "messages",
    "/v1/completions": "openai",
}
"""What is spoken at a path."""


class Key(NamedTuple):
    """The header that carries the key, and the variable that has it."""

    header: str
    before: str
    """What stands before the key in the header, as ``Bearer``."""
    variable: str


class Sending(NamedTuple):
    """What is sent, where to, and with whose key."""

    url: str
    base: str
    """The URL without the call's path."""
    dialect: str
    headers: Mapping[str, str]
    body: bytes
    key: Key | None
    note: str
    """A comment to put before the code, with its line end."""

    @property
    def fields(self) -> dict[str, Any]:
        """The body as an object."""
        fields: dict[str, Any] = json.loads(self.body)
        return fields

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.fields.get("stream"))


def sending_of(
    endpoint: Endpoint, call: HttpCall, authorization: Mapping[str, str]
) -> Sending:
    """Return the sending of a call; a model in this process is reached by ``serve``."""
    local = urlsplit(endpoint.base_url).scheme not in ("http", "https")
    place = replace(endpoint, base_url=SERVED) if local else endpoint
    url = url_of(place, call.path, ("http", "https"))
    return Sending(
        url=url,
        base=url.removesuffix(call.path),
        dialect=DIALECTS[call.path],
        headers=call.headers,
        body=call.body,
        key=_key(endpoint.key_variable, authorization),
        note="# The model is served by: jupyter complete serve\n" if local else "",
    )


def _key(variable: str | None, authorization: Mapping[str, str]) -> Key | None:
    if variable is None:
        return None
    if not re.fullmatch(r"[A-Za-z_]\w*", variable, re.ASCII):
        raise InputError(
            f"The key's variable is {variable!r}, which a shell cannot read; "
            "give one of letters, digits and underscores."
        )
    for header, value in authorization.items():
        if value.endswith(KEY):
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
