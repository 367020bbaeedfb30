"""What `requests` sends by: urllib3, over connections of ours."""

from __future__ import annotations

from typing import Any

from requests.adapters import HTTPAdapter

from .connections import POOLS


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
