"""The log-probabilities of an answer's tokens, in whatever form a server tells them.

They are beside the answer: whatever is wrong with them, the text is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest

from ..completion import TokenLogprob
from ..counts import logprob_of
from .wire import whole_characters


def logprobs_of(value: object) -> tuple[TokenLogprob, ...]:
    """Return what is told of each token, as far as it is in a form that is known.

    ``{"tokens": […], "token_logprobs": […], "top_logprobs": […]}`` is OpenAI's and
    vLLM's, ``{"content": [{"token", "logprob", "top_logprobs"}]}`` llama.cpp's, and
    ``[{"token", "logprob", "alternatives"}]`` our own.
    """
    if value is None:
        return ()
    content = value.get("content") if isinstance(value, Mapping) else value
    if isinstance(content, list):
        return tuple(
            TokenLogprob(
                _of_item(item),
                logprob_of(item.get("logprob")),
                _others(item.get("top_logprobs", item.get("alternatives"))),
            )
            for item in content
            if isinstance(item, Mapping) and "token" in item
        )
    if not isinstance(value, Mapping):
        return ()
    tokens, *lists = (
        found if isinstance(found := value.get(name), list) else []
        for name in ("tokens", "token_logprobs", "top_logprobs")
    )
    told = zip_longest(tokens, *(each[: len(tokens)] for each in lists))
    return tuple(
        TokenLogprob(_token(token), logprob_of(number), _others(others))
        for token, number, others in told
    )


def _others(value: object) -> tuple[tuple[str, float], ...]:
    return tuple(
        (_token(token), logprob)
        for token, number in _pairs(value)
        if (logprob := logprob_of(number)) is not None
    )


def _pairs(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, Mapping):
        yield from value.items()
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            yield _of_item(item), item.get("logprob")
        elif isinstance(item, list) and len(item) == 2:
            yield item[0], item[1]


def _of_item(item: Mapping[str, object]) -> str:
    r"""Return a token, by its bytes where they are told.

    Those of half a character are written as ``\xf0\x9f``.
    """
    told = item.get("bytes")
    if isinstance(told, list) and told and all(map(_is_byte, told)):
        data = bytes(told)
        return data.decode("utf-8", "backslashreplace")
    return _token(item.get("token"))


def _is_byte(value: object) -> bool:
    return type(value) is int and 0 <= value < 256


def _token(value: object) -> str:
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return whole_characters(text)
