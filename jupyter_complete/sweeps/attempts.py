"""Attempts at a task: which may be made, or made again, and how a failed one ends."""

from __future__ import annotations

from dataclasses import dataclass

from ..completion import Completion, Outcome, Status
from ..errors import (
    CompleteError,
    ConnectionFailed,
    RateLimitError,
    ServerError,
    one_line,
)
from ..request import CompletionRequest
from .tasks import Task


@dataclass(slots=True)
class Budget:
    """What a sweep may spend; None is no ceiling.

    An answer whose endpoint did not count its tokens counts with the most that it
    could have had, so that a ceiling is never passed.
    """

    max_calls: int | None = None
    max_output_tokens: int | None = None
    calls: int = 0
    tokens: int = 0
    """Sampled by what has ended, and held back for what is in flight."""

    def refusal(self, request: CompletionRequest) -> str | None:
        """Return why the request may not be sent now, None where it may."""
        if self.max_calls is not None and self.calls >= self.max_calls:
            return f"max_calls is {self.max_calls}"
        if self.max_output_tokens is None:
            return None
        if self.tokens + request.max_tokens_to_sample > self.max_output_tokens:
            return f"max_output_tokens is {self.max_output_tokens}"
        return None

    def reserve(self, request: CompletionRequest) -> None:
        """Count a request that is about to be sent."""
        self.calls += 1
        self.tokens += request.max_tokens_to_sample

    def settle(self, request: CompletionRequest, completion: Completion) -> None:
        """Count what the answer took in place of what was held back for it."""
        self.tokens -= request.max_tokens_to_sample - output_tokens(completion)

    def count(self, completion: Completion) -> None:
        """Count an answer of an earlier run."""
        self.calls += 1
        self.tokens += output_tokens(completion)


def output_tokens(completion: Completion) -> int:
    """Return how many tokens an answer had, at most, where nobody counted."""
    told = completion.usage and completion.usage.output_tokens
    if told is not None:
        return told
    refused = completion.http_status is not None and completion.http_status >= 400
    if refused and not completion.text:
        return 0
    return completion.request.max_tokens_to_sample


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
