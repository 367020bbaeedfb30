"""Attempts that failed: which may be made again, and the row of one without answer."""

from __future__ import annotations

from ..completion import Completion, Status
from ..errors import CompleteError, ConnectionFailed, RateLimitError, ServerError
from .tasks import Outcome, Task


def unanswered(task: Task, error: BaseException, status: Status) -> Completion:
    """Return the completion of a call that no endpoint answered."""
    name = type(error).__name__
    return Completion(
        "",
        task.request,
        status=status,
        model=task.request.model,
        error=str(CompleteError(f"{name}: {error}".strip(": "))),
        error_type=name,
        sample=task.sample,
    )


def retryable(outcome: Outcome) -> bool:
    """Tell whether the call may be sent again."""
    error = outcome.error
    if outcome.completion.text or outcome.headers.get("x-should-retry") == "false":
        return False
    again = (ConnectionFailed, RateLimitError, ServerError)
    return isinstance(error, again) or (
        error is not None and error.status in (408, 409)
    )
