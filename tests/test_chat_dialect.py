"""The same prompt through the chat completions API of OpenAI and of those like it.

The answers are those of each server's own documentation or source, named beside them.
"""

import json
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_complete.catalog import CATALOG, Model
from jupyter_complete.completion import Usage
from jupyter_complete.dialects import Options, dialect_named
from jupyter_complete.dialects.chat import ChatDialect
from jupyter_complete.dialects.servers import TITLES
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import (
    EndpointError,
    InputError,
    PromptError,
    ProtocolError,
    RateLimitError,
)
from jupyter_complete.events import events
from jupyter_complete.request import CompletionRequest

TURNS = "\n\nHuman: Hi\n\nAssistant:"
BEGUN = "Be brief.\n\nHuman: A list.\n\nAssistant: 1. "
REASONS = Model("r", "openai", "chat", sampling="none", prefill=False)


def request(prompt=TURNS, **fields):
    return CompletionRequest("m", prompt, 16, **fields)


def call(flavour="other", unsupported="error", *, model=None, stream=False, **fields):
    dialect = ChatDialect(unsupported, flavour, model=model)
    return dialect.encode(request(**fields), stream=stream)


def body(*args, **fields):
    return json.loads(call(*args, **fields).body)


# The prompt


def test_each_turn_is_a_message_and_what_is_before_them_the_system_s():
    prompt = "Be brief.\n\nHuman: One\n \nAssistant: two\n\nHuman: 3 "

    assert body(prompt=f"{prompt}\n\nAssistant: Two.\n\nHuman: Go\n\nAssistant:")[
        "messages"
    ] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One\n \nAssistant: two"},
        {"role": "user", "content": "3"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Go"},
    ]


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ("\n\nHuman: Hi", "The chat completions API has only turns .*end with an"),
        ("\n\nAssistant: Hi\n\nAssistant:", "must start with"),
        ("\n\nHuman: \n\nAssistant:", "Turn 1, Human:, is empty, and the chat compl"),
    ],
)
def test_turns_that_are_none_are_refused_with_the_remedy(prompt, fault):
    with pytest.raises(PromptError, match=fault):
        call(prompt=prompt)


def test_raw_text_is_one_message_of_the_user_with_a_notice():
    sent = call(prompt=" Once upon a time ")

    assert json.loads(sent.body)["messages"] == [
        {"role": "user", "content": " Once upon a time "}
    ]
    (notice,) = sent.notices
    assert "has no turns" in notice
    assert "sent as one user message" in notice
    assert call().notices == ()


BEGINS = {
    # llama.cpp, tools/server: prefill_assistant is on unless it is told otherwise
    "llamacpp": ({}, {"chat_template_kwargs": {"enable_thinking": False}}),
    # ollama, server/prompt.go and template: a last message of the assistant is open
    "ollama": ({}, {}),
    # console.groq.com, Assistant Message Prefilling
    "groq": ({}, {}),
    # openrouter.ai, API reference, Assistant Prefill
    "openrouter": ({}, {}),
    # docs.vllm.ai, ChatCompletionRequest
    "vllm": ({}, {"continue_final_message": True, "add_generation_prompt": False}),
    # docs.mistral.ai, Prefix
    "mistral": ({"prefix": True}, {}),
    # api-docs.deepseek.com, Chat Prefix Completion (Beta)
    "deepseek": ({"prefix": True}, {}),
}


@pytest.mark.parametrize("flavour", BEGINS)
def test_the_start_of_an_answer_is_sent_as_the_server_takes_it(flavour):
    marks, fields = BEGINS[flavour]
    sent = body(flavour, prompt=BEGUN)

    assert sent["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "A list."},
        {"role": "assistant", "content": "1. ", **marks},
    ]
    assert {name: sent[name] for name in fields} == fields
    assert "continue_final_message" not in body(flavour)
    path = call(flavour, prompt=BEGUN).path
    assert path.startswith("/beta/" if flavour == "deepseek" else "/v1/")
    assert call(flavour).path == "/v1/chat/completions"


