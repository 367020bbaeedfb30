"""A server with chat and completions: the prompt decides which of them is asked."""

import json

import pytest
from loopback import event

from jupyter_complete import as_code, complete, sweep
from jupyter_complete.completion import Usage
from jupyter_complete.errors import InputError
from jupyter_complete.session import Session
from jupyter_complete.settings import CompletionSettings

TURNS = "\n\nHuman: Hi\n\nAssistant:"
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"


def both(request):
    """Answer each API in its own way, and say what models there are."""
    if request.method == "GET":
        model = {"id": "m", "object": "model", "owned_by": "llamacpp"}
        return {"object": "list", "data": [model]}, 200
    chat = request.path == CHAT
    said = {"delta": {"content": " Chat."}} if chat else {"text": " Text."}
    choice = {"index": 0, **said, "finish_reason": "stop"}
    counts = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    lines = ({"choices": [choice]}, counts, "[DONE]")
    return [event(line, None) for line in lines], 200


@pytest.fixture
def server(loopback):
    loopback.choose = both
    return loopback


@pytest.fixture
def prepare(shell):
    session = Session(CompletionSettings())
    yield lambda text, **settings: session.prepare(text, model="m", **settings)
    session.close()


LOCAL = ("ollama", "llamacpp", "lmstudio", "vllm")
HOSTED = ("openai", "mistral", "groq", "openrouter", "deepseek", "together")


@pytest.mark.parametrize("endpoint", LOCAL)
@pytest.mark.parametrize(
    ("prompt", "settings", "path"),
    [
        ("Once", {}, TEXT),
        ("Once", {"turns": "raw"}, TEXT),
        ("Once", {"turns": "wrap"}, CHAT),
        (TURNS, {}, CHAT),
        ("\r\n\r\nHuman: Hi\r\n\r\nAssistant:", {}, CHAT),
        ("Human: Hi\n\nAssistant:", {}, CHAT),
        (TURNS, {"turns": "raw"}, TEXT),
        (TURNS, {"dialect": "openai"}, TEXT),
        ("Once", {"dialect": "openai"}, TEXT),
        ("Once", {"dialect": "chat"}, CHAT),
        ("Once", {"dialect": "chat", "turns": "raw"}, CHAT),
    ],
)
def test_turns_go_to_chat_and_raw_text_to_completions(
    prepare, endpoint, prompt, settings, path
):
    call = prepare(prompt, endpoint=endpoint, **settings)

    assert call.http().path == path
    assert call.dialect.name == call.endpoint.dialect
    assert call.dialect.flavour == endpoint
    body = json.loads(call.http().body)
    if path == TEXT:
        assert body["prompt"] == prompt
    else:
        assert [one["role"] for one in body["messages"]] == ["user"]


@pytest.mark.parametrize("endpoint", HOSTED)
def test_a_hosted_service_gets_a_chat_whatever_the_prompt(prepare, endpoint):
    for text, turns in (("Hi", "auto"), (TURNS, "auto"), ("Hi", "raw")):
        call = prepare(text, endpoint=endpoint, turns=turns)
        (said,) = json.loads(call.http().body)["messages"]

        assert call.http().url.endswith(CHAT)
        assert said == {"role": "user", "content": "Hi"}
        assert bool(call.notices) is (turns == "raw")


def test_turns_that_are_none_are_refused_before_anything_is_sent(prepare):
    with pytest.raises(InputError, match=r"with an empty line .*--turns raw sends"):
        prepare("\n\nHuman: Hi", endpoint="ollama")
    with pytest.raises(InputError, match="The chat completions API has only turns"):
        prepare("\n\nHuman: Hi", endpoint="ollama", dialect="chat", turns="raw")


