"""The ceilings of a sweep: calls and output tokens, those of earlier runs included."""

from __future__ import annotations

from dataclasses import dataclass

from ..completion import Completion, CompletionRequest


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
