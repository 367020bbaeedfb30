"""What others say must be understood: answers and errors as servers really give them.

In the order of the guarantees: how an answer ends, what is sent, errors and numbers.
"""

import datetime as dt
import json
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import trustme
from between import Proxy, Relay, Tls
from loopback import (
    CUT,
    PAUSE,
    RESET,
    STALL,
    Loopback,
    event,
    events,
    port_that_refuses,
)
from measured import cpu_seconds

from jupyter_complete import CompleteError, as_code, complete, sweep
from jupyter_complete.cancel import Cancel
from jupyter_complete.client import Client
from jupyter_complete.client.surroundings import Session
from jupyter_complete.completion import Completion
from jupyter_complete.dialects.faults import endpoint_error
from jupyter_complete.dialects.openai import OpenAIDialect
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.display import TerminalScreen, card, card_html
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import (
    BadRequestError,
    ConnectionFailed,
    IncompleteStream,
    ProtocolError,
    RateLimitError,
    ServerError,
)
from jupyter_complete.panel import answers
from jupyter_complete.request import CompletionRequest
from jupyter_complete.saved import from_output


def chunk(text="", finish=None, **more):
    """Return one event of OpenAI's kind; ``more`` are further fields of its choice."""
    choice = {"index": 0, "text": text, "finish_reason": finish, **more}
    return {"id": "cmpl-1", "model": "m", "choices": [choice]}


def chat(content=None, finish=None, name="delta"):
    """Return an event of a chat, or with the name message a whole one."""
    said = {"role": "assistant", **({} if content is None else {"content": content})}
    choice = {"index": 0, name: said, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]}


PIECES = {"openai": chunk, "chat": chat}
"""What makes an event of each of the two APIs of OpenAI's kind."""


def wire(*items):
    """Return a stream's events: objects as JSON, texts as they are."""
    return [event(item, None) for item in items]


def message(*deltas, reason, stop=True):
    """Return the events of a message."""
    items = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "m"}},
        *(
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": t}}
            for t in deltas
        ),
        {"type": "message_delta", "delta": {"stop_reason": reason}},
        *([{"type": "message_stop"}] if stop else []),
    ]
    return [event(item, item["type"]) for item in items]


@pytest.fixture
def ask(shell, loopback):
    shell.run("%config CompletionSettings.retries = 0")

    def ask(prompt="Hi", **settings):
        defaults = {"model": "m", "endpoint": loopback.url, "dialect": "openai"}
        return complete(prompt, **defaults | settings)

    return ask


# How an answer ends

REASONS = [
    *("eos", "eos_token", "abort", "end_turn", "tool_calls", "function_call", "error"),
    *(
        "stop_sequence",
        "STOP",
        "MAX_TOKENS",
        "cancelled",
        "of the future",
        "\u202etfel",
    ),
    *(1, True, {"type": "stop"}, ["eos"], "x" * 5000),
]


@pytest.mark.parametrize("dialect", PIECES)
@pytest.mark.parametrize("end", ["done", "closed", "whole", "cut"])
def test_any_finish_reason_is_an_end_and_is_shown(ask, loopback, end, dialect):
    piece = PIECES[dialect]
    for reason in REASONS:
        pieces = (piece(" One."), piece("", reason))
        loopback.reply(
            {
                "done": wire(*pieces, "[DONE]"),
                "closed": wire(*pieces),
                "cut": [*wire(*pieces), CUT],
                "whole": piece(" One.", reason),
            }[end]
        )

        answer = ask(stream=end != "whole", dialect=dialect)

        assert (answer.status, answer.text) == ("complete", " One."), reason
        assert 0 < len(answer.stop_reason) <= 100, reason
        assert "\u202e" not in answer.stop_reason
        if reason in ("eos", "abort", "of the future"):
            assert answer.stop_reason == reason


@pytest.mark.parametrize("reason", ["eos", "tool_use", "pause_turn", "of the future"])
def test_any_stop_reason_of_a_message_or_a_text_is_an_end(ask, loopback, reason):
    prompt = "\n\nHuman: Hi\n\nAssistant:"
    for reply, dialect in (
        (message(" One.", reason=reason), "messages"),
        (message(" One.", reason=reason, stop=False), "messages"),
        (events(" One.", stop=reason), "text"),
    ):
        loopback.reply(reply)
        answer = ask(prompt, dialect=dialect)

        assert (answer.status, answer.text) == ("complete", " One.")
        assert answer.stop_reason == reason


def test_a_sweep_never_pays_again_for_an_answer_that_was_whole(shell, loopback):
    loopback.reply(wire(chunk(" One."), chunk("", "eos"), "[DONE]"))
    axes = {"temperature": [0.1, 0.2, 0.3], "samples": 2}
    place = {"model": "m", "endpoint": loopback.url, "dialect": "openai"}

    first = sweep("Hi", **place, **axes)
    again = sweep("Hi", **place, **axes)

    assert [row.completion.status for row in first.rows] == ["complete"] * 6
    assert [row.completion.text for row in again.rows] == [" One."] * 6
    assert len(loopback.requests) == 6


@pytest.mark.parametrize(
    ("reply", "dialect"),
    [
        (wire(chunk(" One."), "[DONE]"), "openai"),
        (wire(chunk(" One."), " [DONE] "), "openai"),
        (wire(chat(" One."), "[DONE]"), "chat"),
        ([*wire(chunk(" One.")), b"data: [DONE]"], "openai"),
        ([*events(" One.", stop=None), b"data: [DONE]\n\n"], "text"),
        (message(" One.", reason=None), "messages"),
        ([*message(" One.", reason=None, stop=False), b"data: [DONE]\n\n"], "messages"),
    ],
)
def test_text_and_then_only_the_end_is_complete_with_a_notice(
    ask, loopback, reply, dialect
):
    loopback.reply(reply)

    answer = ask("\n\nHuman: Hi\n\nAssistant:", dialect=dialect)

    assert (answer.status, answer.text, answer.stop_reason) == (
        "complete",
        " One.",
        None,
    )
    assert any("did not tell why" in notice for notice in answer.notices)


