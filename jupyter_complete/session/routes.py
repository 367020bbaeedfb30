"""Which endpoint and dialect a call takes; what was learned is kept for the session."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..catalog import CATALOG, Catalog, Model
from ..catalog.endpoints import ASK, choose, known_endpoints, speaking
from ..catalog.listing import (
    PATH,
    Spoken,
    changes,
    next_page,
    refreshed,
)
from ..dialects import Options, dialect_named, recognise
from ..dialects.discovery import DiscoveryDialect
from ..errors import EndpointError, NotFoundError, ProtocolError
from ..local.children import LOCAL
from ..prompts import has_turns
from .ask import LeftOut
from .locals import local_models, local_note, with_local
from .plan import refuse_keys, refuse_offline

if TYPE_CHECKING:
    from ..cancel import Cancel
    from ..client import Client
    from ..dialects import Dialect
    from ..endpoint import Endpoint
    from ..settings import CompletionSettings

MOST_PAGES = 100
TRANSLATED = "Translated to the Messages API."
# What an endpoint with both of the APIs has beside its dialect.
_OTHERS = {"openai": "chat", "chat": "openai"}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes, and what is known of its model."""

    endpoint: Endpoint
    dialect: Dialect
    model: Model | None
    notices: tuple[str, ...] = ()
    other: Dialect | None = None
    """What raw text is sent in, or a prompt with turns, where ``dialect`` is for the
    other of the two: of an endpoint with both APIs whose dialect was left to us."""

    @property
    def wants_turns(self) -> bool:
        """Whether a prompt without turns is to be wrapped as one."""
        if self.model is None or self.model.dialect != self.dialect.name:
            return self.dialect.wants_turns or (
                self.model is not None and self.model.turns
            )
        return self.model.turns

    def for_prompt(self, prompt: str, turns: str) -> tuple[Endpoint, Dialect]:
        """Return where a prompt goes and in which dialect; ``turns`` is the setting."""
        turned = turns != "raw" and has_turns(prompt)
        if self.other is None or self.dialect.wants_turns == turned:
            return self.endpoint, self.dialect
        return replace(self.endpoint, dialect=self.other.name), self.other


