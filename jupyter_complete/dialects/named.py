"""A dialect by its name."""

from __future__ import annotations

from ..catalog import Model
from ..completion import Endpoint
from . import Dialect
from .messages import MessagesDialect
from .openai import OpenAIDialect
from .text import TextDialect


def dialect_named(
    name: str,
    endpoint: Endpoint,
    model: Model | None = None,
    *,
    version: str = "2023-06-01",
    unsupported: str = "error",
) -> Dialect:
    """Give the dialect ``text``, ``messages`` or ``openai`` as the endpoint has it.

    ``model`` is what the catalogue knows; ``version`` and ``unsupported`` are the
    settings ``api_version`` and ``unsupported``.
    """
    if name == "messages":
        return MessagesDialect(version, unsupported, model)
    if name == "openai":
        return OpenAIDialect(unsupported, endpoint.flavour)
    return TextDialect(version, endpoint.extensions)
