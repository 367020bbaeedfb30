"""What is known of models, betas and endpoints: dated data that a user can override."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .completion import Endpoint

Sampling = Literal["both", "either", "none"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model and what it takes."""

    id: str
    endpoint: str
    dialect: str
    turns: bool = True
    """Whether the prompt must be alternating Human and Assistant turns."""
    sampling: Sampling = "both"
    """temperature and top_p: both, only one of the two, or no sampling parameter."""
    prefill: bool = True
    context_tokens: int | None = None
    output_tokens: int | None = None
    status: Literal["active", "legacy", "deprecated", "retired"] = "active"
    ends: str | None = None
    """The date of retirement, ISO 8601."""


EMBEDDED = Endpoint("embedded", "embedded://ngram", "text", extensions=True)

ENDPOINTS: tuple[Endpoint, ...] = (EMBEDDED,)

MODELS: tuple[Model, ...] = (
    Model("ngram-chat", "embedded", "text"),
    Model("ngram-base", "embedded", "text", turns=False),
)

BETAS: tuple[str, ...] = ()


def find(name: str) -> Model | None:
    """Give the catalogue's entry of a model, None if it is not listed."""
    return next((model for model in MODELS if model.id == name), None)
