"""A sweep's calls against a real server that counts them."""

import itertools
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from counting import Counting, answered, answers, ask, error

from jupyter_complete.completion import Completion
from jupyter_complete.errors import CompleteError
from jupyter_complete.sweeps.run import run
from jupyter_complete.sweeps.tasks import Finished, Hooks, Limits, SweepState


@pytest.fixture
def server():
    with Counting() as counting:
        yield counting


def statuses(done):
    return [completion and completion.status for completion in answers(done)]


def texts(done):
    return [completion.text for completion in answers(done)]


def refuse(status, type_, times=1, **headers):
    """Return an answer that is that error for the first so many calls."""

    def answer(prompt, number):
        if number <= times:
            return status, headers, error(type_)
        return 200, {}, answered(f"re: {prompt}")

    return answer


def test_every_task_is_asked_once_and_answered_in_its_place(server):
    done = run(server.tasks(30), ask, limits=Limits(7))

    assert texts(done) == [f"re: p{place}" for place in range(30)]
    assert set(server.asked.values()) == {1}
    assert server.most <= 7
    assert not done.interrupted
    assert done.stopped is None


def test_an_empty_sweep_is_over_at_once():
    assert not run([], ask).rows


def test_samples_are_separate_calls(server):
    done = run(server.tasks(1, samples=5), ask)

    assert [completion.sample for completion in answers(done)] == [0, 1, 2, 3, 4]
    assert server.asked["p0"] == 5


def test_auto_starts_at_eight_and_grows_no_further_than_sixty_four(server):
    server.latency = 0.02
    limits = []

    run(server.tasks(300), ask, hooks=Hooks(on_progress=limits.append))

    assert server.most <= 64
    assert max(progress.limit for progress in limits) == 64


def test_no_more_run_at_once_than_auto_starts_with(server):
    server.latency = 5
    server.interrupt_when(8, seconds=0.05)

    run(server.tasks(40), ask)

    assert len(server.times) == 8


def test_a_burst_of_refusals_waits_once_together(server):
    server.answer = refuse(429, "rate_limit_error", times=20, **{"retry-after": 1})

    done = run(server.tasks(40), ask, limits=Limits(20))

    assert statuses(done) == ["complete"] * 40
    assert server.statuses.count(429) == 20
    assert len(server.times) == 60
    assert server.times[20] - server.times[19] >= 0.9


def test_a_window_of_refusals_is_waited_for_and_the_limit_shrinks(server):
    opens = time.monotonic() + 1
    server.answer = lambda prompt, _: (
        (200, {}, answered(prompt))
        if time.monotonic() > opens
        else (429, {"retry-after": "1"}, error("rate_limit_error"))
    )
    seen = []

    done = run(server.tasks(30), ask, hooks=Hooks(on_progress=seen.append))

    assert statuses(done) == ["complete"] * 30
    assert server.statuses.count(429) == 8
    assert min(progress.limit for progress in seen) == 4
    assert max(progress.pause for progress in seen) > 0.5


@pytest.mark.parametrize("status", [500, 529])
def test_a_failing_endpoint_makes_all_wait_and_is_asked_again(server, status):
    server.answer = refuse(status, "overloaded_error", **{"retry-after-ms": 300})

    done = run(server.tasks(3), ask, limits=Limits(1))

    assert statuses(done) == ["complete"] * 3
    assert server.times[1] - server.times[0] >= 0.29
    assert answers(done)[0].attempts == 2


def test_retries_are_finite_and_the_failure_is_a_row(server):
    headers = {"retry-after-ms": 1}
    server.answer = lambda prompt, _: (
        (500, headers, error("api_error"))
        if prompt == "p1"
        else (200, {}, answered("yes"))
    )

    done = run(server.tasks(4), ask, limits=Limits(1, retries=3))

    assert statuses(done) == ["complete", "error", "complete", "complete"]
    assert server.asked["p1"] == 4
    assert answers(done)[1].attempts == 4
    assert answers(done)[1].error


@pytest.mark.parametrize(
    ("status", "type_"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (404, "not_found")],
)
def test_a_refused_request_is_a_row_and_never_sent_again(server, status, type_):
    server.answer = refuse(status, type_, times=10)

    done = run(server.tasks(10), ask)

    assert statuses(done) == ["error"] * 10
    assert len(server.times) == 10
    assert answers(done)[3].http_status == status


