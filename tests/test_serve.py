"""``jupyter complete serve``, with the official SDK as a foreign client."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import anthropic
import pytest
import requests
from scripted import ScriptedModel

from jupyter_complete.cli import main
from jupyter_complete.server import lobby, serve
from jupyter_complete.server.app import make_app
from jupyter_complete.server.serve import address, make_server

PROMPT = "\n\nHuman: What does the with statement do?\n\nAssistant:"
ASK = {"model": "ngram-chat", "prompt": PROMPT, "max_tokens_to_sample": 20}
RAW = {"model": "ngram-base", "prompt": "The", "max_tokens_to_sample": 4000}
KEY = "throwaway-key"


def start(*arguments):
    """Start the command; give its process and the URL that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_complete", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"THROWAWAY": KEY},
    )
    line = process.stdout.readline()
    return process, re.search(r"http://\S+", line)[0]


def end(process, number=signal.SIGTERM):
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def served():
    """The real thing, with a key, for the whole module; it must stay silent."""
    process, url = start("--key-env", "THROWAWAY")
    yield url
    assert end(process) == (0, "", "")


@pytest.fixture
def client(served):
    with anthropic.Anthropic(base_url=served, api_key=KEY, max_retries=0) as client:
        yield client


@contextmanager
def serving(model, *, ping_seconds=None):
    """Serve a scripted model in this process."""
    app = make_app({"ngram-base": model}, ping_seconds=ping_seconds)
    server = make_server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield address(server)
    finally:
        server.stop()
        thread.join(60)


@contextmanager
def sdk_for(model):
    with (
        serving(model) as url,
        anthropic.Anthropic(base_url=url, api_key="x", max_retries=0) as client,
    ):
        yield client


# The official SDK


def test_the_sdk_gets_a_whole_answer(client):
    made = client.completions.create(**ASK, temperature=0)

    assert made.type == "completion"
    assert made.model == "ngram-chat"
    assert made.stop_reason in {"max_tokens", "stop_sequence"}
    assert "with" in made.completion
    assert made._request_id.startswith("req_")


def test_the_sdk_gets_the_same_text_streamed(client):
    whole = client.completions.create(**ASK, temperature=0)
    with client.completions.create(**ASK, temperature=0, stream=True) as stream:
        events = list(stream)

    assert "".join(event.completion for event in events) == whole.completion
    assert len(events) > 10
    assert events[-1].completion == ""
    assert [event.stop_reason for event in events[:-1]] == [None] * (len(events) - 1)
    assert events[-1].stop_reason == whole.stop_reason


def test_the_async_sdk_gets_both(served):
    async def ask():
        async with anthropic.AsyncAnthropic(base_url=served, api_key=KEY) as client:
            whole = await client.completions.create(**ASK, temperature=0)
            stream = await client.completions.create(**ASK, temperature=0, stream=True)
            texts = [event.completion async for event in stream]
            await stream.close()
            return whole.completion, "".join(texts)

    whole, streamed = asyncio.run(ask())

    assert whole == streamed != ""


def test_a_seed_makes_the_answer_repeatable(client):
    headers = {"jupyter-complete-seed": "7"}

    made = {
        client.completions.create(**ASK, extra_headers=headers).completion
        for _ in range(3)
    }

    assert len(made) == 1


def test_every_parameter_of_the_sdk_is_taken(client):
    made = client.completions.create(
        **ASK,
        temperature=0.5,
        top_k=5,
        top_p=0.9,
        stop_sequences=["."],
        metadata={"user_id": "someone"},
        betas=["a-1", "b-2"],
    )

    assert "." not in made.completion


def test_the_sdk_lists_and_retrieves_the_models(client):
    ids = [model.id for model in client.models.list(limit=1)]

    assert ids == ["ngram-chat", "ngram-base"]
    assert client.models.retrieve("ngram-base").id == "ngram-base"
    assert client.models.retrieve("ngram-base").created_at.year >= 2026


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"temperature": 2}, anthropic.BadRequestError, "temperature"),
        ({"prompt": "Hello"}, anthropic.BadRequestError, "must start with"),
        ({"model": "claude-2.1"}, anthropic.NotFoundError, "claude-2.1"),
        ({"prompt": "x" * 2**25}, anthropic.RequestTooLargeError, "bytes"),
    ],
)
def test_the_sdk_names_each_error(client, changes, error, words):
    with pytest.raises(error, match=words) as caught:
        client.completions.create(**ASK | changes)

    assert caught.value.request_id.startswith("req_")
    assert caught.value.body["type"] == "error"


def test_the_sdk_names_a_wrong_key(served):
    with (
        anthropic.Anthropic(base_url=served, api_key="wrong") as client,
        pytest.raises(anthropic.AuthenticationError, match="invalid key"),
    ):
        client.models.list()


