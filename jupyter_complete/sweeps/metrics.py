"""What can be measured of the answers at a point, each with its interval and count."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..completion import Completion
from ..errors import InputError
from .intervals import Estimate, difference, jackknife, mean, share

Score = Callable[[Completion], float | bool | None]
STOP = "stop_reason="
_TOKEN = re.compile(r"\w+|[^\w\s]")
_LONGEST = 4
_SMALLEST = 0.1
"""What a missing n-gram counts ("method 1" of Chen and Cherry 2014)."""

Gram = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of a group of answers, of which only the complete ones count."""

    name: str
    title: str
    """What it is, in words, with its unit."""
    of: Callable[[Sequence[Completion]], Estimate | None]
    score: Score | None = None
    """The value of one answer, where the measure is a mean or a share of them."""

    def __call__(self, completions: Iterable[Completion]) -> Estimate | None:
        """Return the estimate; None where no answer can be measured."""
        return self.of(complete(completions))

    def label(self, n: str | int) -> str:
        """Name it with its unit and count."""
        return f"{self.title} (n = {n})"


def complete(completions: Iterable[Completion]) -> list[Completion]:
    """Return the answers that count: an interrupted one is shorter than it is."""
    return [one for one in completions if one.status == "complete"]


def _scores(score: Score, completions: Iterable[Completion]) -> list[float | bool]:
    found = (score(completion) for completion in completions)
    return [value for value in found if value is not None and not math.isnan(value)]


def _average(score: Score, completions: Iterable[Completion]) -> Estimate | None:
    values = _scores(score, completions)
    if values and all(isinstance(value, bool) for value in values):
        return share(sum(map(bool, values)), len(values))
    return mean([float(value) for value in values])


def _scored(name: str, title: str, score: Score) -> Metric:
    return Metric(name, title, partial(_average, score), score)


def _tokens_per_second(completion: Completion) -> float | None:
    told = completion.usage and completion.usage.output_tokens
    return told / completion.seconds if told and completion.seconds else None


def _texts(completions: Iterable[Completion]) -> list[str]:
    return [completion.text for completion in completions]


def _unique(completions: Sequence[Completion]) -> Estimate | None:
    return share(len({text.strip() for text in _texts(completions)}), len(completions))


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


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _scored("length", "characters, mean", lambda one: len(one.text)),
        _scored("words", "words, mean", lambda one: len(one.text.split())),
        Metric("distinct_1", "distinct words / all", lambda c: distinct(_texts(c), 1)),
        Metric("distinct_2", "distinct pairs / all", lambda c: distinct(_texts(c), 2)),
        Metric("self_bleu", "self-BLEU-4, mean", lambda c: self_bleu(_texts(c))),
        Metric("unique", "unique answers, share", _unique),
        _scored(
            "first_token_seconds",
            "seconds to the first token, mean",
            lambda one: one.first_token_seconds,
        ),
        _scored("seconds", "seconds, mean", lambda one: one.seconds),
        _scored("tokens_per_second", "tokens a second, mean", _tokens_per_second),
    )
}
"""The measures that have a name, beside ``stop_reason=…`` for each stop reason."""


def find(metric: str | Score | Metric) -> Metric:
    """Return the measure of a name, or of any ``Completion -> float``.

    A function of bools is a share. Raises `InputError` for an unknown name.
    """
    if isinstance(metric, Metric):
        return metric
    if callable(metric):
        name = getattr(metric, "__name__", "metric").strip("<>")
        return _scored(name, f"{name}, mean", metric)
    if metric.startswith(STOP):
        return stop_share(metric.removeprefix(STOP))
    name = metric.replace("-", "_")
    if name not in METRICS:
        names = ", ".join(METRICS)
        raise InputError(
            f"metric is {metric!r}; choose from {names}, {STOP}max_tokens, or give "
            "a function of a completion."
        )
    return METRICS[name]


def stop_share(reason: str) -> Metric:
    """Return the measure of how many answers ended for that reason."""
    return _scored(
        f"{STOP}{reason}",
        f"ended by {reason}, share",
        lambda one: one.stop_reason == reason,
    )


def chosen(
    metrics: Sequence[str | Score | Metric], completions: Sequence[Completion]
) -> tuple[Metric, ...]:
    """Return the measures asked for; all of them, and each stop reason, for none."""
    if metrics:
        return tuple(find(metric) for metric in metrics)
    reasons = {one.stop_reason for one in complete(completions) if one.stop_reason}
    return (*METRICS.values(), *(stop_share(reason) for reason in sorted(reasons)))


def paired(
    metric: Metric, pairs: Sequence[tuple[Sequence[Completion], Sequence[Completion]]]
) -> Estimate | None:
    """Return how much higher the second of each pair of groups is, on the mean.

    A pair is one prompt under two conditions, and n counts the pairs. One pair alone
    is compared by its answers.
    """
    if len(pairs) == 1 and metric.score is not None:
        first, second = (
            [float(value) for value in _scores(metric.score, complete(group))]
            for group in pairs[0]
        )
        return difference(first, second)
    found: list[float] = []
    for low, high in pairs:
        one, other = metric(low), metric(high)
        if one is not None and other is not None:
            found.append(other.value - one.value)
    return mean(found)


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure at one point."""

    values: Mapping[str, Any]
    """The point: the value of each name."""
    metric: Metric
    estimate: Estimate | None

    @property
    def label(self) -> str:
        """The measure's name with its unit and the count at this point."""
        return self.metric.label(self.estimate.n if self.estimate else 0)
