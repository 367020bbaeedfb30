"""What endpoints were found to refuse, and is left out from then on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..endpoint import Endpoint
    from ..errors import CompleteError
    from .plan import Call

_REFUSALS = (400, 422)


class LeftOut:
    """The fields that endpoints refused, for as long as a session lasts."""

    def __init__(self) -> None:
        self._fields: dict[tuple[str, str], frozenset[str]] = {}

    def of(self, endpoint: Endpoint) -> frozenset[str]:
        """Return the fields that are left out there, in the endpoint's dialect."""
        return self._fields.get((endpoint.base_url, endpoint.dialect), frozenset())

    def note(self, call: Call) -> None:
        """Note that the endpoint answered the call, which left out what it leaves."""
        if fields := call.dialect.left_out:
            place = (call.endpoint.base_url, call.endpoint.dialect)
            self._fields[place] = self.of(call.endpoint) | fields

    def applied(self, call: Call) -> Call:
        """Return the call without what its endpoint was found to refuse."""
        fields = self.of(call.endpoint)
        return _without(call, fields) if fields else call


def leaner(call: Call, error: CompleteError | None) -> tuple[Call, str] | None:
    """Return the call without the field that an error refuses, and a notice of it.

    None where the error refuses none that could be left out.
    """
    if error is None or error.status not in _REFUSALS:
        return None
    field = call.dialect.field_named(str(error), call.request, stream=call.stream)
    if field is None:
        return None
    notice = f"The endpoint refused {field}, so it was asked again without: {error}"
    return _without(call, frozenset({field})), notice


def _without(call: Call, fields: frozenset[str]) -> Call:
    return replace(call, dialect=call.dialect.without(fields))
