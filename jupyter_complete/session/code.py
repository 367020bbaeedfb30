"""A call as code that sends the same request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..completion import Completion
from ..errors import InputError
from ..export import KEY, as_cell, as_code
from ..settings import flags, parameters
from .plan import Call

if TYPE_CHECKING:
    from ..settings import CompletionSettings
    from .routes import Routes


def code(call: Call, kind: str, settings: CompletionSettings) -> str:
    """Give the call as ``curl``, ``requests``, ``sdk`` or ``magic``.

    A cell says what it has to where these settings are set. Raises `InputError` for
    what such code cannot hold.
    """
    if kind != "magic":
        return as_code(
            kind,
            endpoint=call.endpoint,
            call=call.http(),
            authorization=call.dialect.headers(KEY),
        )
    return as_cell(call.request, flags.write(_overrides(call, settings)))


def _overrides(call: Call, settings: CompletionSettings) -> dict[str, Any]:
    """Give the settings of a cell that sends exactly this request."""
    asked = {
        p.name: getattr(call.request, p.request) for p in parameters() if p.request
    }
    given = {
        k: value for k, value in asked.items() if value is not None and value != ()
    }
    for name, value in asked.items():
        if value is None and isinstance(getattr(settings, name), (int, float)):
            given[name] = None  # the cell's line unsets it
    given["turns"] = "raw"
    if settings.system:
        given["system"] = ""  # what there was stands in the prompt already
    if call.endpoint.name != "embedded":
        given |= {"endpoint": call.endpoint.base_url, "dialect": call.dialect.name}
    if not call.stream:
        given["stream"] = False
    return given


def call_of(
    completion: Completion, settings: CompletionSettings, routes: Routes
) -> Call:
    """Give the call that a completion answered, to be sent or written again.

    Raises `InputError` where its endpoint is not known any more.
    """
    route = routes.preview(
        settings.changed(
            {
                "model": completion.request.model,
                "endpoint": completion.endpoint or None,
                "dialect": completion.dialect or "auto",
            }
        )
    )
    if route is None:
        raise InputError(
            f"The endpoint {completion.endpoint!r} of this completion is not known; "
            "add it to CompletionSettings.endpoints."
        )
    return Call(completion.request, route.endpoint, route.dialect)
