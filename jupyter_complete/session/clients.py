"""A client that reaches every endpoint, the one in this process included."""

from __future__ import annotations

from ..client import Client
from ..embedded.app import make_app
from ..embedded.model import load_models
from ..embedded.transport import EmbeddedAdapter
from ..keys import Keys


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