@pytest.mark.parametrize(
    ("reply", "dialect"),
    [
        (wire(chunk(" One.")), "openai"),
        ([*wire(chunk(" One.")), CUT], "openai"),
        (wire(chat(" One.")), "chat"),
        ([*wire(chat(" One.")), CUT], "chat"),
        (events(" One.", stop=None), "text"),
        ([*events(" One.", stop=None), CUT], "text"),
        (message(" One.", reason=None, stop=False), "messages"),
    ],
)
def test_only_what_was_cut_is_broken(ask, loopback, reply, dialect):
    loopback.reply(reply)

    with pytest.raises(IncompleteStream) as caught:
        ask("\n\nHuman: Hi\n\nAssistant:", dialect=dialect)

    assert caught.value.completion.status == "broken"
    assert caught.value.completion.text == " One."


@pytest.mark.parametrize("reply", [wire("[DONE]"), wire({"choices": []}, "[DONE]"), []])
def test_an_end_with_nothing_before_it_is_no_answer(ask, loopback, reply):
    loopback.reply(reply)

    with pytest.raises(IncompleteStream, match="without a stop reason"):
        ask()


@pytest.mark.parametrize(
    "after",
    [
        {"error": {"message": "counting failed"}},
        "{no json",
        {"choices": [{"index": 0, "delta": {"content": "x"}}]},
    ],
)
def test_what_comes_after_the_reason_costs_no_answer(ask, loopback, after):
    loopback.reply(wire(chunk(" One.", "stop"), after, "[DONE]"))

    assert (ask().status, ask().text) == ("complete", " One.")


@pytest.mark.parametrize("index", [None, 0, -1, 2**63, "0", 0.0, False, {}])
@pytest.mark.parametrize("stream", [True, False])
def test_an_index_that_is_no_other_s_is_the_first(ask, loopback, index, stream):
    one = chunk(" One.", "stop", index=index)
    loopback.reply(wire(one, "[DONE]") if stream else one)

    assert ask(stream=stream).text == " One."


def test_a_choice_without_an_index_is_the_first(ask, loopback):
    one = {"choices": [{"text": " One.", "finish_reason": "stop"}]}
    loopback.reply(wire(one, "[DONE]"))

    assert ask().text == " One."


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (wire(chat(""), chat(" One."), chat("", "stop"), "[DONE]"), ""),
        (wire(chat(" One."), chat("", "stop"), "[DONE]"), " One."),
        (wire(chat(None), "[DONE]"), ""),
        (chat(" One.", "stop", "message"), " One."),
        (chat([{"type": "text"}], "stop", "message"), ""),
    ],
)
def test_a_chat_s_answer_is_an_error_that_names_the_dialect(ask, loopback, reply, text):
    loopback.reply(reply)

    with pytest.raises(ProtocolError, match="--dialect chat") as caught:
        ask(stream=isinstance(reply, list))

    assert caught.value.completion.text == text
    assert "/v1/completions" in str(caught.value)


def test_a_text_s_answer_to_a_chat_names_the_dialect_too(ask, loopback):
    loopback.reply(wire(chunk(" One.", "stop"), "[DONE]"))

    with pytest.raises(ProtocolError, match="--dialect openai") as caught:
        ask(dialect="chat")

    assert caught.value.completion.text == " One."


# After the stop reason

ENDED = {
    "openai": wire(chunk("Hello"), chunk("", "stop")),
    "messages": message("Hello", reason="end_turn", stop=False),
    "text": events("Hello", stop="stop_sequence"),
}
PING = event({"type": "ping"}, "ping")
AFTER = {
    "silence": [STALL],
    "a stream cut": [CUT],
    "a reset": [RESET],
    "half an event": [b"data: {", CUT],
    "pings": [PING, PAUSE] * 1000,
    "comments": [b": ping\n\n", PAUSE] * 1000,
    "empty lines": [b"\n", PAUSE] * 1000,
    "an event byte by byte": [b"x", PAUSE] * 1000,
}


@pytest.fixture
def soon(monkeypatch):
    """Wait a tenth of what is waited else; the server goes on for 20 s."""
    monkeypatch.setattr("jupyter_complete.client.body.LAST_WAIT", 0.2)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("dialect", ENDED)
@pytest.mark.parametrize("after", AFTER)
def test_an_answer_ends_soon_after_its_reason(ask, loopback, after, dialect):
    loopback.reply([*ENDED[dialect], *AFTER[after]])

    answer = ask(dialect=dialect)

    assert (answer.status, answer.text.strip()) == ("complete", "Hello")
    assert answer.stop_reason == "stop_sequence"
    assert answer.error is None
    assert after == "a reset" or loopback.requests[0].gone.wait(60)
    assert len(loopback.requests) == 1


@pytest.mark.usefixtures("soon")
def test_a_chunk_size_that_never_ends_holds_up_no_answer_either(ask, loopback):
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    body = b"".join(ENDED["openai"])
    dripping = [b"0", PAUSE] * 1000
    loopback.reply(raw=[head, b"%x\r\n%b\r\n" % (len(body), body), *dripping])

    assert ask().text == "Hello"
    assert loopback.requests[0].gone.wait(60)


@pytest.mark.parametrize("late", [0, 40])
def test_counts_that_come_in_time_are_taken(ask, loopback, late):
    counts = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    pings = [b": ping\n\n", PAUSE] * late
    loopback.reply([*ENDED["openai"], *pings, *wire(counts), STALL])

    answer = ask()

    assert (answer.status, answer.usage) == ("complete", (3, 4))


def test_connection_serves_again_when_the_end_came_in_time(ask, loopback):
    loopback.reply([*ENDED["openai"], PAUSE, PAUSE, *wire("[DONE]")])

    ask()
    ask()

    assert {request.connection for request in loopback.requests} == {0}


