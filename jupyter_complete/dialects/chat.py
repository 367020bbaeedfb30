"""OpenAI's chat completions API, ``POST /v1/chat/completions``, as others have it too.

The text before the first turn is the system message, each turn is a message, and text
after the last ``Assistant:`` is the start of the answer, where a server continues one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from ..catalog import Model
from ..endpoint import DIALECTS, Endpoint, HttpCall, InCode
from ..errors import InputError
from ..prompts import has_turns, parse_turns
from ..request import Bound, CompletionRequest, check_bound
from . import MOST_LOGPROBS, Options
from .conversation import Conversation, conversation_of
from .openai import MOST_OF_LLAMACPP, OpenAIDialect
from .refused import Refused
from .reply import Reply
from .servers import ALL
from .wire import json_call

TITLE = "the chat completions API"
TAKES: Mapping[str, frozenset[str]] = {
    "temperature": ALL,
    "top_p": ALL,
    "top_k": frozenset({"vllm", "llamacpp", "lmstudio", "openrouter", "together"}),
    "seed": ALL - {"deepseek"},
    "logprobs": ALL - {"mistral", "groq", "lmstudio"},
}
"""The parameters that are sent, and the flavours that take each."""
_REASONING = ("temperature", "top_p", "top_k", "logprobs")
"""What a model that only reasons does not take: its ``sampling`` is ``none``."""
_MOST_STOPS: Mapping[str, int] = {"openai": 4, "groq": 4, "deepseek": 16}
# Those that call it max_completion_tokens; the others know the older name at least.
_LONGER_NAME = frozenset({"openai", "groq"})
_NO_USER = frozenset({"mistral"})
_NO_STREAM_OPTIONS = frozenset({"stream_options"})
# How a server is told to go on with the last message; the others answer it.
_MARKED = {"prefix": True}
_PREFILLS: Mapping[str, Mapping[str, bool]] = {
    "llamacpp": {},
    "vllm": {},
    "ollama": {},
    "groq": {},
    "openrouter": {},
    "mistral": _MARKED,
    "deepseek": _MARKED,
}
_GO_ON: Mapping[str, Mapping[str, Any]] = {
    "vllm": {"continue_final_message": True, "add_generation_prompt": False},
    # llama.cpp refuses a begun answer of a model that would think first.
    "llamacpp": {"chat_template_kwargs": {"enable_thinking": False}},
}
# Those that say the start of the answer again: Mistral always, llama.cpp in a whole
# answer, and not in a stream.
_AGAIN: Mapping[str, frozenset[bool]] = {
    "mistral": frozenset({True, False}),
    "llamacpp": frozenset({False}),
}
# What turns off the thinking of each one's models, where it can be turned off; it is
# not in the text, takes no sampling parameters, and is paid for.
_THINK_NOT: Mapping[str, Mapping[str, Any]] = {
    "openai": {"reasoning_effort": "none"},
    "deepseek": {"thinking": {"type": "disabled"}},
}
# DeepSeek has the start of an answer in its beta alone.
_BETA = "/beta/chat/completions"


@dataclass(frozen=True, slots=True)
class ChatDialect(OpenAIDialect):
    """The chat completions API, in the flavour of one server, for one model.

    ``model`` is what the catalogue knows of it; None lets everything pass.
    """

    model: Model | None = None
    begun: str = ""
    """The start of the answer that was sent; `for_request` knows."""

    name: ClassVar[str] = "chat"
    most: ClassVar[Mapping[str, int]] = {"llamacpp": MOST_OF_LLAMACPP}
    wants_turns: ClassVar[bool] = True
    in_code: ClassVar[InCode] = InCode(
        '["choices"][0]["message"]["content"]',
        "openai",
        "openai",
        "OpenAI",
        "/chat/completions",
        "chat.completions.create",
        "answer.choices[0].message.content",
        '(event.choices[0].delta.content or "") if event.choices else "", end=""',
        frozenset(
            {
                *("model", "messages", "max_tokens", "max_completion_tokens"),
                *("temperature", "top_p", "stop", "seed", "logprobs", "top_logprobs"),
                *("user", "stream", "stream_options", "reasoning_effort"),
            }
        ),
    )

    @classmethod
    def at(cls, endpoint: Endpoint, model: Model | None, options: Options) -> Self:
        """Return the dialect in the flavour of an endpoint, for a model."""
        never = _NO_STREAM_OPTIONS if endpoint.flavour == "mistral" else frozenset()
        left_out = options.left_out | never
        return cls(
            options.unsupported, endpoint.flavour, left_out=left_out, model=model
        )

    def for_request(self, request: CompletionRequest) -> Self:
        """Return this dialect as it reads the answer to a request."""
        begun = _conversation(request.prompt).prefill
        return replace(self, stops=request.stop_sequences, begun=begun)

    def field_named(
        self, refusal: str, request: CompletionRequest, *, stream: bool
    ) -> str | None:
        """Return the field that a refusal names, of those that may be left out.

        ``max_tokens`` is sent under its other name then.
        """
        if "max_completion_tokens" in refusal and self._length == "max_tokens":
            return "max_tokens"
        for field in self._thinking():
            if field in refusal and field not in self.left_out:
                return field
        return OpenAIDialect.field_named(self, refusal, request, stream=stream)

    def count(self, request: CompletionRequest) -> HttpCall | None:
        """Return the HTTP request that counts the tokens of a prompt's messages."""
        if self.flavour != "llamacpp":
            return None
        messages = self._messages(request, Refused(self.unsupported))
        return json_call(f"{DIALECTS[self.name]}/input_tokens", messages)

    def template(self, request: CompletionRequest) -> HttpCall | None:
        """Return the HTTP request that writes the messages as the template has them."""
        if self.flavour != "llamacpp":
            return None
        messages = self._messages(request, Refused(self.unsupported))
        return json_call("/apply-template", messages)

    @property
    def _length(self) -> str:
        longer = self.flavour in _LONGER_NAME or "max_tokens" in self.left_out
        return "max_completion_tokens" if longer else "max_tokens"

    def _path(self, request: CompletionRequest) -> str:
        beta = self.flavour == "deepseek" and self._prefill(request)
        return _BETA if beta else DIALECTS[self.name]

    def _reading(self, *, streamed: bool) -> Reply:
        again = streamed in _AGAIN.get(self.flavour, ())
        return Reply(self.stops, self.begun if again else "")

    def _fields(self, request: CompletionRequest, refused: Refused) -> dict[str, Any]:
        sampling = self._sampling(request, refused)
        logprobs = sampling.pop("logprobs", None)
        if self.flavour == "mistral" and "seed" in sampling:
            sampling["random_seed"] = sampling.pop("seed")
        return {
            "model": request.model,
            **self._messages(request, refused),
            **self._thinking(),
            self._length: request.max_tokens_to_sample,
            **sampling,
            **self._told(logprobs),
            "stop": self._sent_stops(request, refused) or None,
            "user": self._user(request, refused),
        }

    @property
    def _or_name_it(self) -> str:
        """What else helps with a server of which nothing is known."""
        if self.flavour != "other":
            return ""
        return (
            ", name the server as flavour in CompletionSettings.endpoints "
            f"({', '.join(_PREFILLS)})"
        )

    def _thinking(self) -> Mapping[str, Any]:
        if self.model is None or self.model.thinking != "optional":
            return {}
        return _THINK_NOT.get(self.model.endpoint, {})

    def _prefill(self, request: CompletionRequest) -> str:
        """Return the start of the answer, empty where none is or none is sent."""
        taken = self.flavour in _PREFILLS and (self.model is None or self.model.prefill)
        return _conversation(request.prompt).prefill if taken else ""

    def _messages(self, request: CompletionRequest, refused: Refused) -> dict[str, Any]:
        """Return the messages, and how to go on with the last where it is begun."""
        if not has_turns(request.prompt):
            refused.notices.append(
                "The prompt has no turns, and this API takes messages alone: it was "
                "sent as one user message."
            )
        conversation = _conversation(request.prompt)
        begun = conversation.prefill
        if begun and not self._prefill(request):
            known = self.model is not None and not self.model.prefill
            refused.leave_out(
                f"The prompt has text after the last Assistant: ({begun[:40]!r}), and "
                f"{request.model if known else self._who} does not continue one",
                "end the prompt with Assistant: alone" + self._or_name_it,
            )
            messages = conversation.messages[:-1]
            conversation = conversation._replace(messages=messages)
        return _sent(conversation, self.flavour)

    @property
    def _reasons(self) -> bool:
        return self.model is not None and self.model.sampling == "none"

    def _takes(self) -> list[str]:
        names = [name for name, who in TAKES.items() if self.flavour in who]
        return [n for n in names if not (self._reasons and n in _REASONING)]

    def _without(self, name: str) -> str:
        reasons = self._reasons and name in _REASONING
        return self.model.id if self.model and reasons else self._who

    def _told(self, wanted: int | None) -> dict[str, Any]:
        """Return the fields that ask for log-probabilities."""
        if wanted is None:
            return {}
        if self.flavour == "together":
            return {"logprobs": max(wanted, 1)}
        if self.flavour != "llamacpp":
            bound = Bound(0, MOST_LOGPROBS, whole=True)
            check_bound("logprobs", wanted, bound, f" for {TITLE}")
            return {"logprobs": True, "top_logprobs": wanted or None}
        return {"logprobs": True, "top_logprobs": max(wanted, 1)}

    def _user(self, request: CompletionRequest, refused: Refused) -> str | None:
        if request.user_id is None or self.flavour not in _NO_USER:
            return request.user_id
        refused.leave_out(
            f"user_id is {request.user_id}, and {self._who} has none", "unset it"
        )
        return None

    def _sent_stops(self, request: CompletionRequest, refused: Refused) -> list[str]:
        if self._reasons and request.stop_sequences:
            refused.notices.append(
                f"{request.model} takes no stop: the text is cut here, at the first."
            )
            return []
        most = _MOST_STOPS.get(self.flavour)
        if most is not None and len(request.stop_sequences) > most:
            raise InputError(
                f"stop is given {len(request.stop_sequences)} times, and {self._who} "
                f"takes at most {most}; leave some out."
            )
        return list(request.stop_sequences)


DIALECT = ChatDialect


def _conversation(prompt: str) -> Conversation:
    """Return the messages of a prompt; one of the user where it has no turns.

    The start of the answer keeps the white space at its end.
    """
    if not has_turns(prompt):
        return Conversation("", (("user", prompt),))
    conversation = conversation_of(prompt, TITLE)
    if not conversation.prefill:
        return conversation
    begun = parse_turns(prompt).turns[-1][1].lstrip()
    messages = (*conversation.messages[:-1], ("assistant", begun))
    return conversation._replace(messages=messages)


def _sent(conversation: Conversation, flavour: str) -> dict[str, Any]:
    """Return the fields of a request that hold the conversation."""
    system = (("system", conversation.system),) if conversation.system else ()
    messages: Sequence[dict[str, Any]] = [
        {"role": role, "content": text}
        for role, text in (*system, *conversation.messages)
    ]
    if not conversation.prefill:
        return {"messages": messages}
    messages[-1].update(_PREFILLS.get(flavour, {}))
    return {"messages": messages, **_GO_ON.get(flavour, {})}
