"""Which server it is that speaks an API of OpenAI's kind, by its list of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..catalog.listing import Spoken
from .wire import first_model

TITLES: Mapping[str, str] = {
    "openai": "OpenAI",
    "vllm": "vLLM",
    "llamacpp": "llama.cpp",
    "ollama": "Ollama",
    "lmstudio": "LM Studio",
    "mistral": "Mistral",
    "groq": "Groq",
    "openrouter": "OpenRouter",
    "deepseek": "DeepSeek",
    "together": "Together",
    "other": "this endpoint",
}
"""The flavours, and what users call each."""

ALL = frozenset(TITLES)

# Who owns the models, as each server's list says.
_OWNERS = {
    "vllm": "vllm",
    "llamacpp": "llamacpp",
    "me": "llamacpp",  # llama-cpp-python's server
    "library": "ollama",
    "organization_owner": "lmstudio",
    "openai": "openai",
    "openai-internal": "openai",
    "system": "openai",
    "mistralai": "mistral",
    "deepseek": "deepseek",
}
# What the models of those have whose owners are many.
_FIELDS = {
    "groq": {"active", "context_window"},
    "openrouter": {"top_provider", "context_length"},
    "together": {"type", "context_length", "organization"},
}
# vLLM refuses 0, and Ollama cannot tell it from one that was left out.
_WITHOUT_TOP_P_0 = frozenset({"vllm", "ollama"})
_SEEDS = 2**32
"""llama.cpp has so many, and the last stands for a random one."""
_CHAT_ALONE = frozenset({"mistral", "groq", "deepseek"})
_CHAT_FIRST = frozenset({"openai", "openrouter", "together"})


def spoken_of(page: Mapping[str, Any], headers: Mapping[str, str]) -> Spoken | None:
    """Return what a server speaks, if its list, or its error, is of OpenAI's kind.

    The headers' names are in lower case.
    """
    first = first_model(page)
    known = (
        page.get("object") in ("list", "error")
        or first.get("object") == "model"
        or "top_provider" in first  # OpenRouter's
        or isinstance(page.get("error"), (str, Mapping))
    )
    if not known:
        return None
    flavour = _flavour(first, headers)
    chat = flavour in _CHAT_ALONE | _CHAT_FIRST
    return Spoken(
        "chat" if chat else "openai", flavour, both=flavour not in _CHAT_ALONE
    )


def misread(flavour: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the names of values that a server takes for others, why, and a remedy."""
    if given.get("top_p") == 0 and flavour in _WITHOUT_TOP_P_0:
        yield "top_p", "takes only more", "give a small one such as 0.001"
    seed = given.get("seed")
    if flavour == "llamacpp" and seed is not None and (seed + 1) % _SEEDS == 0:
        yield "seed", "takes that for a random one", "give another"


def _flavour(first: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    for flavour, fields in _FIELDS.items():
        if fields <= set(first):
            return flavour
    owner = str(first.get("owned_by", "")).lower()
    if owner in _OWNERS:
        return _OWNERS[owner]
    if "llama.cpp" in headers.get("server", "").lower():
        return "llamacpp"
    return "openai" if "openai-version" in headers else "other"
