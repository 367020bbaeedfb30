"""What can go wrong before an answer comes: in words of ours, and when to try again."""

from __future__ import annotations

import email.utils
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import BadStatusLine, RemoteDisconnected
from typing import Any, TypeVar
from urllib.parse import urlsplit

import tenacity
from requests.exceptions import InvalidProxyURL
from urllib3.exceptions import (
    ConnectTimeoutError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from ..cancel import Cancel
from ..endpoint import Endpoint, Secret
from ..errors import (
    AuthenticationError,
    CompleteError,
    ConnectionFailed,
    EndpointError,
    IncompleteStream,
    InputError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    ServerError,
    one_line,
)
from .tls import tls_failure

LONGEST_WAIT = 60.0
"""Seconds: a longer wait that an endpoint asks for is told, not slept."""
LONGEST_ASKED = 366 * 86400.0
"""Seconds: a wait of over a year is none that an endpoint means."""
FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 8.0

_OF_THE_PACE = ("retry-after", "x-should-retry", "anthropic-ratelimit-")
"""How the headers begin that say when a call may be sent again."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong before an answer came, and whether to try again."""

    error: CompleteError
    again: bool


def persist(
    attempt: Callable[[], _T | Failure], *, tries: int, cancel: Cancel
) -> _T | Failure:
    """Return what the attempt gives, the last failure after that many tries.

    Waits as long as the failure's ``retry_after`` says, else ever longer. Raises
    `Cancelled`, also from within a wait.
    """

    def sleep(seconds: float) -> None:
        cancel.wait(seconds)
        cancel.check()

    return tenacity.Retrying(
        sleep=sleep,
        stop=tenacity.stop_after_attempt(max(tries, 1)),
        wait=_wait,
        retry=tenacity.retry_if_result(_again),
        retry_error_callback=_outcome,
    )(attempt)


def _again(outcome: object) -> bool:
    return isinstance(outcome, Failure) and outcome.again


def _outcome(state: tenacity.RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else None


def _wait(state: tenacity.RetryCallState) -> float:
    failure: Failure = _outcome(state)
    if failure.error.retry_after is not None:
        return failure.error.retry_after
    backoff = FIRST_BACKOFF * 2.0 ** (state.attempt_number - 1)
    longest = min(backoff, LONGEST_BACKOFF)
    return longest * (1 - 0.25 * random.random())  # noqa: S311 - no secret


def refused(error: CompleteError, status: int, headers: Mapping[str, str]) -> Failure:
    """Return the failure of an error status, with the wait that the headers ask for."""
    error.retry_after = retry_after(headers)
    error.headers = {
        name.lower(): value
        for name, value in headers.items()
        if name.lower().startswith(_OF_THE_PACE)
    }
    again = status in (408, 409, 429) or status >= 500
    told = headers.get("x-should-retry")
    if told in ("true", "false"):
        again = told == "true"
    return Failure(error, again and (error.retry_after or 0) <= LONGEST_WAIT)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an endpoint asks to wait, None where it names none."""
    with suppress(ValueError):
        return _positive(float(headers.get("retry-after-ms", "")) / 1000)
    asked = headers.get("retry-after", "")
    with suppress(ValueError):
        return _positive(float(asked))
    with suppress(ValueError, TypeError, OverflowError):
        date = email.utils.parsedate_to_datetime(asked)
        return _positive(date.timestamp() - time.time())
    return None


def _positive(seconds: float) -> float | None:
    return seconds if 0 < seconds < LONGEST_ASKED else None


_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})(.*)")


def redirected(
    url: str, headers: Mapping[str, str], status: int, endpoint: Endpoint
) -> Failure:
    """Return the failure of a redirect, which is never followed."""
    target = ""
    with suppress(ValueError):
        target = urlsplit(headers.get("location", "")).hostname or ""
    error = ProtocolError(
        f"{urlsplit(url).netloc} redirects to {target or 'another page'} "
        f"(HTTP {status}); nothing was sent there. If you trust it, make it the URL "
        f"of the endpoint {endpoint.name}.",
        status=status,
    )
    return Failure(error, again=False)


def no_answer(
    error: Exception,
    url: str,
    endpoint: Endpoint,
    timeout: tuple[float, float],
    proxy: str | None,
) -> Failure:
    """Return the failure of an exception of `requests`, urllib3 or the system."""
    if isinstance(error, ValueError):
        return _no_url(error, endpoint, proxy)
    chain = list(_chain(error))
    kinds = {kind for each in chain for kind in type(each).__mro__}
    host, variable = urlsplit(url).netloc, f"{urlsplit(url).scheme.upper()}_PROXY"
    reason = one_line(str(chain[-1]) or type(chain[-1]).__name__, 200)
    way = f" through the proxy {proxy}" if proxy else ""
    check = f"check that the endpoint {endpoint.name} is up and that its URL is right"
    if proxy and (refusal := _TUNNEL.search(reason)):
        status = int(refusal[1])
        return Failure(_refused_by(proxy, host, refusal), again=status >= 500)
    if told := tls_failure(chain, url):
        reason, check = told
    elif ConnectTimeoutError in kinds and TimeoutError in kinds:
        reason = f"no connection within {timeout[0]:g} s"
    elif ReadTimeoutError in kinds:
        reason = f"it sent nothing for {timeout[1]:g} s"
    elif BadStatusLine in kinds and RemoteDisconnected not in kinds:
        reason = f"it does not speak HTTP, it says {one_line(reason, 60)!r}"
    if proxy and ProxyError in kinds:
        way, check = f": the proxy {proxy} cannot be reached", "check that it is up"
    if proxy:
        check += f"; {variable} names the proxy, and NO_PROXY hosts that go past it"
    failed = ConnectionFailed(f"No answer from {host}{way} ({reason}); {check}.")
    return Failure(failed, again=SSLError not in kinds)


def _refused_by(proxy: str, host: str, told: re.Match[str]) -> ConnectionFailed:
    """Return the error of a proxy that opens no way to a host."""
    remedy = f"ask who runs it, or name {host} in NO_PROXY to go past it"
    if told[1] == "407":
        remedy = f"give a name and a password in HTTPS_PROXY, or {remedy}"
    return ConnectionFailed(
        f"The proxy {proxy} refuses the way to {host} ({told[1]}{told[2]}); {remedy}."
    )


def _no_url(error: ValueError, endpoint: Endpoint, proxy: str | None) -> Failure:
    if isinstance(error, InvalidProxyURL):
        wrong = InputError(
            f"The proxy URL of the environment ({proxy}) is none; give HTTP_PROXY and "
            "HTTPS_PROXY as http://host:port, or unset them."
        )
    else:
        wrong = InputError(
            f"The endpoint {endpoint.name} has the URL {endpoint.base_url!r}: "
            f"{one_line(str(error), 150)}; give one such as https://host."
        )
    return Failure(wrong, again=False)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and those below it, the one that names the reason last."""
    while error is not None:
        yield error
        below = [getattr(error, "reason", None), error.__cause__, *error.args]
        error = next((each for each in below if isinstance(each, BaseException)), None)


def explained(
    error: CompleteError, endpoint: Endpoint, key: Secret | None, proxy: str | None
) -> CompleteError:
    """Return the error with what to do about it, and without the key.

    ``proxy`` is one that read the answer, and may have written it.
    """
    message = str(error)
    if proxy and isinstance(error, (EndpointError, ProtocolError, IncompleteStream)):
        message = f"{message.rstrip('.')}; it came through the proxy {proxy}"
        if error.status == 407:
            message += ", which wants a name and a password: give them in HTTP_PROXY"
        message += "."
    if isinstance(error, AuthenticationError):
        message = f"{message}; check {endpoint.key_variable or 'the key'}."
    if isinstance(error, NotFoundError):
        message = (
            f"{message}; check the model's name (%complete_models), the endpoint's "
            "URL, and --dialect."
        )
    if error.retry_after is not None and error.retry_after > LONGEST_WAIT:
        message = f"{message}; it asks to wait {error.retry_after:.0f} s."
    elif isinstance(error, (RateLimitError, ServerError)):
        message = f"{message}; run it again in a while."
    if key is not None:
        message = key.removed_from(message)
        error.type = error.type and key.removed_from(error.type)
        error.request_id = error.request_id and key.removed_from(error.request_id)
        error.headers = {k: key.removed_from(v) for k, v in error.headers.items()}
    error.args = (one_line(message, 600),)
    return error
