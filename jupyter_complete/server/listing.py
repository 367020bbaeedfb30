"""The models that are served, as ``GET /v1/models`` tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..language_model import LanguageModel
from .validation import Page, invalid

# The day of the package's first version; the API wants one for each model.
CREATED_AT = "2026-11-23T00:00:00Z"


def page_of(models: Mapping[str, LanguageModel], page: Page) -> dict[str, Any]:
    """Return the part of the list of models that was asked for. Raises `Refused`."""
    names = list(models)
    for field in ("after_id", "before_id"):
        cursor = getattr(page, field)
        if cursor is not None and cursor not in names:
            raise invalid(f"{field}: {cursor[:200]} is not the id of a model")
    if page.before_id is not None:
        end = names.index(page.before_id)
        start = max(0, end - page.limit)
        more = start > 0
    else:
        start = 0 if page.after_id is None else names.index(page.after_id) + 1
        end = start + page.limit
        more = end < len(names)
    shown = names[start:end]
    return {
        "data": [model_info(name, models[name]) for name in shown],
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
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
