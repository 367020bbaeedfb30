"""A request as code that sends the same: curl, requests, the official client.

The key is never in it: the code takes it from the environment, as the client does.
"""

from __future__ import annotations

import json
import pprint
import re
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from .endpoint import KEY, Endpoint, HttpRequest, InCode
from .errors import InputError

SERVED = "http://127.0.0.1:8765"
"""Where ``jupyter complete serve`` answers, unless it is told otherwise."""

# The longest argument that Linux lets a command have is 128 KiB.
LONGEST_ARGUMENT = 100_000
_SENT_BY_ITSELF = frozenset({"accept", "content-type"})


def as_code(
    kind: str,
    *,
    endpoint: Endpoint,
    request: HttpRequest,
    in_code: InCode,
    options: str = "",
) -> str:
    """Return code that sends the request: ``curl``, ``requests`` or ``sdk``.

    ``in_code`` is the dialect's. A model in this process has no address; its code
    asks ``jupyter complete serve``, which is run with the ``options``. Raises
    `InputError` for what code cannot hold.
    """
    if kind not in _WRITERS:
        raise InputError(
            f"The kind of code is {kind!r}; choose from {', '.join(_WRITERS)}, magic."
        )
    served = endpoint.is_embedded
    keyed = _KeyedRequest(
        request._replace(base=SERVED) if served else request,
        in_code,
        _key(endpoint.key_variable, request.key_headers),
    )
    note = f"# The model is served by: jupyter complete serve{options}\n" * served
    code = note + _WRITERS[kind](keyed) + "\n"
    if "\0" in code:
        raise InputError("The request has a NUL character, which code cannot hold.")
    return code


class _Key(NamedTuple):
    """The header that carries the key, and the variable that has it."""

    header: str
    before: str
    """What stands before the key in the header, as ``Bearer``."""
    variable: str

    @property
    def in_python(self) -> str:
        """The header's value as an expression."""
        variable = f"os.environ[{self.variable!r}]"
        return f"{self.before!r} + {variable}" if self.before else variable


class _KeyedRequest(NamedTuple):
    """What is sent, where to, and with whose key."""

    request: HttpRequest
    in_code: InCode
    key: _Key | None

    @property
    def fields(self) -> dict[str, Any]:
        """The body as an object."""
        fields: dict[str, Any] = json.loads(self.request.body)
        return fields

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.fields.get("stream"))


def _key(variable: str | None, headers: Mapping[str, str]) -> _Key | None:
    if variable is None:
        return None
    if not re.fullmatch(r"[A-Za-z_]\w*", variable, re.ASCII):
        raise InputError(
            f"The key's variable is {variable!r}, which a shell cannot read; "
            "give one of letters, digits and underscores."
        )
    for header, value in headers.items():
        return _Key(header, value.removesuffix(KEY), variable)
    return None


def _curl(keyed: _KeyedRequest) -> str:
    """Return the command for a POSIX shell."""
    request, key = keyed.request, keyed.key
    body = shlex.quote(request.body.decode())
    piped = len(body) > LONGEST_ARGUMENT
    lines = [f"curl -sS{'N' * keyed.stream} {shlex.quote(request.url)}"]
    lines += [f"-H {shlex.quote(f'{k}: {v}')}" for k, v in request.headers.items()]
    if key:
        lines.append(f'-H "{key.header}: {key.before}${key.variable}"')
    lines.append("--data-binary @-" if piped else f"--data-raw {body}")
    # printf is the shell's own, and takes an argument of any length.
    feed = f"printf %s {body} |\n" if piped else ""
    return feed + " \\\n  ".join(lines)


def _requests(keyed: _KeyedRequest) -> str:
    """Return a script that prints the answer, or its events as they come."""
    request, key = keyed.request, keyed.key
    headers = [f"    {name!r}: {value!r}," for name, value in request.headers.items()]
    headers += [f"    {key.header!r}: {key.in_python},"] if key else []
    encoded = 'json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()'
    show = [f"print(response.json(){keyed.in_code.read})"]
    if keyed.stream:
        show = ["for line in response.iter_lines():", "    print(line.decode())"]
    lines = [
        "import json",
        *["import os"] * bool(key),
        "",
        "import requests",
        "",
        f"body = {_literal(keyed.fields)}",
        "headers = {",
        *headers,
        "}",
        "response = requests.post(",
        f"    {request.url!r},",
        f"    data={encoded},",
        "    headers=headers,",
        "    allow_redirects=False,  # requests would take the key along",
        *["    stream=True,"] * keyed.stream,
        "    timeout=600,",
        ")",
        "response.raise_for_status()",
        *show,
    ]
    return "\n".join(lines)


def _sdk(keyed: _KeyedRequest) -> str:
    """Return a script that prints the answer, or its text as it comes."""
    method = keyed.in_code
    given: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in keyed.fields.items():
        (given if name in method.fields else rest)[name] = value
    headers = {
        name: value
        for name, value in keyed.request.headers.items()
        if name.lower() not in _SENT_BY_ITSELF
    }
    given |= {"extra_headers": headers} if headers else {}
    given |= {"extra_body": rest} if rest else {}
    key = keyed.key and keyed.key._replace(before="").in_python
    show = [f"print({method.answer})"]
    if keyed.stream:
        show = ["for event in answer:", f"    print({method.event})"]
    lines = [
        *["import os", ""] * bool(key),
        f"import {method.library}  # pip install {method.install}",
        "",
        f"client = {method.library}.{method.client}(",
        f"    base_url={keyed.request.url.removesuffix(method.path)!r},",
        f"    api_key={key or repr('none is wanted')},",
        "    timeout=600,",
        ")",
        f"answer = client.{method.call}(",
        *(f"    {k}={_literal(v, len(k) + 5)}," for k, v in given.items()),
        ")",
        *show,
    ]
    return "\n".join(lines)


def _literal(value: Any, indent: int = 0) -> str:
    """Return the value in Python, its further lines indented."""
    text = pprint.pformat(value, width=88 - indent, sort_dicts=False)
    return text.replace("\n", "\n" + " " * indent)


_WRITERS = {"curl": _curl, "requests": _requests, "sdk": _sdk}
