"""Whether a Dask cluster is still there, asked beside the sweep that runs on it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

from ..background import Background

BEAT = 0.5
"""Seconds between two questions."""
SILENCE = 7.0
"""Seconds without an answer of the scheduler, after which it counts as gone."""
ALONE = 8.0
"""Seconds that a cluster may be without a worker, as while it starts them."""


class Cluster:
    """A Dask client's cluster; nothing here waits for it but a thread of its own.

    What a client asks of a scheduler that died is answered after half a minute, and of
    one that stands still never.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._threads: int | None = None
        self._heard = time.monotonic()
        self._manned = self._heard
        self._first = threading.Event()
        self._over = threading.Event()
        Background(self._listen, name="sweep-cluster").start()

    def size(self) -> int | None:
        """Return how many calls it runs at once, None if it does not tell in time."""
        if not self._closed:
            self._first.wait(SILENCE)
        return self._threads

    @property
    def unsure(self) -> bool:
        """Whether a call that is sent now might go nowhere."""
        return str(self._client.status) != "running"

    def gone(self) -> str | None:
        """Return why it can answer no more, in a few words; None if it can.

        An interrupt of a notebook's kernel also ends the workers of a cluster that was
        started in it; their calls would be waited for for ever.
        """
        now = time.monotonic()
        if self._closed:
            return "its Dask client is closed"
        if now - self._heard > SILENCE:
            return f"its Dask scheduler has not answered for {SILENCE:g} s"
        if self._threads == 0 and now - self._manned > ALONE:
            return "it has no workers any more"
        return None

    def close(self) -> None:
        """Ask no more."""
        self._over.set()

    @property
    def _closed(self) -> bool:
        return str(self._client.status) in ("closing", "closed")

    def _listen(self) -> None:
        while not self._over.wait(0 if self._threads is None else BEAT):
            # It raises whatever its connection, its loop or its end raises.
            with suppress(Exception):
                self._threads = sum(self._client.nthreads().values())
                self._heard = time.monotonic()
                if self._threads:
                    self._manned = self._heard
                self._first.set()
            if self._threads is None:
                self._over.wait(BEAT)


def cluster_of(executor: Executor | None) -> Cluster | None:
    """Return the cluster of a Dask client's executor, None for any other."""
    if type(executor).__module__.partition(".")[0] != "distributed":
        return None
    # It has no public way to its client; without one it is an executor like others.
    client = getattr(executor, "_client", None)
    return None if client is None else Cluster(client)
