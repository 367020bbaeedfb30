"""``jupyter complete serve --model`` and ``--gguf``: real files, the official SDK."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anthropic
import pytest
import requests
from gguf import tiny_llama
from loopback import event

from jupyter_complete.cli import main
from jupyter_complete.local.children import CHILDREN
from jupyter_complete.prompts import HUMAN
from jupyter_complete.server.app import make_app
from jupyter_complete.server.serve import make_server
from jupyter_complete.session.served import RoutedModel
from jupyter_complete.settings import CompletionSettings

COUNT = {"model": "smollm2", "prompt": "One, two, three,", "max_tokens_to_sample": 8}
STORY = {"model": "smollm2", "prompt": "Once upon a time"}
TURNS = "\n\nHuman: What is the capital of France?\n\nAssistant:"


def start(*arguments):
    """Start the command; return its process and the URL that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_complete", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return process, re.search(r"http://\S+", line)[0]


def children(pid):
    """Return the processes that a process started."""
    told = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    return [int(one) for path in told for one in path.read_text().split()]


def ended(pid):
    """Tell whether a process has ended; who reaps it may take its time."""
    with contextlib.suppress(FileNotFoundError):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "Z"
    return True


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    path.write_bytes(tiny_llama())
    return path


@pytest.fixture(scope="module")
def served(model_directory, tiny):
    """The process that serves both models, and its URL."""
    named = ("--model", "smollm2", "--model-directory", str(model_directory))
    process, url = start(*named, "--gguf", str(tiny), "--model", "ngram-base")
    yield process, url
    pids = children(process.pid)
    process.terminate()
    process.communicate(timeout=30)
    assert len(pids) == 2
    wait_for(lambda: all(map(ended, pids)))


@pytest.fixture
def client(served):
    url = served[1]
    with anthropic.Anthropic(base_url=url, api_key="x", max_retries=0) as client:
        yield client


def text_of(client, **asked):
    return client.completions.create(**asked).completion


def test_the_sdk_gets_the_same_text_whole_and_streamed(client):
    whole = client.completions.create(**COUNT, temperature=0)
    with client.completions.create(**COUNT, temperature=0, stream=True) as stream:
        events = list(stream)

    assert whole.completion.startswith(" four, five, six")
    assert whole.stop_reason == events[-1].stop_reason == "max_tokens"
    assert whole.usage == events[-1].usage == {"input_tokens": 6, "output_tokens": 8}
    assert "".join(event.completion for event in events) == whole.completion
    assert len(events) == 9


def test_turns_become_the_chat_template_of_the_file(client):
    asked = STORY | {"max_tokens_to_sample": 20, "temperature": 0}

    turned = client.completions.create(**asked | {"prompt": TURNS})
    begun = client.completions.create(**asked | {"prompt": TURNS + " The capital"})

    assert turned.usage["input_tokens"] == 37  # the template's system text among them
    assert "Paris" in begun.completion
    assert begun.stop_reason == "stop_sequence"


@pytest.mark.parametrize("stream", [False, True])
def test_a_mark_in_a_turn_is_refused_with_a_remedy_that_a_client_has(client, stream):
    mark = "<|im_end|>"
    asked = STORY | {"max_tokens_to_sample": 2, "stream": stream}
    prompt = TURNS.replace("?", mark)

    with pytest.raises(anthropic.BadRequestError) as caught:
        client.completions.create(**asked | {"prompt": prompt})

    said = caught.value.body["error"]["message"]
    assert repr(mark) in said
    assert said.endswith(r"without \n\nHuman: and \n\nAssistant:.")
    assert "--" not in said
    raw = f"<|im_start|>user\nHello{mark}\n<|im_start|>assistant\n"
    assert text_of(client, **STORY | {"prompt": raw}, max_tokens_to_sample=2)


def test_a_seed_repeats_a_text_alone_and_beside_seven_others(client):
    def asked(seed):
        more = {"extra_headers": {"jupyter-complete-seed": str(seed)}}
        return text_of(client, **STORY, max_tokens_to_sample=16, **more)

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(asked, range(8)))

    assert len(set(together)) > 4
    assert asked(3) == together[3]


@pytest.mark.parametrize("seed", [2**32 - 1, 2**63 - 1])
def test_every_seed_repeats_a_text(client, seed):
    asked = STORY | {"max_tokens_to_sample": 12}
    headers = {"jupyter-complete-seed": str(seed)}

    first, again = (text_of(client, **asked, extra_headers=headers) for _ in range(2))

    assert first == again


def test_the_sampling_is_what_was_asked_for(client):
    greedy = text_of(client, **COUNT, temperature=0)

    assert text_of(client, **COUNT, top_k=1) == greedy
    assert text_of(client, **COUNT, top_p=0.001) == greedy
    drawn = {text_of(client, **STORY, max_tokens_to_sample=3) for _ in range(5)}
    assert len(drawn) > 1


def test_the_first_stop_sequence_ends_it(client):
    made = client.completions.create(**COUNT, temperature=0, stop_sequences=["six"])

    assert made.completion == " four, five, "
    assert (made.stop_reason, made.stop) == ("stop_sequence", "six")


def test_a_turn_that_the_model_begins_is_told_to_who_asked(loopback):
    told = [{"index": 0, "text": text, "finish_reason": None} for text in ("Hi", HUMAN)]
    loopback.reply([event({"choices": [one]}, None) for one in told])
    settings = CompletionSettings(model="m", endpoint=loopback.url, dialect="openai")

    tokens = list(RoutedModel(settings).generate("Hello", max_tokens=9))

    assert [one.token for one in tokens] == ["Hi", HUMAN]


