"""The same prompt through the completions API of OpenAI and of the servers like it.

The answers are those of each server's own documentation or source, named beside them.
"""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import CUT

from jupyter_complete.catalog import CATALOG
from jupyter_complete.client import Client
from jupyter_complete.completion import TokenLogprob, Usage
from jupyter_complete.dialects import Event, Options, dialect_named
from jupyter_complete.dialects.discovery import DiscoveryDialect
from jupyter_complete.dialects.messages import MessagesDialect
from jupyter_complete.dialects.openai import OpenAIDialect
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import (
    AuthenticationError,
    BadRequestError,
    EndpointError,
    IncompleteStream,
    InputError,
    NotFoundError,
    ProtocolError,
    ServerError,
)
from jupyter_complete.request import CompletionRequest

HUMAN = "\n\nHuman:"
FLAVOURS = ("openai", "vllm", "llamacpp", "ollama", "lmstudio", "other")


def request(**fields):
    return CompletionRequest("m", "Once", 16, **fields)


def call(flavour="other", unsupported="error", *, stream=False, **fields):
    return OpenAIDialect(unsupported, flavour).encode(request(**fields), stream=stream)


def body(*args, **fields):
    return json.loads(call(*args, **fields).body)


# The request


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_what_is_left_out_is_sent_where_the_server_is_known_to_have_other_defaults(
    flavour,
):
    """vLLM takes the model's generation_config.json, llama.cpp 0.8 and 0.95."""
    neutral = {"temperature": 1.0, "top_p": 1.0}
    if flavour in ("openai", "other"):
        neutral = {}
    if flavour == "llamacpp":
        samplers = ["temperature", "top_k", "top_p", "min_p"]
        neutral |= {"top_k": 0, "min_p": 0, "samplers": samplers}

    assert body(flavour) == {
        "model": "m",
        "prompt": "Once",
        "max_tokens": 16,
        **neutral,
        "stop": [HUMAN],
    }
    assert body(flavour, temperature=0.5)["temperature"] == 0.5
    assert ("top_p" in body(flavour, temperature=0.5)) is ("top_p" in neutral)


def test_llama_cpp_is_told_not_to_use_its_own_top_k_and_min_p():
    sent = body("llamacpp")

    assert (sent["top_k"], sent["min_p"]) == (0, 0)
    assert body("llamacpp", top_k=7)["top_k"] == 7


def test_everything_given_is_sent():
    sent = body(
        "vllm",
        stream=True,
        temperature=2,
        top_p=0,
        top_k=3,
        stop_sequences=("END", HUMAN),
        seed=7,
        user_id="u",
        logprobs=0,
        unsupported="drop",
    )

    assert (sent["temperature"], sent["top_k"], sent["seed"]) == (2, 3, 7)
    assert sent["stop"] == ["END", HUMAN]
    assert (sent["user"], sent["logprobs"]) == ("u", 0)
    assert sent["stream"] is True
    assert sent["stream_options"] == {"include_usage": True}


def test_the_call_goes_to_completions_and_a_key_is_a_bearer():
    dialect = OpenAIDialect()

    assert (call().method, call().path) == ("POST", "/v1/completions")
    assert dialect.headers("k") == {"Authorization": "Bearer k"}
    assert dialect.headers(None) == {}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_top_k_goes_where_it_is_known(flavour):
    if flavour in ("vllm", "llamacpp", "lmstudio"):
        assert body(flavour, top_k=5)["top_k"] == 5
        return
    with pytest.raises(InputError, match=r"top_k is 5, and .* has none; unset it"):
        call(flavour, top_k=5)
    lenient = call(flavour, "drop", top_k=5)
    assert lenient.notices[0].startswith("top_k is 5")
    assert "top_k" not in json.loads(lenient.body)


@pytest.mark.parametrize("flavour", ["vllm", "ollama"])
def test_top_p_0_is_not_sent_where_it_would_be_refused_or_read_as_unset(flavour):
    with pytest.raises(InputError, match=r"top_p is 0, and .*give a small one"):
        call(flavour, top_p=0)
    assert body("openai", top_p=0)["top_p"] == 0