def test_openai_at_another_address_has_both_and_wants_turns(prepare, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:9/v1")

    assert prepare("Hi", endpoint="openai").http().path == CHAT
    assert prepare("Hi", endpoint="openai", turns="raw").http().path == TEXT


def test_an_endpoint_of_ones_own_may_have_both(prepare):
    own = {"url": "http://localhost:9", "dialect": "openai", "both": True}
    paths = [
        prepare(text, endpoint="lab", endpoints={"lab": fields}).http().path
        for text in ("Hi", TURNS)
        for fields in (own, own | {"dialect": "chat"}, own | {"both": False})
    ]

    assert paths == [TEXT, CHAT, TEXT, CHAT, CHAT, TEXT]


def test_a_model_that_wants_turns_is_asked_in_a_chat(prepare, tmp_path):
    file = tmp_path / "models.json"
    model = {"id": "m", "endpoint": "llamacpp", "dialect": "openai", "turns": True}
    file.write_text(json.dumps({"models": [model]}))

    assert prepare("Hi", catalog=str(file)).http().path == CHAT
    assert prepare("Hi", catalog=str(file), turns="raw").http().path == TEXT


def test_an_unknown_server_with_both_is_asked_once_and_answers_in_each(server):
    place = {"model": "m", "endpoint": server.url}

    text, chat = complete("Once", **place), complete(TURNS, **place)

    assert (text.text, text.dialect) == (" Text.", "openai")
    assert (chat.text, chat.dialect) == (" Chat.", "chat")
    assert chat.usage == Usage(3, 2)
    assert [one.path for one in server.requests] == ["/v1/models", TEXT, CHAT]


def test_a_sweep_decides_at_each_point(shell, server):
    runs = sweep("Once", model="m", endpoint=server.url, turns=["raw", "wrap"])

    assert [run.text for run in runs] == [" Text.", " Chat."]


def test_what_answered_in_one_api_answers_nothing_in_the_other(shell, server):
    place = {"model": "m", "endpoint": server.url, "reuse": True}
    first = complete(TURNS, turns="raw", **place)

    assert complete(TURNS, turns="raw", **place).reused
    chat = complete(TURNS, **place)
    assert (first.text, chat.text, chat.reused) == (" Text.", " Chat.", False)


def test_code_and_dry_run_show_what_is_sent(shell, server, capsys):
    done = complete(TURNS, model="m", endpoint=server.url)
    (sent,) = [one for one in server.requests if one.method == "POST"]

    shell.run_cell_magic(
        "complete", f"--endpoint {server.url} -m m --dry-run", TURNS.strip()
    )
    shown = capsys.readouterr().out
    assert CHAT in shown
    assert sent.body.decode() in shown
    curl = as_code(done, "curl")
    assert CHAT in curl
    assert sent.body.decode() in curl
    cell = as_code(done, "magic")
    assert "--dialect chat" in cell
    shell.run(f"get_ipython().run_cell({cell!r}).raise_error()")
    again = server.requests[-1]
    assert (again.path, again.json) == (CHAT, sent.json)


def test_a_real_engine_answers_in_each_alike_whole_and_streamed(shell, model_directory):
    """llama.cpp says the start of an answer again where it is whole."""
    begun = "\n\nHuman: What is the capital of France?\n\nAssistant: The capital"
    place = {"model": "smollm2", "model_directory": str(model_directory)}
    asked = {**place, "temperature": 0, "max_tokens": 4}

    whole = complete(begun, stream=False, logprobs=2, **asked)
    streamed = complete(begun, **asked)
    raw = complete(begun, turns="raw", **asked)

    assert whole.text == streamed.text == " of France is Paris"
    assert [told.token for told in whole.logprobs][:2] == [" of", " France"]
    assert (whole.dialect, streamed.dialect, raw.dialect) == ("chat", "chat", "openai")
    # The template has the turns' own marks, and a system message.
    assert whole.usage.input_tokens > raw.usage.input_tokens


def test_a_bare_list_of_models_says_who_it_is_and_what_it_has(loopback):
    """docs.together.ai, List all models"""
    model = {"id": "a/b", "object": "model", "type": "chat", "organization": "A"}
    body = json.dumps([model | {"context_length": 4096}]).encode()
    loopback.reply(body)
    settings = CompletionSettings(model="a/b", endpoint=loopback.url)
    session = Session(settings)

    assert session.routes.refresh(settings) == ("a/b: new",)
    (found,) = session.routes.models(settings)
    assert (found.dialect, found.turns, found.context_tokens) == ("chat", True, 4096)
    assert session.prepare("Hi").dialect.flavour == "together"
    session.close()
