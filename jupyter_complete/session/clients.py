"""Clients that reach every endpoint, the one in this process included."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..client import Client
from ..embedded.app import make_app
from ..embedded.model import load_models
from ..embedded.transport import EmbeddedAdapter
from ..keys import Keys

if TYPE_CHECKING:
    from ..settings import CompletionSettings

_SETTINGS = ["connect_timeout", "read_timeout", "retries"]


def client_of(
    keys: Keys, connect_timeout: float, read_timeout: float, *, retries: int
) -> Client:
    """Give a client with a pool of its own; times are in seconds."""
    return Client(
        keys,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries=retries,
        adapters={"embedded://": EmbeddedAdapter(make_app(load_models()))},
    )


class SharedClient:
    """One client for all threads, made at its first use of the settings as they are."""

    def __init__(self, keys: Keys, settings: CompletionSettings) -> None:
        self._keys = keys
        self._settings = settings
        self._client: Client | None = None
        self._lock = threading.Lock()
        settings.observe(self.close, names=_SETTINGS)

    def __call__(self) -> Client:
        """Give the client."""
        settings = self._settings
        with self._lock:
            if self._client is None:
                self._client = client_of(
                    self._keys,
                    settings.connect_timeout,
                    settings.read_timeout,
                    retries=settings.retries,
                )
            return self._client

    def close(self, _: object = None) -> None:
        """Close its connections; the next call gives another."""
        with self._lock:
            client, self._client = self._client, None
        if client:
            client.close()
