"""A sweep while it runs: asked here or in workers, each answer kept."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from ..cancel import Cancel
from ..client import Client
from ..completion import Completion, CompletionRequest
from ..keys import Keys
from ..sweep import axes as sweep_axes
from ..sweep.result import Doors, Sweep
from ..sweep.run import run
from ..sweep.table import Row
from ..sweep.tasks import Ended, Hooks, Progress, Task
from .ask import Gathering, Outcome, ask
from .clients import client_of
from .grid import Sent, SweepPlan, axis_settings
from .keeping import begin

if TYPE_CHECKING:
    from ..history import History
    from ..history import Row as HistoryRow
    from .journal import Journal
    from .plan import Call


class Sweeping:
    """Runs planned sweeps over one client, and keeps every answer in the history."""

    def __init__(
        self,
        client: Client,
        history: History | None,
        journal: Journal | None,
        doors: Doors,
    ) -> None:
        self._client = client
        self._history = history
        self._journal = journal
        self._doors = doors

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
        doors = replace(self._doors, resume=lambda _: self.run(again))
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


def restored(rows: Sequence[HistoryRow], number: str, doors: Doors) -> Sweep:
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
    return Sweep(tuple(newest.values()), id=number, doors=doors)


@functools.cache
def _worker_client(timeouts: tuple[float, float]) -> Client:
    """Give this process's own client; its keys come from its own environment."""
    return client_of(Keys(), *timeouts, retries=0)


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
