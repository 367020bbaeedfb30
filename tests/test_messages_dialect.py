"""The same prompt through the Messages API.

The answers are those of the vendor's documentation ("Messages", "Streaming messages",
"Handling stop reasons", "Token counting") and of its OpenAPI description.
"""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from loopback import CUT, event

from jupyter_complete.catalog import CATALOG, Model
from jupyter_complete.client import Client
from jupyter_complete.completion import Usage
from jupyter_complete.dialects import Event
from jupyter_complete.dialects.conversation import conversation_of
from jupyter_complete.dialects.messages import MessagesDialect
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import (
    BadRequestError,
    IncompleteStream,
    InputError,
    PromptError,
    ProtocolError,
    ServerError,
)
from jupyter_complete.prompts import parse_turns
from jupyter_complete.request import CompletionRequest

PROMPT = "\n\nHuman: Hi\n\nAssistant:"


def request(prompt=PROMPT, max_tokens=100, model="claude-test", **fields):
    return CompletionRequest(model, prompt, max_tokens, **fields)


def body(asked=None, **dialect):
    return json.loads(
        MessagesDialect(**dialect).encode(asked or request(), stream=False).body
    )


def model(**fields):
    return Model("claude-test", "anthropic", "messages", **fields)


# Section by section: the request


def test_a_prompt_becomes_system_and_messages():
    asked = request(
        "Be brief.\n\nHuman: Hi \n\nAssistant: Hello!\n\nHuman: Bye\n\nAssistant:"
    )

    assert body(asked) == {
        "model": "claude-test",
        "max_tokens": 100,
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": "Bye"},
        ],
        "system": "Be brief.",
        "stop_sequences": ["\n\nHuman:"],
    }


def test_text_after_the_last_marker_starts_the_answer_without_its_trailing_space():
    messages = body(request("\n\nHuman: A tale\n\nAssistant: Once upon \n"))["messages"]

    assert messages[-1] == {"role": "assistant", "content": "Once upon"}


def test_the_inside_of_a_turn_stays_to_the_byte():
    text = "a\n  b\tc  \n\nhuman: d\nHuman: e {{x}} \u2028 é"

    assert body(request(f"\n\nHuman: {text}\n\nAssistant:"))["messages"][0] == {
        "role": "user",
        "content": text,
    }


def test_line_ends_of_windows_are_line_ends():
    assert body(request("\r\n\r\nHuman: a\r\nb\r\n\r\nAssistant:"))["messages"] == [
        {"role": "user", "content": "a\nb"}
    ]


def test_turns_of_the_same_role_are_sent_as_they_stand():
    asked = request("\n\nHuman: a\n\nHuman: b\n\nAssistant:")

    assert [m["content"] for m in body(asked)["messages"]] == ["a", "b"]


def test_everything_given_is_sent_and_nothing_else():
    asked = request(
        temperature=0, top_k=5, stop_sequences=("END", "\n\nHuman:"), user_id="u"
    )
    call = MessagesDialect().encode(asked, stream=True)
    sent = json.loads(call.body)

    assert (call.method, call.path) == ("POST", "/v1/messages")
    assert (sent["temperature"], sent["top_k"], sent["stream"]) == (0, 5, True)
    assert sent["stop_sequences"] == ["END", "\n\nHuman:"]
    assert sent["metadata"] == {"user_id": "u"}
    assert "top_p" not in sent
    assert "thinking" not in sent


def test_version_and_betas_are_headers():
    asked = request(betas=("a-1", "b-2", "a-1"))
    headers = MessagesDialect("2026-10-21").encode(asked, stream=False).headers

    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["anthropic-beta"] == "a-1,b-2"


def test_a_prompt_without_turns_is_refused():
    with pytest.raises(PromptError, match=r"The Messages API has only turns.*--turns"):
        body(request("Once upon a time"))


@pytest.mark.parametrize(
    ("prompt", "turn"),
    [
        ("\n\nHuman:\n\nAssistant:", r"Turn 1, Human:, is empty"),
        ("\n\nHuman: a\n\nAssistant: \n\nHuman: b\n\nAssistant:", "Turn 2, Assistant:"),
    ],
)
def test_an_empty_turn_is_refused(prompt, turn):
    with pytest.raises(PromptError, match=turn):
        body(request(prompt))


