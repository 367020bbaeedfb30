"""The settings' model as a `LanguageModel`: what asks it need not know where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..cancel import Cancel
from ..completion import TokenLogprob
from ..errors import Cancelled
from ..keys import Keys
from ..request import CompletionRequest
from .ask import CompletionBuilder, LeftOut, ask, count
from .clients import SharedClient
from .distribution import distribution
from .locals import context_tokens, load, special_tokens
from .plan import Call
from .routes import Routes

if TYPE_CHECKING:
    from ..client import Client
    from ..completion import Chunk, Outcome
    from ..distribution import Distribution
    from ..settings import CompletionSettings


SEEDS = 2**32 - 1
"""What llama.cpp tells apart; the next number is chance to it."""
_RAW = "without \\n\\nHuman: and \\n\\nAssistant:"
"""A client of the API has no flag for it."""


class Generation:
    """The tokens of a call; `close`, from any thread, ends it at once."""

    def __init__(self, call: Call, client: Client) -> None:
        self._cancel: Cancel = Cancel()
        self._tokens = _tokens(call, client, self._cancel)

    def __iter__(self) -> Iterator[TokenLogprob]:
        return self._tokens

    def __next__(self) -> TokenLogprob:
        return next(self._tokens)

    def close(self) -> None:
        """End the call."""
        self._cancel.set()


class RoutedModel:
    """The model of some settings, asked as a cell asks it; nothing is stored.

    A prompt with turns goes through the model's chat template, any other as it is.
    ``tell`` gets a line if its start takes its time.
    """

    wants_turns = False

    def __init__(
        self,
        settings: CompletionSettings,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._tell = tell
        self._client = SharedClient(Keys(), settings)
        self._route = Routes(self._client).find(settings)
        model = self._route.model
        self.name = settings.model if model is None else model.id
        self.context_tokens = context_tokens(self._route.endpoint, model)
        self.output_tokens = self.context_tokens

    def load(self) -> None:
        """Have the model in memory."""
        load(self._route.endpoint, self._settings.local_idle, self._tell)

    def generate(
        self, prompt: str, *, max_tokens: int | None = None, **sampling: float | None
    ) -> Generation:
        """Return the tokens that follow the prompt; see `LanguageModel`."""
        if (seed := sampling.get("seed")) is not None:
            sampling["seed"] = seed % SEEDS
        call = self._call(prompt, max_tokens or self.output_tokens, **sampling)
        special_tokens(prompt, call.endpoint, call.dialect, _RAW)
        return Generation(call, self._client())

    def next_token_distribution(self, prompt: str) -> Distribution:
        """Return what can come after a prompt, as far as the endpoint tells it."""
        return distribution(self._call(prompt, 1), self._outcome)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a prompt is, those of its chat template included."""
        return count(self._call(text, 1), self._client())

    def _outcome(self, call: Call) -> Outcome:
        builder, left_out = CompletionBuilder(call), LeftOut()
        return ask(
            call,
            self._client(),
            builder,
            on_text=None,
            cancel=Cancel(),
            left_out=left_out,
        )

    def _call(self, prompt: str, most: int, **sampling: float | None) -> Call:
        fields: dict[str, object] = {"max_tokens_to_sample": most, **sampling}
        request = CompletionRequest(self.name, prompt, **fields)  # type: ignore[arg-type]
        endpoint, dialect = self._route.for_prompt(prompt, "auto")
        return Call(request, endpoint, dialect, history=False)


def _tokens(call: Call, client: Client, cancel: Cancel) -> Iterator[TokenLogprob]:
    """Yield the tokens of a call's answer, as many as the endpoint counts."""
    count, counted = 0, 0
    try:
        with client.send(
            call.request, call.endpoint, call.dialect, cancel=cancel
        ) as answer:
            for chunk in answer:
                for token in _of(chunk, call.request.logprobs or 0):
                    count += 1
                    yield token
                if chunk.stop:  # which was cut, and who asked looks for it
                    yield TokenLogprob(chunk.stop, None)
                if chunk.usage and chunk.usage.output_tokens:
                    counted = chunk.usage.output_tokens
    except Cancelled:
        return
    # What stands in no event of its own, as the first halves of characters.
    for _ in range(counted - count):
        yield TokenLogprob("", None)


def _of(chunk: Chunk, most: int) -> tuple[TokenLogprob, ...]:
    """Return the tokens of a chunk, which together are its text.

    ``most``: how many alternatives were asked for, which may be less than are told.
    """
    if "".join(token.token for token in chunk.logprobs) != chunk.text:
        return (TokenLogprob(chunk.text, None),)
    return tuple(
        token._replace(alternatives=token.alternatives[:most])
        for token in chunk.logprobs
    )
