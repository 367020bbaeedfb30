"""Clients that reach every endpoint, the one in this process included."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Self

from ..client import Client
from ..client.adapter import ForwardingAdapter
from ..client.wsgi import WSGIAdapter
from ..keys import Keys
from ..local import children
from ..ngram.model import load_models
from ..server.app import make_app

if TYPE_CHECKING:
    from ..settings import CompletionSettings


class Bounds(NamedTuple):
    """How long a client waits and how much it takes, as the settings of these names."""

    connect_timeout: float
    read_timeout: float
    max_answer_mb: int
    local_idle: float

    @classmethod
    def of(cls, settings: CompletionSettings) -> Self:
        """Return those of the settings as they are."""
        return cls(*(getattr(settings, name) for name in cls._fields))


def client_of(keys: Keys, bounds: Bounds, *, retries: int) -> Client:
    """Return a client with a pool of its own."""

    def resolve(url: str, cancelled: Callable[[], bool]) -> tuple[str, str]:
        base, rest = children.split(url)
        found = children.CHILDREN.reach(
            base, idle=bounds.local_idle, cancelled=cancelled
        )
        return found.url + rest, found.key

    return Client(
        keys,
        connect_timeout=bounds.connect_timeout,
        read_timeout=bounds.read_timeout,
        max_answer_mb=bounds.max_answer_mb,
        retries=retries,
        adapters={
            "embedded://": WSGIAdapter(make_app(load_models())),
            children.PREFIX: ForwardingAdapter(resolve),
        },
    )


class SharedClient:
    """One client for all threads, made at its first use of the settings as they are."""

    def __init__(self, keys: Keys, settings: CompletionSettings) -> None:
        self._keys = keys
        self._settings = settings
        self._client: Client | None = None
        self._lock = threading.Lock()
        settings.observe(self.close, names=[*Bounds._fields, "retries"])

    def __call__(self) -> Client:
        """Return the client."""
        settings = self._settings
        with self._lock:
            if self._client is None:
                self._client = client_of(
                    self._keys, Bounds.of(settings), retries=settings.retries
                )
            return self._client

    def close(self, _: object = None) -> None:
        """Close its connections; the next call gives another."""
        with self._lock:
            client, self._client = self._client, None
        if client:
            client.close()