def test_the_key_is_taken_as_a_bearer_token_too(served):
    with anthropic.Anthropic(base_url=served, auth_token=KEY) as client:
        assert client.completions.create(**ASK).completion


def test_the_sdk_names_a_failure_of_the_model(caplog):
    with (
        sdk_for(ScriptedModel(RuntimeError("broken"))) as client,
        pytest.raises(anthropic.InternalServerError),
    ):
        client.completions.create(**RAW)

    assert "broken" in caplog.text


def test_the_sdk_names_a_failure_within_a_stream(caplog):
    with (
        sdk_for(ScriptedModel(" a", RuntimeError("broken"))) as client,
        client.completions.create(**RAW, stream=True) as stream,
    ):
        assert next(stream).completion == " a"
        with pytest.raises(anthropic.APIStatusError, match="Internal server"):
            next(stream)

    assert "broken" in caplog.text


# Streaming over a socket


@pytest.mark.parametrize("ping_seconds", [None, 5.0])
def test_each_event_arrives_before_the_next_token_is_made(ping_seconds):
    held = threading.Event()
    model = ScriptedModel(" first", held, " second")
    with serving(model, ping_seconds=ping_seconds) as url:
        asked = RAW | {"stream": True}
        with requests.post(url + "/v1/complete", json=asked, stream=True) as response:
            first = response.raw.read1(65536)
            seen = model.given
            held.set()
            rest = response.raw.read()

    assert b" first" in first
    assert seen == 1
    assert b" second" in rest


def raw_post(url, asked, *, length=None):
    """Send a request on a bare socket."""
    host, port = url.removeprefix("http://").split(":")
    data = json.dumps(asked).encode()
    head = f"POST /v1/complete HTTP/1.1\r\nHost: {host}\r\n"
    head += f"Content-Length: {length or len(data)}\r\nx-api-key: {KEY}\r\n\r\n"
    sock = socket.create_connection((host, int(port)), timeout=10)
    sock.sendall(head.encode() + data)
    return sock


class Ticking(ScriptedModel):
    """Gives a token every few milliseconds, without end."""

    def generate(self, prompt, **sampling):
        try:
            while True:
                time.sleep(0.005)
                self.given += 1
                yield from ScriptedModel(" x").generate("")
        finally:
            self.closed.set()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("ping_seconds", [None, 0.05])
def test_a_client_that_leaves_ends_the_generation(stream, ping_seconds):
    model = Ticking()
    with serving(model, ping_seconds=ping_seconds) as url:
        sock = raw_post(url, RAW | {"stream": stream})
        if stream:
            assert sock.recv(10)
        while not model.given:
            time.sleep(0.005)

        sock.close()

        assert model.closed.wait(5)
    assert model.given < 900


def test_eight_clients_are_served_at_once():
    everyone = threading.Barrier(8)

    class Together(ScriptedModel):
        def generate(self, prompt, **sampling):
            everyone.wait(10)
            yield from super().generate(prompt, **sampling)

    with serving(Together(" a", " b")) as url, ThreadPoolExecutor(8) as pool:
        ask = {"url": url + "/v1/complete", "json": RAW}
        answers = list(pool.map(lambda _: requests.post(**ask), range(8)))

    assert [answer.json()["completion"] for answer in answers] == [" a b"] * 8


def test_eight_clients_of_the_real_model_each_get_their_own(client):
    def ask(number):
        headers = {"jupyter-complete-seed": str(number % 4)}
        made = client.completions.create(**ASK, extra_headers=headers)
        return made.completion

    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(ask, range(8)))

    assert texts[:4] == texts[4:]


# Whatever arrives

LINE = b"POST /v1/complete HTTP/1.1\r\nHost: x\r\n"
GARBAGE = [
    b"\x00\xff\xfe" * 100,
    b"\r\n\r\n\r\n",
    b"GET\r\n\r\n",
    b"get / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET nowhere HTTP/1.1\r\n\r\n",
    b"GET /%zz%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000 + b"\r\n",
    LINE + b"Content-Length: -5\r\n\r\nabcde",
    LINE + b"Content-Length: ten\r\n\r\n",
    LINE + b"Content-Length: 1_0\r\n\r\n0123456789",
    LINE + b"Content-Length: 99999999999999999999\r\n\r\n",
    LINE + b"no colon\r\n\r\n",
    LINE + b"Transfer-Encoding: gzip\r\n\r\n",
    LINE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    LINE + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
    LINE + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n",
    LINE + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\nabc",
    LINE + b"x-api-key: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
    LINE + b"x-api-key: " + KEY.encode() + b"\r\nContent-Length: 2\r\n\r\n{]",
]