@pytest.mark.parametrize("seed", [2**32 - 1, 2**33 - 1, 2**63 - 1])
def test_a_seed_that_llama_cpp_takes_for_a_random_one_is_refused(seed):
    with pytest.raises(InputError, match=f"seed is {seed}, .*give another"):
        call("llamacpp", seed=seed)
    assert body("llamacpp", seed=seed - 1)["seed"] == seed - 1
    assert body("vllm", seed=seed)["seed"] == seed


def test_betas_are_not_this_api_s():
    with pytest.raises(
        InputError, match=r"beta is a-1, and this endpoint has no betas"
    ):
        call(betas=("a-1",))


def test_logprobs_go_where_they_are_told():
    assert body("openai", logprobs=5)["logprobs"] == 5
    assert body("llamacpp", logprobs=0)["logprobs"] == 1  # 0 would be none at all
    assert "logprobs" not in body("openai")
    with pytest.raises(InputError, match=r"from 0 to 5 for OpenAI"):
        call("openai", logprobs=6)
    with pytest.raises(InputError, match=r"Ollama has none"):
        call("ollama", logprobs=1)
    lenient = call("ollama", "drop", logprobs=1)
    assert lenient.notices[0].startswith("logprobs is 1")
    assert "logprobs" not in json.loads(lenient.body)


def test_openai_takes_four_stop_sequences():
    four = ("a", "b", "c", "d")

    assert body("openai", stop_sequences=four)["stop"] == list(four)
    assert body("vllm", stop_sequences=four)["stop"] == [*four, HUMAN]
    with pytest.raises(InputError, match="5 times, and OpenAI takes at most 4"):
        call("openai", stop_sequences=(*four, "e"))


# Each server's answers, whole and streamed


def piece(text="", finish=None, **more):
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": [choice | more.pop("choice", {})],
        **more,
    }


