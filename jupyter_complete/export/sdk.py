"""A call as Python with the endpoint's official client."""

from __future__ import annotations

from typing import Any

from .sending import Sending, key_literal, literal

_SENT_BY_ITSELF = frozenset({"accept", "content-type"})


def sdk(sending: Sending) -> str:
    """Return a script that prints the answer, or its text as it comes."""
    method = sending.in_code
    given: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in sending.fields.items():
        (given if name in method.fields else rest)[name] = value
    headers = {
        name: value
        for name, value in sending.request.headers.items()
        if name.lower() not in _SENT_BY_ITSELF
    }
    given |= {"extra_headers": headers} if headers else {}
    given |= {"extra_body": rest} if rest else {}
    key = sending.key and key_literal(sending.key._replace(before=""))
    show = [f"print({method.answer})"]
    if sending.stream:
        show = ["for event in answer:", f"    print({method.event})"]
    lines = [
        *["import os", ""] * bool(key),
        f"import {method.library}  # pip install {method.install}",
        "",
        f"client = {method.library}.{method.client}(",
        f"    base_url={sending.request.base + method.path!r},",
        f"    api_key={key or repr('none is wanted')},",
        "    timeout=600,",
        ")",
        f"answer = client.{method.call}(",
        *(f"    {k}={literal(v, len(k) + 5)}," for k, v in given.items()),
        ")",
        *show,
    ]
    return sending.note + "\n".join(lines) + "\n"
