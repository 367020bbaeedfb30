"""The models that are served, as ``GET /v1/models`` tells of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from ..language_model import LanguageModel
from .validation import invalid, shown

DEFAULT_PAGE, LARGEST_PAGE = 20, 1000
# The day of the package's first version; the API wants one for each model.
CREATED_AT = "2026-11-23T00:00:00Z"


def page_of(models: Mapping[str, LanguageModel], query: str) -> dict[str, Any]:
    """Return the part of the list that a query string asks for. Raises `Refused`."""
    asked, names = _asked(query), list(models)
    limit = _limit(asked.get("limit", str(DEFAULT_PAGE)))
    for field in ("after_id", "before_id"):
        if field in asked and asked[field] not in names:
            raise invalid(f"{field}: {asked[field][:200]} is not the id of a model")
    start, end, more = 0, limit, len(names) > limit
    if "before_id" in asked:
        end = names.index(asked["before_id"])
        start = max(0, end - limit)
        more = start > 0
    elif "after_id" in asked:
        start = names.index(asked["after_id"]) + 1
        end = start + limit
        more = end < len(names)
    part = names[start:end]
    return {
        "data": [model_info(name, models[name]) for name in part],
        "first_id": part[0] if part else None,
        "last_id": part[-1] if part else None,
        "has_more": more,
    }


def model_info(name: str, model: LanguageModel) -> dict[str, Any]:
    """Return what the API tells of a model that is served by this name."""
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").capitalize(),
        "created_at": CREATED_AT,
        "max_input_tokens": model.context_tokens - 1,
        "max_tokens": model.output_tokens,
        "capabilities": None,
    }


def _asked(query: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in values:
            raise invalid(f"{shown(name)}: given more than once")
        values[name] = value
    if "after_id" in values and "before_id" in values:
        raise invalid("after_id: give it or before_id, not both")
    return values


def _limit(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise invalid("limit: Input should be a valid integer")
    if not 1 <= int(text) <= LARGEST_PAGE:
        raise invalid(f"limit: Input should be from 1 to {LARGEST_PAGE}")
    return int(text)
