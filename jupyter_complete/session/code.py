"""A call as code that sends the same request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..cell import holds, written
from ..completion import Completion
from ..errors import InputError
from ..export import as_code
from ..prompts import template_names
from ..settings import flags, parameters
from .locals import served
from .plan import Call

if TYPE_CHECKING:
    from ..settings import CompletionSettings
    from .routes import Routes


_NONE: Mapping[str, Any] = {}


def code(
    call: Call,
    kind: str,
    settings: CompletionSettings,
    more: Mapping[str, Any] = _NONE,
) -> str:
    """Return the call as ``curl``, ``requests``, ``sdk`` or ``magic``.

    A cell says what it has to where these settings are set, and ``more``, options by
    name. Raises `InputError` for what such code cannot hold.
    """
    if kind != "magic":
        call, options = served(call)
        return as_code(
            kind,
            endpoint=call.endpoint,
            request=call.http(),
            in_code=call.dialect.in_code,
            options=options,
        )
    prompt = call.request.prompt
    return cell_of(prompt, {**_overrides(call, settings), **more}, filled=True)


def cell_of(
    prompt: str,
    settings: Mapping[str, Any],
    axes: Mapping[str, str] | None = None,
    *,
    filled: bool,
) -> str:
    """Return the cell that sends the prompt with these settings, to the byte.

    ``axes`` has what is swept, as text. A prompt that is ``filled`` already is sent
    with any ``{{name}}`` in it as it stands. What a cell's text would not hold, of
    such a name or a character that an editor changes, is written as Python.
    """
    axes = axes or {}
    if not holds(prompt) or (filled and template_names(prompt)):
        return _in_python(prompt, {**settings, **axes}, filled=filled, sweep=bool(axes))
    line = [flags.write(settings), *(f"-s {name}={axes[name]}" for name in axes)]
    return written("complete", " ".join(filter(None, line)), prompt)


def _in_python(
    prompt: str, keywords: Mapping[str, Any], *, filled: bool, sweep: bool
) -> str:
    if filled:  # a value is never filled again
        keywords = {"values": {"prompt": prompt}, **keywords}
        prompt = "{{prompt}}"
    name = "sweep" if sweep or keywords.get("samples", 1) > 1 else "complete"
    given = "".join(f"    {key}={value!r},\n" for key, value in keywords.items())
    return f"from jupyter_complete import {name}\n\n{name}(\n    {prompt!r},\n{given})"


def _overrides(call: Call, settings: CompletionSettings) -> dict[str, Any]:
    """Return the settings of a cell that sends exactly this request."""
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
    if call.endpoint.is_local:
        given |= {"endpoint": call.endpoint.name, "dialect": call.dialect.name}
    elif call.endpoint.name != "embedded":
        given |= {"endpoint": call.endpoint.base_url, "dialect": call.dialect.name}
    if not call.stream:
        given["stream"] = False
    return given


def call_of(
    completion: Completion, settings: CompletionSettings, routes: Routes
) -> Call:
    """Return the call that a completion answered, to be sent or written again.

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
