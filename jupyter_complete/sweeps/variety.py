"""How much the texts of a group differ: distinct words and pairs, self-BLEU."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence

from .intervals import Estimate, jackknife, mean

_TOKEN = re.compile(r"\w+|[^\w\s]")
_LONGEST = 4
_SMALLEST = 0.1
"""What a missing n-gram counts ("method 1" of Chen and Cherry 2014)."""

Gram = tuple[str, ...]


def tokens(text: str) -> list[str]:
    """Return the words and marks of a text, in small letters."""
    return _TOKEN.findall(text.lower())


def _grams(words: Sequence[str], n: int) -> Counter[Gram]:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def distinct(texts: Sequence[str], n: int) -> Estimate | None:
    """Return the share of distinct n-grams among all n-grams of the texts together.

    As Li et al. 2016 define distinct-1 and distinct-2.
    """
    counted = [_grams(tokens(text), n) for text in texts]
    total: Counter[Gram] = Counter()
    for grams in counted:
        total.update(grams)
    size = total.total()
    if not size:
        return None
    without = []
    for grams in counted:
        left = size - grams.total()
        own = sum(total[gram] == count for gram, count in grams.items())
        if left:
            without.append((len(total) - own) / left)
    found = jackknife(len(total) / size, without, largest=1)
    return found._replace(n=len(texts))


def self_bleu(texts: Sequence[str]) -> Estimate | None:
    """Return the mean BLEU-4 of each text against all the others; 1: all alike.

    Needs two texts that are not empty.
    """
    split = [words for text in texts if (words := tokens(text))]
    if len(split) < 2:
        return None
    lengths = sorted(len(words) for words in split)
    tables = {n: _Highest(_grams(words, n) for words in split) for n in _orders()}
    scores = []
    for index, words in enumerate(split):
        logs = []
        for n in range(1, min(_LONGEST, len(words)) + 1):
            grams = _grams(words, n)
            hits = sum(
                min(count, tables[n].beside(index, gram))
                for gram, count in grams.items()
            )
            logs.append(math.log((hits or _SMALLEST) / grams.total()))
        nearest = _nearest(lengths, len(words))
        brevity = min(0.0, 1 - nearest / len(words))
        scores.append(math.exp(brevity + sum(logs) / len(logs)))
    return mean(scores)


def _orders() -> range:
    return range(1, _LONGEST + 1)


class _Highest:
    """The highest count of each n-gram in any text but one, in one pass."""

    def __init__(self, texts: Iterable[Counter[Gram]]) -> None:
        self._best: dict[Gram, tuple[int, int, int]] = {}
        for index, grams in enumerate(texts):
            for gram, count in grams.items():
                first, owner, second = self._best.get(gram, (0, -1, 0))
                if count > first:
                    self._best[gram] = (count, index, first)
                elif count > second:
                    self._best[gram] = (first, owner, count)

    def beside(self, index: int, gram: Gram) -> int:
        first, owner, second = self._best[gram]
        return second if owner == index else first


def _nearest(lengths: Sequence[int], length: int) -> int:
    """Return the length nearest to this one, of all but one that is equal to it."""
    index = bisect_left(lengths, length)
    others = [*lengths[max(0, index - 1) : index], *lengths[index + 1 : index + 2]]
    return min(others, key=lambda other: (abs(other - length), other))
