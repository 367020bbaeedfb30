"""Attempts that failed: which may be made again, and the row of one without answer."""

from __future__ import annotations

from ..completion import Completion, Status
from ..errors import (
    CompleteError,
    ConnectionFailed,
    RateLimitError,
    ServerError,
    one_line,
)
from .tasks import Outcome, Task


def unanswered(task: Task, error: BaseException, status: Status) -> Completion:
    """Return the completion of a call that no endpoint answered."""
    name = type(error).__name__
    ours = isinstance(error, CompleteError)  # its message says it all
    message = str(error) if ours else f"{name}: {error}".strip(": ")
    return Completion(
        "",
        task.request,
        status=status,
        model=task.request.model,
        error=one_line(message),
        error_type=name,
        sample=task.sample,
    )


def given_up(why: str, left: int, remedy: str) -> str:
    """Return the line of a sweep that ended early, with that many calls to be made."""
    calls = f"{left} call{'s were' if left != 1 else ' was'} not sent"
    return f"{why}: {calls}; {remedy}, and run it again."


def retryable(outcome: Outcome) -> bool:
    """Tell whether the call may be sent again."""
    error = outcome.error
    if outcome.completion.text or outcome.headers.get("x-should-retry") == "false":
        return False
    again = (ConnectionFailed, RateLimitError, ServerError)
    return isinstance(error, again) or (
        error is not None and error.status in (408, 409)
    )
