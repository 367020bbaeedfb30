"""A call as Python with the endpoint's official client."""

from __future__ import annotations

from typing import Any, NamedTuple

from .sending import Sending, key_literal, literal


class Method(NamedTuple):
    """How an official client sends a dialect's call."""

    library: str
    install: str
    client: str
    path: str
    """What the client's base URL has after the host."""
    call: str
    answer: str
    event: str
    fields: frozenset[str]
    """What the method takes by name; the rest goes as ``extra_body``."""


METHODS = {
    "text": Method(
        "anthropic",
        '"anthropic==0.125.0", the last with text completions',
        "Anthropic",
        "",
        "completions.create",
        "answer.completion",
        'event.completion, end=""',
        frozenset(
            {
                *("max_tokens_to_sample", "model", "prompt", "metadata"),
                *("stop_sequences", "stream", "temperature", "top_k", "top_p"),
            }
        ),
    ),
    "messages": Method(
        "anthropic",
        '"anthropic==0.125.0"',
        "Anthropic",
        "",
        "messages.create",
        "answer.content",
        "event",
        frozenset(
            {
                *("max_tokens", "messages", "model", "metadata", "stop_sequences"),
                *("stream", "system", "temperature", "thinking", "top_k", "top_p"),
            }
        ),
    ),
    "openai": Method(
        "openai",
        "openai",
        "OpenAI",
        "/v1",
        "completions.create",
        "answer.choices[0].text",
        'event.choices[0].text if event.choices else "", end=""',
        frozenset(
            {
                *("model", "prompt", "max_tokens", "temperature", "top_p", "stop"),
                *("seed", "logprobs", "user", "stream", "stream_options"),
            }
        ),
    ),
}
_SENT_BY_ITSELF = frozenset({"accept", "content-type"})


def sdk(sending: Sending) -> str:
    """Return a script that prints the answer, or its text as it comes."""
    method = METHODS[sending.dialect]
    given: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in sending.fields.items():
        (given if name in method.fields else rest)[name] = value
    headers = {
        name: value
        for name, value in sending.headers.items()
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
        f"    base_url={sending.base + method.path!r},",
        f"    api_key={key or repr('none is wanted')},",
        "    timeout=600,",
        ")",
        f"answer = client.{method.call}(",
        *(f"    {k}={literal(v, len(k) + 5)}," for k, v in given.items()),
        ")",
        *show,
    ]
    return sending.note + "\n".join(lines) + "\n"
