"""The next token's distribution, and what the settings of sampling make of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate

from .request import BOUNDS, check_bound


@dataclass(frozen=True, slots=True)
class Distribution:
    """What can come next after a prompt, the likeliest first, at temperature 1.

    An empty token ends the text.
    """

    prompt: str
    """What it comes after, exactly as the model has it."""
    model: str
    tokens: tuple[str, ...]
    probabilities: tuple[float, ...]
    """They sum to 1, or to less where an endpoint tells only the likeliest."""

    @property
    def untold(self) -> float:
        """The probability of the tokens that the endpoint did not tell."""
        return max(0.0, 1.0 - math.fsum(self.probabilities))

    def reshaped(
        self,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Reshaped:
        """Return what is left to sample from: scaled, cut, and summing to 1 again.

        In the order of the API: temperature (0 leaves the likeliest), then ``top_k``
        (0 is no limit), then ``top_p``. None changes nothing. Tokens that were not
        told are left out. Raises `InputError` for a value out of bounds.
        """
        asked = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        for name, value in asked.items():
            if value is not None:
                check_bound(name, value, BOUNDS[name])
        scaled = _scaled(
            self.probabilities, 1.0 if temperature is None else temperature
        )
        possible = sum(probability > 0 for probability in scaled)
        after_k = min(top_k or possible, possible)
        after_p = _nucleus(scaled[:after_k], 1.0 if top_p is None else top_p)
        return Reshaped(self, temperature, top_k, top_p, scaled, after_k, after_p)


@dataclass(frozen=True, slots=True)
class Reshaped:
    """A distribution as temperature, top_k and top_p leave it.

    Its tokens are the distribution's, in the same order: a cut takes from the end.
    """

    distribution: Distribution
    temperature: float | None
    top_k: int | None
    top_p: float | None
    scaled: tuple[float, ...]
    """Every token's probability after temperature; they sum to 1."""
    after_top_k: int
    """How many tokens top_k left, of those that temperature left a chance."""
    after_top_p: int
    """How many of these top_p left: the first so many are sampled from."""

    @property
    def left(self) -> tuple[float, ...]:
        """The probabilities to sample from, summing to 1."""
        kept = self.scaled[: self.after_top_p]
        total = math.fsum(kept)
        return tuple(probability / total for probability in kept)

    @property
    def cut_by_top_k(self) -> float:
        """The probability, after temperature, of the tokens that top_k cut."""
        return math.fsum(self.scaled[self.after_top_k :])

    @property
    def cut_by_top_p(self) -> float:
        """The probability, after temperature, of the tokens that top_p cut."""
        return math.fsum(self.scaled[self.after_top_p : self.after_top_k])

    @property
    def entropies(self) -> tuple[float, float, float]:
        """The entropy in bits: of the model, after temperature, of what is left."""
        unshaped = _scaled(self.distribution.probabilities, 1.0)
        return entropy(unshaped), entropy(self.scaled), entropy(self.left)


def entropy(probabilities: tuple[float, ...]) -> float:
    """Return the entropy in bits; 2 to this power equally likely tokens have it too."""
    bits = -math.fsum(p * math.log2(p) for p in probabilities if p > 0)
    return max(0.0, bits)


def _scaled(probabilities: tuple[float, ...], temperature: float) -> tuple[float, ...]:
    if temperature == 0:
        return (1.0, *(0.0 for _ in probabilities[1:]))
    # Relative to the likeliest, so that a small temperature overflows nothing.
    top, power = probabilities[0], 1.0 / temperature
    weights = [(probability / top) ** power for probability in probabilities]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def _nucleus(probabilities: tuple[float, ...], top_p: float) -> int:
    """Return how many of the likeliest together have this share of the whole."""
    if top_p >= 1:
        return len(probabilities)
    wanted = top_p * math.fsum(probabilities)
    sums = enumerate(accumulate(probabilities), start=1)
    return next((n for n, total in sums if total >= wanted), len(probabilities))
