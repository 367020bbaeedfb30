"""Panels for the tests: each is closed with its test, and leaves no thread behind."""

import threading
from contextlib import contextmanager

from jupyter_complete.panel import CompletionPanel
from jupyter_complete.session import Session
from jupyter_complete.settings import CompletionSettings


@contextmanager
def session_of(**settings):
    """Give a session with these settings and no retries."""
    session = Session(CompletionSettings(retries=0, **settings))
    yield session
    session.close()


@contextmanager
def panels(session):
    """Give what makes panels on the session."""
    made = []

    def make(prompt="Hi", **more):
        made.append(CompletionPanel(session, prompt=prompt, **more))
        return made[-1]

    yield make
    for panel in made:
        panel.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("completion")]