class Routes:
    """Finds the route of settings; asks an unknown endpoint once what it speaks."""

    def __init__(
        self,
        client: Callable[[], Client],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._client = client
        self._environ = environ
        self._spoken: dict[str, Spoken] = {}
        self._learned = Catalog("")
        self._warned: set[str] = set()
        self.left_out = LeftOut()

    def catalog(self, settings: CompletionSettings) -> Catalog:
        """Return the known models: ours, the user's file, the endpoints' lists."""
        path = settings.catalog
        known = Catalog.from_file(path, CATALOG) if path else CATALOG
        return known.merged(self._learned)

    def endpoints(self, settings: CompletionSettings) -> tuple[Endpoint, ...]:
        """Return the endpoints there are by name: ours and the user's own."""
        return known_endpoints(
            self.catalog(settings), settings.endpoints, self._environ
        )

    def find(self, settings: CompletionSettings, cancel: Cancel | None = None) -> Route:
        """Return the route of the settings' model, endpoint and dialect.

        Raises `InputError`, and what asking an unknown endpoint raises; setting
        ``cancel`` ends that.
        """
        known = self.catalog(settings)
        endpoint, model = self._chosen(settings, known)
        if endpoint.dialect == ASK:
            url = endpoint.base_url
            spoken = self._spoken.get(url) or self._asked(endpoint, cancel, settings)
            if spoken is not None:
                self._spoken[url] = spoken
            endpoint, model = speaking(endpoint, model, spoken)
        route = self._route(endpoint, model, settings)
        if model and (warning := known.warning(model, _today())):
            # Said once: the tenth cell on the same model need not repeat it.
            if model.id not in self._warned:
                route = replace(route, notices=(*route.notices, warning))
            self._warned.add(model.id)
        return route

    def preview(self, settings: CompletionSettings) -> Route | None:
        """Return the route without a call, None where an endpoint would be asked first.

        Raises `InputError`. What is said once is still to be said by `find`.
        """
        known = self.catalog(settings)
        endpoint, model = self._chosen(settings, known)
        if endpoint.dialect == ASK:
            if endpoint.base_url not in self._spoken:
                return None
            spoken = self._spoken[endpoint.base_url]
            endpoint, model = speaking(endpoint, model, spoken)
        route = self._route(endpoint, model, settings)
        warning = model and known.warning(model, _today())
        return replace(route, notices=(*route.notices, warning)) if warning else route

    def models(self, settings: CompletionSettings) -> tuple[Model, ...]:
        """Return the models of the endpoint that the settings name, all if none."""
        known = self.catalog(settings)
        if settings.endpoint is None:
            return known.models + local_models(settings)
        if settings.endpoint == LOCAL:
            return local_models(settings)
        endpoint, _ = self._chosen(_of_any_model(settings), known)
        return tuple(one for one in known.models if one.endpoint == endpoint.name)

    def note(self, settings: CompletionSettings) -> str:
        """Return what there is to say of `models` as a whole."""
        if settings.endpoint == LOCAL:
            return local_note(settings)
        known = self.catalog(settings)
        betas = f" Betas: {', '.join(known.betas)}." if known.betas else ""
        return f"As known on {known.date}.{betas}"

    def _chosen(
        self, settings: CompletionSettings, known: Catalog
    ) -> tuple[Endpoint, Model | None]:
        refuse_keys(settings)
        return choose(
            with_local(known, settings),
            settings.model,
            endpoint=settings.endpoint,
            dialect=settings.dialect,
            own=settings.endpoints,
            environ=self._environ,
        )

    def _route(
        self, endpoint: Endpoint, model: Model | None, settings: CompletionSettings
    ) -> Route:
        spoken = self._spoken.get(endpoint.base_url)
        if spoken and {spoken.dialect, endpoint.dialect} <= set(_OTHERS):
            endpoint = replace(endpoint, flavour=spoken.flavour)
        dialect = self._dialect(endpoint, model, settings)
        translated = (TRANSLATED,) if dialect.name == "messages" else ()
        other = None
        if endpoint.both:
            there = replace(endpoint, dialect=_OTHERS[endpoint.dialect])
            other = self._dialect(there, model, settings)
        return Route(endpoint, dialect, model, translated, other)

    def _dialect(
        self, endpoint: Endpoint, model: Model | None, settings: CompletionSettings
    ) -> Dialect:
        version, unsupported = settings.api_version, settings.unsupported
        options = Options(version, unsupported, self.left_out.of(endpoint))
        return dialect_named(endpoint.dialect, endpoint, model, options)

    def _asked(
        self, endpoint: Endpoint, cancel: Cancel | None, settings: CompletionSettings
    ) -> Spoken | None:
        refuse_offline(endpoint, offline=settings.offline)
        try:
            body, headers = self._client().get_json(
                endpoint, PATH, dialect=DiscoveryDialect(), cancel=cancel
            )
        except NotFoundError:
            return None  # every server that we know has such a list
        except EndpointError as error:
            # Its words are not kept, but an id of the request is the vendor's own.
            kind = {"type": "error"} if error.request_id else {}
            return recognise({**kind, "error": {"message": str(error)}}, {})
        except ProtocolError:
            return None
        page = {"data": body} if isinstance(body, list) else body  # Together's
        return recognise(page, headers) if isinstance(page, dict) else None

    def refresh(self, settings: CompletionSettings) -> tuple[str, ...]:
        """Learn the models of the settings' endpoint from it; tell what changed.

        Raises `CompleteError` where it cannot be asked; what was known stays.
        """
        if settings.endpoint == LOCAL:
            return ()  # its files are looked at each time
        route = self.find(_of_any_model(settings))
        refuse_offline(route.endpoint, offline=settings.offline)
        endpoint = replace(route.endpoint, dialect=route.dialect.name)
        before = self.catalog(settings)
        after = refreshed(
            before,
            self._pages(route),
            endpoint,
            _today(),
            turns=route.dialect.wants_turns,
        )
        self._learned = self._learned.merged(after)
        return changes(before, after)

    def _pages(self, route: Route) -> list[Any]:
        pages: list[Any] = []
        query: dict[str, str] | None = dict(route.dialect.models_query)
        while query is not None and len(pages) < MOST_PAGES:
            body, _ = self._client().get_json(
                route.endpoint, PATH, params=query, dialect=route.dialect
            )
            if not isinstance(body, (dict, list)):
                raise ProtocolError(
                    "The endpoint's list of models is not one; check its URL."
                )
            pages.append(body)
            query = next_page(body)
        return pages


def _of_any_model(settings: CompletionSettings) -> CompletionSettings:
    """Return the settings for a question to the endpoint that they name, if any."""
    return settings.changed({"model": "any"}) if settings.endpoint else settings


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
