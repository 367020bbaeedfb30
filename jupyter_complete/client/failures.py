"""What can go wrong before an answer comes, in words of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError, SSLError

from ..addresses import Secret
from ..completion import Endpoint
from ..errors import (
    AuthenticationError,
    CompleteError,
    ConnectionFailed,
    InputError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    ServerError,
    one_line,
)
from .retry import LONGEST_WAIT, Failure


def redirected(
    url: str, headers: Mapping[str, str], status: int, endpoint: Endpoint
) -> Failure:
    """Give the failure of a redirect, which is never followed."""
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
    error: Exception, url: str, endpoint: Endpoint, timeout: tuple[float, float]
) -> Failure:
    """Give the failure of an exception of `requests`, urllib3 or the system."""
    if isinstance(error, ValueError):
        wrong = InputError(
            f"The endpoint {endpoint.name} has the URL {endpoint.base_url!r}: "
            f"{one_line(str(error), 150)}; give one such as https://host."
        )
        return Failure(wrong, again=False)
    chain = list(_chain(error))
    kinds = {kind for each in chain for kind in type(each).__mro__}
    if ConnectTimeoutError in kinds and TimeoutError in kinds:
        reason = f"no connection within {timeout[0]:g} s"
    elif ReadTimeoutError in kinds:
        reason = f"it sent nothing for {timeout[1]:g} s"
    else:
        reason = one_line(str(chain[-1]) or type(chain[-1]).__name__, 200)
    failed = ConnectionFailed(
        f"No answer from {urlsplit(url).netloc} ({reason}); check that the endpoint "
        f"{endpoint.name} is up and that its URL is right."
    )
    return Failure(failed, again=SSLError not in kinds)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and those below it, the one that names the reason last."""
    while error is not None:
        yield error
        below = [getattr(error, "reason", None), error.__cause__, *error.args]
        error = next((each for each in below if isinstance(each, BaseException)), None)


def explained(
    error: CompleteError, endpoint: Endpoint, key: Secret | None
) -> CompleteError:
    """Give the error with what to do about it, and without the key."""
    message = str(error)
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
