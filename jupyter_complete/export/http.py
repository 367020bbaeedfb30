"""A call as a curl command, and as Python with requests."""

from __future__ import annotations

import shlex

from .sending import Sending, key_literal, literal

# The longest argument that Linux lets a command have is 128 KiB.
LONGEST_ARGUMENT = 100_000


def curl(sending: Sending) -> str:
    """Return the command for a POSIX shell."""
    body = shlex.quote(sending.request.body.decode())
    piped = len(body) > LONGEST_ARGUMENT
    lines = [f"curl -sS{'N' * sending.stream} {shlex.quote(sending.request.url)}"]
    for name, value in sending.request.headers.items():
        lines.append(f"-H {shlex.quote(f'{name}: {value}')}")
    if key := sending.key:
        lines.append(f'-H "{key.header}: {key.before}${key.variable}"')
    lines.append("--data-binary @-" if piped else f"--data-raw {body}")
    # printf is the shell's own, and takes an argument of any length.
    feed = f"printf %s {body} |\n" if piped else ""
    return sending.note + feed + " \\\n  ".join(lines) + "\n"


def requests(sending: Sending) -> str:
    """Return a script that prints the answer, or its events as they come."""
    headers = [
        f"    {name!r}: {value!r}," for name, value in sending.request.headers.items()
    ]
    if sending.key:
        headers.append(f"    {sending.key.header!r}: {key_literal(sending.key)},")
    encoded = 'json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()'
    show = [f"print(response.json(){sending.in_code.read})"]
    if sending.stream:
        show = ["for line in response.iter_lines():", "    print(line.decode())"]
    lines = [
        "import json",
        *["import os"] * bool(sending.key),
        "",
        "import requests",
        "",
        f"body = {literal(sending.fields)}",
        "headers = {",
        *headers,
        "}",
        "response = requests.post(",
        f"    {sending.request.url!r},",
        f"    data={encoded},",
        "    headers=headers,",
        "    allow_redirects=False,  # requests would take the key along",
        *["    stream=True,"] * sending.stream,
        "    timeout=600,",
        ")",
        "response.raise_for_status()",
        *show,
    ]
    return sending.note + "\n".join(lines) + "\n"