def test_a_stop_in_that_time_ends_it_at_once_as_complete(loopback, monkeypatch):
    monkeypatch.setattr("jupyter_complete.client.body.LAST_WAIT", 60)
    loopback.reply([*ENDED["openai"], STALL])
    cancel = Cancel()
    there = Endpoint("lab", loopback.url, "openai")
    with (
        Client(lambda _: None) as client,
        client.send(
            CompletionRequest("m", "Hi", 10), there, OpenAIDialect(), cancel=cancel
        ) as answer,
    ):
        chunks = iter(answer)
        while next(chunks).stop_reason is None:
            pass
        loopback.wait_for_stall()
        timer = threading.Timer(0.05, cancel.set)
        timer.start()
        start = time.monotonic()
        assert list(chunks) == []

    assert time.monotonic() - start < 20
    timer.join()


@pytest.mark.parametrize("dialect", ["openai", "chat", "messages", "text"])
def test_a_whole_answer_that_came_whole_is_complete_though_its_connection_broke(
    ask, loopback, dialect
):
    body = {
        "openai": chunk("Hello", "stop"),
        "chat": chat("Hello", "stop", "message"),
        "messages": {"content": [{"type": "text", "text": "Hello"}]}
        | {"type": "message", "stop_reason": "end_turn"},
        "text": {"type": "completion", "completion": "Hello", "stop_reason": "stop"},
    }[dialect]
    loopback.reply(body, headers={"content-length": "500"}, then=RESET)

    answer = ask(dialect=dialect, stream=False)

    assert (answer.status, answer.text.strip()) == ("complete", "Hello")


# Errors in any shape

CLOUDFLARE = """<!DOCTYPE html>
<html lang="en-US"><head>
<title>api.example.com | 502: Bad gateway</title><style>body{color:red}</style></head>
<body><h1>Bad gateway</h1><p>Visit <a href="https://www.cloudflare.com">us</a></p>
<span>Cloudflare Ray ID: <strong class="font-semibold">8f3b1c2d4e5f6a7b</strong></span>
<span>Your IP: 203.0.113.9</span></body></html>"""
EXTRA = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}
SHAPES = {
    "openai": ({"error": {"message": "Too long", "code": None}}, "Too long"),
    "anthropic": (
        {"type": "error", "error": {"type": "invalid_request_error", "message": "No"}},
        "No (HTTP 400, invalid_request_error)",
    ),
    "an object": ({"error": {"message": {"text": "Too long"}}}, "text: Too long"),
    "an object of its own": ({"error": {"why": "Too long", "n": 3}}, "why: Too long"),
    "pydantic": ({"detail": [EXTRA]}, "seed: Extra inputs"),
    "two of pydantic": (
        {"detail": [EXTRA, {"loc": ["body", "n", 0], "msg": "Too big"}]},
        "seed: Extra inputs; n.0: Too big",
    ),
    "a list of objects": (
        {"errors": [{"message": "One"}, {"message": "Two"}]},
        "One; Two",
    ),
    "a list at the top": (
        [{"error": {"code": 400, "message": "Too long"}}],
        "Too long",
    ),
    "a list of texts": ({"error": ["One", "Two"]}, "One; Two"),
    "a param": ({"error": {"message": "Unknown", "param": "seed"}}, "seed: Unknown"),
    "a text": ({"error": "Too long"}, "Too long"),
    "JSON in a text": (
        {"error": {"message": json.dumps({"error": {"message": "Too long"}})}},
        "Too long (",
    ),
    "JSON in JSON in a text": (
        json.dumps(json.dumps({"message": json.dumps([{"msg": "Too long"}])})).encode(),
        "Too long (",
    ),
    "a page in a text": (
        {"message": CLOUDFLARE},
        "api.example.com | 502: Bad gateway,",
    ),
    "OAuth": ({"error": "bad", "error_description": "Expired"}, "Expired"),
    "problem details": (
        {"title": "Bad", "detail": "Too long", "status": 400},
        "Too long",
    ),
    "ASP.NET": (
        {"title": "Bad", "errors": {"prompt": ["Too long"]}},
        "prompt: Too long",
    ),
    "Fastify": ({"statusCode": 400, "error": "Bad", "message": "Too long"}, "Too long"),
    "AWS": ({"Message": "Too long", "message": None}, "Too long"),
    "a flag": ({"error": True, "reason": "Too long"}, "Too long"),
    "text": (b"  Too\n long ", "Too long"),
    "a number": ({"error": {"message": 5}}, "5 ("),
    "a page": (CLOUDFLARE.encode(), "502: Bad gateway, Ray ID 8f3b1c2d4e5f6a7b ("),
    "a page without a title": (b"<html><h1>Too <b>long</b></h1>x", "Too long ("),
    "a page of words": (b"<p>Too</p> <style>p{}</style>long", "Too long ("),
    "nothing": (b"", "Invalid request ("),
    "null": (b"null", "Invalid request ("),
    "an empty object": ({}, "Invalid request ("),
    "empty lists": ({"detail": [[], {}, None, " "]}, "Invalid request ("),
    "not UTF-8": (b"caf\xe9", "caf\N{REPLACEMENT CHARACTER} ("),
    "deep": (b'{"error":' * 90_000, '{"error":{"error":'),
    "a bell": ({"error": "\x07\u202eToo long"}, "\N{SYMBOL FOR BELL}"),
}


@pytest.mark.parametrize("dialect", ["openai", "chat", "messages", "text"])
def test_a_reason_in_any_shape_is_shown(ask, loopback, dialect):
    for shape, (told, shown) in SHAPES.items():
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        loopback.reply(body, status=400)

        with pytest.raises(BadRequestError) as caught:
            ask("\n\nHuman: Hi\n\nAssistant:", dialect=dialect)

        assert shown in str(caught.value), shape
        assert "HTTP 400" in str(caught.value), shape
        assert str(caught.value).isprintable(), shape
        assert "203.0.113.9" not in str(caught.value), shape
        assert caught.value.completion.error == str(caught.value), shape