# What a model does not take


PREFILL = request("\n\nHuman: Hi\n\nAssistant: Once")
NONE = {"sampling": "none"}


@pytest.mark.parametrize(
    ("known", "asked", "fault"),
    [
        (NONE, request(temperature=1), "temperature is 1, and claude-test takes none"),
        (NONE, request(top_p=0.5), r"top_p is 0\.5, and claude-test takes none"),
        (NONE, request(top_k=0), "top_k is 0, and claude-test takes none"),
        ({"sampling": "either"}, request(top_p=0.5, temperature=0), "only one of them"),
        ({"prefill": False}, PREFILL, r"'Once'.*does not continue one"),
        ({}, request(seed=1), "seed is 1, but the Messages API has none"),
        ({}, request(logprobs=0), "logprobs is 0, but the Messages API has none"),
        ({}, request(stop_sequences=("\n",)), r"stop is '\\n'.*white space alone"),
    ],
)
def test_what_is_not_taken_is_refused_or_left_out_for_all_to_see(known, asked, fault):
    strict = MessagesDialect(model=model(**known))
    lenient = MessagesDialect(unsupported="drop", model=model(**known))

    with pytest.raises(InputError, match=fault) as refusal:
        strict.encode(asked, stream=False)
    assert 'CompletionSettings.unsupported = "drop"' in str(refusal.value)
    call = lenient.encode(asked, stream=False)
    (notice,) = call.notices
    assert notice.endswith("left out.")


def test_left_out_is_left_out():
    lenient = {"unsupported": "drop"}
    none = body(request(temperature=1, top_k=2), **lenient, model=model(**NONE))
    one = body(
        request(temperature=0, top_p=1), **lenient, model=model(sampling="either")
    )
    bare = body(PREFILL, **lenient, model=model(prefill=False))

    assert not {"temperature", "top_k", "top_p"} & set(none)
    assert (one["temperature"], "top_p" in one) == (0, False)
    assert bare["messages"] == [{"role": "user", "content": "Hi"}]


def test_either_alone_passes_where_one_of_two_is_taken():
    known = model(sampling="either")

    assert body(request(temperature=0.2), model=known)["temperature"] == 0.2
    assert body(request(top_p=0.2, top_k=3), model=known)["top_p"] == 0.2


def test_an_unlisted_model_takes_everything():
    sent = body(request(temperature=0.2, top_p=0.3, top_k=4), model=None)

    assert (sent["temperature"], sent["top_p"], sent["top_k"]) == (0.2, 0.3, 4)


def test_no_model_takes_sampling_from_the_version_that_removed_it():
    with pytest.raises(InputError, match="version 2026-10-21 of the Messages API"):
        body(request(temperature=1), version="2026-10-21")


def test_temperature_above_1_is_refused():
    with pytest.raises(InputError, match="from 0 to 1 for the Messages API"):
        body(request(temperature=1.5))


def test_max_tokens_is_cut_to_the_model_s_and_said():
    call = MessagesDialect(model=model(output_tokens=64)).encode(
        request(max_tokens=65), stream=False
    )

    assert json.loads(call.body)["max_tokens"] == 64
    assert call.notices == (
        "max_tokens is 65, and claude-test writes at most 64: 64 was sent.",
    )


def test_thinking_is_turned_off_where_it_can_be():
    assert body(model=CATALOG.find("claude-opus-5"))["thinking"] == {"type": "disabled"}
    assert "thinking" not in body(model=CATALOG.find("claude-fable-5"))
    assert "thinking" not in body(model=CATALOG.find("claude-opus-4-5"))


# Text to Messages and back


def markers_free(text):
    return "\n\nHuman:" not in text and "\n\nAssistant:" not in text


