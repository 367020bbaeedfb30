"""From a cell and the settings to a call: everything decided and checked, not sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from .. import prompts
from ..endpoint import KEY, HttpRequest, http_request
from ..errors import InputError
from ..keys import refuse_key
from ..prices import Price, price_of, refuse_cost
from ..redaction import looks_like_key
from ..request import CompletionRequest
from ..settings import parameters
from .locals import special_tokens

if TYPE_CHECKING:
    from ..dialects import Dialect
    from ..endpoint import Endpoint
    from ..settings import CompletionSettings
    from .routes import Route

ADVICE = (
    "temperature and top_p are both set; the API advises to change only one of them."
)

SHADED_LOGPROBS = 5
"""What is asked for to show tokens by their probability; OpenAI tells no more."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from, for the history; None where the front end is silent."""

    source: str | None = None
    """The text of the cell, its first line included."""
    notebook: str | None = None
    cell: str | None = None


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
    origin: Origin = Origin()
    sweep: str | None = None
    offline: bool = False
    price: Price | None = None
    """Of the model, where it is known."""

    @property
    def most(self) -> float | None:
        """The most that it can cost, in US dollars; None: nobody knows."""
        if self.endpoint.is_embedded or self.endpoint.is_local:
            return 0.0
        return self.price.most(self.request) if self.price else None

    def refuse_offline(self) -> None:
        """Raise `InputError` if this call may not be sent."""
        refuse_offline(self.endpoint, offline=self.offline)

    def http(self) -> HttpRequest:
        """Return the HTTP request that will be sent, without the key."""
        call = self.dialect.encode(self.request, stream=self.stream)
        return http_request(self.endpoint, call, self.dialect.headers(KEY))

    def again(self, sample: int) -> Call:
        """Return the same call as another sample, with the next seed if it has one."""
        request = self.request
        if request.seed is not None:
            request = replace(request, seed=request.seed + sample - self.sample)
        return replace(self, sample=sample, request=request)


def plan(
    text: str,
    values: Mapping[str, object],
    settings: CompletionSettings,
    route: Route,
    origin: Origin,
) -> Call:
    """Return the checked call for a cell's text.

    ``values`` are for ``{{name}}``. Raises `InputError`; nothing is sent.
    """
    wanted = route.wants_turns
    filled = prompts.fill(text, values)
    prompt = prompts.with_turns(
        filled, settings.turns, wanted=wanted, system=settings.system
    )
    endpoint, dialect = route.for_prompt(prompt, settings.turns)
    as_turns = wanted or (dialect is route.other and dialect.wants_turns)
    if as_turns and settings.turns != "raw":
        prompts.check_turns(prompt)
    request = CompletionRequest(prompt=prompt, **_request_fields(settings))
    call = Call(
        request,
        endpoint,
        dialect,
        stream=settings.stream,
        history=settings.history,
        reuse=settings.reuse,
        origin=origin,
        offline=settings.offline,
        price=_price(settings, route, endpoint),
    )
    if settings.max_cost is not None:
        refuse_cost([call.most], settings.max_cost, request.model)
    http = call.http()
    _refuse_keys(call, http)
    marks = special_tokens(prompt, endpoint, dialect)
    notices = (*route.notices, *_advice(request), *http.notices, *marks)
    return replace(call, notices=notices)


def _price(
    settings: CompletionSettings, route: Route, endpoint: Endpoint
) -> Price | None:
    """Return what the model costs there: as the user says, else as is known of it."""
    if endpoint.is_embedded or endpoint.is_local:
        return None
    if settings.model in settings.prices:
        return price_of(settings.prices[settings.model], settings.model)
    model = route.model
    return model.price if model and model.endpoint == endpoint.name else None


def refuse_offline(endpoint: Endpoint, *, offline: bool) -> None:
    """Raise `InputError` for an endpoint outside of this machine, if offline."""
    if offline and not (endpoint.is_embedded or endpoint.is_local):
        raise InputError(
            f"offline is True, so nothing is sent to {endpoint.name}; use an embedded "
            "model such as -m ngram-chat, or set CompletionSettings.offline to False."
        )


def refuse_keys(settings: CompletionSettings) -> None:
    """Raise `CredentialError` if a setting holds what looks like a key.

    To be asked before an endpoint is: finding out what it speaks sends some of them.
    """
    texts = [
        (text, flag)
        for name, flag in _text_settings()
        for text in _texts(getattr(settings, name))
    ]
    if looks_like_key("\n".join(text for text, _ in texts)):
        for text, flag in texts:
            refuse_key(text, flag)


@cache
def _text_settings() -> tuple[tuple[str, str], ...]:
    """Return the settings that can hold any text, each with its flag."""
    return tuple(
        (parameter.name, parameter.flags[-1])
        for parameter in parameters()
        if parameter.of_text
    )


def _refuse_keys(call: Call, http: HttpRequest) -> None:
    """Look at every text that would be sent or stored with the call."""
    refuse_key(call.request.prompt, "The prompt")
    refuse_key(call.origin.source or "", "The cell")
    texts = _texts([http.path, dict(http.headers), json.loads(http.body)])
    refuse_key("\n".join(texts), "The request")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _request_fields(settings: CompletionSettings) -> dict[str, Any]:
    fields = {
        parameter.request: getattr(settings, parameter.name)
        for parameter in parameters()
        if parameter.request
    }
    if settings.format == "tokens" and fields["logprobs"] is None:
        fields["logprobs"] = SHADED_LOGPROBS
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in fields.items()
    }


def _advice(request: CompletionRequest) -> tuple[str, ...]:
    both = request.temperature is not None and request.top_p is not None
    return (ADVICE,) if both else ()
