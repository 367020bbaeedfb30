"""What others say must be understood: answers and errors as servers really give them.

In the order of the guarantees: how an answer ends, what is sent, errors and numbers.
"""

import json
import time

import pytest
from loopback import CUT, event, events

from jupyter_complete import CompleteError, complete, sweep
from jupyter_complete.dialects.faults import endpoint_error
from jupyter_complete.errors import (
    BadRequestError,
    IncompleteStream,
    ProtocolError,
    RateLimitError,
    ServerError,
)


def chunk(text="", finish=None, **more):
    """Return one event of OpenAI's kind; ``more`` are further fields of its choice."""
    choice = {"index": 0, "text": text, "finish_reason": finish, **more}
    return {"id": "cmpl-1", "model": "m", "choices": [choice]}


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


@pytest.mark.parametrize("reason", REASONS, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("end", ["done", "closed", "whole", "cut"])
def test_any_finish_reason_is_an_end_and_is_shown(ask, loopback, reason, end):
    whole = chunk(" One.", reason)
    loopback.reply(
        {
            "done": wire(chunk(" One."), chunk("", reason), "[DONE]"),
            "closed": wire(chunk(" One."), chunk("", reason)),
            "cut": [*wire(chunk(" One."), chunk("", reason)), CUT],
            "whole": whole,
        }[end]
    )

    answer = ask(stream=end != "whole")

    assert (answer.status, answer.text) == ("complete", " One.")
    assert answer.stop_reason
    assert len(answer.stop_reason) <= 100
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


def chat(content=None, finish=None, name="delta"):
    said = {"role": "assistant", **({} if content is None else {"content": content})}
    choice = {"index": 0, name: said, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]}


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
    assert "--dialect messages" in str(caught.value)


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


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dialect", ["openai", "messages", "text"])
def test_a_reason_in_any_shape_is_shown(ask, loopback, shape, dialect):
    body, shown = SHAPES[shape]
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    loopback.reply(body, status=400)

    with pytest.raises(BadRequestError) as caught:
        ask("\n\nHuman: Hi\n\nAssistant:", dialect=dialect)

    assert shown in str(caught.value)
    assert "HTTP 400" in str(caught.value)
    assert str(caught.value).isprintable()
    assert "203.0.113.9" not in str(caught.value)
    assert caught.value.completion.error == str(caught.value)


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
    ],
    ids=lambda body: body[:12].decode(),
)
def test_a_page_is_read_in_time_that_grows_with_its_length(body):
    """Twice the page costs about twice the time, not four times."""
    took = []
    for part in (body[: len(body) // 4], body):
        start = time.process_time()
        endpoint_error(502, {}, part)
        took.append(time.process_time() - start)

    assert took[1] < 10 * max(took[0], 0.01)


ERRORS = {
    "overloaded_error": (529, ServerError),
    "rate_limit_error": (429, RateLimitError),
    "api_error": (500, ServerError),
    "timeout_error": (504, ServerError),
}


def refusal(kind, dialect):
    error = {"type": "error", "error": {"type": kind, "message": "Busy"}}
    return event(error, None if dialect == "openai" else "error")


def answer_in(dialect):
    return {
        "openai": wire(chunk(" One.", "stop"), "[DONE]"),
        "messages": message(" One.", reason="end_turn"),
        "text": events(" One."),
    }[dialect]


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("dialect", ["openai", "messages", "text"])
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


@pytest.mark.parametrize("dialect", ["openai", "messages", "text"])
def test_an_error_behind_the_first_text_is_not_retried(ask, shell, loopback, dialect):
    shell.run("%config CompletionSettings.retries = 2")
    begun = {
        "openai": wire(chunk(" One.")),
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
