"""Code of each kind is run, and what it sends is held against what the client sends."""

import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import completion, event, events

from jupyter_complete.client import Client
from jupyter_complete.dialects.chat import ChatDialect
from jupyter_complete.dialects.messages import MessagesDialect
from jupyter_complete.dialects.openai import OpenAIDialect
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.endpoint import KEY, Endpoint, HttpCall, http_request
from jupyter_complete.errors import InputError
from jupyter_complete.export import SERVED, as_code
from jupyter_complete.ngram.model import load_models
from jupyter_complete.request import CompletionRequest
from jupyter_complete.server.app import make_app
from jupyter_complete.server.serve import address, make_server

SECRET = "sk-0123456789"
PROMPT = (
    "\n\nHuman: It's \"quoted\", $HOME `id` \\n \\\\ !x\n#\t%s {x} '' é 😀 "
    "\u2028 \x7f\0\n\nAssistant:"
)
REQUEST = CompletionRequest(
    "ngram-chat",
    PROMPT,
    40,
    temperature=0.0,
    stop_sequences=("'", '"\n'),
    user_id="it's me",
)
ANSWERS = {
    "text": completion("Red.", "stop_sequence", id="compl_1"),
    "messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Red."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "chat": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Red."},
                "finish_reason": "stop",
            }
        ],
    },
    "openai": {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "text": "Red.", "finish_reason": "stop", "logprobs": None}
        ],
    },
}
DIALECTS = {
    "text": TextDialect(),
    "messages": MessagesDialect(),
    "chat": ChatDialect(flavour="vllm"),
    "openai": OpenAIDialect(flavour="vllm"),
}
COMPARED = ("accept", "content-type", "anthropic-version", "anthropic-beta")
COMPARED += ("x-api-key", "authorization", "jupyter-complete-seed")