@pytest.mark.parametrize("flavour", sorted(set(TITLES) - set(BEGINS)))
def test_elsewhere_it_is_refused_with_the_remedy(flavour):
    with pytest.raises(
        InputError,
        match=(
            r"text after the last Assistant: \('1\. '\), and .* does not continue one; "
            "end the prompt with Assistant: alone, (name the server as flavour|or set)"
        ),
    ):
        call(flavour, prompt=BEGUN)
    lenient = call(flavour, "drop", prompt=BEGUN)
    assert json.loads(lenient.body)["messages"][-1]["role"] == "user"
    assert lenient.notices[0].endswith("left out.")


def test_a_model_that_continues_none_is_named():
    with pytest.raises(InputError, match="and m does not continue one"):
        call("openrouter", model=REASONS, prompt=BEGUN)


# The fields


def test_what_is_left_out_is_not_sent():
    assert body() == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 16,
    }
    assert body("llamacpp") == body() | {
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0,
        "samplers": ["temperature", "top_k", "top_p", "min_p"],
    }


def test_everything_given_is_sent():
    sent = body(
        "vllm",
        stream=True,
        temperature=0,
        top_p=0.5,
        top_k=3,
        stop_sequences=("END",),
        seed=7,
        user_id="u",
        logprobs=2,
    )

    assert (sent["temperature"], sent["top_p"], sent["top_k"]) == (0, 0.5, 3)
    assert (sent["stop"], sent["seed"], sent["user"]) == (["END"], 7, "u")
    assert (sent["logprobs"], sent["top_logprobs"]) == (True, 2)
    assert sent["stream"] is True
    assert sent["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("flavour", TITLES)
def test_the_length_has_the_name_that_the_server_asks_for(flavour):
    """OpenAI and Groq call max_tokens deprecated; reasoning models refuse it."""
    longer = flavour in ("openai", "groq")

    sent = body(flavour)
    assert sent.get("max_completion_tokens") == (16 if longer else None)
    assert sent.get("max_tokens") == (None if longer else 16)


def test_a_server_that_refuses_max_tokens_gets_it_by_its_other_name():
    """OpenAI's words, from a gateway before it."""
    words = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead."
    )
    dialect = ChatDialect()
    assert dialect.field_named(words, request(), stream=False) == "max_tokens"
    again = dialect.without(frozenset({"max_tokens"}))

    sent = json.loads(again.encode(request(), stream=False).body)
    assert (sent["max_completion_tokens"], "max_tokens" in sent) == (16, False)
    assert again.field_named(words, request(), stream=False) is None
    assert (
        dialect.field_named("max_tokens is too large", request(), stream=True) is None
    )


@pytest.mark.parametrize(
    ("flavour", "field", "value", "words"),
    [
        ("openai", "top_k", 5, "OpenAI has none"),
        ("mistral", "top_k", 5, "Mistral has none"),
        ("mistral", "logprobs", 5, "Mistral has none"),
        ("groq", "logprobs", 0, "Groq has none"),
        ("deepseek", "seed", 5, "DeepSeek has none"),
        ("lmstudio", "logprobs", 5, "LM Studio has none"),
        ("ollama", "top_p", 0, "Ollama takes only more"),
        ("vllm", "top_p", 0, "vLLM takes only more"),
        ("llamacpp", "seed", 2**32 - 1, "llama.cpp takes that for a random one"),
        ("llamacpp", "seed", 2**63 - 1, "llama.cpp takes that for a random one"),
        ("mistral", "user_id", "u", "Mistral has none"),
        ("openai", "betas", ("a-1",), "OpenAI has no betas"),
    ],
)
def test_what_a_server_does_not_take_is_refused_with_the_remedy(
    flavour, field, value, words
):
    with pytest.raises(InputError, match=words) as caught:
        call(flavour, **{field: value})
    assert re.search("unset it|give a small one|give another", str(caught.value))
    lenient = call(flavour, "drop", **{field: value})
    assert words in lenient.notices[0]
    assert json.loads(lenient.body) == body(flavour)


@pytest.mark.parametrize("field", ["temperature", "top_p", "logprobs"])
def test_a_model_that_reasons_takes_no_sampling_parameters(field):
    with pytest.raises(InputError, match=f"{field} is 1, and r has none; unset it, or"):
        call("openai", model=REASONS, **{field: 1})
    lenient = call("openai", "drop", model=REASONS, seed=1, **{field: 1}).body
    assert json.loads(lenient) == body("openai", seed=1)


