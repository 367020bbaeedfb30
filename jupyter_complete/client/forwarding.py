"""A `requests` adapter for what has no address of its own: it is asked at each call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from requests import PreparedRequest, Response

from ..endpoint import Secret
from .adapter import Adapter
from .wsgi import cancelled_of

Resolve = Callable[[str, Callable[[], bool]], tuple[str, str]]
"""A URL, and what tells that nobody waits any more, to the URL and key of the moment.
May raise `CompleteError`."""


class ForwardingAdapter(Adapter):
    """Sends each request where ``resolve`` says, with the key that it gives."""

    def __init__(self, resolve: Resolve) -> None:
        super().__init__()
        self._resolve = resolve

    def send(self, request: PreparedRequest, **how: Any) -> Response:  # type: ignore[override] # all are keywords
        """Return the response."""
        url, key = self._resolve(str(request.url), cancelled_of(request))
        request.url = url
        request.headers["Authorization"] = Secret(f"Bearer {key}")
        return super().send(request, **how)
