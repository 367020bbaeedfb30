"""Sweeps in other processes, some of which die: every point is answered once."""

import multiprocessing
import os
import pathlib
import signal
import threading
import warnings
from collections import Counter
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

import pytest
from counting import Counting, answers, ask

from jupyter_complete.errors import InputError
from jupyter_complete.sweeps import scheduler, workers
from jupyter_complete.sweeps.run import run
from jupyter_complete.sweeps.tasks import Hooks, Limits
from jupyter_complete.sweeps.workers import as_executor


@pytest.fixture
def server():
    with Counting(latency=0.02) as counting:
        yield counting


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """A busy machine's scheduler is silent for a while, too."""
    monkeypatch.setattr(workers, "SILENCE", 60)


@pytest.fixture
def pool():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context) as executor:
        yield executor


def die_once(call, cancel):
    """Ask, but end the process without a word at p5, the first time."""
    mark = pathlib.Path(call.mark)
    if call.request.prompt == "p5" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return ask(call, cancel)


def die_always(call, cancel):
    os.kill(os.getpid(), signal.SIGKILL)


def test_processes_answer_every_task_and_the_parent_keeps_the_ceilings(server, pool):
    kept = []

    def keep(ended):
        kept.extend(one.index for one in ended)
        return ended

    done = run(
        server.tasks(5, samples=3),
        ask,
        executor=pool,
        limits=Limits(max_calls=13),
        hooks=Hooks(on_end=keep),
    )

    assert [c and c.text for c in answers(done)[:13]] == [
        f"re: p{n // 3}" for n in range(13)
    ]
    assert answers(done)[13:] == [None, None]
    assert sorted(kept) == list(range(13))
    assert len(server.times) == 13


def test_a_pool_that_breaks_is_replaced_and_every_task_answered(server, pool, tmp_path):
    kept = Counter()

    def keep(ended):
        kept.update(one.index for one in ended)
        return ended

    done = run(
        server.tasks(12, mark=str(tmp_path / "died")),
        die_once,
        executor=pool,
        hooks=Hooks(on_end=keep),
    )

    assert [c.text for c in answers(done)] == [f"re: p{n}" for n in range(12)]
    assert set(kept.values()) == {1}
    assert set(server.asked) == {f"p{n}" for n in range(12)}
    assert len(server.times) <= 14
    assert "A worker died, 1 in all" in done.notices[0]


def test_a_pool_whose_workers_always_die_is_given_up(server, pool):
    done = run(server.tasks(4), die_always, executor=pool)

    assert "its workers keep dying" in done.stopped
    assert "complete" not in [c and c.status for c in answers(done)]


def test_ctrl_c_does_not_wait_for_processes_but_keeps_what_they_answer(server, pool):
    server.latency = 60
    late = threading.Event()
    kept = []

    def keep(ended):
        kept.extend(ended)
        if len(kept) == 2:
            late.set()
        return ended

    server.interrupt_when(2)
    done = run(server.tasks(9), ask, executor=pool, hooks=Hooks(on_end=keep))

    assert done.interrupted
    assert not any(answers(done))
    server.released.set()
    assert late.wait(60)
    assert [one.completion.status for one in kept] == ["complete"] * 2


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=2,
                processes=True,
                dashboard_address=None,
                silence_logs=50,
            ) as local,
            distributed.Client(local) as client,
        ):
            yield client


@pytest.mark.filterwarnings("ignore")
def test_dask_gives_every_sample_its_own_answer(server, cluster):
    done = run(server.tasks(2, samples=4), ask, executor=cluster.get_executor())

    assert [c.text for c in answers(done)] == ["re: p0"] * 4 + ["re: p1"] * 4
    assert server.asked == {"p0": 4, "p1": 4}


@pytest.mark.filterwarnings("ignore")
def test_ctrl_c_keeps_what_dask_workers_answer_later(server, cluster):
    server.latency = 60
    late, kept = threading.Event(), []

    def keep(ended):
        kept.extend(one.completion.status for one in ended)
        if len(kept) == 4:
            late.set()
        return ended

    server.interrupt_when(4)
    done = run(
        server.tasks(20),
        ask,
        executor=cluster.get_executor(),
        hooks=Hooks(on_end=keep),
    )

    assert done.interrupted
    server.released.set()
    assert late.wait(60)
    assert kept == ["complete"] * 4
    assert len(server.times) == 4


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_lost_all_workers_is_given_up(server, cluster, monkeypatch):
    monkeypatch.setattr(workers, "ALONE", 0.2)
    monkeypatch.setattr(workers, "BEAT", 0.05)
    monkeypatch.setattr(scheduler, "WORKER_POLL_SECONDS", 0.05)
    server.latency = 60
    server.when(2, lambda: cluster.cluster.scale(0))
    done = run(server.tasks(9), ask, executor=cluster.get_executor())
    cluster.cluster.scale(2)
    cluster.wait_for_workers(2)

    assert "no workers" in done.stopped
    statuses = {one.status for one in answers(done) if one}
    assert statuses == {"error"}


def test_a_pool_that_is_broken_already_is_replaced(server, pool):
    with pytest.raises(BrokenExecutor):
        pool.submit(die_always, None, None).result()

    done = run(server.tasks(3), ask, executor=pool)

    assert [c and c.text for c in answers(done)] == ["re: p0", "re: p1", "re: p2"]


@pytest.mark.filterwarnings("ignore")
def test_an_executor_may_be_named_by_its_dask_client(cluster):
    assert type(as_executor("cluster", cluster)).__name__ == "ClientExecutor"


def test_an_executor_is_itself_and_anything_else_is_one_line(pool):
    assert as_executor("pool", pool) is pool
    with pytest.raises(InputError, match="executor x is a int; give a concurrent"):
        as_executor("x", 3)


@pytest.mark.filterwarnings("ignore")
def test_a_dask_worker_may_be_killed_in_the_middle(server, cluster):
    server.latency = 0.1
    victim, _ = cluster.run(os.getpid).values()
    kept = Counter()

    def keep(ended):
        kept.update(one.index for one in ended)
        return ended

    server.when(8, lambda: os.kill(victim, signal.SIGKILL))
    done = run(
        server.tasks(30),
        ask,
        executor=cluster.get_executor(),
        limits=Limits(6),
        hooks=Hooks(on_end=keep),
    )

    assert [c and c.text for c in answers(done)] == [f"re: p{n}" for n in range(30)]
    assert kept == dict.fromkeys(range(30), 1)
    assert len(server.times) <= 30 + 6
    assert max(server.asked.values()) <= 2
