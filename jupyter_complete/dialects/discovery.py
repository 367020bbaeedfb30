"""What an endpoint is asked in while it is not known what it speaks."""

from __future__ import annotations

from collections.abc import Mapping

from .openai import OpenAIDialect
from .text import TextDialect


class DiscoveryDialect(OpenAIDialect):
    """The dialect of ``GET /v1/models``, the key as each of the others has it."""

    __slots__ = ()

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return the version, and the key if there is one."""
        return {**TextDialect().headers(key), **OpenAIDialect.headers(self, key)}
