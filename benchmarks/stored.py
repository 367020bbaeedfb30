"""How far the history is behind a stream: what a killed kernel would lose."""

from __future__ import annotations

import tempfile
import threading
import time
from itertools import accumulate
from pathlib import Path

from cell import WORDS, Server
from table import Row, as_text

from jupyter_complete.history import History
from jupyter_complete.session import Session
from jupyter_complete.settings import CompletionSettings

RATE = 100
"""Tokens a second."""
SECONDS = 5
LOOKS = 20
"""In a second."""
TURN = "".join(WORDS)
ENDS = tuple(accumulate(map(len, WORDS)))


def _behind(server: Server, path: Path) -> float:
    """Return the most seconds by which the stored text was behind the one sent."""
    settings = CompletionSettings(
        model="m",
        endpoint=server.url,
        dialect="text",
        user_id=str(RATE),
        max_tokens=RATE * SECONDS,
    )
    history = History(path, warn=print)
    session = Session(settings, history=history)
    call = session.prepare("Hi")
    running = threading.Thread(target=session.complete, args=(call,))
    running.start()
    time.sleep(1 / LOOKS)
    found = []
    while running.is_alive():
        for row in history.search(n=1):
            sent = (time.perf_counter() - server.sent) * RATE
            if row.status == "running" and server.sent:
                found.append(sent - _tokens(row.completion.text))
        time.sleep(1 / LOOKS)
    history.close()
    return max(found) / RATE


def _tokens(text: str) -> int:
    """Return how many of the server's tokens a text has, which are nine in turn."""
    turns, rest = divmod(len(text), len(TURN))
    return turns * len(WORDS) + len([end for end in ENDS if end <= rest])


def measure() -> list[Row]:
    """Return the rows of the report; takes some seconds."""
    with Server() as server, tempfile.TemporaryDirectory() as place:
        behind = _behind(server, Path(place) / "completions.sqlite")
    return [
        Row(
            "history: behind a stream, at most",
            "<= 1 s",
            f"{behind:.2f} s",
            note=f"{RATE} tokens a second for {SECONDS} s",
        )
    ]


if __name__ == "__main__":
    print(as_text(measure()))