TEXT = (
    st.text(alphabet=st.sampled_from("aé \n:\tHumanAsist{}"), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
    .filter(markers_free)
)
# The text before the first turn could hold a marker only at its own start.
SYSTEM = TEXT.filter(lambda text: not text.lstrip().startswith(("Human:", "Assist")))


@given(
    st.one_of(st.just(""), SYSTEM),
    st.lists(TEXT, min_size=1, max_size=5).filter(lambda turns: len(turns) % 2),
    st.one_of(st.just(""), TEXT),
)
@example("", ["a"], "Human:")
def test_a_prompt_s_turns_come_back_from_the_messages(system, turns, prefill):
    prompt = system
    for place, turn in enumerate(turns):
        prompt += f"\n\n{'Assistant' if place % 2 else 'Human'}: {turn}"
    prompt += f"\n\nAssistant: {prefill}".rstrip()

    sent = body(request(prompt))
    back = sent.get("system", "")
    for message in sent["messages"]:
        who = "Human" if message["role"] == "user" else "Assistant"
        back += f"\n\n{who}: {message['content']}"
    if sent["messages"][-1]["role"] == "user":
        back += "\n\nAssistant:"

    assert back == prompt
    assert [(role, text.strip()) for role, text in parse_turns(back).turns if text] == [
        (message["role"], message["content"]) for message in sent["messages"]
    ]
    assert conversation_of(back) == conversation_of(prompt)


# Whole answers

ANSWER = {
    "id": "msg_013Zva2CMHLNnjNjJJKqJ2EF",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hi! My name is Claude."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 2095, "output_tokens": 503},
}
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCgIYAhIM1gbc"}


def decoded(prompt=PROMPT, **changed):
    dialect = MessagesDialect().for_request(request(prompt))
    (chunk,) = dialect.decode(json.dumps({**ANSWER, **changed}).encode())
    return chunk


def test_a_whole_answer_is_one_chunk():
    chunk = decoded()

    assert chunk.text == " Hi! My name is Claude."
    assert (chunk.id, chunk.model) == (ANSWER["id"], ANSWER["model"])
    assert chunk.usage == Usage(2095, 503)
    assert chunk.raw == ANSWER
    assert chunk.notice is None


def test_a_continued_answer_has_no_space_before_it():
    prompt = "\n\nHuman: Hi\n\nAssistant: Hel"

    assert decoded(prompt, content=[{"type": "text", "text": "lo"}]).text == "lo"


def test_a_space_of_the_model_s_own_is_enough():
    assert decoded(content=[{"type": "text", "text": "\nlo"}]).text == "\nlo"


@pytest.mark.parametrize(
    ("reason", "sequence", "expected"),
    [
        ("end_turn", None, ("stop_sequence", "\n\nHuman:")),
        ("stop_sequence", "END", ("stop_sequence", "END")),
        ("max_tokens", None, ("max_tokens", None)),
        ("model_context_window_exceeded", None, ("max_tokens", None)),
        ("refusal", None, ("stop_sequence", None)),
    ],
)
def test_every_stop_reason_has_its_word(reason, sequence, expected):
    chunk = decoded(stop_reason=reason, stop_sequence=sequence)

    assert (chunk.stop_reason, chunk.stop) == expected
    assert chunk.raw["stop_reason"] == reason


@pytest.mark.parametrize("reason", ["tool_use", "pause_turn", "of the future"])
def test_another_stop_reason_is_told_as_it_is(reason):
    chunk = decoded(stop_reason=reason)

    assert (chunk.text, chunk.stop_reason) == (" Hi! My name is Claude.", reason)


@pytest.mark.parametrize(
    ("changed", "notice"),
    [
        ({"stop_reason": "refusal"}, "refused to go on"),
        ({"stop_reason": "model_context_window_exceeded"}, "context window is full"),
        ({"content": []}, r"^The answer has no text\.$"),
        ({"content": [THINKING, ANSWER["content"][0]]}, "thought before it wrote"),
        (
            {"content": [THINKING], "stop_reason": "max_tokens"},
            r"thought before.*No text was left to write: raise --max-tokens",
        ),
    ],
)
def test_an_unusual_answer_is_shown_for_what_it_is(changed, notice):
    import re

    assert re.search(notice, decoded(**changed).notice)


@pytest.mark.parametrize("end", [{"type": "message_stop"}, "[DONE]"])
def test_an_answer_that_ends_without_a_reason_says_so(end):
    whole = decoded(stop_reason=None)
    *chunks, last = streamed([*HELLO[:-2], end])

    assert "".join(chunk.text for chunk in chunks) == " Hello!"
    for chunk in (whole, last):
        assert (chunk.ended, chunk.stop_reason) == (True, None)
        assert "did not tell why" in chunk.notice


def test_an_end_before_an_answer_is_none():
    assert streamed([{"type": "message_stop"}]) == []


def test_an_error_in_the_place_of_an_answer_is_the_endpoint_s():
    error = {"type": "overloaded_error", "message": "Overloaded"}
    told = json.dumps({"type": "error", "error": error}).encode()

    with pytest.raises(ServerError, match="Overloaded"):
        MessagesDialect().decode(told)


def test_text_blocks_alone_are_the_text():
    blocks = [
        THINKING,
        {"type": "text", "text": "a"},
        {"type": "server_tool_use", "id": "x"},
        {"type": "text", "text": "b"},
    ]

    assert decoded(content=blocks).text == " ab"


@pytest.mark.parametrize("answer", [b"[]", b"<html>", b"{}", b'{"content": "text"}'])
def test_an_answer_of_another_kind_is_named(answer):
    with pytest.raises(ProtocolError, match="check"):
        MessagesDialect().decode(answer)


# Streams

START = {
    "type": "message_start",
    "message": {
        "id": "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyS",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "claude-opus-4-5-20251101",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 25, "output_tokens": 1},
    },
}