WHOLE = {
    "openai": {
        # developers.openai.com, Create completion
        "id": "cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7",
        "object": "text_completion",
        "created": 1589478378,
        "model": "gpt-3.5-turbo-instruct",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": [
            {
                "text": "\n\nThis is indeed a test",
                "index": 0,
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    },
    "vllm": {
        # vllm/entrypoints/openai/protocol.py, CompletionResponse
        "id": "cmpl-d7dfb61e8b2f4a8a",
        "object": "text_completion",
        "created": 1727000000,
        "model": "facebook/opt-125m",
        "choices": [
            {
                "index": 0,
                "text": " a",
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": "END",
                "prompt_logprobs": None,
            }
        ],
        "usage": {
            "prompt_tokens": 2,
            "total_tokens": 4,
            "completion_tokens": 2,
            "prompt_tokens_details": None,
        },
    },
    "llamacpp": {
        # llama.cpp, tools/server, to_json_oaicompat
        "choices": [
            {"text": " a", "index": 0, "logprobs": None, "finish_reason": "stop"}
        ],
        "created": 1727000000,
        "model": "gpt-3.5-turbo",
        "system_fingerprint": "b6000-00dc805",
        "object": "text_completion",
        "usage": {"completion_tokens": 2, "prompt_tokens": 3, "total_tokens": 5},
        "id": "chatcmpl-x",
        "timings": {"prompt_n": 3},
    },
    "ollama": {
        # ollama, openai/openai.go, ToCompletion
        "id": "cmpl-494",
        "object": "text_completion",
        "created": 1727000000,
        "model": "llama3.2",
        "system_fingerprint": "fp_ollama",
        "choices": [{"text": " a", "index": 0, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 26, "completion_tokens": 2, "total_tokens": 28},
    },
    "lmstudio": {
        # LM Studio's documentation, Completions (Legacy)
        "id": "cmpl-p9rtxv6fky2v9k8jrd8cc",
        "object": "text_completion",
        "created": 1727000000,
        "model": "granite-3.0-2b-instruct",
        "choices": [
            {"index": 0, "text": " a", "logprobs": None, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
        "stats": {},
    },
}
STREAMS = {
    # OpenAI: developers.openai.com, streaming with include_usage
    "openai": [piece(" a"), piece("b"), piece("", "stop")],
    # vLLM: serving_completion.py: the last text carries the reason
    "vllm": [
        piece(" a", choice={"stop_reason": None}),
        piece("b", "stop", choice={"stop_reason": "END"}),
    ],
    # llama.cpp: the last event has no text, but the counts
    "llamacpp": [
        piece(" a"),
        piece("b"),
        piece("", "stop", usage={"prompt_tokens": 3, "completion_tokens": 2}),
    ],
    # Ollama: zeros until it knows
    "ollama": [
        piece(" a", usage={"prompt_tokens": 0, "completion_tokens": 0}),
        piece("b", usage={"prompt_tokens": 0, "completion_tokens": 0}),
        piece("", "stop", usage={"prompt_tokens": 0, "completion_tokens": 0}),
    ],
    "lmstudio": [piece(" a"), piece("b"), piece("", "stop")],
}
COUNTS = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "m",
    "choices": [],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


@pytest.fixture
def ask(loopback):
    with Client(lambda _: None, retries=0) as client:

        def ask(flavour="other", *, stream=True, **fields):
            endpoint = Endpoint("test", loopback.url, "openai", flavour=flavour)
            with client.send(
                request(**fields),
                endpoint,
                OpenAIDialect("error", flavour),
                stream=stream,
            ) as answer:
                return list(answer)

        yield ask


def wire(items, *, done=True):
    events = [f"data: {json.dumps(item)}\n\n".encode() for item in items]
    return [*events, b"data: [DONE]\n\n"] if done else events


def text_of(chunks):
    return "".join(chunk.text for chunk in chunks)


def end_of(chunks):
    ends = [(c.stop_reason, c.stop) for c in chunks if c.stop_reason is not None]
    assert len(ends) == 1
    return ends[0]


def usage_of(chunks):
    return [chunk.usage for chunk in chunks if chunk.usage][-1]


@pytest.mark.parametrize("server", WHOLE)
def test_each_server_s_whole_answer(loopback, ask, server):
    loopback.reply(WHOLE[server])
    chunks = ask(server, stream=False)
    choice, usage = WHOLE[server]["choices"][0], WHOLE[server]["usage"]

    assert text_of(chunks) == choice["text"]
    assert usage_of(chunks) == Usage(usage["prompt_tokens"], usage["completion_tokens"])
    assert (chunks[0].id, chunks[0].model) == (
        WHOLE[server]["id"],
        WHOLE[server]["model"],
    )
    assert chunks[0].raw == WHOLE[server]
    assert end_of(chunks) == (
        "max_tokens" if choice["finish_reason"] == "length" else "stop_sequence",
        "END" if server == "vllm" else None,
    )


@pytest.mark.parametrize("server", STREAMS)
def test_each_server_s_stream(loopback, ask, server):
    counts = [] if server == "llamacpp" else [COUNTS]
    loopback.reply(wire([*STREAMS[server], *counts]))
    chunks = ask(server)

    assert text_of(chunks) == " ab"
    assert [chunk.text for chunk in chunks if chunk.text] == [" a", "b"]
    assert end_of(chunks) == ("stop_sequence", "END" if server == "vllm" else None)
    assert usage_of(chunks) == Usage(3, 2)
    assert (chunks[0].id, chunks[0].model) == ("cmpl-1", "m")


def test_comments_before_and_between_are_nothing(loopback, ask):
    """llama.cpp keeps a connection alive with them."""
    events = wire(STREAMS["llamacpp"])
    loopback.reply([b": ping\n\n", events[0], b":\n\n", *events[1:]])

    assert text_of(ask("llamacpp")) == " ab"


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("stop", "stop_sequence"),
        ("length", "max_tokens"),
        ("content_filter", "stop_sequence"),
        ("eos_token", "stop_sequence"),
    ],
)
def test_every_finish_reason_has_its_word(loopback, ask, finish, expected):
    loopback.reply(wire([piece("a", finish)]))
    chunks = ask()

    assert end_of(chunks)[0] == expected
    notices = [chunk.notice for chunk in chunks if chunk.notice]
    assert bool(notices) is (finish == "content_filter")


def test_a_reason_of_a_server_s_own_is_an_end_like_any(loopback, ask):
    """vLLM says abort for a request that was dropped."""
    loopback.reply(wire([piece("a"), piece("", "abort")]))

    assert end_of(ask("vllm")) == ("abort", None)


def test_done_without_a_reason_is_an_end_that_says_so(loopback, ask):
    loopback.reply(wire([piece("a\n")]))
    chunks = ask()

    assert text_of(chunks) == "a\n"
    assert (chunks[-1].ended, chunks[-1].stop_reason) == (True, None)
    assert chunks[-1].notice == "The endpoint did not tell why the answer ends here."


def test_a_stream_that_is_closed_without_done_or_a_reason_is_incomplete(loopback, ask):
    loopback.reply(wire([piece("a\n")], done=False))

    with pytest.raises(IncompleteStream) as caught:
        ask()
    assert caught.value.partial == "a\n"


def test_a_stream_cut_after_its_reason_is_whole(loopback, ask):
    loopback.reply([*wire([piece("a", "stop")], done=False), CUT])

    assert text_of(ask()) == "a"


def test_a_token_s_number_is_no_stop_sequence(loopback, ask):
    loopback.reply(wire([piece("a", "stop", choice={"stop_reason": 128009})]))

    assert end_of(ask("vllm")) == ("stop_sequence", None)


def test_other_choices_than_the_first_are_left(loopback, ask):
    other = piece("x", "stop", choice={"index": 1})
    loopback.reply(wire([piece("a"), other, piece("", "length")]))
    chunks = ask()

    assert text_of(chunks) == "a"
    assert end_of(chunks) == ("max_tokens", None)


# Stop sequences that a server leaves in the text


@given(st.data())
def test_no_character_of_a_stop_sequence_leaks_however_the_text_is_cut(data):
    stop = data.draw(st.text(alphabet="ab", min_size=1, max_size=4))
    text = data.draw(st.text(alphabet="abc", max_size=20))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[i:j] for i, j in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    dialect = OpenAIDialect().for_request(request(stop_sequences=(stop,)))
    items = [piece(part) for part in pieces] + [piece("", "length")]

    chunks = list(
        dialect.decode_stream(Event("message", json.dumps(item)) for item in items)
    )

    assert text_of(chunks) == text.partition(stop)[0]
    assert end_of(chunks) == (
        ("stop_sequence", stop) if stop in text else ("max_tokens", None)
    )


@pytest.mark.parametrize("ending", ["length", None])
def test_a_stop_sequence_within_the_beginning_of_a_longer_one_ends_the_text(
    loopback, ask, ending
):
    loopback.reply(wire([piece("one tw"), piece("", ending)]))
    chunks = ask(stop_sequences=("e two", "tw"))

    assert text_of(chunks) == "one "
    assert end_of(chunks) == ("stop_sequence", "tw")


def test_the_first_of_several_stop_sequences_ends_the_text(loopback, ask):
    loopback.reply(piece("one two three", "stop"))
    chunks = ask(stream=False, stop_sequences=("three", "two"))

    assert text_of(chunks) == "one "
    assert end_of(chunks) == ("stop_sequence", "two")


def test_the_next_turn_ends_the_text_everywhere(loopback, ask):
    loopback.reply(wire([piece(" Hi\n"), piece("\nHum"), piece("an: x", "length")]))
    chunks = ask()

    assert text_of(chunks) == " Hi"
    assert end_of(chunks) == ("stop_sequence", HUMAN)


def test_the_counts_behind_a_cut_stop_sequence_still_come(loopback, ask):
    loopback.reply(wire([piece("a END"), piece("", "stop"), COUNTS]))
    chunks = ask(stop_sequences=("END",))

    assert text_of(chunks) == "a "
    assert usage_of(chunks) == Usage(3, 2)


def test_a_server_that_writes_on_behind_a_stop_sequence_is_left(loopback, ask):
    loopback.reply(
        wire([piece("a END"), piece(" b"), piece(" c"), piece("", "length")])
    )
    chunks = ask(stop_sequences=("END",))

    assert text_of(chunks) == "a "
    assert end_of(chunks) == ("stop_sequence", "END")


# Log-probabilities


def test_logprobs_in_openai_s_form_are_kept():
    """developers.openai.com, The completion object; vLLM has the same."""
    logprobs = {
        "tokens": [" a", "b"],
        "token_logprobs": [-0.5, -1.5],
        "top_logprobs": [{" a": -0.5, " c": -2.0}, None],
        "text_offset": [0, 2],
    }
    answer = piece(" ab", "stop", choice={"logprobs": logprobs})
    chunks = OpenAIDialect().decode(json.dumps(answer).encode())

    assert chunks[0].logprobs == (
        TokenLogprob(" a", -0.5, ((" a", -0.5), (" c", -2.0))),
        TokenLogprob("b", -1.5),
    )


def test_logprobs_in_llama_cpp_s_form_are_kept():
    """llama.cpp, tools/server, probs_vector_to_json"""
    other = {"id": 4, "token": " b", "bytes": [32, 98], "logprob": -2.0}
    token = {"id": 3, "token": " a", "bytes": [32, 97], "logprob": -0.5}
    logprobs = {"content": [{**token, "top_logprobs": [token, other]}]}
    answer = piece(" a", "stop", choice={"logprobs": logprobs})
    chunks = OpenAIDialect().decode(json.dumps(answer).encode())

    assert chunks[0].logprobs == (
        TokenLogprob(" a", -0.5, ((" a", -0.5), (" b", -2.0))),
    )


# Errors


IN_STREAM = {
    # vLLM, create_streaming_error_response: under error, then [DONE]
    "vllm": b'data: {"error": {"message": "boom", "type": "InternalServerError", '
    b'"param": null, "code": 500}}\n\n',
    # vLLM before 0.10: the error itself
    "vllm, older": b'data: {"object": "error", "message": "boom", "type": '
    b'"InternalServerError", "param": null, "code": 500}\n\n',
    # llama.cpp, tools/server, format_error_response
    "llama.cpp": b'data: {"error": {"code": 500, "message": "boom", '
    b'"type": "server_error"}}\n\n',
    # llama.cpp before data: a field of its own
    "llama.cpp, older": b'error: {"code": 500, "message": "boom", '
    b'"type": "server_error"}\n\n',
    "an event's name": b'event: error\ndata: {"message": "boom"}\n\n',
    "text": b'data: {"error": "boom"}\n\n',
    "text of an event": b"event: error\ndata: boom\n\n",
}


@pytest.mark.parametrize("form", IN_STREAM)
def test_an_error_inside_the_stream_is_told_and_the_text_kept(loopback, ask, form):
    loopback.reply(
        [*wire([piece("a\n")], done=False), IN_STREAM[form], b"data: [DONE]\n\n"]
    )

    with pytest.raises(EndpointError, match="boom") as caught:
        ask()
    assert isinstance(caught.value, ServerError)
    assert caught.value.partial == "a\n"


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        # developers.openai.com, Error codes
        (
            401,
            {
                "error": {
                    "message": "Incorrect API key provided: x.",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "invalid_api_key",
                }
            },
            (AuthenticationError, "Incorrect API key"),
        ),
        # vLLM: serving_models.py; before 0.10 without the outer error
        (
            404,
            {
                "error": {
                    "message": "The model `m` does not exist.",
                    "type": "NotFoundError",
                    "param": "model",
                    "code": 404,
                }
            },
            (NotFoundError, "does not exist"),
        ),
        (
            400,
            {
                "object": "error",
                "message": "max_tokens must be at least 1, got 0.",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            },
            (BadRequestError, "at least 1"),
        ),
        # llama.cpp: while it loads
        (
            503,
            {
                "error": {
                    "code": 503,
                    "message": "Loading model",
                    "type": "unavailable_error",
                }
            },
            (ServerError, "Loading model"),
        ),
        # Ollama, in its openai/openai.go
        (
            404,
            {
                "error": {
                    "message": 'model "m" not found, try pulling it first',
                    "type": "not_found_error",
                    "param": None,
                    "code": None,
                }
            },
            (NotFoundError, "try pulling it first"),
        ),
        # FastAPI: any path it does not have
        (404, {"detail": "Not Found"}, (NotFoundError, "Not Found")),
        (422, {"detail": [{"msg": "Field required"}]}, (BadRequestError, "required")),
        (401, {"error": "Unauthorized"}, (AuthenticationError, "Unauthorized")),
    ],
)
def test_each_server_s_errors_are_one_line(loopback, ask, status, answer, expected):
    loopback.reply(answer, status=status, headers={"x-request-id": "req_openai"})

    kind, words = expected
    with pytest.raises(kind, match=words) as caught:
        ask()
    assert caught.value.request_id == "req_openai"
    assert f"HTTP {status}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_whole_answer_that_is_an_error_is_one(loopback, ask):
    loopback.reply({"error": {"message": "boom", "type": "server_error"}})

    with pytest.raises(ServerError, match="boom"):
        ask(stream=False)