def test_thinking_is_turned_off_where_it_can_be():
    """developers.openai.com, gpt-6.1-terra; api-docs.deepseek.com, Thinking Mode"""
    for name, field, value in (
        ("gpt-6.1-terra", "reasoning_effort", "none"),
        ("deepseek-v4-flash", "thinking", {"type": "disabled"}),
    ):
        model = CATALOG.find(name)
        sent = body(model.endpoint, model=model, temperature=0.5)
        assert (sent[field], sent["temperature"]) == (value, 0.5)

        dialect = ChatDialect("error", model.endpoint, model=model)
        words = f"Unsupported value: '{field}' does not support it with this model."
        assert dialect.field_named(words, request(), stream=False) == field
        less = dialect.without(frozenset({field}))
        assert field not in json.loads(less.encode(request(), stream=False).body)
        assert less.field_named(words, request(), stream=False) is None
    assert "reasoning_effort" not in body("openai", model=CATALOG.find("gpt-5"))


def test_where_a_model_takes_no_stop_the_text_is_cut_here():
    sent = call("openai", model=REASONS, stop_sequences=("END",))

    assert json.loads(sent.body) == body("openai")
    assert "takes no stop: the text is cut here" in sent.notices[0]


def test_mistral_has_a_name_of_its_own_for_the_seed():
    sent = body("mistral", seed=3)

    assert (sent["random_seed"], "seed" in sent) == (3, False)


def test_mistral_is_sent_no_stream_options():
    """Its API refuses a field that it has not, and counts in every stream."""
    dialect = dialect_named("chat", CATALOG.endpoint("mistral"))
    sent = dialect.encode(request(), stream=True)

    assert json.loads(sent.body) == body("mistral") | {"stream": True}
    assert sent.notices == ()


def test_log_probabilities_are_asked_for_as_each_server_takes_them():
    assert body(logprobs=0)["logprobs"] is True
    assert "top_logprobs" not in body(logprobs=0)
    # llama.cpp tells none at all for 0, and has no most
    assert body("llamacpp", logprobs=0)["top_logprobs"] == 1
    assert body("llamacpp", logprobs=1000)["top_logprobs"] == 1000
    # docs.together.ai: a number
    assert body("together", logprobs=3)["logprobs"] == 3
    assert "top_logprobs" not in body("together", logprobs=3)
    assert ChatDialect(flavour="openai").most_logprobs == 20
    assert ChatDialect(flavour="llamacpp").most_logprobs == 1000
    with pytest.raises(InputError, match="from 0 to 20 for the chat completions API"):
        call("openai", logprobs=21)


@pytest.mark.parametrize(("flavour", "most"), [("openai", 4), ("deepseek", 16)])
def test_a_server_takes_so_many_stop_sequences(flavour, most):
    stops = tuple(map(str, range(most)))

    assert body(flavour, stop_sequences=stops)["stop"] == list(stops)
    with pytest.raises(InputError, match=f"takes at most {most}; leave some out"):
        call(flavour, stop_sequences=(*stops, "x"))


def test_a_key_is_a_bearer():
    assert ChatDialect().headers("k") == {"Authorization": "Bearer k"}


# Each server's answers, whole and streamed


def message(content="Hi.", finish="stop", **more):
    said = {"role": "assistant", "content": content, **more}
    return {"index": 0, "message": said, "logprobs": None, "finish_reason": finish}


def delta(content=None, finish=None, **more):
    said = {**({} if content is None else {"content": content}), **more}
    return {"index": 0, "delta": said, "finish_reason": finish}


def answer(choice, **more):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **more,
    }


COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
USAGE = {**answer({}), "choices": [], "usage": COUNTS}