def block(index=0, **content):
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(kind="text_delta", index=0, **content):
    return {
        "type": "content_block_delta",
        "index": index,
        "delta": {"type": kind, **content},
    }


def closing(reason="end_turn", sequence=None):
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": sequence},
        "usage": {"output_tokens": 15},
    }


HELLO = [
    START,
    block(type="text", text=""),
    {"type": "ping"},
    delta(text="Hello"),
    delta(text="!"),
    {"type": "content_block_stop", "index": 0},
    closing(),
    {"type": "message_stop"},
]


def streamed(events, prompt=PROMPT):
    dialect = MessagesDialect().for_request(request(prompt))
    return list(
        dialect.decode_stream(
            Event("message", item)
            if isinstance(item, str)
            else Event(item["type"], json.dumps(item))
            for item in events
        )
    )


def test_a_stream_gives_increments_and_the_reason_with_its_counts():
    chunks = streamed(HELLO)

    assert [chunk.text for chunk in chunks] == ["", " Hello", "!", ""]
    assert (chunks[0].id, chunks[0].model) == (
        "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyS",
        "claude-opus-4-5-20251101",
    )
    assert chunks[0].usage == Usage(25, 1)
    assert chunks[3].usage == Usage(None, 15)
    assert [chunk.stop_reason for chunk in chunks] == [None] * 3 + ["stop_sequence"]
    assert chunks[-1].stop == "\n\nHuman:"


def test_before_its_reason_nothing_ends():
    chunks = streamed(HELLO[:-2])

    assert not any(chunk.stop_reason or chunk.ended for chunk in chunks)


def test_thinking_comes_first_and_is_said():
    events = [
        START,
        block(type="thinking", thinking=""),
        delta("thinking_delta", thinking="Let me"),
        delta("signature_delta", signature="EqQB"),
        {"type": "content_block_stop", "index": 0},
        block(1, type="text", text="I "),
        delta(index=1, text="am"),
        delta("citations_delta", index=1, citation={}),
        delta("of_the_future", index=1, text="no"),
        {"type": "event_of_the_future"},
        closing("max_tokens"),
        {"type": "message_stop"},
    ]
    chunks = streamed(events)

    assert "".join(chunk.text for chunk in chunks) == " I am"
    assert "thought before it wrote" in chunks[-1].notice
    assert chunks[-1].stop_reason == "max_tokens"


def test_a_stream_without_text_says_so():
    assert streamed([START, closing(), {"type": "message_stop"}])[-1].notice == (
        "The answer has no text."
    )


