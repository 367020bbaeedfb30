"""The one place that calls `requests`: keys, timeouts, retries, cancelling.

The road of every call: key and URL are checked, the request is sent and, before the
first byte of an answer, sent again where that may help; the answer's bytes become
chunks as they arrive. Every foreign exception ends here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import HTTPError

from ..cancel import Cancel
from ..endpoint import (
    KEY,
    Endpoint,
    HttpCall,
    HttpRequest,
    Secret,
    checked_key,
    http_request,
)
from ..errors import CompleteError
from ..request import CompletionRequest
from .adapter import Adapter
from .answer import Answer
from .body import READ_SIZE
from .connections import Line
from .failures import (
    Failure,
    explained,
    no_answer,
    persist,
    redirected,
    refused,
)
from .surroundings import Session
from .wsgi import end_when

if TYPE_CHECKING:
    from ..dialects import Dialect

__all__ = ["Answer", "Client"]

MOST_IDLE = 64
"""Idle connections that are kept to one host."""
LARGEST_ERROR = 1 << 20
"""Bytes of an error's body that are read."""


@dataclass(slots=True)
class _Exchange:
    """One call, as far as it has come."""

    session: Session
    request: HttpRequest
    endpoint: Endpoint
    dialect: Dialect
    key: Secret | None
    cancel: Cancel
    completes: bool
    """Whether a completion is asked for, whose first event may be an error."""
    attempts: int = 0

    def authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the headers; as `requests` sees an ``auth``, it asks no ``.netrc``."""
        for name, value in self.request.headers_with(self.key).items():
            request.headers[name] = value
        end_when(request, self.cancel.is_set)  # for an app, which has no connection
        return request

    def explain(self, error: CompleteError) -> CompleteError:
        """Return the error with what is known of the call, and without its key."""
        if error.attempts is not None:
            return error  # it was explained where it arose
        error.attempts = self.attempts
        url = self.request.url
        reader = self.session.proxy_of(url) if url.startswith("http:") else None
        return explained(error, self.endpoint, self.key, reader)


class Client:
    """Calls to any endpoint, over pooled connections; safe in any thread.

    ``key_for`` gives an endpoint's key or None; it is asked at every call. Timeouts
    are in seconds: to connect, and between two reads. ``retries`` is how often a
    call is sent again. An answer of more megabytes than ``max_answer_mb``, unpacked, is
    cut there. ``adapters`` mounts `requests` adapters by URL prefix.
    """

    def __init__(
        self,
        key_for: Callable[[Endpoint], str | None],
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 600.0,
        retries: int = 2,
        max_answer_mb: int = 64,
        adapters: Mapping[str, BaseAdapter] | None = None,
    ) -> None:
        self._key_for = key_for
        self._timeout = (connect_timeout, read_timeout)
        self._retries = retries
        self._max_mb = max_answer_mb
        self._session = Session()
        self._session.headers.clear()
        self._session.headers.update(
            {
                "User-Agent": "jupyter-complete",
                "Accept-Encoding": "identity",
                "Connection": "keep-alive",
            }
        )
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, Adapter(pool_maxsize=MOST_IDLE))
        for prefix, adapter in (adapters or {}).items():
            self._session.mount(prefix, adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def send(
        self,
        request: CompletionRequest,
        endpoint: Endpoint,
        dialect: Dialect,
        *,
        stream: bool = True,
        cancel: Cancel | None = None,
        retries: int | None = None,
    ) -> Answer:
        """Send a request and give its answer as soon as that begins.

        An error in the place of its beginning counts as an error status. Raises
        `InputError` for what is refused before sending, `ConnectionFailed`,
        `EndpointError`, `ProtocolError`, `Cancelled`.
        """
        call = dialect.encode(request, stream=stream)
        reader = dialect.for_request(request)
        return self._send(call, endpoint, reader, cancel, retries, completes=True)

    def get_json(
        self,
        endpoint: Endpoint,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        dialect: Dialect,
        cancel: Cancel | None = None,
    ) -> tuple[Any, Mapping[str, str]]:
        """Return the JSON at the path and the answer's headers. Raises as `send`."""
        query = f"?{urlencode(params)}" if params else ""
        headers = {"Accept": "application/json"}
        call = HttpCall("GET", path + query, headers, b"")
        return self.json(call, endpoint, dialect, cancel)

    def json(
        self,
        call: HttpCall,
        endpoint: Endpoint,
        dialect: Dialect,
        cancel: Cancel | None = None,
    ) -> tuple[Any, Mapping[str, str]]:
        """Return the JSON that answers a call, and its headers. Raises as `send`."""
        with self._send(call, endpoint, dialect, cancel, None) as answer:
            return answer.json(), answer.headers

    def _send(
        self,
        call: HttpCall,
        endpoint: Endpoint,
        dialect: Dialect,
        cancel: Cancel | None,
        retries: int | None,
        *,
        completes: bool = False,
    ) -> Answer:
        schemes = (prefix.partition(":")[0] for prefix in self._session.adapters)
        request = http_request(endpoint, call, dialect.headers(KEY), tuple(schemes))
        key = checked_key(self._key_for(endpoint), endpoint)
        exchange = _Exchange(
            self._session,
            request,
            endpoint,
            dialect,
            key,
            cancel or Cancel(),
            completes,
        )
        try:
            outcome = self._persist(exchange, retries)
        except CompleteError as error:
            exchange.explain(error)
            raise
        if isinstance(outcome, Failure):
            raise exchange.explain(outcome.error)
        return outcome

    def _persist(self, exchange: _Exchange, retries: int | None) -> Answer | Failure:
        """Try until an answer comes, no more tries are left, or none would help."""
        tries = 1 + (self._retries if retries is None else retries)
        return persist(lambda: self._try(exchange), tries=tries, cancel=exchange.cancel)

    def _try(self, exchange: _Exchange) -> Answer | Failure:
        exchange.cancel.check()
        exchange.attempts += 1
        line = Line(exchange.cancel)
        with ExitStack() as unless_answered:
            unless_answered.callback(line.end)
            response = self._response(exchange, line)
            if isinstance(response, Failure):
                return response
            answer = Answer(
                response,
                exchange.dialect,
                attempts=exchange.attempts,
                notices=exchange.request.notices,
                line=line,
                explain=exchange.explain,
                max_mb=self._max_mb,
                key=exchange.key,
            )
            if exchange.completes and (failure := answer.opening_failure()):
                return failure
            unless_answered.pop_all()
            return answer

    def _response(self, exchange: _Exchange, line: Line) -> requests.Response | Failure:
        """Send it once; return the response if its status is one of success."""
        try:
            with line:
                response = self._session.request(
                    exchange.request.method,
                    exchange.request.url,
                    data=exchange.request.body,
                    auth=exchange.authorise,
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                )
            if 200 <= response.status_code < 300:
                return response
            with closing(response):
                return _refusal(response, exchange)
        except (requests.RequestException, HTTPError, OSError) as error:
            failure = no_answer(
                error,
                exchange.request.url,
                exchange.endpoint,
                self._timeout,
                self._session.proxy_of(exchange.request.url),
            )
        exchange.cancel.check()
        return failure


def _refusal(response: requests.Response, exchange: _Exchange) -> Failure:
    """Return the failure that an answer of another status than 200 tells of."""
    status, headers = response.status_code, response.headers
    if 300 <= status < 400:
        return redirected(exchange.request.url, headers, status, exchange.endpoint)
    body = bytearray()
    with suppress(HTTPError, OSError, ValueError):
        while len(body) < LARGEST_ERROR:
            piece = response.raw.read1(READ_SIZE, decode_content=True)
            if not piece:
                break
            body += piece
    exchange.cancel.check()
    error = exchange.dialect.decode_error(status, headers, bytes(body))
    return refused(error, status, headers)
