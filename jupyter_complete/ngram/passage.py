"""A prompt and what follows it, token by token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from math import log
from random import Random

from ..completion import TokenLogprob
from ..distribution import Distribution
from .estimator import Estimator
from .guard import Guard
from .level import Estimate, Level
from .sampling import Sampling, Shaped, shape
from .tokens import BREAKS, END, END_ID, PARAGRAPH, PARAGRAPH_ID, Text, tokenise

FEWEST_TOKENS = 45
"""Tokens of an answer after which the end of a paragraph ends it."""
FEWEST_AT_END = 16
"""Tokens after which the end of a whole topic does."""


def count_tokens(text: str) -> int:
    """Return how many tokens a text is to these models."""
    return len(tokenise(text))


class Passage:
    """A prompt and what follows it, token by token."""

    def __init__(
        self,
        text: Text,
        estimator: Estimator,
        history: list[int],
        *,
        chat: bool,
        spaced: bool,
    ) -> None:
        self._text = text
        self._chat = chat
        self._spaced = spaced
        self._ended = False
        self._guard = Guard(text, estimator.after, whole=chat)
        for token in history:
            self._guard.take(token)

    @property
    def ended(self) -> bool:
        """Whether the token that ends the text was appended."""
        return self._ended

    def shares(self, sampling: Sampling) -> dict[str, float]:
        """Return the probability of each next token, the likeliest first."""
        merged: dict[str, float] = {}
        for token, probability in self.shaped(sampling):
            text = self.text_of(token)
            merged[text] = merged.get(text, 0.0) + probability
        return dict(sorted(merged.items(), key=lambda pair: -pair[1]))

    def likeliest(self, shaped: Shaped, most: int) -> list[tuple[str, float]]:
        """Return that many texts of the next token, the likeliest first."""
        found = {self.text_of(t): self.text_probability(shaped, t) for t in BREAKS}
        shares = 2 if self._spaced else 1  # of a text that is yet to come
        for token, probability in shaped:
            if sum(known >= shares * probability for known in found.values()) >= most:
                break
            text = self.text_of(token)
            if text not in found:
                found[text] = self.text_probability(shaped, token, probability)
        ranked = sorted(found.items(), key=lambda pair: -pair[1])
        return [
            (text, probability) for text, probability in ranked[:most] if probability
        ]

    def text_probability(
        self, shaped: Shaped, token: int, probability: float | None = None
    ) -> float:
        """Return how likely a token's text comes next, which another may have, too.

        ``probability``: the token's own, where it is known.
        """
        own = shaped.probability(token) if probability is None else probability
        return own + sum(map(shaped.probability, self._alike(token)))

    def shaped(self, sampling: Sampling) -> Shaped:
        """Return the estimate of the next token, as the sampling leaves it."""
        if self._ended:
            return shape(_THE_END, sampling)
        return shape(self._guard.allowed(), sampling)

    def text_of(self, token: int) -> str:
        """Return what a token would add to the text here."""
        if token in BREAKS and self._chat:
            fewest = FEWEST_TOKENS if token == PARAGRAPH_ID else FEWEST_AT_END
            return END if len(self._guard.history) > fewest else PARAGRAPH
        text = self._text.vocabulary[token]
        return text.removeprefix(" ") or text if self._spaced else text

    def advance(self, token: int) -> None:
        """Append a token."""
        if self.text_of(token) == END:
            self._ended = True
            return
        if token == END_ID:
            token = PARAGRAPH_ID
        self._spaced = token == PARAGRAPH_ID
        self._guard.take(token)

    def _alike(self, token: int) -> Iterator[int]:
        """Yield the other tokens that would add the same text here."""
        text, ids = self.text_of(token), self._text.ids
        others: tuple[int | None, ...] = ()
        if token in BREAKS:
            others = BREAKS
        elif self._spaced:
            others = ids.get(text), ids.get(f" {text}")
        for other in others:
            if other not in {None, token} and self.text_of(other) == text:
                yield other


_THE_END = Estimate(Level({END_ID: 1.0}, 0.0, None))


class NgramModel:
    """An n-gram model; what it has learnt is there at the first use, and then kept."""

    context_tokens = 100_000
    output_tokens = 4096

    def __init__(
        self, name: str, begin: Callable[[str], Passage], *, wants_turns: bool
    ) -> None:
        self.name = name
        self.wants_turns = wants_turns
        self.begin = begin
        """Gives the passage after a prompt, to be continued token by token."""

    def load(self) -> None:
        """Learn, unless it has."""
        self.begin(" ")

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
        """Yield the tokens that follow the prompt, until the model ends the text.

        The same seed gives the same text, in any process. ``logprobs``: how many
        of the likeliest tokens are told in each one's place.
        """
        chance = Random(seed).random  # noqa: S311 - a dice, not a secret
        sampling = Sampling(temperature, top_k, top_p)
        passage = self.begin(prompt)
        for _ in repeat(None) if max_tokens is None else range(max_tokens):
            shaped = passage.shaped(sampling)
            chosen, probability = shaped.choose(chance())
            text = passage.text_of(chosen)
            if text == END:
                return
            logprob = log(passage.text_probability(shaped, chosen, probability))
            others = passage.likeliest(shaped, logprobs) if logprobs else ()
            passage.advance(chosen)
            yield TokenLogprob(
                text, logprob, tuple((other, log(p)) for other, p in others)
            )

    def next_token_distribution(self, prompt: str) -> Distribution:
        """Return the distribution that `generate` takes its first token from."""
        shares = self.begin(prompt).shares(Sampling())
        return Distribution(prompt, self.name, tuple(shares), tuple(shares.values()))

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text is."""
        return count_tokens(text)
