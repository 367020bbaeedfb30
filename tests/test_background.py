"""Threads of ours in a real kernel: what is logged in one must not hold it up."""

import os
import threading
import time

import pytest
from loopback import events
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_complete import background
from jupyter_complete.background import Background, in_background

LOUD = """
%load_ext jupyter_complete
import logging
logging.basicConfig(level=logging.DEBUG, force=True)
"""


@pytest.mark.parametrize("flags", ["", "-n 3 -j 2 --fresh"])
def test_what_a_call_logs_again_and_again_does_not_hold_it_up(loopback, flags):
    """With ipykernel 6.29 to 7.0 it may for ever, where threads begin threads."""
    for _ in range(30):
        loopback.reply(events(" One"))
    url = loopback.url.replace("127.0.0.1", "localhost")  # which has to be looked up
    ask = f"%complete -m m --endpoint {url} --dialect text {flags} Hi"
    cells = [new_code_cell(cell) for cell in (LOUD, *[ask] * 5, "_completion.text")]
    notebook = new_notebook(cells=cells[: -1 if flags else None])

    NotebookClient(notebook, timeout=30, kernel_name="python3").execute()

    assert len(loopback.requests) == (15 if flags else 5)


def test_a_thread_in_the_background_runs_its_job_and_keeps_nothing_alive():
    done = threading.Event()

    thread = Background(done.set, name="completion-test")
    thread.start()
    thread.join()

    assert done.is_set()
    assert thread.daemon


def test_a_wrapped_run_does_not_see_it(monkeypatch):
    seen = []
    monkeypatch.setattr(threading.Thread, "run", seen.append)

    thread = Background(lambda: None, name="completion-test")
    thread.start()
    thread.join()

    assert seen == []


def thread_of_a_job():
    """Run a job; return the thread that did it, once that is idle again."""
    found = []
    done = threading.Event()

    def job():
        found.append(threading.current_thread())
        done.set()

    in_background(job)
    assert done.wait(60)
    return found[0]


def until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


def test_a_thread_that_is_idle_does_the_next_job():
    first = thread_of_a_job()
    assert until(lambda: background._IDLE)

    assert thread_of_a_job() is first
    assert first.daemon


def test_jobs_at_once_have_a_thread_each():
    meeting = threading.Barrier(5)

    for _ in range(4):
        in_background(meeting.wait)

    meeting.wait(10)


def test_a_thread_that_stays_idle_ends(monkeypatch):
    assert until(lambda: background._IDLE)
    background._IDLE.clear()  # those that wait with the usual patience
    monkeypatch.setattr(background, "IDLE_SECONDS", 0.05)

    thread = thread_of_a_job()

    assert until(lambda: not thread.is_alive())
    assert not background._IDLE


def test_a_job_that_comes_as_a_thread_gives_up_waiting_is_done(monkeypatch):
    monkeypatch.setattr(background, "IDLE_SECONDS", 0)
    done = threading.Semaphore(0)

    for _ in range(200):
        in_background(done.release)

    assert all(done.acquire(timeout=10) for _ in range(200))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_a_fork_waits_for_no_thread_of_its_parent():
    thread_of_a_job()
    assert until(lambda: background._IDLE)

    child = os.fork()
    if not child:
        thread_of_a_job()
        os._exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
