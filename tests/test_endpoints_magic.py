"""Live endpoints from a cell: the same prompt and flags on every API."""

import json

import pytest
from loopback import event

from jupyter_complete.errors import (
    AuthenticationError,
    CompleteError,
    CompletionInterrupted,
    CredentialError,
    InputError,
    NotFoundError,
)

KEY = "sk-ant-api03-test"


def message_events(*texts, stop_reason="end_turn", stop_sequence=None):
    """Return the events of a streamed answer, as the Messages API documents them."""
    start = {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-haiku-4-5-20251001",
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 11, "output_tokens": 1},
        },
    }
    block = {"type": "text", "text": ""}
    delta = {"stop_reason": stop_reason, "stop_sequence": stop_sequence}
    data = [
        start,
        {"type": "content_block_start", "index": 0, "content_block": block},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": text},
            }
            for text in texts
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]
    return [event(one, one["type"]) for one in data]


@pytest.fixture
def anthropic(shell, loopback, monkeypatch):
    """The endpoint of the claude models, moved to the loopback server."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", loopback.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    return loopback


def test_a_claude_model_answers_through_the_messages_api(shell, anthropic, capsys):
    anthropic.reply(message_events("Hi", " there."))
    shell.run(
        "%%complete -m claude-haiku-4-5 -t 0.5 --max-tokens 50 --system 'Be brief.'"
        "\nHello"
    )
    answer = shell.user_ns["_completion"]
    sent = anthropic.requests[0]

    assert sent.path == "/v1/messages"
    assert sent.headers["x-api-key"] == KEY
    assert sent.json["system"] == "Be brief."
    assert [turn["role"] for turn in sent.json["messages"]] == ["user"]
    assert (sent.json["temperature"], sent.json["max_tokens"]) == (0.5, 50)
    assert "top_p" not in sent.json
    assert answer.text == " Hi there."
    assert (answer.stop_reason, answer.id) == ("stop_sequence", "msg_1")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 7)
    out = capsys.readouterr().out
    assert "Translated to the Messages API" in out
    assert "claude-haiku-4-5 → claude-haiku-4-5-20251001" in out
    assert "7 tokens" in out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("-m claude-haiku-4-5 -t 0.5 -p 0.5", "temperature|top_p"),
        ("-m claude-opus-4-7 -t 0.5", "temperature"),
        ("-m claude-opus-4-7 -k 5", "top_k"),
        ("-m claude-haiku-4-5 --seed 1", "seed"),
        ("-m claude-haiku-4-5 -t 1.5", "temperature is 1.5"),
    ],
)
def test_what_a_model_refuses_is_refused_here(shell, anthropic, flags, message):
    with pytest.raises(InputError, match=message) as caught:
        shell.run(f"%complete {flags} Hi")

    assert anthropic.requests == []
    assert "\n" not in str(caught.value)


def test_a_prefill_that_a_model_refuses_is_refused_here(shell, anthropic):
    with pytest.raises(InputError, match="claude-opus-4-7"):
        shell.run("%%complete -m claude-opus-4-7\n\nHuman: Hi\n\nAssistant: I say")

    assert anthropic.requests == []


def test_drop_leaves_it_out_with_a_notice(shell, anthropic, capsys):
    anthropic.reply(message_events("Hi"))
    shell.run("%config CompletionSettings.unsupported = 'drop'")
    shell.run("%complete -m claude-opus-4-7 -t 0.5 Hi")

    assert "temperature" not in anthropic.requests[0].json
    assert "Note: " in capsys.readouterr().out
    assert any("temperature" in n for n in shell.user_ns["_completion"].notices)


def test_a_refusal_is_shown_for_what_it_is(shell, anthropic, capsys):
    anthropic.reply(message_events("I", stop_reason="refusal"))
    shell.run("%complete -m claude-haiku-4-5 Hi")

    assert "refus" in capsys.readouterr().out


def test_a_retired_model_is_said_once_with_the_nearest_living(shell, anthropic, capsys):
    anthropic.reply(message_events("Hi"))
    for _ in range(2):
        shell.run("%complete -m claude-3-opus-20240229 Hi")
    out = capsys.readouterr().out

    assert out.count("was retired on 2026-01-05") == 1
    assert "nearest living model is claude-opus-4-" in out


def completions_of(text):
    """Return a whole answer of POST /v1/completions, as vLLM documents it."""
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "tiny",
        "choices": [
            {
                "index": 0,
                "text": text,
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": None,
            }
        ],
        "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
    }


MODELS = {
    "object": "list",
    "data": [{"id": "tiny", "object": "model", "created": 1, "owned_by": "vllm"}],
}


def test_a_url_is_asked_once_what_it_speaks(shell, loopback):
    loopback.reply(MODELS)
    loopback.reply(completions_of(" one"))
    for _ in range(2):
        shell.run(
            f"%complete --endpoint {loopback.url} -m tiny -t 1.5 -k 7 --no-stream Hi"
        )
    paths = [request.path for request in loopback.requests]
    body = loopback.requests[1].json

    assert paths == ["/v1/models", "/v1/completions", "/v1/completions"]
    assert (body["temperature"], body["top_k"], body["prompt"]) == (1.5, 7, "Hi")
    assert shell.user_ns["_completion"].text == " one"
    assert shell.user_ns["_completion"].usage.output_tokens == 3


def test_what_a_url_speaks_is_known_to_a_dry_run_once_it_was_asked(
    shell, loopback, capsys
):
    place = f"--endpoint {loopback.url} -m tiny --no-stream"
    with pytest.raises(InputError, match="have to be asked first what it speaks"):
        shell.run(f"%complete --dry-run {place} Hi")
    assert loopback.requests == []
    loopback.reply(MODELS)
    loopback.reply(completions_of(" one"))
    shell.run(f"%complete {place} Hi")

    shell.run(f"%complete --dry-run {place} Hi")
    assert "/v1/completions" in capsys.readouterr().out
    assert len(loopback.requests) == 2


@pytest.mark.parametrize(
    ("headers", "path"),
    [({"request-id": "req_1"}, "/v1/messages"), ({}, "/v1/chat/completions")],
)
def test_a_server_that_wants_a_key_for_its_models_still_says_what_it_speaks(
    shell, loopback, headers, path
):
    denied = b'{"error": {"message": "no key", "type": "invalid_request_error"}}'
    fields = {"content-length": len(denied), "content-type": "application/json"}
    head = "".join(f"{k}: {v}\r\n" for k, v in {**fields, **headers}.items())
    loopback.reply(raw=[f"HTTP/1.1 401 No\r\n{head}\r\n".encode() + denied])
    loopback.reply(b"no", status=400)
    with pytest.raises(CompleteError):
        shell.run(
            f"%complete --endpoint {loopback.url} -m tiny --turns wrap --no-stream Hi"
        )

    assert [request.path for request in loopback.requests] == ["/v1/models", path]


def test_tokens_are_counted_where_the_endpoint_counts(shell, anthropic, capsys):
    anthropic.reply({"input_tokens": 12})
    shell.run("%complete --count -m claude-haiku-4-5 Hi")

    assert "The prompt has 12 tokens." in capsys.readouterr().out
    assert "_completion" not in shell.user_ns


def test_ctrl_c_at_the_question_for_a_key_sends_nothing(shell, monkeypatch):
    def pressed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("getpass.getpass", pressed)
    with pytest.raises(CompletionInterrupted, match="before the prompt was sent"):
        shell.run("%complete -m claude-haiku-4-5 Hi")

    assert "_completion" not in shell.user_ns


def test_an_endpoint_of_ones_own_has_its_own_key(shell, loopback, monkeypatch):
    monkeypatch.setenv("MY_KEY", "my-secret")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    loopback.reply(completions_of(" one"))
    entry = {"url": loopback.url, "dialect": "openai", "key_variable": "MY_KEY"}
    shell.run(f"%config CompletionSettings.endpoints = {{'mine': {entry!r}}}")
    shell.run("%complete --endpoint mine -m tiny --no-stream Hi")
    headers = loopback.requests[0].headers

    assert headers["authorization"] == "Bearer my-secret"
    assert KEY not in json.dumps(headers)


def test_no_key_is_one_line_with_the_variable(shell, loopback, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://api.anthropic.com")
    monkeypatch.setattr("getpass.getpass", lambda _: "")
    with pytest.raises(CredentialError, match="ANTHROPIC_API_KEY"):
        shell.run("%complete -m claude-haiku-4-5 Hi")


def test_a_wrong_key_is_one_line_with_the_next_step(shell, anthropic):
    error = {"type": "authentication_error", "message": "invalid x-api-key"}
    anthropic.reply({"type": "error", "error": error}, status=401)
    with pytest.raises(AuthenticationError, match="check ANTHROPIC_API_KEY"):
        shell.run("%complete -m claude-haiku-4-5 Hi")

    assert shell.user_ns["_completion"].status == "error"


def test_a_model_that_is_not_there_is_one_line(shell, anthropic):
    error = {"type": "not_found_error", "message": "model: claude-none"}
    anthropic.reply({"type": "error", "error": error}, status=404)
    with pytest.raises(NotFoundError, match=r"claude-none.*%complete_models"):
        shell.run("%complete -m claude-none Hi")


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ((b"<html><h1>Proxy</h1></html>", 200), "does not say what it speaks|web page"),
        ((b"not JSON", 200), "does not say what it speaks"),
        (({"hello": "world"}, 200), "does not say what it speaks"),
        ((b"", 404), "does not say what it speaks"),
    ],
)
def test_a_server_of_no_dialect_is_one_line(shell, loopback, reply, message):
    loopback.reply(reply[0], status=reply[1])
    with pytest.raises(CompleteError, match=message) as caught:
        shell.run(f"%complete --endpoint {loopback.url} -m x Hi")

    assert "--dialect" in str(caught.value)
    assert len(loopback.requests) == 1


def test_a_url_without_a_server_is_one_line(shell):
    with pytest.raises(CompleteError, match=r"127\.0\.0\.1:9.*check"):
        shell.run("%complete --endpoint http://127.0.0.1:9 -m x Hi")