def test_the_ray_id_of_a_header_is_shown_with_a_page_that_has_none(ask, loopback):
    loopback.reply(
        b"<title>Blocked</title>", status=403, headers={"CF-RAY": "8f3b-FRA"}
    )

    with pytest.raises(CompleteError, match=r"^Blocked, Ray ID 8f3b-FRA \(HTTP 403\)"):
        ask()


@pytest.mark.parametrize(
    "body",
    [
        b"<title>" * 14_000,
        b"<script>" * 12_000,
        b"<" * 100_000,
        b"<h1>" * 25_000,
        b"<p>Ray ID" + b"<b>" * 30_000,
        b"<p>" + b"Ray ID: " * 12_000,
        b'{"error":[' * 20_000,
        json.dumps({"message": None, "msg": [{"error": {}}] * 6000}).encode(),
    ],
    ids=lambda body: body[:12].decode(),
)
def test_a_page_is_read_in_time_that_grows_with_its_length(body):
    """Twice the page costs about twice the time, not four times."""
    part = body[: len(body) // 4]
    less = cpu_seconds(lambda: endpoint_error(502, {}, part), 3)
    more = cpu_seconds(lambda: endpoint_error(502, {}, body), 3)

    assert more < 10 * max(less, 0.05)


ERRORS = {
    "overloaded_error": (529, ServerError),
    "rate_limit_error": (429, RateLimitError),
    "api_error": (500, ServerError),
    "timeout_error": (504, ServerError),
}


def refusal(kind, dialect):
    error = {"type": "error", "error": {"type": kind, "message": "Busy"}}
    return event(error, None if dialect in PIECES else "error")


def answer_in(dialect):
    return {
        "openai": wire(chunk(" One.", "stop"), "[DONE]"),
        "chat": wire(chat(" One.", "stop"), "[DONE]"),
        "messages": message(" One.", reason="end_turn"),
        "text": events(" One."),
    }[dialect]


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("dialect", ["openai", "chat", "messages", "text"])
@pytest.mark.parametrize("whole", [False, True])
def test_an_error_as_the_first_event_is_retried_like_its_status(
    ask, shell, loopback, *, kind, dialect, whole
):
    shell.run("%config CompletionSettings.retries = 2")
    headers = {"retry-after-ms": "1"}
    error = {"type": "error", "error": {"type": kind, "message": "Busy"}}
    loopback.reply(error if whole else [refusal(kind, dialect)], headers=headers)
    loopback.reply([b": ping\n\n", refusal(kind, dialect)], headers=headers)
    loopback.reply(answer_in(dialect))

    answer = ask("\n\nHuman: Hi\n\nAssistant:", dialect=dialect)

    assert (answer.text, answer.status, answer.attempts) == (" One.", "complete", 3)
    assert len(loopback.requests) == 3


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_as_the_first_event_counts_as_its_status(ask, loopback, kind):
    loopback.reply([refusal(kind, "openai")], headers={"retry-after": "120"})
    status, cls = ERRORS[kind]

    with pytest.raises(cls, match="Busy") as caught:
        ask()

    assert (caught.value.status, caught.value.completion.http_status) == (
        status,
        status,
    )
    assert caught.value.retry_after == 120
    assert str(caught.value).count("120 s") == 1


@pytest.mark.parametrize("dialect", ["openai", "chat", "messages", "text"])
def test_an_error_behind_the_first_text_is_not_retried(ask, shell, loopback, dialect):
    shell.run("%config CompletionSettings.retries = 2")
    begun = {
        "openai": wire(chunk(" One.")),
        "chat": wire(chat(" One.")),
        "messages": message(" One.", reason=None, stop=False),
        "text": events(" One.", stop=None),
    }[dialect]
    loopback.reply([*begun, refusal("overloaded_error", dialect)])

    with pytest.raises(ServerError) as caught:
        ask("\n\nHuman: Hi\n\nAssistant:", dialect=dialect)

    assert len(loopback.requests) == 1
    assert caught.value.completion.status == "broken"
    assert caught.value.completion.text == " One."


def test_an_error_that_is_ours_is_not_retried(ask, shell, loopback):
    shell.run("%config CompletionSettings.retries = 2")
    loopback.reply([refusal("invalid_request_error", "openai")])

    with pytest.raises(BadRequestError):
        ask()
    assert len(loopback.requests) == 1


def test_a_sweep_asks_again_after_an_error_as_the_first_event(shell, loopback):
    loopback.reply([refusal("overloaded_error", "openai")])
    loopback.reply(answer_in("openai"))
    place = {"model": "m", "endpoint": loopback.url, "dialect": "openai"}

    done = sweep("Hi", temperature=[0.1, 0.2], **place)

    assert [row.completion.text for row in done.rows] == [" One."] * 2
    assert len(loopback.requests) == 3


# What is sent


@pytest.mark.parametrize(
    ("owner", "headers", "sent"),
    [
        ("vllm", {}, {"temperature", "top_p"}),
        ("llamacpp", {}, {"temperature", "top_p", "top_k", "min_p", "samplers"}),
        ("library", {}, {"temperature", "top_p"}),
        ("organization_owner", {}, {"temperature", "top_p"}),
        ("openai", {}, set()),
        ("somebody", {}, set()),
        (
            "somebody",
            {"server": "llama.cpp"},
            {"temperature", "top_p", "top_k", "min_p", "samplers"},
        ),
    ],
)
@pytest.mark.parametrize("turns", ["raw", "wrap"])
def test_a_flag_left_out_sends_nothing_unless_the_server_is_known(
    ask, loopback, *, owner, headers, sent, turns
):
    models = {"object": "list", "data": [{"id": "m", "object": "model"}]}
    models["data"][0]["owned_by"] = owner
    loopback.reply(models, headers=headers)
    loopback.reply(answer_in("openai" if turns == "raw" else "chat"))

    ask(dialect="auto", turns=turns)
    ask(dialect="auto", turns=turns, temperature=0.3)

    first, second = (request.json for request in loopback.requests[1:])
    assert ("messages" in first) is (turns == "wrap")
    optional = {"temperature", "top_p", "top_k", "min_p", "seed", "user", "logprobs"}
    optional |= {"samplers"}
    assert optional & set(first) == sent
    assert optional & set(second) == sent | {"temperature"}


@pytest.mark.parametrize(
    ("dialect", "least"),
    [
        (
            "openai",
            {"model", "prompt", "max_tokens", "stop", "stream", "stream_options"},
        ),
        ("chat", {"model", "messages", "max_tokens", "stream", "stream_options"}),
        ("messages", {"model", "messages", "max_tokens", "stop_sequences", "stream"}),
        ("text", {"model", "prompt", "max_tokens_to_sample", "stream"}),
    ],
)
def test_no_dialect_sends_what_was_not_asked_for(ask, loopback, dialect, least):
    loopback.reply(answer_in(dialect))
    ask("\n\nHuman: Hi\n\nAssistant:", dialect=dialect)

    assert set(loopback.requests[0].json) == least


def test_a_gateway_that_refuses_temperature_beside_top_p_can_be_used(ask, gateway):
    gateway.refuses = lambda sent: {"temperature", "top_p"} <= set(sent)

    assert ask(temperature=0.5).text == " One."
    assert ask(top_p=0.5).text == " One."
    assert ask().text == " One."


class Gateway:
    """A server that refuses what a test tells it to, with a 400 that says so."""

    def __init__(self, loopback):
        self.loopback = loopback
        self.refuses = lambda _: None
        self.refusal = lambda field: {"error": {"message": f"Unknown field: {field}"}}
        self.status = 400
        self.sent = []
        loopback.choose = self._reply

    def _reply(self, request):
        self.sent.append(request.json)
        if field := self.refuses(request.json):
            return self.refusal(field), self.status
        stream = request.json.get("stream")
        whole = chunk(" One.", "stop")
        return (wire(whole, "[DONE]") if stream else whole), 200


@pytest.fixture
def gateway(loopback):
    return Gateway(loopback)


def first_of(*fields):
    return lambda sent: next((field for field in fields if field in sent), None)


REFUSALS = {
    "openai": lambda f: {
        "error": {"message": f"Unrecognized request argument supplied: {f}"}
    },
    "param": lambda f: {"error": {"message": "Unknown parameter", "param": f}},
    "pydantic": lambda f: {"detail": [{"loc": ["body", f], "msg": "Extra inputs"}]},
    "text": lambda f: f"json: unknown field `{f}`".encode(),
    "nested": lambda f: {"error": json.dumps({"message": f"'{f}' is not supported"})},
}


@pytest.mark.parametrize("form", REFUSALS)
@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("field", ["stream_options", "seed", "user"])
def test_an_optional_field_that_is_refused_is_left_out_for_the_session(
    ask, gateway, form, status, field
):
    gateway.refuses, gateway.refusal = first_of(field), REFUSALS[form]
    gateway.status = status
    settings = {"seed": 7, "user_id": "me"}

    first, second = ask(**settings), ask(**settings)

    assert (first.text, first.status, first.attempts) == (" One.", "complete", 2)
    assert any(f"refused {field}" in notice for notice in first.notices)
    assert [field in sent for sent in gateway.sent] == [True, False, False]
    for name in {"stream_options", "seed", "user"} - {field}:
        assert all(name in sent for sent in gateway.sent)
    said = {"seed": "seed is 7, and", "user": "user_id is me, and"}.get(field)
    assert said is None or any(said in notice for notice in second.notices)


def test_each_field_that_is_refused_is_left_out_in_turn(ask, gateway):
    gateway.refuses = first_of("user", "stream_options", "seed")

    answer = ask(seed=7, user_id="me")

    assert (answer.text, answer.attempts) == (" One.", 4)
    assert not {"user", "stream_options", "seed"} & set(gateway.sent[-1])


@pytest.mark.parametrize("unsupported", ["error", "drop"])
def test_what_was_refused_is_told_whatever_unsupported_is(ask, gateway, unsupported):
    gateway.refuses = first_of("seed")

    assert ask(seed=7, unsupported=unsupported).text == " One."


def test_a_refusal_that_names_no_optional_field_is_an_error(ask, gateway):
    gateway.refuses = lambda _: "stop"

    with pytest.raises(BadRequestError, match="Unknown field: stop"):
        ask(seed=7)
    assert len(gateway.sent) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_another_status_that_names_a_field_is_an_error(ask, gateway, status):
    gateway.refuses, gateway.status = first_of("seed"), status

    with pytest.raises(CompleteError):
        ask(seed=7)
    assert len(gateway.sent) == 1


def test_what_was_named_but_not_to_blame_is_sent_again_the_next_time(ask, gateway):
    gateway.refuses = lambda _: "the model bytedance/seed-1 is not here"

    with pytest.raises(BadRequestError, match="not here"):
        ask(seed=7)
    gateway.refuses = lambda _: None
    ask(seed=7)

    assert [sent.get("seed") for sent in gateway.sent] == [7, None, 7]


def test_another_endpoint_is_sent_what_one_refused(ask, gateway):
    gateway.refuses = first_of("seed")
    ask(seed=7)
    with Loopback() as other:
        there = Gateway(other)
        ask(seed=7, endpoint=other.url)

        assert there.sent[0]["seed"] == 7


def test_what_is_shown_is_what_would_be_sent_now(shell, ask, gateway, capsys):
    gateway.refuses = first_of("stream_options", "seed")
    answer = ask(seed=7)
    place = f"-m m --endpoint {gateway.loopback.url} --dialect openai --seed 7"

    shell.run(f"%complete --dry-run {place} Hi")
    shown = capsys.readouterr().out

    assert '"stream":true' in shown
    assert "stream_options" not in shown
    assert '"seed"' not in shown
    assert "seed is 7, and this endpoint refused it: left out." in shown
    for kind in ("curl", "requests", "sdk"):
        shell.run(f"%complete --as {kind} {place} Hi")
        code = capsys.readouterr().out
        assert "stream_options" not in code + as_code(answer, kind)
        assert "seed" not in code + as_code(answer, kind)
    assert len(gateway.sent) == 3


def test_a_sweep_learns_what_is_refused_and_says_it_once(shell, gateway):
    gateway.refuses = first_of("stream_options")
    place = {"model": "m", "endpoint": gateway.loopback.url, "dialect": "openai"}

    done = sweep("Hi", temperature=[0, 0.2, 0.4, 0.6, 0.8], concurrency=1, **place)

    assert [row.completion.text for row in done.rows] == [" One."] * 5
    assert len(gateway.sent) == 6
    assert len([n for n in done.notices if "refused stream_options" in n]) == 1


def test_a_worker_asks_again_without_what_is_refused(shell, gateway):
    gateway.refuses = first_of("stream_options")
    place = {"model": "m", "endpoint": gateway.loopback.url, "dialect": "openai"}

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        done = sweep("Hi", temperature=[0, 0.2, 0.4], executor=executor, **place)

    assert [row.completion.text for row in done.rows] == [" One."] * 3
    assert len(gateway.sent) == 4
    assert any("refused stream_options" in notice for notice in done.notices)


# Log-probabilities, and cards that cannot be drawn

NAN = float("nan")
ODD_NUMBERS = [
    *(None, NAN, float("inf"), -float("inf"), "-inf", "NaN", "Infinity", "-Infinity"),
    *(True, False, 5, 1e308, -1e308, 10**400, -(10**400), "", "x", [], {}, 0, -0.5),
]
ODD_LOGPROBS = [
    *({"tokens": [" One", "."], "token_logprobs": [n, n]} for n in ODD_NUMBERS),
    *(
        {
            "tokens": [" One"],
            "token_logprobs": [-1],
            "top_logprobs": [{"a": n, "b": -2}],
        }
        for n in ODD_NUMBERS
    ),
    *(
        {"content": [{"token": " One", "logprob": n, "top_logprobs": [{"logprob": n}]}]}
        for n in ODD_NUMBERS
    ),
    *({"content": [n]} for n in ODD_NUMBERS),
    *({"content": n} for n in ODD_NUMBERS),
    *({"tokens": n, "token_logprobs": n, "top_logprobs": n} for n in ODD_NUMBERS),
    *(
        {"tokens": [" One", "."], "token_logprobs": [-1], "top_logprobs": [n]}
        for n in ODD_NUMBERS
    ),
    *({"tokens": [n], "token_logprobs": [-1] * 3} for n in ODD_NUMBERS),
    *(
        {"tokens": ["\ud83d", n], "top_logprobs": [[["\udc00", n]]]}
        for n in ODD_NUMBERS
    ),
    *ODD_NUMBERS,
]


@pytest.mark.parametrize("dialect", PIECES)
def test_no_log_probability_costs_the_text(ask, shell, loopback, dialect):
    """JSON as Python writes it: with NaN, Infinity and half characters."""
    for logprobs in ODD_LOGPROBS:
        piece = PIECES[dialect](" One.", "stop")
        piece["choices"][0]["logprobs"] = logprobs
        loopback.reply(wire(piece, "[DONE]"))

        answer = ask(logprobs=2, dialect=dialect)

        assert (answer.text, answer.status) == (" One.", "complete"), logprobs
        for told in answer.logprobs:
            found = [told.logprob, *(number for _, number in told.alternatives)]
            assert all(n is None or -9999 <= n <= 0 for n in found), logprobs
        shown = card(answer, "tokens")
        assert "One." in shown["text/plain"], logprobs
        assert "could not be drawn" not in shown["text/plain"], logprobs
        json.dumps(shown, allow_nan=False).encode()
        assert from_output(shown) == answer, logprobs
    history = shell.magics_manager.registry["CompletionMagics"].session.history
    assert history.flush()
    assert history.count() == len(ODD_LOGPROBS)


def test_our_own_log_probabilities_cost_no_text_either(ask, loopback):
    end = {"completion": " One.", "stop_reason": "max_tokens"}
    for n in ODD_NUMBERS:
        logprobs = [{"token": " One", "logprob": n, "alternatives": [["a", n]]}]
        loopback.reply([event(end | {"logprobs": logprobs})])

        assert ask("\n\nHuman: Hi\n\nAssistant:", dialect="text").text == " One.", n


def test_a_log_probability_is_told_as_its_number_or_its_text(ask, loopback):
    logprobs = {"tokens": ["a", "b", "c"], "token_logprobs": [-0.5, "-1.5", "-inf"]}
    loopback.reply(wire(chunk("abc", "stop", logprobs=logprobs), "[DONE]"))

    assert [t.logprob for t in ask(logprobs=0).logprobs] == [-0.5, -1.5, -9999.0]


@pytest.mark.parametrize("form", ["markdown", "text", "tokens"])
def test_a_fault_while_a_card_is_drawn_takes_no_text_away(form, capsys):
    """A record of a version to come, say: its seconds are no number."""
    request = CompletionRequest("m", "Hi", 5)
    broken = Completion("*One.*", request, seconds="soon")

    shown = card(broken, form)["text/plain"]
    assert shown.startswith("*One.*\n\n[This could not be drawn (ValueError:")
    assert "<em>" not in card_html(broken, form)
    assert "*One.*" in card_html(broken, form)
    assert "could not be drawn" in card_html(broken, form)
    assert "*One.*" in answers.saved_text([broken], None)

    terminal = TerminalScreen(form)
    terminal.write("*One.*")
    terminal.finish(broken)
    assert capsys.readouterr().out.startswith("*One.*\n[This could not be drawn")


# Proxies

PROXIED = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture
def bare_environment(monkeypatch):
    for name in (*PROXIED, *map(str.upper, PROXIED), *BUNDLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def behind(bare_environment, monkeypatch):
    """Put what is asked for behind a proxy."""

    def behind(proxy):
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)

    return behind


def call(url, **options):
    """Ask for a text completion and return its text."""
    with (
        Client(
            lambda _: None, **{"connect_timeout": 1, "read_timeout": 1} | options
        ) as client,
        client.send(
            CompletionRequest("m", "A secret", 10),
            Endpoint("lab", url, "text"),
            TextDialect(),
            retries=0,
        ) as answer,
    ):
        return "".join(chunk.text for chunk in answer)


NEAR = [
    *("127.0.0.1", "127.1.2.3", "127.1", "0x7f000001", "2130706433", "0.0.0.0"),
    *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[fe80::1]", "[fd00::1]"),
    *("10.0.0.5", "172.16.0.1", "172.31.255.255", "192.168.1.10", "169.254.1.1"),
    *("100.64.0.1", "localhost", "LOCALHOST", "localhost.", "a.b.localhost"),
    *("printer.local", "gpu", "ollama", "host.docker.internal", "box.home.arpa"),
]
FAR = [
    *("api.anthropic.com", "far.example", "8.8.8.8", "172.32.0.1", "192.169.0.1"),
    *("localhost.example", "local.example", "127.0.0.1.example", "mylocalhost.com"),
    *("[2606:4700::1]", "[::ffff:8.8.8.8]", "notinternal.com", "home.arpa.example"),
]


@pytest.mark.parametrize("host", NEAR)
def test_a_near_host_goes_to_no_proxy(bare_environment, monkeypatch, host):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    for scheme in ("http", "https"):
        assert Session().proxy_of(f"{scheme}://{host}:8000/v1") is None


@pytest.mark.parametrize("host", FAR)
def test_any_other_host_goes_to_the_proxy_of_the_environment(
    bare_environment, monkeypatch, host
):
    monkeypatch.setenv("http_proxy", "http://me:hunter2@127.0.0.1:9/x")
    monkeypatch.setenv("all_proxy", "me:hunter2@127.0.0.1:10")

    assert Session().proxy_of(f"http://{host}:8000/v1") == "127.0.0.1:9"
    assert Session().proxy_of(f"https://{host}/v1") == "127.0.0.1:10"
    monkeypatch.setenv("no_proxy", "*")
    assert Session().proxy_of(f"http://{host}:8000/v1") is None


def test_the_prompt_of_a_local_model_goes_past_the_proxy(loopback, behind):
    loopback.reply(events("Hi"))
    with Proxy(reply=b"HTTP/1.1 500 No\r\n\r\n") as proxy:
        behind(proxy)
        assert call(loopback.url) == "Hi"
        assert call(loopback.url.replace("127.0.0.1", "localhost")) == "Hi"

    assert proxy.heads == []


def test_a_proxy_leads_there(loopback, behind):
    loopback.reply(events("Hi"))
    with Proxy(loopback.port) as proxy:
        behind(proxy)
        assert call("http://far.example") == "Hi"

    assert proxy.heads[0].startswith(b"POST http://far.example/v1/complete")
    assert b"Proxy-Authorization: Basic" in proxy.heads[0]


PAGE = b"<html><title>Blocked</title><h1>Blocked by policy</h1></html>"
GATEWAY = b"HTTP/1.1 %b\r\ncontent-length: %d\r\ncontent-type: text/html\r\n\r\n%b"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (GATEWAY % (b"407 Wants A Name", 0, b""), "407"),
        (GATEWAY % (b"403 Forbidden", len(PAGE), PAGE), "403"),
        (GATEWAY % (b"502 Bad Gateway", len(PAGE), PAGE), "502"),
        (GATEWAY % (b"503 Busy", len(PAGE), PAGE), "503"),
        (b"hello\r\n\r\n", "does not speak HTTP, it says 'hello'"),
        (b"HTTP/1.1 \r\n\r\n", "far.example"),
        (b"", "far.example"),
    ],
    ids=["407", "403", "502", "503", "no HTTP", "no status", "silence"],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_answers_itself_is_named(behind, reply, words, scheme):
    with Proxy(reply=reply) as proxy:
        behind(proxy)
        with pytest.raises(CompleteError, match=words) as caught:
            call(f"{scheme}://far.example")

    assert f"the proxy 127.0.0.1:{proxy.port}" in str(caught.value).lower()
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("scheme", "name"), [("http", "HTTP"), ("https", "HTTPS")])
def test_a_proxy_that_wants_a_name_says_where_to_give_it(behind, scheme, name):
    with Proxy(reply=GATEWAY % (b"407 Wants A Name", 0, b"")) as proxy:
        behind(proxy)
        with pytest.raises(CompleteError, match=f"{name}_PROXY"):
            call(f"{scheme}://far.example")