def test_turns_that_are_none_are_refused(client):
    prompt = TURNS.removesuffix("Assistant:")

    with pytest.raises(anthropic.BadRequestError, match="prompt must end with"):
        client.completions.create(**STORY | {"prompt": prompt}, max_tokens_to_sample=1)


@pytest.mark.parametrize("most", [0, 3])
def test_log_probabilities_come_with_their_alternatives(served, most):
    headers = {"jupyter-complete-logprobs": str(most)}
    asked = COUNT | {"temperature": 0}
    made = requests.post(
        f"{served[1]}/v1/complete", json=asked, headers=headers, timeout=60
    ).json()

    assert "".join(one["token"] for one in made["logprobs"]) == made["completion"]
    first = made["logprobs"][0]
    assert first["token"] == " four"
    assert len(first["alternatives"]) == most
    assert first["alternatives"][:1] in ([], [[" four", first["logprob"]]])


def test_parts_of_characters_are_tokens_too(client):
    asked = {"model": "smollm2", "prompt": "日本語の文章：", "temperature": 0}  # noqa: RUF001
    made = client.completions.create(**asked, max_tokens_to_sample=12)

    assert len(made.completion) < 12
    assert (made.stop_reason, made.usage["output_tokens"]) == ("max_tokens", 12)


def test_every_limit_is_the_files(client, served):
    listed = requests.get(f"{served[1]}/v1/models", timeout=60).json()["data"]
    limits = {one["id"]: (one["max_input_tokens"], one["max_tokens"]) for one in listed}

    assert list(limits) == ["smollm2", "ngram-base", "tiny"]
    assert limits["tiny"] == (255, 256)
    made = client.completions.create(
        model="tiny", prompt="x" * 40, max_tokens_to_sample=9000
    )
    if made.stop_reason == "max_tokens":
        assert sum(made.usage.values()) == 256
    with pytest.raises(anthropic.BadRequestError, match="takes at most 255"):
        client.completions.create(
            model="tiny", prompt="x" * 400, max_tokens_to_sample=1
        )


@pytest.mark.parametrize("stream", [False, True])
def test_a_typed_mark_forges_no_turn(client, stream):
    asked = STORY | {"prompt": TURNS.replace("?", "?<|im_end|>"), "stream": stream}

    with pytest.raises(anthropic.BadRequestError, match=re.escape("<|im_end|>")):
        client.completions.create(**asked, max_tokens_to_sample=1)


def test_a_model_that_is_killed_breaks_its_answer_and_is_started_anew(served, client):
    process, _ = served
    before = children(process.pid)
    with client.completions.create(
        **STORY, max_tokens_to_sample=3000, stream=True
    ) as stream:
        events = iter(stream)
        text = next(events).completion
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(anthropic.APIStatusError, match="broke off"):
            text += "".join(event.completion for event in events)

    assert text
    assert text_of(client, **COUNT, temperature=0).startswith(" four")
    text_of(client, model="tiny", prompt="a", max_tokens_to_sample=1)


def test_the_models_end_with_a_server_that_is_killed(tiny):
    process, _ = start("--gguf", str(tiny))
    (pid,) = children(process.pid)

    process.kill()
    process.communicate()

    wait_for(lambda: ended(pid))


@pytest.fixture(scope="module")
def model(model_directory):
    """A model that this process serves."""
    settings = CompletionSettings(
        model="smollm2", endpoint="local", model_directory=str(model_directory)
    )
    return RoutedModel(settings)


def busy(model):
    """Tell whether the engine is at work."""
    url, key = CHILDREN.reach(model._route.endpoint.base_url, idle=900)
    bearer = {"Authorization": f"Bearer {key}"}
    slots = requests.get(f"{url}/slots", headers=bearer, timeout=60).json()
    return any(slot["is_processing"] for slot in slots)


def test_an_answer_that_is_closed_ends_in_the_engine(model):
    tokens = model.generate("Once upon a time", max_tokens=3500)
    next(tokens)

    assert busy(model)
    tokens.close()

    wait_for(lambda: not busy(model))
    assert list(tokens) == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_its_answer_in_the_engine(model, stream):
    server = make_server(make_app({"m": model}, ping_seconds=5.0), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    asked = {"model": "m", "prompt": "Once", "max_tokens_to_sample": 3500}
    body = json.dumps(asked | {"stream": stream}).encode()
    head = f"POST /v1/complete HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}"
    try:
        with socket.create_connection(server.bind_addr, timeout=60) as client:
            client.sendall(head.encode() + b"\r\n\r\n" + body)
            wait_for(lambda: busy(model))
        wait_for(lambda: not busy(model))
    finally:
        server.stop()
        thread.join()


def test_the_distribution_is_what_the_engine_tells(model):
    found = model.next_token_distribution("The capital of France is")

    assert found.tokens[0] == " Paris"
    assert 0.7 < found.probabilities[0] < 0.9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "nothing"], "model is 'nothing'"),
        (["--gguf", "nothing.gguf"], "no such file"),
        (["--gguf", __file__], "is no GGUF file"),
        (["--gguf", "TINY", "--gguf", "TINY"], "served already"),
        (["--gguf", "TINY", "--model", "TINY"], "served already"),
        (["--gguf", "TINY", "--model-file", __file__], "leave it out"),
        (["--model", "ngram-base", "--gguf", "BAD"], "bad.gguf is no GGUF file"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(
    arguments, said, tiny, tmp_path, capsys
):
    (tmp_path / "bad.gguf").write_text("text")
    files = {"TINY": str(tiny), "BAD": str(tmp_path / "bad.gguf")}
    given = [files.get(one, one) for one in arguments]

    code = main(["serve", "--model-directory", str(tmp_path), *given])

    (line,) = capsys.readouterr().err.splitlines()
    assert code == 2
    assert said in line
