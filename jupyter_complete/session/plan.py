"""From a cell and the settings to a call: everything decided and checked, not sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import catalog, prompts
from ..completion import CompletionRequest
from ..dialects.text import TextDialect
from ..errors import InputError
from ..settings import parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..catalog import Model
    from ..completion import Endpoint, HttpCall
    from ..dialects import Dialect
    from ..settings import CompletionSettings

ADVICE = (
    "temperature and top_p are both set; the API advises to change only one of them."
)


@dataclass(frozen=True, slots=True)
class Call:
    """One completion to ask for, decided and checked; it pickles, and holds no key."""

    request: CompletionRequest
    endpoint: Endpoint
    dialect: Dialect
    stream: bool = True
    history: bool = True
    reuse: bool = False
    notices: tuple[str, ...] = ()
    sample: int = 0
    source: str | None = None
    """The cell that asked, for the history."""
    sweep: str | None = None

    def http(self) -> HttpCall:
        """Give the HTTP request that will be sent, without host and key."""
        return self.dialect.encode(self.request, stream=self.stream)

    def again(self, sample: int) -> Call:
        """Give the same call as another sample, with the next seed if it has one."""
        request = self.request
        if request.seed is not None:
            request = replace(request, seed=request.seed + sample - self.sample)
        return replace(self, sample=sample, request=request)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes, and what is known of its model."""

    endpoint: Endpoint
    dialect: Dialect
    model: Model | None
    notices: tuple[str, ...] = ()


def plan(
    text: str,
    values: Mapping[str, object],
    settings: CompletionSettings,
    route: Callable[[CompletionSettings], Route],
) -> Call:
    """Give the checked call for a cell's text.

    ``values`` are for ``{{name}}``. Raises `InputError`; nothing is sent.
    """
    way = route(settings)
    wanted = way.model.turns if way.model else way.dialect.name != "openai"
    filled = prompts.fill(text, values)
    prompt = prompts.with_turns(
        filled, settings.turns, wanted=wanted, system=settings.system
    )
    if wanted and settings.turns != "raw":
        prompts.check_turns(prompt)
    request = CompletionRequest(prompt=prompt, **_request_fields(settings))
    call = Call(
        request,
        way.endpoint,
        way.dialect,
        stream=settings.stream,
        history=settings.history,
        reuse=settings.reuse,
    )
    notices = (*way.notices, *_advice(request), *call.http().notices)
    return replace(call, notices=notices)


def _request_fields(settings: CompletionSettings) -> dict[str, Any]:
    fields = {
        parameter.request: getattr(settings, parameter.name)
        for parameter in parameters()
        if parameter.request
    }
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in fields.items()
    }


def _advice(request: CompletionRequest) -> tuple[str, ...]:
    both = request.temperature is not None and request.top_p is not None
    return (ADVICE,) if both else ()


def find_route(settings: CompletionSettings) -> Route:
    """Give the route of the settings' model, endpoint and dialect."""
    model = catalog.find(settings.model)
    if model is None:
        raise InputError(
            f"model is {settings.model!r}, which the catalogue does not know; "
            "name the --endpoint that has it, or see %complete_models."
        )
    return Route(
        catalog.EMBEDDED, TextDialect(settings.api_version, extensions=True), model
    )