WHOLE = {
    # developers.openai.com, The chat completion object
    "openai": answer(
        message(refusal=None, annotations=[]),
        usage=COUNTS | {"completion_tokens_details": {"reasoning_tokens": 0}},
        service_tier="default",
    ),
    # docs.mistral.ai, Chat Completion
    "mistral": answer(
        {
            "index": 0,
            "message": {"role": "assistant", "tool_calls": None, "content": "Hi."},
            "finish_reason": "stop",
        },
        usage=COUNTS,
    ),
    # console.groq.com, Create chat completion
    "groq": answer(message(), usage=COUNTS | {"queue_time": 0.1}, x_groq={"id": "r"}),
    # openrouter.ai, API reference, Completions response
    "openrouter": answer(
        message(reasoning=None, refusal=None) | {"native_finish_reason": "stop"},
        usage=COUNTS,
        provider="Meta",
    ),
    # api-docs.deepseek.com, Create Chat Completion
    "deepseek": answer(
        message(), usage=COUNTS | {"prompt_cache_hit_tokens": 0}, system_fingerprint="f"
    ),
    # docs.together.ai, Create Chat Completion: eos is an end
    "together": answer(message(finish="eos", tool_calls=[]), usage=COUNTS, prompt=[]),
    # ollama, openai/openai.go, toChatCompletion
    "ollama": answer(message(), usage=COUNTS, system_fingerprint="fp_ollama"),
    # llama.cpp, tools/server, to_json_oaicompat_chat, as it came
    "llamacpp": answer(
        {
            "finish_reason": "stop",
            "index": 0,
            "message": {"role": "assistant", "content": "Hi."},
        },
        usage=COUNTS,
        timings={"prompt_n": 34},
    ),
    # lmstudio.ai, docs, Chat Completions
    "lmstudio": answer(message(), usage=COUNTS, stats={}),
    # vllm/entrypoints/openai/protocol.py, ChatCompletionResponse
    "vllm": answer(
        message(reasoning_content=None, tool_calls=[]) | {"stop_reason": None},
        usage=COUNTS,
        prompt_logprobs=None,
    ),
}
FIRST = delta("", role="assistant")
STREAMS = {
    # developers.openai.com, The chat completion chunk object
    "openai": [
        answer(delta("", role="assistant", refusal=None)),
        answer(delta("H")),
        answer(delta("i.")),
        answer(delta(finish="stop")),
        USAGE,
    ],
    # docs.mistral.ai: the counts with the last choice
    "mistral": [
        answer(FIRST),
        answer(delta("H")),
        answer(delta("i.", "stop"), usage=COUNTS),
    ],
    # console.groq.com
    "groq": [
        answer(FIRST, x_groq={"id": "req_1"}),
        answer(delta("H")),
        answer(delta("i.")),
        answer(delta(finish="stop"), x_groq={"id": "req_1", "usage": COUNTS}),
    ],
    # openrouter.ai: comments before the first, the counts with empty text
    "openrouter": [
        ": OPENROUTER PROCESSING",
        answer(delta("H", role="assistant")),
        answer(delta("i.", role="assistant")),
        answer(delta("", "stop", role="assistant") | {"native_finish_reason": "STOP"}),
        answer(delta("", role="assistant"), usage=COUNTS),
    ],
    # api-docs.deepseek.com: null until it knows
    "deepseek": [
        answer(FIRST, usage=None),
        answer(delta("H"), usage=None),
        answer(delta("i."), usage=None),
        answer(delta("", "stop"), usage=COUNTS),
    ],
    # docs.together.ai: the text beside the delta too
    "together": [
        answer(delta("H", role="assistant") | {"text": "H"}),
        answer(delta("i.", role="assistant") | {"text": "i."}),
        answer(delta("", "eos", role="assistant") | {"text": ""}, usage=COUNTS),
    ],
    # ollama, openai/openai.go, toChunk
    "ollama": [
        answer(delta("H", role="assistant")),
        answer(delta("i.", role="assistant")),
        answer(delta("", "stop", role="assistant")),
        USAGE,
    ],
    # llama.cpp, as it came
    "llamacpp": [
        answer({"finish_reason": None, "index": 0, "delta": {"content": None}}),
        answer(delta("H")),
        answer(delta("i.")),
        answer({"finish_reason": "stop", "index": 0, "delta": {}}),
        USAGE | {"timings": {"prompt_n": 1}},
    ],
    "lmstudio": [
        answer(FIRST),
        answer(delta("Hi.")),
        answer(delta(finish="stop")),
        USAGE,
    ],
    # vLLM's serving_chat.py
    "vllm": [
        answer(FIRST),
        answer(delta("H")),
        answer(delta("i.", "stop") | {"stop_reason": None}),
        USAGE,
    ],
}