@pytest.mark.parametrize(
    "answer", [b"{}", b'{"choices": []}', b"[]", b"Ollama is running"]
)
def test_an_answer_of_another_kind_is_named(answer):
    with pytest.raises(ProtocolError, match="check"):
        OpenAIDialect().decode(answer)


def test_a_last_event_that_was_cut_is_not_read():
    dialect = OpenAIDialect()

    assert list(dialect.decode_stream([Event("message", '{"cho', whole=False)])) == []
    with pytest.raises(ProtocolError):
        list(dialect.decode_stream([Event("message", '{"cho')]))


# Taken for another


@pytest.mark.parametrize("dialect", ["text", "messages"])
def test_a_server_of_this_api_asked_in_another_says_what_to_check(loopback, dialect):
    """FastAPI's answer to a path that it does not have."""
    loopback.reply({"detail": "Not Found"}, status=404)
    endpoint = Endpoint("test", loopback.url, dialect)
    asked = CompletionRequest("m", "\n\nHuman: Hi\n\nAssistant:", 16)

    with (
        Client(lambda _: None) as client,
        pytest.raises(NotFoundError, match=r"check the model's name.*--dialect\.$"),
    ):
        client.send(asked, endpoint, dialect_named(dialect, endpoint))


def test_a_web_page_is_told_from_an_answer(loopback, ask):
    loopback.reply(b"<html><title>Sign in</title></html>", headers={"x": "y"})

    with pytest.raises(ProtocolError, match=r"web page.*proxy or a login page"):
        ask()


def test_an_unknown_endpoint_is_asked_with_the_key_as_each_dialect_has_it():
    assert DiscoveryDialect().headers("k") == {
        "anthropic-version": "2023-06-01",
        "x-api-key": "k",
        "Authorization": "Bearer k",
    }
    assert "Authorization" not in DiscoveryDialect().headers(None)


def test_a_dialect_is_made_for_its_endpoint_and_model():
    served = Endpoint("lab", "http://lab", "text", extensions=True, flavour="vllm")
    model = CATALOG.find("claude-opus-5")

    assert dialect_named("text", served) == TextDialect(extensions=True)
    assert dialect_named(
        "openai", served, None, Options(unsupported="drop")
    ) == OpenAIDialect("drop", "vllm")
    assert dialect_named("messages", served, model, Options("2026-10-21")) == (
        MessagesDialect("2026-10-21", "error", model)
    )


def test_dialects_pickle():
    dialect = OpenAIDialect("drop", "vllm").for_request(request(stop_sequences=("x",)))

    assert pickle.loads(pickle.dumps(dialect)) == dialect
    assert dialect.stops == ("x", HUMAN)
