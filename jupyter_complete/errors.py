"""Everything that can go wrong, in one tree.

    CompleteError                what went wrong, which value, what to do now
    ├── InputError               refused here, before anything was sent
    │   ├── PromptError          the prompt: a template name, the turns
    │   └── CredentialError      the key: missing, or not one a header can carry
    ├── ConnectionFailed         no answer came: refused, unknown host, timed out
    ├── EndpointError            the endpoint answered with an error
    │   ├── BadRequestError      400, 413, 422 and any other 4xx
    │   ├── AuthenticationError  401
    │   ├── BillingError         402
    │   ├── PermissionDeniedError  403
    │   ├── NotFoundError        404
    │   ├── RateLimitError       429
    │   └── ServerError          5xx, 529 included
    ├── ProtocolError            an answer that is not one: HTML, no JSON, a redirect
    ├── IncompleteStream         an answer that began and did not end
    ├── CheckFailed              an answer that is not as --check wants it
    ├── HistoryError             the store of past completions
    └── Cancelled                it was stopped while it ran
    CompletionInterrupted        a KeyboardInterrupt: the user stopped it

Each is one line in a notebook, and a real error output in the saved file, so that
``nbclient`` and ``papermill`` stop there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .redaction import without_secrets

if TYPE_CHECKING:
    from .completion import Completion
    from .results import Sweep

__all__ = [
    "AuthenticationError",
    "BadRequestError",
    "BillingError",
    "Cancelled",
    "CheckFailed",
    "CompleteError",
    "CompletionInterrupted",
    "ConnectionFailed",
    "CredentialError",
    "EndpointError",
    "HistoryError",
    "IncompleteStream",
    "InputError",
    "NotFoundError",
    "PermissionDeniedError",
    "PromptError",
    "ProtocolError",
    "RateLimitError",
    "ServerError",
    "error_for_status",
    "one_line",
    "printable",
    "printable_lines",
]

LONGEST_MESSAGE = 500

# C0 and C1 controls but tab and newline, and the marks that reorder what is read
# after them (a terminal, a log and a notebook obey both).
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Return the text with every control character shown as a symbol, not obeyed."""
    return _UNPRINTABLE.sub(_picture, text)


def printable_lines(text: str) -> str:
    """Return a text of many lines as `printable` does, without carriage returns."""
    return printable(text.replace("\r", ""))


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else "\N{REPLACEMENT CHARACTER}"


def one_line(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Return the text on one printable line, cut to ``longest`` characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


class CompleteError(Exception):
    """What went wrong, which value, and what to do now, in one line.

    Attributes are None where they say nothing of the case:

    ``status``        the HTTP status
    ``type``          the endpoint's name for the error, as ``rate_limit_error``
    ``request_id``    what the endpoint's support asks for
    ``retry_after``   seconds the endpoint asked to wait
    ``headers``       what its headers say of the pace it bears, names in lower case
    ``partial``       the text that had arrived
    ``attempts``      how many times it was sent
    ``completion``    the `Completion` that was kept of it
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,  # noqa: A002 - the API's own name for it
        request_id: str | None = None,
        retry_after: float | None = None,
        partial: str | None = None,
    ) -> None:
        super().__init__(one_line(without_secrets(message)))
        self.status = status
        self.type = type
        self.request_id = request_id
        self.retry_after = retry_after
        self.headers: Mapping[str, str] = {}
        self.partial = partial
        self.attempts: int | None = None
        self.completion: Completion | None = None

    def _render_traceback_(self) -> list[str]:
        """Show one line in place of IPython's traceback."""
        return [f"{type(self).__name__}: {self}"]


class InputError(CompleteError):
    """A value was refused here; nothing was sent."""


class PromptError(InputError):
    """The prompt was refused here; nothing was sent."""


class CredentialError(InputError):
    """There is no key for the endpoint, or not one that a header can carry."""


class ConnectionFailed(CompleteError):
    """No answer came."""


class EndpointError(CompleteError):
    """The endpoint answered with an error."""


class BadRequestError(EndpointError):
    """The endpoint found fault with the request."""


class AuthenticationError(EndpointError):
    """The endpoint did not accept the key."""


class BillingError(EndpointError):
    """The account cannot pay for the request."""


class PermissionDeniedError(EndpointError):
    """The key may not do this."""


class NotFoundError(EndpointError):
    """The endpoint has no such path or model."""


class RateLimitError(EndpointError):
    """Too many requests, or too many tokens, for now."""


class ServerError(EndpointError):
    """The endpoint failed, or is overloaded."""


class ProtocolError(CompleteError):
    """What came is not an answer in the endpoint's dialect."""


class IncompleteStream(CompleteError):
    """The answer began and did not end; what came is in ``partial``."""


class CheckFailed(CompleteError):
    """An answer is not as its cell's checks want it; it is kept."""


class HistoryError(CompleteError):
    """The store of past completions could not do what was asked."""


class Cancelled(CompleteError):
    """It was stopped while it ran; what came is in ``partial``."""


class CompletionInterrupted(KeyboardInterrupt):
    """The user stopped a completion; what came is in ``completion``.

    A `KeyboardInterrupt`, so that cells queued behind it do not run.
    """

    def __init__(self, message: str, completion: Completion | None = None) -> None:
        super().__init__(one_line(message))
        self.completion = completion
        self.sweep: Sweep | None = None
        """The `Sweep` that was stopped, where it was one."""

    def _render_traceback_(self) -> list[str]:
        """Show one line in place of IPython's traceback."""
        return [f"{type(self).__name__}: {self}"]


_CLASS_BY_STATUS: dict[int, type[EndpointError]] = {
    401: AuthenticationError,
    402: BillingError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
}

# An error inside a stream comes under HTTP 200, so its type decides.
_CLASS_BY_TYPE: dict[str, type[EndpointError]] = {
    "authentication_error": AuthenticationError,
    "billing_error": BillingError,
    "permission_error": PermissionDeniedError,
    "not_found_error": NotFoundError,
    "rate_limit_error": RateLimitError,
    "api_error": ServerError,
    "timeout_error": ServerError,
    "overloaded_error": ServerError,
}


def error_for_status(status: int, type_: str | None) -> type[EndpointError]:
    """Return the class of an answer with this HTTP status and error type."""
    if type_ in _CLASS_BY_TYPE:
        return _CLASS_BY_TYPE[type_]
    if status in _CLASS_BY_STATUS:
        return _CLASS_BY_STATUS[status]
    return ServerError if status >= 500 else BadRequestError