def wire(items, *, done=True):
    lines = (i if isinstance(i, str) else f"data: {json.dumps(i)}" for i in items)
    return "".join(f"{line}\n\n" for line in (*lines, *["data: [DONE]"] * done))


def read(text, flavour="other", prompt=TURNS, pieces=None, **fields):
    """Return the chunks of a stream, its bytes cut as the pieces say."""
    dialect = ChatDialect("error", flavour).for_request(request(prompt, **fields))
    data = text.encode()
    cuts = pieces or [data]
    return list(dialect.decode_stream(events(cuts)))


def whole(item, flavour="other", prompt=TURNS, **fields):
    dialect = ChatDialect("error", flavour).for_request(request(prompt, **fields))
    return list(dialect.decode(json.dumps(item).encode()))


def text_of(chunks):
    return "".join(chunk.text for chunk in chunks)


def end_of(chunks):
    ends = [(c.stop_reason, c.stop) for c in chunks if c.stop_reason is not None]
    assert len(ends) == 1
    return ends[0]


def usage_of(chunks):
    return next((c.usage for c in reversed(chunks) if c.usage), None)


def notices_of(chunks):
    return " ".join(chunk.notice for chunk in chunks if chunk.notice)


@pytest.mark.parametrize("server", WHOLE)
def test_each_server_s_whole_answer(server):
    chunks = whole(WHOLE[server], server)

    assert text_of(chunks) == "Hi."
    assert usage_of(chunks) == Usage(3, 2)
    assert (chunks[0].id, chunks[0].model) == ("chatcmpl-1", "m")
    assert chunks[0].raw == WHOLE[server]
    assert end_of(chunks) == ("eos" if server == "together" else "stop_sequence", None)
    assert notices_of(chunks) == ""


@pytest.mark.parametrize("server", STREAMS)
def test_each_server_s_stream_at_every_byte_split(server):
    text = wire(STREAMS[server])
    data = text.encode()
    expected = read(text, server)

    assert text_of(expected) == "Hi."
    assert end_of(expected)[0] == ("eos" if server == "together" else "stop_sequence")
    assert usage_of(expected) == Usage(3, 2)
    assert notices_of(expected) == ""
    for cut in range(len(data)):
        assert read(text, server, pieces=[data[:cut], data[cut:]]) == expected
    single = [data[n : n + 1] for n in range(len(data))]
    assert read(text, server, pieces=single) == expected


FINISHES = {
    "stop": "stop_sequence",
    "length": "max_tokens",
    "content_filter": "stop_sequence",
    "tool_calls": "tool_calls",
    "function_call": "function_call",
    "model_length": "max_tokens",  # Mistral's
    "insufficient_system_resource": "insufficient_system_resource",  # DeepSeek's
    "eos": "eos",  # Together's
    "abort": "abort",  # vLLM's
}


@pytest.mark.parametrize("finish", FINISHES)
@pytest.mark.parametrize("stream", [True, False])
def test_every_finish_reason_is_an_end(finish, stream):
    if stream:
        chunks = read(wire([answer(delta("a")), answer(delta(finish=finish))]))
    else:
        chunks = whole(answer(message("a", finish)))

    assert end_of(chunks)[0] == FINISHES[finish]
    assert text_of(chunks) == "a"
    assert ("filter" in notices_of(chunks)) is (finish == "content_filter")


# What is no text


@pytest.mark.parametrize(
    "thought",
    [
        {"reasoning_content": "Hm"},  # DeepSeek, vLLM, llama.cpp
        {"reasoning": "Hm"},  # OpenRouter, Groq, Ollama
        # docs.mistral.ai, Reasoning
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
            ]
        },
    ],
)
def test_what_a_model_thinks_is_a_notice_and_no_text(thought):
    items = [answer(delta(**thought)), answer(delta("a")), answer(delta(finish="stop"))]
    chunks = read(wire(items))
    assert text_of(chunks) == "a"
    assert "its thinking is not shown" in notices_of(chunks)

    said = {"role": "assistant", "content": "a", **thought}
    if "content" in thought:
        said["content"] = [*thought["content"], {"type": "text", "text": "a"}]
    chunks = whole(answer({"index": 0, "message": said, "finish_reason": "stop"}))
    assert text_of(chunks) == "a"
    assert "its thinking is not shown" in notices_of(chunks)


