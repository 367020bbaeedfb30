"""A sweep from its axes to its result: every call checked first, each answer kept."""

from __future__ import annotations

import functools
import hashlib
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..cancel import Cancel
from ..client import Client
from ..completion import Completion, CompletionRequest
from ..embedded.app import make_app
from ..embedded.model import load_models
from ..embedded.transport import EmbeddedAdapter
from ..errors import InputError
from ..keys import Keys
from ..settings import CompletionSettings, parameters
from ..sweep import axes as sweep_axes
from ..sweep.result import Doors, Sweep
from ..sweep.run import run
from ..sweep.table import Row
from ..sweep.tasks import Ended, Hooks, Limits, Progress, Task
from .ask import Gathering, Outcome, ask
from .keeping import begin
from .plan import Call

if TYPE_CHECKING:
    from ..history import History
    from ..history import Row as HistoryRow
    from .journal import Journal

# The settings that steer a sweep, or the whole of it, and are no axis of one.
_NO_AXES = frozenset({"format", "history", "reuse"})
_KINDS: Mapping[str, type] = {
    "temperature": float,
    "top_p": float,
    "top_k": int,
    "max_tokens": int,
    "seed": int,
    "logprobs": int,
    "stop": list,
    "betas": list,
    "stream": bool,
}


def axis_settings() -> dict[str, type]:
    """Give the settings that can be an axis, each with the kind of its values."""
    return {
        parameter.name: _KINDS.get(parameter.name, str)
        for parameter in parameters()
        if not parameter.sweep and parameter.name not in _NO_AXES
    }


def whole_sweep_settings() -> frozenset[str]:
    """Give the settings that hold for a sweep as a whole."""
    return _NO_AXES | {p.name for p in parameters() if p.sweep}


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
    def summary(self) -> str:
        """The size of it, in one line."""
        points = len(self.tasks) // self.samples
        over = " × ".join(  # noqa: RUF001 - it is a multiplication
            f"{'+'.join(axis.names)} ({len(axis)})" for axis in self.axes
        )
        return (
            f"{over}: {points:,} points, {self.samples:,} samples each, "
            f"{len(self.tasks):,} calls, at most {self.most_output_tokens:,} "
            "output tokens"
        )


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


class Sweeping:
    """Runs planned sweeps over one client, and keeps every answer in the history."""

    def __init__(
        self,
        client: Client,
        history: History | None,
        journal: Journal | None,
        plot: Callable[..., Any] | None = None,
    ) -> None:
        self._client = client
        self._history = history
        self._journal = journal
        self._plot = plot

    def run(
        self,
        plan: SweepPlan,
        *,
        on_progress: Callable[[Progress], object] = lambda _: None,
        stop: Cancel | None = None,
    ) -> Sweep:
        """Ask for what the history lacks; give the sweep. Ctrl-C ends it, kept."""
        kept = _Kept(plan, self._history)
        local = plan.executor is None or isinstance(plan.executor, ThreadPoolExecutor)
        result = run(
            plan.tasks,
            functools.partial(self._ask, kept) if local else ask_elsewhere,
            limits=plan.limits,
            executor=plan.executor,
            hooks=Hooks(
                stored=kept.stored,
                on_start=kept.on_start,
                on_end=kept.on_end,
                on_progress=on_progress,
            ),
            stop=stop,
        )
        result = result._replace(notices=(*plan.notices, *result.notices))
        again = replace(plan, fresh=False)
        doors = Doors(lambda _: self.run(again), self._plot)
        return Sweep.of(plan.tasks, result, axes=plan.axes, id=plan.id, doors=doors)

    def _ask(self, kept: _Kept, sent: Sent, cancel: Cancel | None) -> Outcome:
        gathering = Gathering(sent.call)
        row = kept.rows.get(sent.place)
        if self._journal and row is not None:
            self._journal.add(row, gathering.text)
        try:
            return ask(
                sent.call,
                self._client,
                gathering,
                on_text=None,
                cancel=cancel or Cancel(),
                retries=0,
            )
        finally:
            if self._journal and row is not None:
                self._journal.remove(row)


class _Kept:
    """The rows of one run of a sweep in the history."""

    def __init__(self, plan: SweepPlan, history: History | None) -> None:
        self._plan = plan
        self._history = history if plan.history else None
        self.rows: dict[int, int] = {}
        self._stored: dict[tuple[CompletionRequest, str, int], Completion] = {}
        if self._history and not plan.fresh:
            for row in self._history.search(n=None, sweep=plan.id, status="complete"):
                one = row.completion
                key = (one.request, row.base_url, one.sample)
                self._stored.setdefault(key, one)

    def stored(self, task: Task) -> Completion | None:
        """Give what an earlier run of the same cell answered."""
        call: Call = task.call.call
        return self._stored.get((call.request, call.endpoint.base_url, task.sample))

    def on_start(self, place: int) -> None:
        """Write a call down before it is sent."""
        if self._history is None:
            return
        task = self._plan.tasks[place]
        point = {name: _kept_value(value) for name, value in task.point.values.items()}
        row = begin(self._history, task.call.call, point)
        if row is not None:
            self.rows[place] = row

    def on_end(self, ended: Sequence[Ended]) -> Sequence[Ended]:
        """Store how calls ended, before anyone sees them."""
        if self._history is None:
            return ended
        stored = []
        for place, completion in ended:
            row = self.rows.pop(place, None)
            if row is not None:
                row = self._history.finish(row, completion)
            stored.append(Ended(place, replace(completion, history_id=row)))
        return stored


def _kept_value(value: object) -> object:
    """Give the value of an axis as the history can hold it."""
    if isinstance(value, (list, tuple)):
        return [_kept_value(item) for item in value]
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def restored(
    rows: Sequence[HistoryRow], number: str, plot: Callable[..., Any] | None
) -> Sweep:
    """Give the sweep of its rows in the history: the newest answer of each call."""
    names = frozenset(axis_settings())
    newest: dict[tuple[str, int], Row] = {}
    for row in rows:
        values = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in (row.point or {}).items()
        }
        point = sweep_axes.Point(values, names & set(values))
        key = (repr(values), row.completion.sample)
        if key in newest and row.status != "complete":
            continue
        newest[key] = Row(point, row.completion.sample, row.completion)
    return Sweep(tuple(newest.values()), id=number, doors=Doors(None, plot))


@functools.cache
def _worker_client(timeouts: tuple[float, float]) -> Client:
    """Give this process's own client; its keys come from its own environment."""
    connect, read = timeouts
    return Client(
        Keys(),
        connect_timeout=connect,
        read_timeout=read,
        retries=0,
        adapters={"embedded://": EmbeddedAdapter(make_app(load_models()))},
    )


def ask_elsewhere(sent: Sent, cancel: Cancel | None = None) -> Outcome:
    """Answer a call of a sweep in a worker process, which finds its own key."""
    outcome = ask(
        sent.call,
        _worker_client(sent.timeouts),
        Gathering(sent.call),
        on_text=None,
        cancel=cancel or Cancel(),
        retries=0,
    )
    return replace(outcome, headers=dict(outcome.headers))


def check_sweep(plan: SweepPlan, confirm_calls: int, *, yes: bool) -> None:
    """Raise `InputError` for a sweep so large that it wants a yes."""
    if len(plan.tasks) > confirm_calls and not yes:
        raise InputError(
            f"This sweep is large ({plan.summary}); add --yes to run it, or set "
            "CompletionSettings.confirm_calls higher."
        )
