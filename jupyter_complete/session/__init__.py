"""Settings, client and history in one hand: what the magics, panel and Python call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..cancel import Cancel
from ..completion import Completion, Outcome
from ..errors import AuthenticationError, HistoryError
from ..history import History
from ..keys import Keys
from .ask import CompletionBuilder, OnText, ask, count, templated
from .clients import SharedClient
from .code import call_of, code
from .distribution import UNSHAPED, distribution
from .grid import (
    SweepPlan,
    axis_settings,
    check_sweep,
    plan_sweep,
    whole_sweep_settings,
)
from .judging import Judge, judge_of
from .keeping import kept
from .locals import load
from .plan import Call, Origin, plan
from .restoring import restored
from .routes import Routes
from .running import Running, follow
from .sweeping import Sweeping, to_send

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from pathlib import Path

    from ..distribution import Distribution
    from ..settings import CompletionSettings
    from ..sweeps.points import Axis
    from ..sweeps.result import SweepResult
    from ..sweeps.tasks import Progress, Task

__all__ = [
    "UNSHAPED",
    "Call",
    "Judge",
    "Origin",
    "Outcome",
    "Running",
    "Session",
    "SweepPlan",
    "axis_settings",
    "check_sweep",
    "judge_of",
    "whole_sweep_settings",
]


class Session:
    """Completes prompts with one set of settings, one pool of connections, one history.

    ``keys`` finds an endpoint's key at the time of use. ``history`` is None where
    nothing is to be stored.
    """

    def __init__(
        self,
        settings: CompletionSettings,
        *,
        history: History | None = None,
        keys: Keys | None = None,
        warnings: list[str] | None = None,
    ) -> None:
        self.settings = settings
        self.history = history
        self._keys = keys or Keys()
        self._client = SharedClient(self._keys, settings)
        self.routes = Routes(self._client)
        self._warnings = [] if warnings is None else warnings
        self.tell: Callable[[str], object] = lambda _: None  # what is waited for

    @classmethod
    def opened(
        cls,
        settings: CompletionSettings,
        directory: Path,
        ask_key: Callable[[str], str] | None,
    ) -> Session:
        """Return a session with its history in the directory and the user's keys.

        ``ask_key`` asks the user for a key, hidden; None where nobody can answer.
        """
        warnings: list[str] = []
        history = History(directory / "completions.sqlite", warn=warnings.append)
        return cls(settings, history=history, keys=Keys(ask_key), warnings=warnings)

    def prepare(
        self,
        text: str,
        values: Mapping[str, object] | None = None,
        *,
        origin: Origin | None = None,
        cancel: Cancel | None = None,
        **overrides: object,
    ) -> Call:
        """Return the checked call for a text; nothing is sent, no setting moves.

        ``values`` fill ``{{name}}``; ``overrides`` are settings by name. An endpoint
        that does not say what it speaks is asked once; ``cancel`` ends that. Raises
        `InputError`, and what asking raises.
        """
        settings = self.settings.changed(overrides) if overrides else self.settings
        route = self.routes.find(settings, cancel)
        return plan(text, values or {}, settings, route, origin or Origin())

    def preview(
        self,
        text: str,
        values: Mapping[str, object] | None = None,
        **overrides: object,
    ) -> Call | None:
        """Return the call as `prepare` would, asking no endpoint anything.

        None where one has to be asked first what it speaks. Raises `InputError`.
        """
        settings = self.settings.changed(overrides) if overrides else self.settings
        route = self.routes.preview(settings)
        if route is None:
            return None
        return plan(text, values or {}, settings, route, Origin())

    def ask(
        self,
        call: Call,
        *,
        on_text: OnText | None = None,
        cancel: Cancel | None = None,
        retries: int | None = None,
        builder: CompletionBuilder | None = None,
    ) -> Outcome:
        """Send the call and store its answer, in this thread, until it ends.

        ``on_text`` gets each increment in this thread. Setting ``cancel`` from
        another ends it within 200 ms, as ``interrupted``. Never raises for what the
        endpoint did: see `Outcome`.
        """
        if call.reuse and (earlier := self._answered(call)):
            if on_text:
                on_text(earlier.text)
            return Outcome(earlier)
        builder = builder or CompletionBuilder(call)
        with kept(call, builder, self.history) as keep:
            outcome = ask(
                call,
                self._client(),
                builder,
                on_text=on_text,
                cancel=cancel or Cancel(),
                left_out=self.routes.left_out,
                retries=retries,
            )
            if isinstance(outcome.error, AuthenticationError):
                self._keys.forget(call.endpoint)
            return keep(outcome)

    def ready(self, call: Call) -> None:
        """Have the call's key, which is asked for here, and its model in memory."""
        call.refuse_offline()
        self._keys(call.endpoint)
        load(call.endpoint, self.settings.local_idle, self.tell)

    def start(self, call: Call) -> Running:
        """Start the call in a thread of its own, after `ready` in ours."""
        self.ready(call)
        builder = CompletionBuilder(call)
        return Running(
            functools.partial(self.ask, call, builder=builder),
            lambda: builder.completion("interrupted"),
        )

    def complete(self, call: Call, *, on_text: OnText | None = None) -> Completion:
        """Complete, showing each increment through ``on_text`` in this thread.

        Raises the call's `CompleteError`, and `CompletionInterrupted` on Ctrl-C;
        both carry the completion that was kept, as ``completion``.
        """
        return self.follow(self.start(call), on_text=on_text)

    def follow(self, running: Running, *, on_text: OnText | None = None) -> Completion:
        """Show a call that `start` started until it ends; see `complete`."""
        return follow(running, on_text)

    def templated(self, call: Call) -> str:
        """Return the prompt as the model reads it. Raises as `count`."""
        self.ready(call)
        return templated(call, self._client())

    def count(self, call: Call) -> int:
        """Return how many tokens the call's prompt has, as its endpoint counts.

        Raises `InputError` where the endpoint does not count, and as `Outcome.error`.
        """
        return count(call, self._client())

    def distribution(
        self, call: Call, *, prompt: str | None = None, cancel: Cancel | None = None
    ) -> Distribution:
        """Return what can come after a call's prompt; it is not kept in the history.

        The call is prepared with `UNSHAPED`; ``prompt``, as the model is to have it,
        takes the place of its own. Raises `InputError` where none are told.
        """
        if prompt is not None:
            call = replace(call, request=replace(call.request, prompt=prompt))
        return distribution(call, functools.partial(self.ask, cancel=cancel))

    def code(self, asked: Call | Completion, kind: str, **more: Any) -> str:
        """Return code that sends the same request, the key from the environment.

        ``kind``: ``curl``, ``requests``, ``sdk`` or ``magic``, which says ``more``
        options, too. Raises `InputError`.
        """
        if isinstance(asked, Completion):
            asked = call_of(asked, self.settings, self.routes)
        return code(asked, kind, self.settings, more)

    def warnings(self) -> list[str]:
        """Return the lines the user should read that no call carries, each once."""
        lines = self._warnings  # which another thread may add to meanwhile
        return [lines.pop(0) for _ in range(len(lines))]

    def plan_sweep(
        self,
        text: str,
        axes: Sequence[Axis],
        values: Mapping[str, object],
        *,
        executor: Executor | None = None,
        fresh: bool = False,
        origin: Origin | None = None,
        **overrides: object,
    ) -> SweepPlan:
        """Return the sweep of a text over the axes, checked. Raises `InputError`."""
        settings = self.settings.changed(overrides)

        def prepare(
            text: str, values: Mapping[str, object], here: CompletionSettings
        ) -> Call:
            route = self.routes.find(here)
            return plan(text, values, here, route, origin or Origin())

        return plan_sweep(
            text, axes, values, settings, prepare, executor=executor, fresh=fresh
        )

    def to_send(self, plan: SweepPlan) -> tuple[Task, ...]:
        """Return the calls that a run of the sweep would send, those not answered."""
        return to_send(plan, self.history)

    def sweep(
        self,
        plan: SweepPlan,
        *,
        on_progress: Callable[[Progress], object] = lambda _: None,
    ) -> SweepResult:
        """Run a sweep; return it with all that was answered, errors among it.

        ``on_progress`` is called in this thread, at most ten times a second. Ctrl-C
        ends it within a second: see `SweepResult.interrupted`.
        """
        for call in {task.call.endpoint: task.call for task in plan.tasks}.values():
            self.ready(call)
        left_out = self.routes.left_out
        sweeping = Sweeping(self._client(), self.history, left_out)
        return sweeping.run(plan, on_progress=on_progress)

    def restore_sweep(self, sweep_id: str) -> SweepResult:
        """Return a sweep of the history. Raises `HistoryError` if there is none."""
        history, texts = self.history, sweep_id.split("+")
        rows = [row for one in texts for row in (history.sweep(one) if history else [])]
        if not rows:
            raise HistoryError(
                f"The history has no sweep {sweep_id!r}; %complete_history lists what "
                "it has."
            )
        return restored(sorted(rows, key=lambda row: row.created), sweep_id)

    def close(self) -> None:
        """Close the connections and the history."""
        self._client.close()
        if self.history:
            self.history.close()

    def _answered(self, call: Call) -> Completion | None:
        if self.history is None:
            return None
        return self.history.answered(call.request, call.endpoint, call.sample)
