"""What an endpoint's own list of models, ``GET /v1/models``, tells.

Which models it has, and which server it is: the pages go in, plain values come out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

from ..counts import count_of
from ..endpoint import Endpoint
from ..errors import ProtocolError
from . import Catalog, Model

PATH = "/v1/models"

# What is told under each name: Anthropic, vLLM, llama.cpp; Mistral, Groq, OpenRouter
# and Together.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "context_tokens": (
        *("max_input_tokens", "max_model_len", "n_ctx", "n_ctx_train"),
        *("max_context_length", "context_window", "context_length"),
    ),
    "output_tokens": ("max_tokens", "max_completion_tokens"),
}
_WITHIN = ("meta", "top_provider")  # llama.cpp's, OpenRouter's

_ALIAS = re.compile(r"-\d{8}\Z")


def next_page(page: Any) -> dict[str, str] | None:
    """Return the query of the page after this one, None after the last."""
    page = page if isinstance(page, Mapping) else {}
    last = page.get("last_id")
    if page.get("has_more") is not True or not isinstance(last, str):
        return None
    return {"limit": "1000", "after_id": last}


def refreshed(
    catalog: Catalog,
    pages: Iterable[Any],
    endpoint: Endpoint,
    day: str,
    *,
    turns: bool = True,
) -> Catalog:
    """Return the catalogue with what an endpoint told of its models on a day, ISO 8601.

    ``pages`` are the bodies of its answers. What they do not tell stays as it is;
    a model that was not known has ``turns``.
    Raises `ProtocolError`.
    """
    told = tuple(
        _model(item, catalog, endpoint, turns=turns)
        for page in pages
        for item in _items(page)
    )
    return catalog.merged(Catalog(day, told))


def changes(old: Catalog, new: Catalog) -> tuple[str, ...]:
    """Return a line for each model that was added or altered from old to new."""
    lines = []
    for model in new.models:
        before = old.find(model.id)
        if before is None:
            lines.append(f"{model.id}: new")
            continue
        altered = [
            f"{field.name} {_shown(was)} → {_shown(now)}"
            for field in fields(Model)
            if (was := getattr(before, field.name))
            != (now := getattr(model, field.name))
        ]
        if altered:
            lines.append(f"{model.id}: {', '.join(altered)}")
    return tuple(lines)


def _shown(value: object) -> str:
    return "unknown" if value is None else str(value)


def _items(page: Any) -> list[Mapping[str, Any]]:
    page = page if isinstance(page, Mapping) else {"data": page}  # Together's
    items = page.get("data")
    if items is None and page.get("object") == "list":
        return []  # Ollama without a model says null
    if not isinstance(items, list) or not all(
        isinstance(item, Mapping) and isinstance(item.get("id"), str) for item in items
    ):
        raise ProtocolError(
            "The endpoint's list of models is not one; check its URL and dialect."
        )
    return items


def _model(
    item: Mapping[str, Any], catalog: Catalog, endpoint: Endpoint, *, turns: bool
) -> Model:
    name = item["id"]
    known = catalog.find(name) or catalog.find(_ALIAS.sub("", name))
    if known is None or known.endpoint != endpoint.name:
        known = Model(
            name,
            endpoint.name,
            endpoint.dialect,
            turns=turns,
        )
    return replace(known, id=name, **_told(item))


def _told(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an item says, in the fields of `Model`.

    Each server has names of its own: see `_NAMES`.
    """
    inner = [item, *(item.get(name) for name in _WITHIN)]
    told: dict[str, Any] = {}
    for field, names in _NAMES.items():
        values = (
            value
            for name in names
            for each in inner
            if isinstance(each, Mapping) and (value := count_of(each.get(name)))
        )
        if count := next(values, None):
            told[field] = count
    if item.get("lifecycle") in ("active", "deprecated", "retired"):
        told["status"] = item["lifecycle"]
    ends = map(item.get, ("retires_at", "shutdown_date", "deprecation"))
    if day := next((day for day in ends if isinstance(day, str)), None):
        told["ends"] = day[:10]
    return told


class Spoken(NamedTuple):
    """What a server was found to speak."""

    dialect: str
    flavour: str = "other"
    extensions: bool = False
    both: bool = False
    """Whether it has chat and openai."""
