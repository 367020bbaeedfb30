"""What can be measured of the answers at a point, each with its interval and count."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..completion import Completion
from ..errors import InputError
from .diversity import distinct, self_bleu
from .intervals import Estimate, difference, mean, share

Score = Callable[[Completion], float | bool | None]
STOP = "stop_reason="


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