def test_thinking_that_spends_all_says_what_to_raise():
    items = [answer(delta(reasoning="Hm")), answer(delta(finish="length"))]

    assert "raise --max-tokens" in notices_of(read(wire(items)))
    assert "has no text" in notices_of(whole(answer(message(None))))


@pytest.mark.parametrize("end", ["stop", None])
def test_a_refusal_is_a_notice_and_no_text(end):
    """developers.openai.com, Structured outputs, Refusals"""
    items = [answer(delta(refusal=word)) for word in ("I can", "not\nassist.")]
    chunks = read(wire([*items, *[answer(delta(finish=end))] * bool(end)], done=False))

    assert text_of(chunks) == ""
    assert "The model refused: I cannot assist." in notices_of(chunks)
    chunks = whole(answer(message(None, refusal="I cannot.")))
    assert "The model refused: I cannot." in notices_of(chunks)
    part = [{"type": "refusal", "refusal": "\x1b[31mI\u202e cannot."}]
    said = notices_of(whole(answer(message(part))))
    assert "The model refused: " in said
    assert said.isprintable()


def test_a_call_of_a_tool_is_a_notice():
    calls = [{"id": "c", "type": "function", "function": {"name": "f"}}]
    items = [answer(delta(tool_calls=calls)), answer(delta(finish="tool_calls"))]

    for chunks in (
        read(wire(items)),
        whole(answer(message(None, "tool_calls", tool_calls=calls))),
    ):
        assert text_of(chunks) == ""
        assert "called tools" in notices_of(chunks)
        assert end_of(chunks)[0] == "tool_calls"


# The start of an answer that is said again


def test_a_start_that_is_said_again_is_not_the_answer_s():
    """Mistral says its prefix again; llama.cpp does in a whole answer."""
    items = [answer(delta(text)) for text in ("1", ". O", "ne")]
    stream = wire([*items, answer(delta(finish="stop"))])

    assert text_of(read(stream, "mistral", BEGUN)) == "One"
    assert text_of(read(stream, "llamacpp", BEGUN)) == "1. One"
    assert text_of(whole(answer(message("1. One")), "mistral", BEGUN)) == "One"
    assert text_of(whole(answer(message("1. One")), "llamacpp", BEGUN)) == "One"
    assert text_of(whole(answer(message("1. One")), "groq", BEGUN)) == "1. One"
    assert text_of(whole(answer(message("One")), "mistral", BEGUN)) == "One"


