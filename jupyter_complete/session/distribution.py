"""The next token's distribution, from whatever can tell it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..completion import Outcome, TokenLogprob
from ..distribution import Distribution
from ..errors import Cancelled, InputError
from ..ngram.model import load_models
from ..settings import parameters
from .plan import Call

UNSHAPED: Mapping[str, Any] = {
    **{one.name: None for one in parameters() if one.unset and one.shapes},
    "max_tokens": 1,
    "stop": [],
    "unsupported": "error",
}
"""Settings under which a model's own distribution is asked for: nothing reshapes it."""


def distribution(call: Call, ask: Callable[[Call], Outcome]) -> Distribution:
    """Return what can come after a call's prompt; ``ask`` sends a call.

    The embedded models give every token exactly; elsewhere one token is asked for,
    with log-probabilities. Raises `InputError` where there are none, and what the
    asking raises.
    """
    if call.endpoint.is_embedded:
        return _exact(call)
    outcome = ask(_with_logprobs(call))
    if outcome.error:
        raise outcome.error
    if outcome.completion.status == "interrupted":
        raise Cancelled("The look was stopped.")
    known = _likeliest(outcome.completion.logprobs)
    if not known:
        raise InputError(
            f"{call.endpoint.name} told no log-probabilities: either the text ends "
            "here, or it has none to tell; try -m ngram-chat, which has."
        )
    return Distribution(
        call.request.prompt,
        outcome.completion.model,
        tuple(known),
        tuple(known.values()),
    )


def _exact(call: Call) -> Distribution:
    models, name = load_models(), call.request.model
    if name not in models:
        raise InputError(
            f"model is {name!r}; the embedded ones are {', '.join(models)}."
        )
    return models[name].next_token_distribution(call.request.prompt)


def _with_logprobs(call: Call) -> Call:
    most = call.request.logprobs or call.dialect.most_logprobs
    asked = replace(
        call,
        request=replace(call.request, logprobs=most),
        dialect=call.dialect.for_look(),
        stream=False,
        history=False,
        reuse=False,
    )
    try:
        asked.http()
    except InputError as error:  # all but the log-probabilities was checked before
        raise InputError(
            f"{call.endpoint.name} tells no log-probabilities, so what comes next "
            "cannot be seen there; try -m ngram-chat, or an OpenAI-style server that "
            "tells them, such as llama.cpp or vLLM."
        ) from error
    return asked


def _likeliest(logprobs: Sequence[TokenLogprob]) -> dict[str, float]:
    """Return each token that may be the first with its probability, likeliest first.

    Together they have 1 or less, also of an endpoint that says otherwise.
    """
    likely: dict[str, float] = {}
    for first in logprobs[:1]:
        for token, number in first.alternatives:  # two may read alike
            if (probability := math.exp(number)) > 0:
                likely[token] = likely.get(token, 0.0) + probability
        if first.logprob is not None and (probability := math.exp(first.logprob)) > 0:
            likely.setdefault(first.token, probability)
    total = max(1.0, math.fsum(likely.values()))
    ranked = sorted(likely.items(), key=lambda pair: -pair[1])
    return {token: probability / total for token, probability in ranked}
