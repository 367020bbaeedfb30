"""Panels for the tests: each is closed with its test, and leaves no thread behind."""

import threading
from contextlib import contextmanager

from jupyter_complete.panel import CompletionPanel
from jupyter_complete.session import Session
from jupyter_complete.settings import CompletionSettings


@contextmanager
def session_of(**settings):
    """Return a session with these settings and no retries."""
    session = Session(CompletionSettings(retries=0, **settings))
    yield session
    session.close()


@contextmanager
def panels(session):
    """Return what makes panels on the session."""
    made = []

    def make(prompt="Hi", **more):
        made.append(CompletionPanel(session, prompt=prompt, **more))
        return made[-1]

    yield make
    for panel in made:
        panel.close()
    # The threads of calls wait a while for the next one: they are nobody's.
    names = {thread.name for thread in threading.enumerate()} - {"completion-call"}
    assert not [name for name in names if name.startswith("completion")]


def slide(slider, value):
    """Move a slider as its page does."""
    move = {"kind": "move", "value": value, "move": f"to {value}"}
    slider._handle_custom_msg(move, [])
    assert slider.moved == f"to {value}"
