"""What `requests` sends by: urllib3, over connections of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from ..endpoint import Secret
from .connections import POOLS
from .wsgi import cancelled_of

Resolve = Callable[[str, Callable[[], bool]], tuple[str, str]]
"""A URL, and what tells that nobody waits any more, to the URL and key of the moment.
May raise `CompleteError`."""


class Adapter(HTTPAdapter):
    """An adapter whose connections a cancel can cut."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of what is reached directly."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the pools of what is reached through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # pragma: no branch - wants PySocks
            manager.pool_classes_by_scheme = POOLS
        return manager

    def close(self) -> None:
        """Close the idle connections, too."""
        # urllib3 itself leaves this to the garbage collector.
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - it is no mapping
                manager.pools[key].close()
        super().close()


class ForwardingAdapter(Adapter):
    """Sends each request where ``resolve`` says, with the key that it gives.

    It is for what has no address of its own: that is asked for at each call.
    """

    def __init__(self, resolve: Resolve) -> None:
        super().__init__()
        self._resolve = resolve

    def send(self, request: PreparedRequest, **how: Any) -> Response:  # type: ignore[override] # all are keywords
        """Return the response."""
        url, key = self._resolve(str(request.url), cancelled_of(request))
        request.url = url
        request.headers["Authorization"] = Secret(f"Bearer {key}")
        return super().send(request, **how)
