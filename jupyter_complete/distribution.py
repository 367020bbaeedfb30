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
        told keep their probability at temperature 1; at another nobody knows it, and
        they are left out. Raises `InputError` for a value out of bounds.
        """
        asked = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        for name, value in asked.items():
            if value is not None:
                check_bound(name, value, BOUNDS[name])
        rest = self.untold if temperature in (None, 1) else 0.0
        scaled = _scaled(
            self.probabilities, 1.0 if temperature is None else temperature, 1.0 - rest
        )
        possible = sum(probability > 0 for probability in scaled)
        after_k = min(top_k or possible, possible)
        after_p = _nucleus(
            scaled[:after_k],
            1.0 if top_p is None else top_p,
            0.0 if top_k else rest,
        )
        return Reshaped(self, temperature, top_k, top_p, scaled, rest, after_k, after_p)


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
    """Every token's probability after temperature; with ``rest`` they sum to 1."""
    rest: float
    """The probability of the tokens that were not told; 0 if they are left out."""
    after_top_k: int
    """How many tokens top_k left, of those that temperature left a chance."""
    after_top_p: int
    """How many of these top_p left: the first so many are sampled from."""

    @property
    def left(self) -> tuple[float, ...]:
        """The probabilities to sample from; with ``rest_left`` they sum to 1."""
        kept = self.scaled[: self.after_top_p]
        total = math.fsum((*kept, self._uncut))
        return tuple(probability / total for probability in kept)

    @property
    def rest_left(self) -> float:
        """The probability to sample a token that was not told."""
        kept = self.scaled[: self.after_top_p]
        return self._uncut / math.fsum((*kept, self._uncut))

    @property
    def cut_by_top_k(self) -> float:
        """The probability, after temperature, of the tokens that top_k cut."""
        cut = self.scaled[self.after_top_k :]
        return math.fsum((*cut, self.rest if self.top_k else 0.0))

    @property
    def cut_by_top_p(self) -> float:
        """The probability, after temperature, of the tokens that top_p cut."""
        cut = self.scaled[self.after_top_p : self.after_top_k]
        rest = 0.0 if self.top_k or self._uncut else self.rest
        return math.fsum((*cut, rest))

    @property
    def _uncut(self) -> float:
        """What is left of the tokens that were not told: the least likely go first."""
        return 0.0 if self.top_k or self.after_top_p < len(self.scaled) else self.rest

    @property
    def entropies(self) -> tuple[float, float, float]:
        """The entropy in bits: of the model, after temperature, of what is left.

        It is of the tokens that were told.
        """
        of_told = (self.distribution.probabilities, self.scaled, self.left)
        before, scaled, left = (entropy(_scaled(each, 1.0)) for each in of_told)
        return before, scaled, left


def entropy(probabilities: tuple[float, ...]) -> float:
    """Return the entropy in bits; 2 to this power equally likely tokens have it too."""
    bits = -math.fsum(p * math.log2(p) for p in probabilities if p > 0)
    return max(0.0, bits)


def _scaled(
    probabilities: tuple[float, ...], temperature: float, whole: float = 1.0
) -> tuple[float, ...]:
    """Return the probabilities at a temperature, summing to ``whole``."""
    if temperature == 0:
        return (1.0, *(0.0 for _ in probabilities[1:]))
    # Relative to the likeliest, so that a small temperature overflows nothing.
    top, power = probabilities[0], 1.0 / temperature
    weights = [(probability / top) ** power for probability in probabilities]
    total = math.fsum(weights)
    return tuple(weight / total * whole for weight in weights)


def _nucleus(probabilities: tuple[float, ...], top_p: float, rest: float) -> int:
    """Return how many of the likeliest together have this share of the whole.

    ``rest`` is what the whole has beside them.
    """
    if top_p >= 1:
        return len(probabilities)
    wanted = top_p * math.fsum((*probabilities, rest))
    sums = enumerate(accumulate(probabilities), start=1)
    return next((n for n, total in sums if total >= wanted), len(probabilities))