def test_an_error_inside_the_stream_is_the_endpoint_s():
    overloaded = {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded"},
    }
    with pytest.raises(ServerError, match="Overloaded") as caught:
        streamed([*HELLO[:4], overloaded])
    assert caught.value.type == "overloaded_error"


def test_a_last_event_that_was_cut_is_not_read():
    dialect = MessagesDialect()

    assert list(dialect.decode_stream([Event("message_start", "{", whole=False)])) == []
    with pytest.raises(ProtocolError):
        list(dialect.decode_stream([Event("message_start", "{")]))


# Over the wire


@pytest.fixture
def ask(loopback):
    with Client(lambda _: "secret") as client:

        def ask(asked=None, dialect=None, *, stream=True):
            endpoint = Endpoint("test", loopback.url, "messages")
            with client.send(
                asked or request(),
                endpoint,
                dialect or MessagesDialect(),
                stream=stream,
            ) as answer:
                return list(answer)

        ask.client = client
        yield ask


def wire(items):
    return [event(item, item["type"]) for item in items]


def test_a_stream_comes_over_the_wire(loopback, ask):
    loopback.reply(wire(HELLO))
    chunks = ask()

    (sent,) = loopback.requests
    assert (sent.method, sent.path) == ("POST", "/v1/messages")
    assert sent.headers["x-api-key"] == "secret"
    assert sent.headers["anthropic-version"] == "2023-06-01"
    assert sent.json["stream"] is True
    assert "".join(chunk.text for chunk in chunks) == " Hello!"


def test_a_whole_answer_comes_over_the_wire(loopback, ask):
    loopback.reply(ANSWER)
    (chunk,) = ask(stream=False)

    assert chunk.text == " Hi! My name is Claude."
    assert "stream" not in loopback.requests[0].json


def test_a_stream_cut_before_its_end_is_incomplete(loopback, ask):
    loopback.reply([*wire(HELLO[:-2]), CUT])

    with pytest.raises(IncompleteStream) as caught:
        ask()
    assert caught.value.partial == " Hello!"


def test_a_stream_cut_after_its_reason_is_whole(loopback, ask):
    loopback.reply([*wire(HELLO[:-1]), CUT])

    assert "".join(chunk.text for chunk in ask()) == " Hello!"


def test_a_refused_request_is_told_in_the_api_s_words(loopback, ask):
    """anomalyco/opencode#13768"""
    message = (
        "This model does not support assistant message prefill. The conversation must "
        "end with a user message."
    )
    error = {"type": "invalid_request_error", "message": message}
    loopback.reply({"type": "error", "error": error, "request_id": "req_7"}, status=400)

    with pytest.raises(BadRequestError, match="does not support assistant message"):
        ask()


def test_tokens_are_counted(loopback, ask):
    """platform.claude.com/docs, Token counting"""
    loopback.reply({"input_tokens": 14})
    dialect = MessagesDialect(model=model())
    call = dialect.count(request("Be brief.\n\nHuman: Hi\n\nAssistant: Well"))
    there = Endpoint("test", loopback.url, "messages")
    answer, _ = ask.client.json(call, there, dialect)

    assert call.path == "/v1/messages/count_tokens"
    assert dialect.counted(answer) == 14
    assert loopback.requests[0].json == {
        "model": "claude-test",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Well"},
        ],
        "system": "Be brief.",
    }
    with pytest.raises(ProtocolError, match="no input_tokens"):
        dialect.counted({})


def test_the_official_client_reads_our_request_as_a_message(loopback):
    """What we send is what the SDK sends for the same conversation."""
    import anthropic

    loopback.reply(ANSWER)
    with anthropic.Anthropic(api_key="k", base_url=loopback.url) as client:
        client.messages.create(
            model="claude-test",
            max_tokens=100,
            system="Be brief.",
            messages=[{"role": "user", "content": "Hi"}],
            temperature=0.5,
            stop_sequences=["END", "\n\nHuman:"],
        )
    ours = body(request(f"Be brief.{PROMPT}", temperature=0.5, stop_sequences=("END",)))

    assert loopback.requests[0].json == ours