@pytest.mark.parametrize("sent", GARBAGE, ids=range(len(GARBAGE)))
def test_the_server_survives_and_answers_garbage(served, client, sent):
    host, port = served.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))

    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"request-id: req_" in head
    assert re.match(rb"HTTP/1.1 (4\d\d|505|501) ", head)
    assert json.loads(body[: body.rindex(b"}") + 1].splitlines()[0])["type"] == "error"
    assert client.models.list(limit=1).data


@pytest.mark.parametrize("sent", [b"", LINE, LINE + b"Content-Length: 9\r\n\r\n{"])
def test_a_client_that_says_half_and_leaves_is_no_matter(served, client, sent):
    host, port = served.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(sent)

    assert client.models.list(limit=1).data


def test_a_body_too_long_is_refused_before_it_is_sent(served):
    with raw_post(served, {}, length=2**40) as sock:
        answer = sock.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_client_that_never_stops_sending_is_not_listened_to_for_ever(monkeypatch):
    monkeypatch.setattr(lobby, "LINGER_SECONDS", 0.2)
    with serving(ScriptedModel(" a")) as url:
        sock = raw_post(url, {}, length=2**40)
        assert sock.recv(65536).startswith(b"HTTP/1.1 413 ")
        ends, left = time.monotonic() + 10, False
        while not left and time.monotonic() < ends:
            try:
                sock.sendall(b"x" * 1000)
            except OSError:
                left = True
        sock.close()

    assert left


def test_a_fault_of_the_server_is_logged(caplog):
    def app(environ, start_response):
        raise RuntimeError("a fault of ours")

    server = make_server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        assert requests.get(address(server)).status_code == 500
    finally:
        server.stop()
        thread.join(60)

    said = [line for name, _, line in caplog.record_tuples if name == serve.__name__]
    assert said == ["the app failed: RuntimeError('a fault of ours')"]


def test_a_body_in_chunks_is_taken(served):
    parts = (part.encode() for part in json.dumps(ASK))

    answer = requests.post(
        served + "/v1/complete", data=parts, headers={"x-api-key": KEY}
    )

    assert answer.json()["completion"]


# The command


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_even_within_an_answer(number):
    process, url = start()
    sock = raw_post(url, RAW | {"stream": True})
    assert sock.recv(10)

    code, out, err = end(process, number)

    sock.close()
    assert (code, out, err) == (0, "", "")


def test_a_client_that_never_sends_its_body_does_not_hold_the_end_up():
    process, url = start()
    sock = raw_post(url, {}, length=1000)
    time.sleep(0.2)

    assert end(process) == (0, "", "")
    sock.close()


def test_a_text_of_the_users_own_is_learnt(tmp_path):
    path = tmp_path / "own.txt"
    line = "The heron waits in the shallow water until a small fish comes by.\n\n"
    path.write_text(line * 30)
    process, url = start("--model-file", str(path))
    asked = RAW | {"prompt": "The heron", "max_tokens_to_sample": 5, "temperature": 0}

    made = requests.post(url + "/v1/complete", json=asked).json()

    assert made["completion"].strip().startswith("waits in the shallow")
    assert end(process) == (0, "", "")


def test_bound_to_every_address_without_a_key_it_warns():
    process, _ = start("--host", "0.0.0.0")

    code, _, err = end(process)

    assert code == 0
    assert err.count("\n") == 1
    assert "--key-env" in err


def test_bound_to_the_name_of_this_machine_it_does_not_warn():
    process, url = start("--host", "localhost")

    assert requests.get(f"{url}/v1/models").status_code == 200
    assert end(process) == (0, "", "")


def refusal(capsys, *arguments):
    code = main(["serve", *arguments])
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    return err


def test_a_port_in_use_is_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        assert f"127.0.0.1:{port}" in refusal(capsys, "--port", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.9", "", "a" * 300])
def test_a_host_that_cannot_be_bound_is_one_line(capsys, host):
    assert "cannot be served" in refusal(capsys, "--port", "0", "--host", host)


def test_a_model_file_that_cannot_be_learnt_is_one_line(capsys, tmp_path):
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\x00")

    for name, words in [
        ("missing", "No such file"),
        ("empty", "is empty"),
        ("binary", "not UTF-8"),
        ("", "cannot be read"),
    ]:
        assert words in refusal(capsys, "--model-file", str(tmp_path / name))


def test_a_key_variable_that_is_not_set_is_one_line(capsys, monkeypatch):
    monkeypatch.setenv("BLANK", " ")

    assert "BLANK" in refusal(capsys, "--key-env", "BLANK")
    assert "NOWHERE" in refusal(capsys, "--key-env", "NOWHERE")


@pytest.mark.parametrize("port", ["-1", "65536", "x", "٣", "8765.0"])
def test_a_bad_port_is_refused(capsys, port):
    with pytest.raises(SystemExit) as caught:
        main(["serve", f"--port={port}"])

    assert caught.value.code == 2
    assert "is no port" in capsys.readouterr().err
