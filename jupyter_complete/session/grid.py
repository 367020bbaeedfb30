"""A sweep before it runs: its axes, its points, every call of it checked."""

from __future__ import annotations

import hashlib
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..errors import InputError
from ..settings import CompletionSettings, parameters
from ..sweep import axes as sweep_axes
from ..sweep.result import Sweep
from ..sweep.tasks import Limits, Run, Task
from .plan import Call


def axis_settings() -> dict[str, type]:
    """Give the settings that can be an axis, each with the kind of its values."""
    return {one.name: one.axis for one in parameters() if one.axis}


def whole_sweep_settings() -> frozenset[str]:
    """Give the settings that hold for a sweep as a whole."""
    return frozenset(one.name for one in parameters() if not one.axis)


class Sent(NamedTuple):
    """A call of a sweep as it goes to a worker; it pickles, and holds no key."""

    place: int
    call: Call
    timeouts: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """A sweep, every call of it checked, none sent."""

    tasks: tuple[Task, ...]
    axes: tuple[sweep_axes.Axis, ...]
    samples: int
    id: str
    limits: Limits
    executor: Executor | None = None
    fresh: bool = False
    history: bool = True
    notices: tuple[str, ...] = ()

    @property
    def most_output_tokens(self) -> int:
        """The most tokens that all answers together can have."""
        return sum(task.request.max_tokens_to_sample for task in self.tasks)

    @property
    def unanswered(self) -> Sweep:
        """The sweep as it is before anything was sent."""
        nothing = Run((None,) * len(self.tasks))
        return Sweep.of(self.tasks, nothing, axes=self.axes, id=self.id)

    @property
    def summary(self) -> str:
        """The size of it, in one line."""
        points = len(self.tasks) // self.samples
        over = " × ".join(  # noqa: RUF001 - it is a multiplication
            f"{'+'.join(axis.names)} ({len(axis)})" for axis in self.axes
        )
        return f"{over}: " * bool(over) + (
            f"{_counted(points, 'point')}, {_counted(self.samples, 'sample')} each, "
            f"{_counted(len(self.tasks), 'call')}, at most "
            f"{_counted(self.most_output_tokens, 'output token')}"
        )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def plan_sweep(
    text: str,
    axes: Sequence[sweep_axes.Axis],
    values: Mapping[str, object],
    settings: CompletionSettings,
    prepare: Callable[[Mapping[str, object], Mapping[str, Any]], Call],
    *,
    executor: Executor | None = None,
    fresh: bool = False,
) -> SweepPlan:
    """Give the sweep of a text over the axes; every call is built and checked.

    ``prepare`` builds a call of a text's values and a point's settings. Raises
    `InputError` for the first that is refused; nothing is sent.
    """
    samples = settings.samples
    number = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    timeouts = (settings.connect_timeout, settings.read_timeout)
    tasks: list[Task] = []
    notices: dict[str, None] = {}
    for point in sweep_axes.points(axes, samples=samples):
        call = prepare(ChainMap(dict(point.values), dict(values)), point.settings)
        notices |= dict.fromkeys(call.notices)
        if samples > 1 and call.request.temperature == 0:
            notices["At temperature 0 the samples of a point are much the same."] = None
        for sample in range(samples):
            one = replace(call.again(sample), sweep=number, stream=call.stream)
            sent = Sent(len(tasks), one, timeouts)
            tasks.append(Task(point, sample, sent, one.request))
    return SweepPlan(
        tuple(tasks),
        tuple(axes),
        samples,
        number,
        Limits(
            concurrency=settings.concurrency,
            max_calls=settings.max_calls,
            max_output_tokens=settings.max_output_tokens,
        ),
        executor,
        fresh,
        settings.history,
        tuple(notices),
    )


def check_sweep(plan: SweepPlan, confirm_calls: int, *, yes: bool) -> None:
    """Raise `InputError` for a sweep so large that it wants a yes."""
    if len(plan.tasks) > confirm_calls and not yes:
        raise InputError(
            f"This sweep is large ({plan.summary}); add --yes to run it, or set "
            "CompletionSettings.confirm_calls higher."
        )