@given(st.data())
def test_it_is_taken_off_however_the_text_is_cut(data):
    rest = data.draw(st.text(alphabet="1. a", max_size=6))
    again = data.draw(st.sampled_from(["1. ", ""]))
    text = again + rest
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3)))
    pieces = [text[i:j] for i, j in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    ending = data.draw(st.sampled_from([[answer(delta(finish="stop"))], []]))
    stream = wire([*(answer(delta(p)) for p in pieces), *ending], done=bool(ending))

    expected = text.removeprefix("1. ")
    assert text_of(read(stream, "mistral", BEGUN)) == expected


# Stop sequences, log-probabilities


def test_only_the_user_s_stop_sequences_end_a_text():
    """The turns of a chat end by themselves."""
    items = [answer(delta("a\n\nHuman: EN")), answer(delta("D b")), answer(delta("c"))]

    assert "stop" not in body()
    chunks = read(wire(items), stop_sequences=("END",))
    assert text_of(chunks) == "a\n\nHuman: "
    assert end_of(chunks) == ("stop_sequence", "END")


def test_log_probabilities_are_told_and_half_characters_by_their_bytes():
    """developers.openai.com: null bytes where there are none"""
    flamingo, peacock = ([240, 159, 166, b] for b in (169, 154))
    told = [
        {
            "token": "\ufffd",
            "logprob": -0.5,
            "bytes": flamingo[:2],
            "top_logprobs": [
                {"token": "\ufffd", "logprob": -0.5, "bytes": flamingo[:2]},
                {"token": "\ufffd", "logprob": -1.5, "bytes": flamingo[:3]},
                {"token": " a", "logprob": -2.5, "bytes": [32, 97]},
                {"token": "b", "logprob": -3.5, "bytes": None},
            ],
        },
        {"token": "🦚", "logprob": -1, "bytes": peacock, "top_logprobs": []},
    ]
    choice = message("🦚") | {"logprobs": {"content": told, "refusal": None}}
    first, second = whole(answer(choice))[0].logprobs

    assert first.token == r"\xf0\x9f"
    assert first.alternatives == (
        (r"\xf0\x9f", -0.5),
        (r"\xf0\x9f\xa6", -1.5),
        (" a", -2.5),
        ("b", -3.5),
    )
    assert (second.token, second.logprob) == ("🦚", -1)


@pytest.mark.parametrize("odd", [[-1], [256], ["a"], "ab", {}, [1.5], [True], 3, []])
def test_bytes_that_are_none_leave_the_token_as_it_is(odd):
    told = [{"token": "a", "logprob": -1, "bytes": odd, "top_logprobs": []}]
    choice = message("a") | {"logprobs": {"content": told}}

    assert whole(answer(choice))[0].logprobs[0].token == "a"


# Errors, and answers of another kind

BUSY = {"error": {"message": "Busy", "code": 429}}
FAULTS = {
    # openrouter.ai, Errors: in the stream, beside a choice that ends
    "beside": answer(delta("", "error"), **BUSY),
    "alone": BUSY,
    "in the choice": answer(delta("", "error") | BUSY),
}


@pytest.mark.parametrize("form", FAULTS)
def test_an_error_in_the_stream_is_told_and_the_text_kept(form):
    dialect = ChatDialect().for_request(request(stop_sequences=("b",)))
    chunks = []
    with pytest.raises(RateLimitError, match="Busy"):
        chunks.extend(
            dialect.decode_stream(
                events([wire([answer(delta("a")), FAULTS[form]]).encode()])
            )
        )
    with pytest.raises(EndpointError, match="Busy"):
        whole(FAULTS[form])


def test_a_text_completion_names_its_dialect():
    choice = {"index": 0, "text": " One.", "finish_reason": "stop"}
    with pytest.raises(ProtocolError, match="--dialect openai") as caught:
        whole(answer(choice))
    assert caught.value.partial == " One."


@pytest.mark.parametrize("item", [{}, {"choices": []}, {"choices": None}])
def test_an_answer_without_choices_says_what_to_check(item):
    with pytest.raises(ProtocolError, match="check its URL and that it speaks chat"):
        whole(item)


ODD = [None, 1, True, "x", [], {}, [None], [{}], {"content": {}}, "\ud83d"]


@pytest.mark.parametrize("odd", ODD)
def test_odd_shapes_cost_no_text_beside_them(odd):
    names = ("role", "refusal", "reasoning", "tool_calls", "audio", "annotations")
    for name in names:
        items = [answer(delta("a", **{name: odd})), answer(delta("b", "stop"))]
        assert text_of(read(wire(items))) == "ab", name
    for value in (answer(odd), {"choices": odd}, {"choices": [odd]}):
        items = [answer(delta("a")), value, answer(delta("b", "stop"))]
        assert text_of(read(wire(items))) == "ab"
    for content in (odd, [odd], [{"type": "text", "text": odd}]):
        items = [answer(delta("a")), answer(delta(content)), answer(delta("", "stop"))]
        assert text_of(read(wire(items))) in ("a", f"a{odd}")


def test_the_dialect_is_made_for_its_endpoint_and_model():
    groq, model = CATALOG.endpoint("groq"), CATALOG.models[0]
    options = Options(unsupported="drop", left_out=frozenset({"seed"}))
    dialect = dialect_named("chat", groq, model, options)

    assert dialect == ChatDialect(
        "drop", "groq", left_out=frozenset({"seed"}), model=model
    )
    assert dialect_named("chat", Endpoint("x", "http://x", "chat")).flavour == "other"
    asked = dialect.for_request(request(BEGUN, stop_sequences=("x",)))
    assert pickle.loads(pickle.dumps(asked)) == asked
    assert (asked.stops, asked.begun) == (("x",), "1. ")
