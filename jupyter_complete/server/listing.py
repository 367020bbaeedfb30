"""The models that are served, as ``GET /v1/models`` tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..catalog import CATALOG
from .validation import Page, invalid

MOST_OUTPUT_TOKENS = 4096
MOST_INPUT_TOKENS = 99_999
"""The API takes prompts of fewer than 100,000 - 1 tokens."""
# The day of the package's first version; the API wants one for each model.
CREATED_AT = "2026-11-23T00:00:00Z"


def page_of(names: Sequence[str], page: Page) -> dict[str, Any]:
    """Return the part of the list of models that was asked for. Raises `Refused`."""
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
        "data": [model_info(name) for name in shown],
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
        "has_more": more,
    }


def most_tokens(name: str) -> int:
    """Return the most tokens that the model samples; more are capped, not refused."""
    listed = CATALOG.find(name)
    return (listed and listed.output_tokens) or MOST_OUTPUT_TOKENS


def model_info(name: str) -> dict[str, Any]:
    """Return what the API tells of a model."""
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").capitalize(),
        "created_at": CREATED_AT,
        "max_input_tokens": MOST_INPUT_TOKENS,
        "max_tokens": most_tokens(name),
        "capabilities": None,
    }
