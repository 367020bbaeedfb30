"""Which endpoint answers a model, and in which dialect: names, URLs, settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from ..endpoint import DIALECTS, Endpoint, checked_url
from ..errors import InputError
from ..redaction import shown_url
from . import Catalog, Model
from .listing import PATH as MODELS
from .listing import Spoken

ASK = "auto"
"""The dialect of an endpoint that has yet to be asked what it speaks."""

NAMES = f"{', '.join([*DIALECTS][:-1])} or {[*DIALECTS][-1]}"
"""The dialects, to choose from."""

# What the ecosystems read: another address of the same service, with the same key.
BASE_URLS = {"anthropic": "ANTHROPIC_BASE_URL", "openai": "OPENAI_BASE_URL"}

_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST_AND_PORT = re.compile(r"[\w.-]+:\d+(/.*)?\Z|localhost(/.*)?\Z|\[[0-9a-fA-F:]+\]")
_PATHS = {path: name for name, path in DIALECTS.items()}
_PATH = re.compile(rf"({'|'.join(map(re.escape, (*_PATHS, MODELS)))})/?\Z")
_FIELDS = ("url", "dialect", "key_variable", "key_required", "flavour", "both")
_OF_OPENAI = ("openai", "chat")


def known_endpoints(
    catalog: Catalog, own: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[Endpoint, ...]:
    """Return the catalogue's endpoints and the user's own, as they are now.

    ``own`` is the setting: name -> ``{"url", "dialect", "key_variable",
    "key_required", "flavour", "both"}``, all but the URL optional, or the URL alone.
    ``environ`` may move two of the catalogue's, see `BASE_URLS`. Raises `InputError`.
    """
    known = {endpoint.name: endpoint for endpoint in catalog.endpoints}
    for name, variable in BASE_URLS.items():
        if name in known and environ.get(variable, "").strip():
            known[name] = _moved(known[name], environ[variable].strip())
    for name, entry in own.items():
        known[name] = _own(name, entry)
    return tuple(known.values())


def _moved(endpoint: Endpoint, url: str) -> Endpoint:
    """Return an endpoint at another address, which may be of another make."""
    if urlsplit(url).hostname == urlsplit(endpoint.base_url).hostname:
        return replace(endpoint, base_url=url)
    both = endpoint.dialect == "chat"
    return replace(
        endpoint, base_url=url, flavour="other", key_required=False, both=both
    )


def _own(name: str, entry: object) -> Endpoint:
    fields = {"url": entry} if isinstance(entry, str) else entry
    about = f"The setting endpoints[{name!r}]"
    if not isinstance(fields, Mapping) or not isinstance(fields.get("url"), str):
        raise InputError(f"{about} has no URL; give its URL under the name url.")
    unknown = [str(field) for field in fields if field not in _FIELDS]
    if unknown:
        wanted = ", ".join(_FIELDS)
        raise InputError(f"{about} has {unknown[0]!r}; choose from {wanted}.")
    dialect = fields.get("dialect") or ASK
    if dialect not in (*DIALECTS, ASK):
        wanted = ", ".join((ASK, *DIALECTS))
        raise InputError(f"{about} has the dialect {dialect!r}; choose from {wanted}.")
    variable = fields.get("key_variable")
    if variable is not None and not re.fullmatch(r"[A-Za-z_]\w*", str(variable)):
        raise InputError(
            f"{about} has a key_variable that is no name of a variable; give the name "
            "of the environment variable that holds the key, never the key."
        )
    return Endpoint(
        name,
        fields["url"],
        dialect,
        key_variable=variable,
        key_required=bool(fields.get("key_required", False)),
        flavour=str(fields.get("flavour", "other")),
        both=bool(fields.get("both", False)),
    )


def choose(
    catalog: Catalog,
    model: str,
    *,
    endpoint: str | None = None,
    dialect: str = ASK,
    own: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Endpoint, Model | None]:
    """Return where a model is asked, and what is known of it. Raises `InputError`.

    ``endpoint`` is a name, a URL, or None: then the model decides. ``dialect``
    overrules what the endpoint would speak. Any model passes where an endpoint is
    named. An endpoint with the dialect `ASK` is to be asked first: see `speaking`.
    """
    known = known_endpoints(catalog, own or {}, environ or {})
    entry = catalog.find(model)
    if endpoint:
        chosen, in_url = _named(endpoint, known)
        dialect = in_url if dialect == ASK else dialect
    else:
        chosen = _of_model(model, entry, known)
    checked_url(chosen)
    home = entry.endpoint if entry else chosen.name
    ours = chosen.is_embedded or chosen.is_local or home in ("embedded", "local")
    if ours and home != chosen.name and catalog.endpoint(chosen.name):
        raise InputError(
            f"model is {model!r}, which the endpoint {chosen.name} has not; name one "
            "of its own with --model, as %complete_models lists them."
        )
    _refuse_dialect(chosen, dialect)
    return _in_dialect(chosen, dialect, entry)


def _refuse_dialect(endpoint: Endpoint, dialect: str) -> None:
    """Raise `InputError` for a dialect that an endpoint of ours does not speak."""
    if dialect not in (ASK, "text") and endpoint.is_embedded:
        raise InputError(
            f"dialect is {dialect!r}, and the endpoint {endpoint.name} speaks only "
            "text; leave it out, or name another --endpoint."
        )
    if dialect == "text" and endpoint.is_local:
        raise InputError(
            f"dialect is {dialect!r}, which a local model does not speak; leave it "
            "out, or name chat or openai."
        )


def speaking(
    endpoint: Endpoint, model: Model | None, spoken: Spoken | None
) -> tuple[Endpoint, Model | None]:
    """Return what `choose` gave, once the endpoint was asked what it speaks.

    ``spoken`` is as `dialects.recognise` found it. Raises `InputError` for None: the
    endpoint did not say.
    """
    if spoken is None:
        raise InputError(
            f"The endpoint {endpoint.name} does not say what it speaks; "
            f"name it with --dialect {NAMES}, or check the URL."
        )
    return _in_dialect(replace(endpoint, **spoken._asdict()), ASK, model)


def _in_dialect(
    endpoint: Endpoint, wanted: str, entry: Model | None
) -> tuple[Endpoint, Model | None]:
    """Return an endpoint in the dialect wanted, or else its own, and its model."""
    speaks = endpoint.dialect if wanted == ASK else wanted
    at_home = entry is not None and entry.endpoint == endpoint.name
    if wanted == ASK and at_home and entry is not None and speaks != ASK:
        speaks = entry.dialect
    if entry is not None and speaks in _OF_OPENAI and entry.dialect not in _OF_OPENAI:
        entry = None  # another model that has its name: nothing is known of it
    both = endpoint.both and wanted == ASK and speaks in _OF_OPENAI
    return replace(endpoint, dialect=speaks, both=both), entry


def _of_model(model: str, entry: Model | None, known: tuple[Endpoint, ...]) -> Endpoint:
    """Return the endpoint that has the model, by the catalogue or by its name."""
    home = entry.endpoint if entry else None
    if home is None and model.startswith("claude-"):
        home = "anthropic"
    for endpoint in known:
        if endpoint.name == home:
            return endpoint
    if home is None:
        raise InputError(
            f"model is {model!r}, which the catalogue does not know; name the "
            "--endpoint that has it, or choose from %complete_models."
        )
    raise InputError(
        f"model is {model!r}, of the endpoint {home!r}, which is not known; add it to "
        "CompletionSettings.endpoints, or name another --endpoint."
    )


def _named(text: str, known: tuple[Endpoint, ...]) -> tuple[Endpoint, str]:
    """Return the endpoint of a name or a URL, and the dialect if the URL tells it."""
    text = text.strip()
    for endpoint in known:
        if endpoint.name == text:
            return endpoint, ASK
    if not _HAS_SCHEME.match(text):
        if not _HOST_AND_PORT.match(text):
            names = ", ".join(endpoint.name for endpoint in known)
            raise InputError(
                f"endpoint is {shown_url(text)!r}; give a URL, or choose from {names}."
            )
        text = f"http://{text}"
    base, dialect = _base_of(text)
    for endpoint in known:
        if _base_of(endpoint.base_url)[0] == base:
            return endpoint, dialect
    name = re.sub(r".*://|.*@", "", shown_url(base))
    return Endpoint(name or base, base, dialect), dialect


@lru_cache
def _base_of(url: str) -> tuple[str, str]:
    """Return a URL without the API's own path, and the dialect that it tells."""
    path = _PATH.search(url)
    base = url[: path.start()] if path else url.rstrip("/").removesuffix("/v1")
    return base.rstrip("/"), _PATHS.get(path[1], ASK) if path else ASK
