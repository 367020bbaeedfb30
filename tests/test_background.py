"""Threads of ours in a real kernel: what is logged in one must not hold it up."""

import threading

import pytest
from loopback import events
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_complete.background import Background

LOUD = """
%load_ext jupyter_complete
import logging
logging.basicConfig(level=logging.DEBUG, force=True)
"""


@pytest.mark.parametrize("flags", ["", "-n 3 -j 2 --fresh"])
def test_what_a_call_logs_again_and_again_does_not_hold_it_up(loopback, flags):
    """With ipykernel 6.29 to 6.31 it may for ever, where threads begin threads."""
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