@pytest.mark.parametrize("body", [PAGE, b"{}"])
def test_a_proxy_that_answers_in_the_place_of_the_endpoint_is_named(behind, body):
    with Proxy(reply=GATEWAY % (b"200 OK", len(body), body)) as proxy:
        behind(proxy)
        with pytest.raises(ProtocolError, match=f"proxy 127.0.0.1:{proxy.port}"):
            call("http://far.example")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_named_without_its_password(
    bare_environment, monkeypatch, scheme
):
    port = port_that_refuses().rpartition(":")[2]
    monkeypatch.setenv(f"{scheme}_proxy", f"http://me:hunter2@127.0.0.1:{port}")

    with pytest.raises(CompleteError, match=rf"proxy 127\.0\.0\.1:{port}") as caught:
        call(f"{scheme}://far.example")

    assert "refused" in str(caught.value)
    assert "NO_PROXY" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "proxy",
    ["http://me:hunter2@h:port", "http://me:hunter2@", "me:hunter2@", "http://"],
)
def test_a_proxy_that_is_none_shows_no_password(bare_environment, monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)

    with pytest.raises(CompleteError, match="proxy URL") as caught:
        call("http://far.example")

    assert "hunter2" not in str(caught.value)


# TLS


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusting(bare_environment, authority, tmp_path, monkeypatch):
    """Trust the authority, by the variable of this name."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)

    def trusting(name):
        monkeypatch.setenv(name, str(path))
        return path

    return trusting


@pytest.mark.parametrize("name", BUNDLES[:3])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_each_variable_names_whom_to_trust(loopback, authority, trusting, name, host):
    loopback.reply(events("Hi"))
    trusting(name)
    with Tls(authority.issue_cert("localhost", "127.0.0.1"), loopback.port) as tls:
        assert call(f"https://{host}:{tls.port}") == "Hi"


def test_a_directory_of_openssl_is_honoured(
    loopback, authority, trusting, tmp_path, monkeypatch
):
    loopback.reply(events("Hi"))
    path = trusting("UNUSED")
    shown = ["openssl", "x509", "-hash", "-noout", "-in", str(path)]
    if shutil.which("openssl") is None:
        pytest.skip("names the file as openssl does")
    hashed = subprocess.run(shown, check=True, capture_output=True, text=True)
    path.rename(tmp_path / f"{hashed.stdout.strip()}.0")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with Tls(authority.issue_cert("localhost"), loopback.port) as tls:
        assert call(f"https://localhost:{tls.port}") == "Hi"


def test_the_variable_of_requests_comes_first(
    loopback, authority, trusting, tmp_path, monkeypatch
):
    trusting("SSL_CERT_FILE")
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))

    with (
        Tls(authority.issue_cert("localhost"), loopback.port) as tls,
        pytest.raises(ConnectionFailed, match=f"REQUESTS_CA_BUNDLE is {other}"),
    ):
        call(f"https://localhost:{tls.port}")


def test_a_file_of_openssl_that_is_not_there_is_ignored_as_by_openssl(
    loopback, authority, bare_environment, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    with (
        Tls(authority.issue_cert("localhost"), loopback.port) as tls,
        pytest.raises(ConnectionFailed, match="REQUESTS_CA_BUNDLE is unset"),
    ):
        call(f"https://localhost:{tls.port}")


LONG_AGO = {
    "not_before": dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    "not_after": dt.datetime(2020, 2, 1, tzinfo=dt.UTC),
}


REFUSED = {
    "untrusted": ("", ["localhost"], {}, "is not trusted: unable to get"),
    "another name": (BUNDLES[0], ["x.example"], {}, "another name: Hostname mismatch"),
    "another address": (BUNDLES[1], ["127.0.0.2"], {}, "for another name"),
    "expired": (BUNDLES[2], ["localhost"], LONG_AGO, "out of date: certificate has"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_certificate_that_is_refused_says_why_in_one_line(
    loopback, authority, trusting, case
):
    variable, names, dates, words = REFUSED[case]
    if variable:
        trusting(variable)
    with (
        Tls(authority.issue_cert(*names, **dates), loopback.port) as tls,
        pytest.raises(ConnectionFailed, match=words) as caught,
    ):
        call(f"https://localhost:{tls.port}")

    assert "REQUESTS_CA_BUNDLE" in str(caught.value)
    assert "_ssl.c" not in str(caught.value)
    assert caught.value.attempts == 1
    assert loopback.requests == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_is_none_is_named(
    loopback, bare_environment, tmp_path, monkeypatch, content
):
    path = tmp_path / "bundle.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))

    with pytest.raises(ConnectionFailed, match=f"REQUESTS_CA_BUNDLE is {path}"):
        call(loopback.url.replace("http", "https"))


def test_tls_to_a_silent_port_ends_in_the_connect_timeout(bare_environment):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(ConnectionFailed, match="no TLS handshake within") as caught:
            call(url, connect_timeout=0.1, read_timeout=60)

    assert 0.1 <= time.monotonic() - start < 20
    assert "REQUESTS_CA_BUNDLE" in str(caught.value)


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0\r\n"])
def test_tls_to_a_port_without_it_says_so(bare_environment, said):
    class Plain(Relay):
        def serve(self, connection):
            connection.recv(65536)
            connection.sendall(said)

    with (
        Plain() as plain,
        pytest.raises(ConnectionFailed, match="does not speak TLS") as caught,
    ):
        call(f"https://127.0.0.1:{plain.port}")

    assert "REQUESTS_CA_BUNDLE" in str(caught.value)


def test_a_port_that_ends_the_handshake_says_so(bare_environment):
    class Gone(Relay):
        def serve(self, connection):
            connection.recv(65536)

    with Gone() as gone, pytest.raises(ConnectionFailed, match="broke TLS off"):
        call(f"https://127.0.0.1:{gone.port}")


@pytest.mark.parametrize("said", [b"\x15\x03\x03\x00\x02\x02\x0a", b""])
def test_a_request_in_clear_to_a_tls_port_names_https(bare_environment, said):
    class Alert(Relay):
        def serve(self, connection):
            connection.recv(65536)
            connection.sendall(said)

    with Alert() as alert, pytest.raises(ConnectionFailed, match="https://"):
        call(f"http://127.0.0.1:{alert.port}")


def test_a_request_in_clear_to_a_real_tls_server_names_https(
    loopback, authority, bare_environment
):
    with (
        Tls(authority.issue_cert("localhost"), loopback.port) as tls,
        pytest.raises(ConnectionFailed, match="https://"),
    ):
        call(f"http://localhost:{tls.port}")


def test_tls_through_a_proxy_is_with_the_host(loopback, authority, trusting, behind):
    loopback.reply(events("Hi"))
    trusting("SSL_CERT_FILE")
    with (
        Tls(authority.issue_cert("far.example"), loopback.port) as tls,
        Proxy(tls.port) as proxy,
    ):
        behind(proxy)
        assert call("https://far.example") == "Hi"
        with pytest.raises(ConnectionFailed, match="for another name") as caught:
            call("https://other.example")

    assert proxy.heads[0].startswith(b"CONNECT far.example:443 ")
    assert b"secret" not in b"".join(proxy.heads)
    assert f"proxy 127.0.0.1:{proxy.port}" in str(caught.value)


def test_a_host_behind_a_proxy_that_never_speaks_tls_is_left_in_time(behind, loopback):
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Proxy(silent.getsockname()[1]) as proxy,
    ):
        behind(proxy)
        start = time.monotonic()
        with pytest.raises(ConnectionFailed, match="through the proxy"):
            call("https://far.example", connect_timeout=0.1, read_timeout=60)

    assert time.monotonic() - start < 20
