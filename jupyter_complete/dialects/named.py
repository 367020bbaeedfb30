"""A dialect by its name."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalog import Model
from ..completion import Endpoint
from . import Dialect
from .messages import MessagesDialect
from .openai import OpenAIDialect
from .text import TextDialect


class Asking(OpenAIDialect):
    """What an endpoint is asked in while it is not known what it speaks."""

    __slots__ = ()

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return the key, if there is one, as each of the dialects has it."""
        return {**TextDialect().headers(key), **OpenAIDialect.headers(self, key)}


def dialect_named(
    name: str,
    endpoint: Endpoint,
    model: Model | None = None,
    *,
    version: str = "2023-06-01",
    unsupported: str = "error",
    left_out: frozenset[str] = frozenset(),
) -> Dialect:
    """Return the dialect ``text``, ``messages`` or ``openai`` as the endpoint has it.

    Any other name gives one in which ``GET /v1/models`` asks what it speaks.
    ``model`` is what the catalogue knows; ``version`` and ``unsupported`` are the
    settings ``api_version`` and ``unsupported``, ``left_out`` the fields that the
    endpoint was found to refuse.
    """
    if name == "messages":
        return MessagesDialect(version, unsupported, model)
    if name == "openai":
        return OpenAIDialect(unsupported, endpoint.flavour, left_out=left_out)
    if name != "text":
        return Asking()
    return TextDialect(version, endpoint.extensions)
