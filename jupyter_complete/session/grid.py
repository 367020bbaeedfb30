"""A sweep before it runs: its axes, its points, every call of it checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ..errors import InputError
from ..keys import refuse_key
from ..prices import dollars, total
from ..prompts import template_names
from ..reading import reading
from ..scope import Variables
from ..settings import CompletionSettings, parameters
from ..sweeps.points import PROMPT, Axis, Point, points
from ..sweeps.result import SweepResult
from ..sweeps.table import SweepRow
from ..sweeps.tasks import Limits, Task
from ..sweeps.variants import texts_of
from .clients import Bounds
from .plan import Call

ALIKE = "At temperature 0 the samples of a point are much the same."


def axis_settings() -> dict[str, type]:
    """Return the settings that can be an axis, each with the kind of its values."""
    return {one.name: one.axis for one in parameters() if one.axis}


def whole_sweep_settings() -> frozenset[str]:
    """Return the settings that hold for a sweep as a whole."""
    return frozenset(one.name for one in parameters() if not one.axis)


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """A sweep, every call of it checked, none sent."""

    tasks: tuple[Task, ...]
    axes: tuple[Axis, ...]
    samples: int
    id: str
    """Of its text, so that the same text has the same; of several, with + between."""
    filled: str
    """What fills every prompt besides the axes, as `Row.filled`."""
    limits: Limits
    bounds: Bounds
    executor: Executor | None = None
    fresh: bool = False
    history: bool = True
    notices: tuple[str, ...] = ()

    @property
    def most_output_tokens(self) -> int:
        """The most tokens that all answers together can have."""
        return sum(task.request.max_tokens_to_sample for task in self.tasks)

    @property
    def unanswered(self) -> SweepResult:
        """The sweep as it is before anything was sent."""
        rows = (SweepRow(task.point, task.sample, None) for task in self.tasks)
        return SweepResult(tuple(rows), self.axes, self.id)

    @property
    def summary(self) -> str:
        """The size of it, in one line."""
        count = len(self.tasks) // self.samples
        over = " \N{MULTIPLICATION SIGN} ".join(
            f"{'+'.join(axis.names)} ({len(axis)})" for axis in self.axes
        )
        return f"{over}: " * bool(over) + (
            f"{_counted(count, 'point')}, {_counted(self.samples, 'sample')} each, "
            f"{_counted(len(self.tasks), 'call')}, at most "
            f"{_counted(self.most_output_tokens, 'output token')}{self._at_most}"
        )

    @property
    def _at_most(self) -> str:
        """What it can cost, of what is known; nothing where nothing is paid."""
        most = [task.call.most for task in self.tasks]
        sum_ = None if None in most else total(most)
        return f", at most {dollars(sum_, up=True)}" if sum_ else ""


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def plan_sweep(
    text: str,
    axes: Sequence[Axis],
    values: Mapping[str, object],
    settings: CompletionSettings,
    prepare: Callable[[str, Mapping[str, object], CompletionSettings], Call],
    *,
    executor: Executor | None = None,
    fresh: bool = False,
) -> SweepPlan:
    """Return the sweep of a text, or of its variants; every call is checked.

    ``prepare`` builds one of a text, values and settings. Raises `InputError`.
    """
    texts = texts_of(text, tuple(axes))
    everywhere = Variables(dict(values))
    settings_at = _settings_at(settings)
    tasks: list[Task] = []
    notices: dict[str, None] = {}
    for point in points(axes, samples=settings.samples):
        here = settings_at(tuple(point.settings.items()))
        own = texts.get(str(point.values.get(PROMPT)), text)
        filled = Variables(_without_keys(point), everywhere)
        call = replace(prepare(own, filled, here), sweep=_digest(own))
        notices |= dict.fromkeys((*call.notices, *_advice(call, settings.samples)))
        calls = map(call.again, range(settings.samples))
        tasks += (Task(point, one.sample, one, one.request) for one in calls)
    return SweepPlan(
        tuple(tasks),
        tuple(axes),
        settings.samples,
        "+".join(dict.fromkeys(map(_digest, texts.values()))),
        _filled("\n".join(texts.values()), axes, values, settings),
        _limits(settings),
        Bounds.of(settings),
        executor,
        fresh,
        settings.history,
        tuple(notices),
    )


def _filled(
    text: str,
    axes: Sequence[Axis],
    values: Mapping[str, object],
    settings: CompletionSettings,
) -> str:
    """Return the digest of what fills the text at every point, whatever the axes do."""
    moving = {name for axis in axes for name in axis.names}
    names = [name for name in template_names(text) if name not in moving]
    fills = [(name, reading(name, values[name])) for name in names]
    wraps = [
        (name, getattr(settings, name))
        for name in ("system", "turns")
        if name not in moving
    ]
    return _digest(json.dumps([fills, wraps]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _without_keys(point: Point) -> dict[str, Any]:
    """Return a point's values, which are stored whether the prompt has them or not.

    Raises `CredentialError` for what looks like a key.
    """
    for value in point.values.values():
        if isinstance(value, str):
            refuse_key(value, "The sweep")
    return dict(point.values)


def _settings_at(
    settings: CompletionSettings,
) -> Callable[[tuple[tuple[str, Any], ...]], CompletionSettings]:
    """Return what tells the settings of a point; many points have the same."""
    # The ceiling is that of the whole sweep.
    settings = settings.changed({"max_cost": None})

    @lru_cache(256)
    def changed(point: tuple[tuple[str, Any], ...]) -> CompletionSettings:
        return settings.changed(dict(point)) if point else settings

    return changed


def _limits(settings: CompletionSettings) -> Limits:
    return Limits(
        concurrency=settings.concurrency,
        max_calls=settings.max_calls,
        max_output_tokens=settings.max_output_tokens,
        max_cost=settings.max_cost,
    )


def _advice(call: Call, samples: int) -> tuple[str, ...]:
    alike = samples > 1 and call.request.temperature == 0
    return (ALIKE,) if alike else ()


def check_sweep(
    plan: SweepPlan,
    to_send: Callable[[SweepPlan], Sequence[Task]],
    confirm_calls: int,
) -> None:
    """Raise `InputError` for a sweep that would send more calls than this."""
    if len(plan.tasks) <= confirm_calls:
        return
    calls = len(to_send(plan))
    if calls > confirm_calls:
        answered = len(plan.tasks) - calls
        known = f", {answered:,} of them answered already" if answered else ""
        raise InputError(
            f"This sweep is large ({plan.summary}{known}); add --yes to run it, or set "
            "CompletionSettings.confirm_calls higher."
        )