@pytest.mark.parametrize("status", [408, 409])
def test_a_timeout_and_a_conflict_are_sent_again(server, status):
    server.answer = refuse(status, "x", **{"retry-after-ms": 1})

    assert statuses(run(server.tasks(1), ask)) == ["complete"]
    assert len(server.times) == 2


def test_an_endpoint_that_is_down_ends_the_sweep_and_leaves_the_rest_pending():
    with Counting() as gone:
        tasks = gone.tasks(100)
    quick = Limits(4, retries=2)

    def down(call, cancel):
        outcome = ask(call, cancel)
        outcome.error.retry_after = 0.001
        return outcome

    done = run(tasks, down, limits=quick)

    assert "times in a row" in done.stopped
    assert statuses(done).count("error") < 40
    assert None in answers(done)


def test_an_endpoint_that_asks_for_an_hour_is_not_waited_for(server):
    server.answer = refuse(429, "rate_limit_error", times=9, **{"retry-after": 3600})

    done = run(server.tasks(30), ask)

    assert "asks to wait 3,600 s" in done.stopped
    assert statuses(done) == ["error"] * 8 + [None] * 22


def test_headers_slow_a_sweep_down_before_the_wall(server):
    """Ten calls a second are allowed, and whoever sends an eleventh gets a 429."""
    window = {"start": 0.0, "left": 10}
    lock = threading.Lock()

    def answer(prompt, _):
        with lock:
            now = time.time()
            if now >= window["start"] + 1:
                window.update(start=now, left=10)
            window["left"] -= 1
            left = window["left"]
            end = datetime.now(UTC) + timedelta(seconds=window["start"] + 1 - now)
        kind = "anthropic-ratelimit-requests"
        told = {f"{kind}-remaining": max(left, 0), f"{kind}-reset": end.isoformat()}
        if left < 0:
            return 429, {"retry-after": "1", **told}, error("rate_limit_error")
        return 200, told, answered(prompt)

    server.answer = answer

    done = run(server.tasks(25), ask)

    assert statuses(done) == ["complete"] * 25
    assert server.statuses.count(429) == 0


def stored_from(earlier):
    """Answer from what an earlier run gave, as the history would."""
    known = {
        (completion.prompt, completion.sample): completion
        for completion in answers(earlier)
        if completion
    }
    return Hooks(stored=lambda task: known.get((task.request.prompt, task.sample)))


def test_a_second_run_asks_only_for_what_is_missing_or_failed(server):
    server.answer = lambda prompt, _: (
        (400, {}, error("invalid_request_error"))
        if prompt in ("p3", "p4")
        else (200, {}, answered("once"))
    )
    first = run(server.tasks(6), ask)
    server.answer = lambda *_: (200, {}, answered("now"))

    second = run(server.tasks(9), ask, hooks=stored_from(first))

    assert texts(second) == ["once"] * 3 + ["now"] * 2 + ["once"] + ["now"] * 3
    assert [c.reused for c in answers(second)[:4]] == [True, True, True, False]
    assert server.asked == {f"p{n}": 2 if n in (3, 4) else 1 for n in range(9)}


def test_more_samples_ask_only_for_the_new_ones(server):
    first = run(server.tasks(3, samples=2), ask)

    run(server.tasks(3, samples=5), ask, hooks=stored_from(first))

    assert set(server.asked.values()) == {5}


def test_a_ceiling_of_calls_holds_and_counts_what_ran_before(server):
    first = run(server.tasks(10), ask, limits=Limits(max_calls=4))

    assert first.stopped == "max_calls is 4: 6 calls were not sent; raise it to go on."
    assert len(server.times) == 4

    second = run(
        server.tasks(10), ask, limits=Limits(max_calls=6), hooks=stored_from(first)
    )

    assert len(server.times) == 6
    assert statuses(second) == ["complete"] * 6 + [None] * 4


def test_a_ceiling_of_tokens_is_never_passed_even_by_the_longest_answers(server):
    done = run(
        server.tasks(10, max_tokens=100), ask, limits=Limits(max_output_tokens=350)
    )

    assert len(server.times) == 3
    assert "max_output_tokens is 350: 7 calls" in done.stopped


