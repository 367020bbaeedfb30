"""A sweep while it runs: asked here or in workers, each answer kept."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ..cancel import Cancel
from ..client import Client
from ..completion import Completion, Outcome
from ..errors import HistoryError
from ..keys import Keys
from ..prices import refuse_cost
from ..reading import reading
from ..request import CompletionRequest
from ..sweeps.result import SweepResult
from ..sweeps.run import run
from ..sweeps.tasks import Finished, Hooks, Progress, Task
from .ask import CompletionBuilder, LeftOut, ask
from .clients import Bounds, client_of
from .grid import SweepPlan
from .keeping import ended, sending

if TYPE_CHECKING:
    from ..history import Entry, History
    from .plan import Call

_Key = tuple[CompletionRequest, str, str, int]
"""A request, the URL and the dialect that it goes to and in, and which sample it is."""


class Sweeping:
    """Runs planned sweeps over one client, and keeps every answer in the history."""

    def __init__(
        self,
        client: Client,
        history: History | None,
        left_out: LeftOut,
    ) -> None:
        self._client = client
        self._history = history
        self._left_out = left_out

    def run(
        self,
        plan: SweepPlan,
        *,
        on_progress: Callable[[Progress], object] = lambda _: None,
        earlier: SweepResult | None = None,
    ) -> SweepResult:
        """Ask for what the history lacks; return the sweep, also after Ctrl-C.

        What ``earlier`` has, a part of the same sweep, is not asked for again.
        """
        _refuse_cost(plan, self._history)
        recorder = SweepRecorder(plan, self._history, earlier)
        local = plan.executor is None or isinstance(plan.executor, ThreadPoolExecutor)
        try:
            result = run(
                plan.tasks,
                functools.partial(self._ask, recorder)
                if local
                else functools.partial(ask_elsewhere, plan.bounds),
                limits=plan.limits,
                executor=plan.executor,
                hooks=recorder.hooks(on_progress),
            )
        finally:
            recorder.release()
        answered = (notice for one in result for notice in one.notices)
        again = replace(plan, fresh=False)
        # A part of the sweep may resume it, too, so the whole is held for it.
        whole = replace(
            result,
            axes=plan.axes,
            id=plan.id,
            notices=tuple(dict.fromkeys((*plan.notices, *answered, *result.notices))),
            again=lambda: self.run(again, earlier=whole),
        )
        return whole

    def _ask(
        self, recorder: SweepRecorder, call: Call, cancel: Cancel | None
    ) -> Outcome:
        builder = CompletionBuilder(call)
        entry = recorder.entry(call)
        with contextlib.ExitStack() as keeping:
            if self._history and entry is not None:
                keeping.enter_context(self._history.followed(entry, builder.text))
            return ask(
                call,
                self._client,
                builder,
                on_text=None,
                cancel=cancel or Cancel(),
                left_out=self._left_out,
                retries=0,
            )


class SweepRecorder:
    """Writes the calls of a run to the history, and finds those answered earlier."""

    def __init__(
        self,
        plan: SweepPlan,
        history: History | None,
        earlier: SweepResult | None = None,
    ) -> None:
        self._plan = plan
        self._any = history if not plan.fresh else None
        self._history = history if plan.history else None
        self._entries: dict[int, Entry] = {}
        # Two calls of a sweep may be equal; each is an object of its own.
        self._indexes = {id(task.call): index for index, task in enumerate(plan.tasks)}
        self._stored: dict[_Key, Completion] = {}
        if earlier is not None:
            for task, mine in zip(plan.tasks, earlier.rows, strict=True):
                if mine.completion and mine.completion.status == "complete":
                    self._stored[_key(task)] = mine.completion
        if self._history and not plan.fresh:
            self._read(self._history)

    def _read(self, history: History) -> None:
        """Note what earlier runs answered; a history that cannot be read has nothing.

        It gives its warning when the first call is to be written down.
        """
        with contextlib.suppress(HistoryError):
            for sweep in self._plan.id.split("+"):
                for row in history.answers(sweep):
                    one = row.completion
                    key = (one.request, row.base_url, one.dialect, one.sample)
                    self._stored.setdefault(key, one)

    def entry(self, call: Call) -> Entry | None:
        """Return the entry of a call that runs in this process."""
        return self._entries.get(self._indexes[id(call)])

    def hooks(self, on_progress: Callable[[Progress], object]) -> Hooks:
        """Return what a run asks and tells."""
        return Hooks(self.stored, self.on_start, self.on_end, on_progress)

    def stored(self, task: Task) -> Completion | None:
        """Return what an earlier run of the same cell, or any that may, answered."""
        call: Call = task.call
        found = self._stored.get(_key(task))
        if found is None and call.reuse and self._any is not None:
            return self._any.answered(call.request, call.endpoint, task.sample)
        return found

    def on_start(self, index: int) -> Completion | Literal["held"] | None:
        """Write a call down before it is sent, unless another kernel has done so.

        Gives what that one was answered, or ``held`` while it asks.
        """
        if self._history is None:
            return None
        task = self._plan.tasks[index]
        point = {
            name: _storable(name, value) for name, value in task.point.asked.items()
        }
        fields = sending(task.call, point, self._plan.filled)
        if self._plan.fresh:
            self._entries[index] = self._history.begin(**fields)
            return None
        claimed = self._history.claim(**fields)
        if claimed is None or isinstance(claimed, Completion):
            return claimed or "held"
        self._entries[index] = claimed
        return None

    def release(self) -> None:
        """Leave to other kernels what was not answered; a worker still may."""
        for entry in [*self._entries.values()]:
            if self._history is not None:  # pragma: no branch - else there are none
                self._history.release(entry)

    def on_end(self, news: Sequence[Finished]) -> Sequence[Finished]:
        """Store how calls ended, before anyone sees them."""
        stored = []
        for one in news:
            completion, entry = one.completion, self._entries.pop(one.index, None)
            if self._history is not None and entry is not None:
                completion = ended(self._history, entry, completion)
            stored.append(Finished(one.index, completion))
        return stored


def to_send(plan: SweepPlan, history: History | None) -> tuple[Task, ...]:
    """Return the calls of a sweep that a run would send: those the history lacks."""
    recorder = SweepRecorder(plan, history)
    return tuple(task for task in plan.tasks if recorder.stored(task) is None)


def _refuse_cost(plan: SweepPlan, history: History | None) -> None:
    """Raise `InputError` for a sweep that can cost more than its ceiling."""
    if plan.limits.max_cost is not None:
        asked = to_send(plan, history)
        unknown = [one.request.model for one in asked if one.call.most is None]
        what = unknown[0] if unknown else ""
        refuse_cost([one.call.most for one in asked], plan.limits.max_cost, what)


def _key(task: Task) -> _Key:
    call: Call = task.call
    return call.request, call.endpoint.base_url, call.dialect.name, task.sample


def _storable(name: str, value: object) -> object:
    """Return the value of an axis as the history can hold it: else what it reads as."""
    if isinstance(value, (list, tuple)):
        return [_storable(name, item) for item in value]
    plain = value is None or type(value) in (bool, int, float, str)
    return value if plain else reading(name, value)


_WORKER_LEFT_OUT = LeftOut()
"""What this process, if it is a worker, found endpoints to refuse."""


@functools.cache
def _worker_client(bounds: Bounds) -> Client:
    """Return this process's own client; its keys come from its own environment."""
    return client_of(Keys(), bounds, retries=0)


def ask_elsewhere(bounds: Bounds, call: Call, cancel: Cancel | None = None) -> Outcome:
    """Answer a call of a sweep in a worker process, which finds its own key."""
    outcome = ask(
        call,
        _worker_client(bounds),
        CompletionBuilder(call),
        on_text=None,
        cancel=cancel or Cancel(),
        left_out=_WORKER_LEFT_OUT,
        retries=0,
    )
    return replace(outcome, headers=dict(outcome.headers))
