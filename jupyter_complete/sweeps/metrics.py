"""What can be measured of the answers at a point, each with its interval and count."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..completion import Completion
from ..errors import InputError
from ..scores import SCORES
from .intervals import (
    Estimate,
    clustered_mean,
    clustered_share,
    difference,
    mean,
    share,
)
from .table import SweepRow
from .variety import distinct, self_bleu

Score = Callable[[Completion], float | bool | None]
"""A measure of one answer, for a notebook of its own."""
Values = list[float | bool]
STOP = "stop_reason="
_PASS = re.compile(r"pass([@^])([1-9]\d{0,3})")


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of a group of answers, of which only the complete ones count."""

    name: str
    title: str
    """What it is, in words, with its unit."""
    of: Callable[[Sequence[SweepRow]], Estimate | None]
    score: Callable[[SweepRow], float | bool | None] | None = None
    """The value of one answer, where the measure is a mean or a share of them."""

    def __call__(self, rows: Iterable[SweepRow]) -> Estimate | None:
        """Return the estimate; None where no answer can be measured."""
        return self.of(complete(rows))

    def values(self, rows: Iterable[SweepRow]) -> Values:
        """Return the value of each answer that has one; of none without a score."""
        found = map(self.score, complete(rows)) if self.score else ()
        return [one for one in found if one is not None and not math.isnan(one)]

    def label(self, n: str | int) -> str:
        """Name it with its unit and count."""
        return f"{self.title} (n = {n})"


def complete(rows: Iterable[SweepRow]) -> list[SweepRow]:
    """Return the answers that count: an interrupted one is shorter than it is."""
    return [
        row for row in rows if row.completion and row.completion.status == "complete"
    ]


def average(groups: Sequence[Values]) -> Estimate | None:
    """Return the share of what is true, or the mean, of values in groups.

    Each group has the answers to one prompt, which are more alike than those to two.
    """
    groups = [group for group in groups if group]
    if groups and all(isinstance(value, bool) for group in groups for value in group):
        return clustered_share([[bool(value) for value in group] for group in groups])
    return clustered_mean([[float(value) for value in group] for group in groups])


def _scored(name: str, title: str, score: Score) -> Metric:
    def of_row(row: SweepRow) -> float | bool | None:
        return None if row.completion is None else score(row.completion)

    def of(rows: Sequence[SweepRow]) -> Estimate | None:
        return average([[value] for value in metric.values(rows)])

    metric = Metric(name, title, of, of_row)
    return metric


def _tokens_per_second(completion: Completion) -> float | None:
    told = completion.usage and completion.usage.output_tokens
    return told / completion.seconds if told and completion.seconds else None


def _lines(completion: Completion) -> int:
    return sum(bool(line.strip()) for line in completion.text.splitlines())


def _texts(rows: Iterable[SweepRow]) -> list[str]:
    return [row.completion.text for row in rows if row.completion]


def _unique(rows: Sequence[SweepRow]) -> Estimate | None:
    return share(len({text.strip() for text in _texts(rows)}), len(rows))


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _scored("length", "characters, mean", lambda one: len(one.text)),
        _scored("words", "words, mean", lambda one: len(one.text.split())),
        _scored("lines", "lines that are not empty, mean", _lines),
        Metric("distinct_1", "distinct words / all", lambda r: distinct(_texts(r), 1)),
        Metric("distinct_2", "distinct pairs / all", lambda r: distinct(_texts(r), 2)),
        Metric("self_bleu", "self-BLEU-4, mean", lambda r: self_bleu(_texts(r))),
        Metric("unique", "unique answers, share", _unique),
        _scored(
            "first_token_seconds",
            "seconds to the first token, mean",
            lambda one: one.first_token_seconds,
        ),
        _scored("seconds", "seconds, mean", lambda one: one.seconds),
        _scored("cost", "US dollars, mean", lambda one: one.cost),
        _scored("tokens_per_second", "tokens a second, mean", _tokens_per_second),
    )
}
"""The measures that have a name, beside ``stop_reason=…`` for each stop reason, the
sweep's scores, and ``pass@K`` and ``pass^K`` of the first that is yes or no."""


def find(metric: str | Score | Metric, scores: Sequence[str] = ()) -> Metric:
    """Return the measure of a name, or of any ``Completion -> float``.

    A function of bools is a share. ``scores`` are those of the sweep, the first of
    which is ``score``, too. Raises `InputError` for an unknown name.
    """
    if isinstance(metric, Metric):
        return metric
    if callable(metric):
        name = getattr(metric, "__name__", "metric").strip("<>")
        return _scored(name, f"{name}, mean", metric)
    if metric.startswith(STOP):
        return stop_share(metric.removeprefix(STOP))
    if scores and (metric in scores or metric == "score"):
        return of_score(scores[0] if metric not in scores else metric)
    if scores and (match := _PASS.fullmatch(metric)):
        return _passing(scores, match[1], int(match[2]))
    name = metric.replace("-", "_")
    if name not in METRICS:
        names = ", ".join([*scores, *METRICS])
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