def test_a_ceiling_of_tokens_counts_what_the_endpoint_counted(server):
    def counted(call, cancel):
        outcome = ask(call, cancel)
        from dataclasses import replace

        from jupyter_complete.completion import Usage

        told = replace(outcome.completion, usage=Usage(1, 10))
        return replace(outcome, completion=told)

    done = run(
        server.tasks(10, max_tokens=100),
        counted,
        limits=Limits(max_output_tokens=150),
    )

    assert statuses(done).count("complete") == 6


def test_retries_do_not_use_up_a_ceiling(server):
    server.answer = refuse(429, "rate_limit_error", 3, **{"retry-after-ms": 1})

    done = run(server.tasks(3), ask, limits=Limits(3, max_calls=3))

    assert statuses(done) == ["complete"] * 3


def test_progress_comes_at_most_ten_times_a_second_and_tells_every_end_once(server):
    server.latency = 0.03
    seen = []

    run(
        server.tasks(30),
        ask,
        limits=Limits(3),
        hooks=Hooks(on_progress=lambda p: seen.append((time.monotonic(), p))),
    )

    times, reports = zip(*seen, strict=True)
    gaps = [late - early for early, late in itertools.pairwise(times)]
    assert all(gap >= 0.09 for gap in gaps[:-1])
    assert sorted(e.index for p in reports for e in p.finished) == list(range(30))
    assert reports[-1].done == reports[-1].total == 30
    assert reports[-1].in_flight == 0
    assert reports[-1].seconds_left == 0
    assert any(p.rate > 0 and p.in_flight == 3 and p.seconds_left for p in reports)


def test_the_rate_is_of_the_last_seconds_alone(server):
    state = SweepState(2)
    answer = ask(server.tasks(1)[0].call, None).completion
    state.end([Finished(0, answer)], time.monotonic() - 60)

    progress = state.progress(in_flight=0, limit=8, pause=0)
    assert (progress.done, progress.rate, progress.seconds_left) == (1, 0, None)


def test_progress_tells_reused_failed_and_done(server):
    first = run(server.tasks(2), ask)
    server.answer = refuse(400, "invalid_request_error", times=100)
    seen = []
    hooks = Hooks(stored=stored_from(first).stored, on_progress=seen.append)

    run(server.tasks(5), ask, hooks=hooks)

    last = seen[-1]
    assert (last.done, last.failed, last.reused, last.total) == (2, 3, 2, 5)


def test_an_answer_is_kept_before_it_is_shown_and_started_before_it_is_sent(server):
    started, kept, order = [], set(), []

    def start(place):
        order.append(server.asked[f"p{place}"])
        started.append(place)

    def keep(ended):
        kept.update(one.index for one in ended)
        return ended

    def show(progress):
        assert {one.index for one in progress.finished} <= kept

    server.answer = refuse(429, "rate_limit_error", 2, **{"retry-after-ms": 1})

    run(
        server.tasks(20),
        ask,
        hooks=Hooks(on_start=start, on_end=keep, on_progress=show),
    )

    assert sorted(started) == list(range(20))
    assert set(order) == {0}
    assert kept == set(range(20))


@pytest.mark.parametrize("ends", ["stop", "give up"])
def test_what_was_started_is_always_ended(server, ends):
    """So that no call stands in the history as one that still runs."""
    wait = 50 if ends == "stop" else 5000
    server.answer = lambda prompt, number: (
        (200, {}, answered(prompt))
        if number > 4
        else (429, {"retry-after": wait if number == 4 else 1}, error("x"))
    )
    started, ended = [], []

    def keep(news):
        ended.extend(one.index for one in news)
        return news

    if ends == "stop":
        server.interrupt_when(4)
    run(
        server.tasks(20),
        ask,
        limits=Limits(4),
        hooks=Hooks(on_start=started.append, on_end=keep),
    )

    assert len(started) == 4
    assert sorted(ended) == sorted(started)


def test_what_a_hook_raises_ends_the_sweep_and_is_raised(server):
    def full(_):
        raise CompleteError("the disk is full")

    with pytest.raises(CompleteError, match="disk is full"):
        run(server.tasks(50), ask, hooks=Hooks(on_end=full))

    assert len(server.times) < 50


