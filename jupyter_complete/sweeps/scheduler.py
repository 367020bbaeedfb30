"""The calls in flight: sent at the endpoint's pace, retried, cancelled, recorded."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue

from ..background import Background
from ..completion import Completion, Outcome, Status
from ..errors import CompleteError, RateLimitError
from .attempts import Budget, given_up, retryable, unanswered
from .pace import Pace
from .tasks import Ask, Finished, Hooks, Limits, Progress, SweepState, Task
from .workers import InFlight, Workers

WORKER_POLL_SECONDS = 1.0
"""Seconds between two looks at whether there still are workers."""
LONGEST_WAIT = 600.0
"""Seconds; an endpoint that asks to wait longer ends the sweep, to be resumed."""
HELD_SECONDS = 0.2
"""Seconds after which what others ask for is looked at again."""
MOST_REFUSALS = 10
"""Bursts of failures in a row, without one answer, after which a sweep gives up."""


class CallScheduler:
    """Runs the tasks that the state lacks, in a thread of its own."""

    def __init__(
        self,
        tasks: Sequence[Task],
        ask: Ask,
        *,
        limits: Limits,
        executor: Executor | None,
        hooks: Hooks,
        state: SweepState,
    ) -> None:
        self._tasks, self._ask, self._limits = tasks, ask, limits
        self._hooks, self._state = hooks, state
        self._workers = Workers(executor, limits)
        self._pace = Pace(limits.concurrency, largest=self._workers.size)
        self._budget = Budget(limits.max_calls, limits.max_output_tokens)
        self._attempts = [0] * len(tasks)
        self._last: dict[int, Completion] = {}
        """What came last of a call that waits to be sent again."""
        self._ended: list[Finished] = []
        self._ready = deque[int]()
        for index in range(len(tasks)):
            if (recorded := state[index]) is None:
                self._ready.append(index)
            else:
                self._budget.count(recorded)
        self._held = deque[int]()
        """What others ask for, so that it is not sent here as long as they do."""
        self._held_until = 0.0
        self._flying: dict[Future[Outcome], InFlight] = {}
        self._inbox: SimpleQueue[Future[Outcome] | None] = SimpleQueue()
        self._stopping = False
        self._stopped: str | None = None
        self._failure: BaseException | None = None
        self._thread = Background(self._run, name="sweep-scheduler")

    def start(self) -> None:
        """Start the scheduler's thread."""
        # The pool's threads are none of ours, and so are noted: see `Background`. What
        # is noted of threads that are gone goes when a collection begins.
        gc.collect(0)
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more and cancel what runs; from any thread."""
        self._stopping = True
        self._inbox.put(None)

    def finish(self) -> tuple[str | None, tuple[str, ...]]:
        """Return why it ended early, if it did, and what the user should know.

        Raises what a hook raised.
        """
        if self._state.over.is_set():
            self._thread.join()
        if self._failure is not None:
            raise self._failure
        deaths = self._workers.deaths
        notice = f"A worker died, {deaths} in all; the calls it had were asked again."
        return self._stopped, (notice,) if deaths else ()

    def progress(self) -> Progress:
        """Return the state now."""
        return self._state.progress(
            in_flight=len(self._flying), limit=self._pace.limit, pause=self._pace.pause
        )

    def _run(self) -> None:
        try:
            while True:
                if why := self._workers.gone():
                    self._strand(why)
                seconds = self._launch()
                if not self._flying and seconds is None:
                    break
                self._land(seconds)
            self._abandon()
            self._report()
        except BaseException as error:  # noqa: BLE001 - raised again by `finish`
            self._failure = error
            self._cancel()
        finally:
            self._workers.close()
            self._state.over.set()

    def _launch(self) -> float | None:
        """Send what may go; return the seconds until more may, None: at an answer."""
        while (self._ready or self._held) and not self._stopping:
            if len(self._flying) >= self._pace.limit:
                return None
            if self._workers.unsure:
                return WORKER_POLL_SECONDS
            seconds = self._pace.wait()
            if seconds > 0:
                return seconds
            if not self._ready:
                if (left := self._held_until - time.monotonic()) > 0:
                    return left
                self._ready, self._held = self._held, self._ready
            if not self._may_go(self._ready[0]):
                return None
            index = self._ready.popleft()
            if self._attempts[index] or self._starts(index):
                self._send(index)
        return None

    def _starts(self, index: int) -> bool:
        """Tell whether a task is to be sent; else it is answered, or others ask."""
        task = self._tasks[index]
        found = self._hooks.on_start(index)
        if found is None:
            self._budget.reserve(task.request)
        elif isinstance(found, Completion):
            self._budget.count(found)
            self._state.reuse(index, task, found)
        else:
            self._held.append(index)
            self._held_until = time.monotonic() + HELD_SECONDS
        return found is None

    def _may_go(self, index: int) -> bool:
        if self._attempts[index]:
            return True  # it was counted when it first went
        refusal = self._budget.refusal(self._tasks[index].request)
        if refusal and not self._flying:
            left = len(self._ready) + len(self._held)
            self._stopped = f"{refusal}: {left} calls were not sent; raise it to go on."
        return refusal is None

    def _send(self, index: int) -> None:
        task = self._tasks[index]
        self._attempts[index] += 1
        self._last.pop(index, None)
        try:
            future, cancel = self._workers.submit(self._ask, task.call)
        except CompleteError as refused:
            self._end(index, unanswered(task, refused, "error"))
            self._give_up(str(refused).rstrip("."), "make another executor")
            return
        ticket = self._pace.sent()
        flight = InFlight(index, ticket, cancel, self._workers.executor)
        self._flying[future] = flight
        future.add_done_callback(self._inbox.put)

    def _land(self, seconds: float | None) -> None:
        """Wait for what ends, no longer than the seconds, and deal with all of it."""
        with suppress(Empty):
            news = self._inbox.get(
                timeout=WORKER_POLL_SECONDS if seconds is None else seconds
            )
            while True:
                if news is None:
                    self._cancel()
                else:
                    self._settle(news)
                news = self._inbox.get_nowait()
        self._report()

    def _strand(self, why: str) -> None:
        """End the calls that nothing will answer."""
        error = CompleteError(f"no answer came: the executor is gone, {why}.")
        flown = [flight.index for flight in self._flying.values()]
        for index in [*flown, *self._last]:
            self._last[index] = unanswered(self._tasks[index], error, "error")
        self._give_up(f"the executor is gone, {why}", "make another one")
        self._workers.give_up(list(self._flying))
        self._flying.clear()
        for index in flown:
            self._end(index, self._last.pop(index))

    def _report(self) -> None:
        """Have what ended recorded, and then shown."""
        if self._ended:
            ended, self._ended = self._ended, []
            self._state.end(self._hooks.on_end(ended), time.monotonic())

    def _cancel(self) -> None:
        self._abandon()
        for future, flight in list(self._flying.items()):
            if not self._workers.recall(future) and flight.cancel:
                flight.cancel.set()

    def _abandon(self) -> None:
        """Send nothing more: what waits to be sent again ends as it is."""
        for index in self._ready:
            if self._attempts[index]:
                self._end(index, self._last.pop(index))
        self._ready.clear()
        self._held.clear()

    def _settle(self, future: Future[Outcome]) -> None:
        """Deal with a call that came back: it has ended, or is to be sent again."""
        flight = self._flying.pop(future, None)
        if flight is None:
            return  # it was given up
        index = flight.index
        try:
            outcome = future.result()
        except BaseException as gone:  # noqa: BLE001 - its row tells the user
            completion, again = self._lost(flight, gone)
        else:
            completion, again = outcome.completion, self._again(flight, outcome)
        if again and not self._stopping:
            # Behind those that wait already, or one would bear every refusal.
            self._ready.insert(len(self._last), index)
            self._last[index] = completion
        else:
            self._end(index, completion)

    def _end(self, index: int, completion: Completion) -> None:
        self._budget.settle(self._tasks[index].request, completion)
        attempts = max(self._attempts[index], completion.attempts)
        self._ended.append(Finished(index, replace(completion, attempts=attempts)))

    def _again(self, flight: InFlight, outcome: Outcome) -> bool:
        """Learn the pace from an outcome; tell whether to send the call again."""
        error, completion = outcome.error, outcome.completion
        if error is None or not retryable(outcome):
            if completion.status == "complete":
                self._pace.answered(
                    flight.ticket,
                    outcome.headers,
                    completion.usage,
                    in_flight=len(self._flying),
                )
            return False
        seconds = self._pace.refused(
            flight.ticket,
            error.status,
            error.retry_after,
            headers=outcome.headers,
            in_flight=len(self._flying),
        )
        if seconds > LONGEST_WAIT:
            self._give_up(f"the endpoint asks to wait {seconds:,.0f} s")
        elif self._pace.refusals >= MOST_REFUSALS:
            self._give_up(f"the endpoint failed {MOST_REFUSALS} times in a row")
        times = 2 if isinstance(error, RateLimitError) else 1
        return self._may_repeat(flight.index, times)

    def _may_repeat(self, index: int, times: int = 1) -> bool:
        retries = self._limits.retries * times
        return self._stopped is None and self._attempts[index] <= retries

    def _give_up(self, why: str, remedy: str = "wait") -> None:
        if self._stopped is None:
            left = sum(not self._attempts[index] for index in self._ready)
            left += len(self._held)
            self._stopped = given_up(why, left, remedy)
        self._abandon()

    def _lost(self, flight: InFlight, error: BaseException) -> tuple[Completion, bool]:
        """Return the row of a call whose worker failed, and whether to retry it."""
        if isinstance(error, BrokenExecutor) and not self._stopping:
            try:
                self._workers.renew(flight.executor)
            except CompleteError as broken:
                self._give_up(str(broken).rstrip("."), "make a new one")
        task = self._tasks[flight.index]
        if isinstance(error, CancelledError):  # it may have been asked, and be paid for
            told = CompleteError("the executor cancelled the call; run it again.")
            return unanswered(task, told, "interrupted"), False
        gone = isinstance(error, (BrokenExecutor, KeyboardInterrupt))
        status: Status = "interrupted" if gone and self._stopping else "error"
        row = unanswered(task, error, status)
        return row, gone and self._may_repeat(flight.index)