def of_score(name: str) -> Metric:
    """Return the measure of a score that the answers have, each item a cluster."""

    def of_row(row: SweepRow) -> float | bool | None:
        return row.marks.scores.get(name) if row.marks else None

    def of(rows: Sequence[SweepRow]) -> Estimate | None:
        items = _grouped(rows, lambda row: row.marks.item if row.marks else ())
        return average([metric.values(group) for group in items])

    yes_or_no = name.partition(":")[0] in SCORES or re.search("[<>]|[=!]=", name)
    kind = "share" if yes_or_no else "mean"
    metric = Metric(name, f"{name}, {kind}", of, of_row)
    return metric


def _grouped(
    rows: Iterable[SweepRow], key: Callable[[SweepRow], tuple[str, ...]]
) -> list[list[SweepRow]]:
    groups: dict[tuple[str, ...], list[SweepRow]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return [*groups.values()]


def _passing(scores: Sequence[str], kind: str, k: int) -> Metric:
    """Return the chance that of ``k`` answers to a prompt one is right, or all are.

    ``pass@k`` (``@``) by the unbiased estimator of Chen et al. 2021, "Evaluating Large
    Language Models Trained on Code", equation 1; ``pass^k`` (``^``) by that of Yao et
    al. 2024, "tau-bench", section 3. The first score that is yes or no counts.
    """
    name = f"pass{kind}{k}"

    def of(rows: Sequence[SweepRow]) -> Estimate | None:
        every = (of_score(score) for score in scores)
        metric = next((one for one in every if _is_yes_or_no(one, rows)), None)
        if metric is None:
            return None
        points = _grouped(rows, lambda row: tuple(map(str, row.point.values.values())))
        found = [values for point in points if (values := metric.values(point))]
        most = max(map(len, found))
        if most < k:
            raise InputError(
                f"{name} wants at least {k} answers to each prompt, and there are at "
                f"most {most}; ask for more with -n {k}."
            )
        of_k = _any_of if kind == "@" else _all_of
        enough = [values for values in found if len(values) >= k]
        return mean([of_k(len(one), round(sum(one)), k) for one in enough])

    what = "any" if kind == "@" else "all"
    return Metric(name, f"{name}: {what} of {k} right, mean over prompts", of)


def _is_yes_or_no(metric: Metric, rows: Sequence[SweepRow]) -> bool:
    values = metric.values(rows)
    return bool(values) and all(isinstance(value, bool) for value in values)


def _any_of(n: int, right: int, k: int) -> float:
    return 1 - math.comb(n - right, k) / math.comb(n, k)


def _all_of(n: int, right: int, k: int) -> float:
    return math.comb(right, k) / math.comb(n, k)


def chosen(
    metrics: Sequence[str | Score | Metric],
    rows: Sequence[SweepRow],
    scores: Sequence[str] = (),
) -> tuple[Metric, ...]:
    """Return the measures asked for; of none, all, and each stop reason."""
    if metrics:
        return tuple(find(metric, scores) for metric in metrics)
    made = (row.completion for row in complete(rows))
    reasons = {one.stop_reason for one in made if one and one.stop_reason}
    own = map(of_score, scores)
    return (*own, *METRICS.values(), *(stop_share(one) for one in sorted(reasons)))


def paired(
    metric: Metric, pairs: Sequence[tuple[Sequence[SweepRow], Sequence[SweepRow]]]
) -> Estimate | None:
    """Return how much higher the second of each pair of groups is, on the mean.

    A pair is one prompt under two conditions, and n counts the pairs. One pair alone
    is compared by its answers.
    """
    if len(pairs) == 1 and metric.score is not None:
        first, second = (
            [float(value) for value in metric.values(group)] for group in pairs[0]
        )
        return difference(first, second)
    return mean([other - one for one, other in both(metric, pairs)])


def both(
    metric: Metric, pairs: Sequence[tuple[Sequence[SweepRow], Sequence[SweepRow]]]
) -> list[tuple[float, float]]:
    """Return the measure of both groups of each pair, where both have one."""
    found = ((metric(low), metric(high)) for low, high in pairs)
    return [(one.value, other.value) for one, other in found if one and other]


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