def test_ctrl_c_stops_at_once_and_keeps_what_there_is(server):
    server.answer = lambda prompt, number: (
        server.released.wait(30 if number > 5 else 0),
        (200, {}, answered(prompt)),
    )[1]
    kept = []

    def keep(ended):
        kept.extend(ended)
        return ended

    server.interrupt_when(9)
    done = run(server.tasks(40), ask, limits=Limits(4), hooks=Hooks(on_end=keep))
    ended = time.monotonic()

    assert done.interrupted
    assert ended - server.times[8] < 10
    assert Counter(statuses(done)) == {"complete": 5, "interrupted": 4, None: 31}
    assert len(kept) == 9


def test_what_was_interrupted_is_asked_again(server):
    server.latency = 20
    server.interrupt_when(3)
    first = run(server.tasks(5), ask, limits=Limits(3))
    server.latency = 0

    second = run(server.tasks(5), ask, hooks=stored_from(first))

    assert statuses(first) == ["interrupted"] * 3 + [None] * 2
    assert statuses(second) == ["complete"] * 5


def test_ctrl_c_ends_a_pause_too(server):
    server.answer = refuse(429, "rate_limit_error", 99, **{"retry-after": 50})
    server.interrupt_when(8)

    done = run(server.tasks(20), ask)

    assert done.interrupted
    assert time.monotonic() - server.times[-1] < 10
    # The last of them may be under way when it is stopped.
    assert statuses(done).count(None) == 12
    assert set(statuses(done)) <= {"error", "interrupted", None}


def test_no_thread_is_left_behind(server):
    def ours():
        return [t for t in threading.enumerate() if t.name.startswith("sweep")]

    run(server.tasks(20), ask)
    deadline = time.monotonic() + 2
    while ours() and time.monotonic() < deadline:
        time.sleep(0.01)

    assert not ours()


def test_a_pool_of_threads_of_the_users_own_is_used_and_left_open(server):
    with ThreadPoolExecutor(2, "mine") as pool:
        names = set()

        def noting(call, cancel):
            names.add(threading.current_thread().name[:4])
            return ask(call, cancel)

        done = run(server.tasks(10), noting, executor=pool)

        assert pool.submit(int).result() == 0
    assert names == {"mine"}
    assert statuses(done) == ["complete"] * 10
    assert server.most <= 2


def test_an_executor_that_is_shut_down_is_one_line(server):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    started, ended = [], []
    hooks = Hooks(
        on_start=started.append, on_end=lambda news: ended.extend(news) or news
    )

    done = run(server.tasks(3), ask, executor=pool, hooks=hooks)

    assert done.stopped.startswith("The executor takes no calls (cannot schedule new")
    assert done.stopped.endswith(
        "): 2 calls were not sent; make another executor, and run it again."
    )
    assert [one and one.status for one in answers(done)] == ["error", None, None]
    assert [one.index for one in ended] == started == [0]
    assert server.asked == {}


def test_what_a_call_raises_is_its_row(server):
    def broken(call, cancel):
        if call.request.prompt == "p1":
            raise ZeroDivisionError("by zero")
        return ask(call, cancel)

    done = run(server.tasks(3), broken)

    assert statuses(done) == ["complete", "error", "complete"]
    assert answers(done)[1].error == "ZeroDivisionError: by zero"
    assert answers(done)[1].request.prompt == "p1"


def test_what_was_kept_is_what_is_given(server):
    from dataclasses import replace

    from jupyter_complete.sweeps.tasks import Finished

    def keep(ended):
        return [
            Finished(one.index, replace(one.completion, history_id=one.index + 100))
            for one in ended
        ]

    done = run(server.tasks(3), ask, hooks=Hooks(on_end=keep))

    assert [c.history_id for c in answers(done)] == [100, 101, 102]


def test_an_unfinished_answer_of_the_history_is_asked_again(server):
    task = server.task("p0")
    partial = Completion("half", task.request, status="broken")

    done = run([task], ask, hooks=Hooks(stored=lambda _: partial))

    assert texts(done) == ["re: p0"]


def test_refusals_are_shared_among_the_calls_that_wait(server):
    """Twenty refusals in all are no reason to give one call up, however few fly."""
    server.answer = lambda prompt, number: (
        (429, {"retry-after": "0.05"}, error("rate_limit_error"))
        if number <= 20
        else (200, {}, answered(prompt))
    )

    done = run(server.tasks(30), ask)

    assert statuses(done) == ["complete"] * 30
    assert max(one.attempts for one in answers(done)) <= 5
