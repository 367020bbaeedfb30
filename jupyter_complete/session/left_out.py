"""What endpoints were found to refuse, and is left out from then on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..dialects.openai import OpenAIDialect

if TYPE_CHECKING:
    from ..completion import Endpoint
    from ..errors import CompleteError
    from .plan import Call

_REFUSALS = (400, 422)


class LeftOut:
    """The fields that endpoints refused, for as long as a session lasts."""

    def __init__(self) -> None:
        self._fields: dict[str, frozenset[str]] = {}

    def of(self, endpoint: Endpoint) -> frozenset[str]:
        """Return the fields that are not sent to the endpoint any more."""
        return self._fields.get(endpoint.base_url, frozenset())

    def note(self, call: Call) -> None:
        """Note that the endpoint answered the call, which left out what it leaves."""
        if isinstance(call.dialect, OpenAIDialect) and call.dialect.left_out:
            url = call.endpoint.base_url
            self._fields[url] = self.of(call.endpoint) | call.dialect.left_out

    def applied(self, call: Call) -> Call:
        """Return the call without what its endpoint was found to refuse."""
        fields = self.of(call.endpoint)
        if not isinstance(call.dialect, OpenAIDialect) or not fields:
            return call
        return _without(call, call.dialect, fields)


def leaner(call: Call, error: CompleteError | None) -> tuple[Call, str] | None:
    """Return the call without the field that an error refuses, and a line about it.

    None where the error refuses none that could be left out.
    """
    dialect = call.dialect
    if not isinstance(dialect, OpenAIDialect) or error is None:
        return None
    if error.status not in _REFUSALS:
        return None
    field = dialect.field_named(str(error), call.request, stream=call.stream)
    if field is None:
        return None
    told = f"The endpoint refused {field}, so it was asked again without: {error}"
    return _without(call, dialect, frozenset({field})), told


def _without(call: Call, dialect: OpenAIDialect, fields: frozenset[str]) -> Call:
    return replace(call, dialect=replace(dialect, left_out=dialect.left_out | fields))
