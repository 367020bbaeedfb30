"""A language model, as those have it who serve or show one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .completion import TokenLogprob
    from .distribution import Distribution


class LanguageModel(Protocol):
    """A model, safe to ask from several threads; every limit of it is its own."""

    @property
    def name(self) -> str:
        """What it calls itself."""
        ...

    @property
    def context_tokens(self) -> int:
        """The most tokens of a prompt and its answer together."""
        ...

    @property
    def output_tokens(self) -> int:
        """The most tokens of an answer."""
        ...

    @property
    def wants_turns(self) -> bool:
        """Whether a prompt has to be a Human's and an Assistant's turns."""
        ...

    def load(self) -> None:
        """Have all in memory that an answer needs. Raises `CompleteError`."""
        ...

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        logprobs: int | None = None,
    ) -> Iterator[TokenLogprob]:
        """Yield an answer's tokens; ends where the model ends it.

        None is the API's default. ``logprobs``: how many alternatives are told of each
        token; None: its own log-probability is not needed either. Some may have no
        text, as that of a character may stand in its last token. Raises
        `CompleteError`.
        """
        ...

    def next_token_distribution(self, prompt: str) -> Distribution:
        """Return what can come after a prompt, at temperature 1 and without limits."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a prompt is to the model. Raises `CompleteError`."""
        ...