def run(kind, code, **environment):
    """Run code as its user does, and give what it prints."""
    command = ["bash", "-s"] if kind == "curl" else [sys.executable, "-W", "error", "-"]
    if kind == "sdk":  # the official client warns of models that are no more
        command[1:3] = []
    done = subprocess.run(
        command,
        input=code,
        env={**os.environ, "MY_KEY": SECRET, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def of(url, dialect):
    return Endpoint("there", url, dialect, "MY_KEY")


def written(kind, request, endpoint, dialect, *, stream=False):
    return as_code(
        kind,
        endpoint=endpoint,
        request=http_request(
            endpoint, dialect.encode(request, stream=stream), dialect.headers(KEY)
        ),
        in_code=dialect.in_code,
    )


def sent_by_client(loopback, request, endpoint, dialect, *, stream=False):
    client = Client(lambda _: SECRET)
    try:
        with client.send(request, endpoint, dialect, stream=stream) as answer:
            list(answer)
    finally:
        client.close()
    return loopback.requests.pop()


KINDS = [
    pytest.param(
        "curl",
        marks=pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing"),
    ),
    "requests",
    "sdk",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DIALECTS)
def test_code_sends_what_the_client_sends(loopback, kind, name):
    loopback.reply(ANSWERS[name])
    dialect, endpoint = DIALECTS[name], of(loopback.url, name)
    request = REQUEST
    ours = sent_by_client(loopback, request, endpoint, dialect)
    code = written(kind, request, endpoint, dialect)

    assert SECRET not in code
    assert "Red." in run(kind, code)
    theirs = loopback.requests.pop()
    assert (theirs.method, theirs.path) == (ours.method, ours.path)
    if kind == "sdk" and name != "text":
        assert theirs.json == ours.json  # the official client has an order of its own
    else:
        assert theirs.body == ours.body
    for header in COMPARED:
        assert theirs.headers.get(header) == ours.headers.get(header)


@pytest.mark.parametrize("kind", KINDS)
def test_betas_and_a_seed_are_sent_too(loopback, kind):
    loopback.reply(ANSWERS["text"])
    dialect, endpoint = TextDialect(extensions=True), of(loopback.url, "text")
    request = CompletionRequest("m", "p", 1, betas=("a-1", "b-2"), seed=3, top_k=0)
    ours = sent_by_client(loopback, request, endpoint, dialect)
    run(kind, written(kind, request, endpoint, dialect))

    theirs = loopback.requests.pop()
    assert theirs.body == ours.body
    assert ours.headers["anthropic-beta"] == "a-1,b-2"
    for header in COMPARED:
        assert theirs.headers.get(header) == ours.headers.get(header)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_asked_for_and_shown(loopback, kind):
    loopback.reply(events("Re", "d."))
    dialect, endpoint = TextDialect(), of(loopback.url, "text")
    ours = sent_by_client(loopback, REQUEST, endpoint, dialect, stream=True)
    output = run(kind, written(kind, REQUEST, endpoint, dialect, stream=True))

    assert loopback.requests.pop().body == ours.body
    assert "Re" in output
    assert "d." in output


@pytest.mark.parametrize("kind", KINDS)
def test_the_stream_of_a_chat_is_asked_for_and_shown(loopback, kind):
    pieces = ({"role": "assistant"}, {"content": "Re"}, {"content": "d."})
    lines = [{"choices": [{"index": 0, "delta": piece}]} for piece in pieces]
    lines.append({"choices": []})
    loopback.reply([*(event(line, None) for line in lines), b"data: [DONE]\n\n"])
    begun = replace(REQUEST, prompt=f"{PROMPT} R")
    dialect, endpoint = ChatDialect(flavour="deepseek"), of(loopback.url, "chat")
    ours = sent_by_client(loopback, begun, endpoint, dialect, stream=True)
    output = run(kind, written(kind, begun, endpoint, dialect, stream=True))

    theirs = loopback.requests.pop()
    assert theirs.json == ours.json
    assert theirs.path == ours.path == "/beta/chat/completions"
    assert "Re" in output
    assert "d." in output


@pytest.mark.parametrize("kind", KINDS[:2])
def test_a_prompt_longer_than_an_argument_may_be_is_sent(loopback, kind):
    loopback.reply(ANSWERS["text"])
    dialect, endpoint = TextDialect(), of(loopback.url, "text")
    request = CompletionRequest("m", "it's long " * 50_000, 1)
    ours = sent_by_client(loopback, request, endpoint, dialect)
    run(kind, written(kind, request, endpoint, dialect))

    assert loopback.requests.pop().body == ours.body


@pytest.mark.parametrize("kind", KINDS[:2])
def test_an_endpoint_without_a_key_gets_none(loopback, kind):
    loopback.reply(ANSWERS["text"])
    endpoint = Endpoint("there", loopback.url, "text")
    code = written(kind, CompletionRequest("m", "p", 1), endpoint, TextDialect())
    run(kind, code)

    assert "environ" not in code
    assert SECRET not in str(loopback.requests[0].headers)


@settings(max_examples=40)
@given(prompt=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_prompt_survives_the_shell_and_python(prompt):
    request = CompletionRequest("m", prompt, 1)
    dialect, endpoint = TextDialect(), Endpoint("there", "http://127.0.0.1:9", "text")
    body = dialect.encode(request, stream=False).body
    curl = written("curl", request, endpoint, dialect)
    shell = curl.replace("curl ", "printf '%s\\0' ", 1)
    arguments = subprocess.run(
        ["bash", "-s"], input=shell.encode(), capture_output=True, check=True
    ).stdout.split(b"\0")
    assert arguments[arguments.index(b"--data-raw") + 1] == body

    script = written("requests", request, endpoint, dialect)
    space = {}
    exec(script[: script.index("response =")], space)
    assert (
        space["json"]
        .dumps(space["body"], ensure_ascii=False, separators=(",", ":"))
        .encode()
        == body
    )


@pytest.fixture(scope="module")
def served():
    server = make_server(make_app(load_models()), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield address(server)
    server.stop()
    thread.join()


@pytest.mark.parametrize("kind", KINDS)
def test_code_for_the_embedded_model_asks_serve(served, kind):
    endpoint = Endpoint("embedded", "embedded://ngram", "text", extensions=True)
    request = CompletionRequest(
        "ngram-chat",
        "\n\nHuman: What does the with statement do?\n\nAssistant:",
        60,
        temperature=0,
    )
    code = written(kind, request, endpoint, TextDialect(extensions=True))

    assert "jupyter complete serve" in code
    assert SERVED in code
    assert "with" in run(kind, code.replace(SERVED, served))


def test_serve_answers_where_the_code_asks():
    from jupyter_complete import cli

    arguments = cli._parser().parse_args(["serve"])
    assert f"http://{arguments.host}:{arguments.port}" == SERVED


# Bad input.


def test_an_unknown_kind_is_one_line():
    with pytest.raises(InputError, match="choose from curl, requests, sdk, magic"):
        written("perl", REQUEST, of("http://127.0.0.1", "text"), TextDialect())


@pytest.mark.parametrize("variable", ["MY KEY", "$(id)", "", "1"])
def test_a_variable_that_no_shell_has_is_refused(variable):
    endpoint = Endpoint("there", "http://127.0.0.1", "text", variable)

    with pytest.raises(InputError, match="variable"):
        written("curl", REQUEST, endpoint, TextDialect())


def test_a_header_with_nul_is_refused():
    call = HttpCall("POST", "/v1/complete", {"x": "a\0b"}, b"{}")
    there = of("http://127.0.0.1", "text")

    with pytest.raises(InputError, match="NUL"):
        as_code(
            "curl",
            endpoint=there,
            request=http_request(there, call, {}),
            in_code=TextDialect.in_code,
        )
