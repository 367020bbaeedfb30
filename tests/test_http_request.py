"""Dry run, code and call have the same method, URL, headers and body."""

import contextlib
import io
import re
import shlex
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_complete.catalog import CATALOG
from jupyter_complete.client import Client
from jupyter_complete.dialects import Options, dialect_named
from jupyter_complete.display import request_text
from jupyter_complete.endpoint import DIALECTS
from jupyter_complete.export import as_code
from jupyter_complete.request import CompletionRequest
from jupyter_complete.session import Call

SECRET = "sk-0123456789"
OF_THE_TRANSPORT = {
    *("host", "content-length", "user-agent", "accept-encoding", "connection")
}
ANSWERS = {
    "text": {"completion": "Red.", "stop_reason": "stop_sequence", "model": "m"},
    "messages": {"content": [{"type": "text", "text": "Red."}], "usage": {}},
    "openai": {"choices": [{"index": 0, "text": "Red.", "finish_reason": "stop"}]},
    "chat": {"choices": [{"index": 0, "message": {"content": "Red."}}]},
}
TAILS = st.sampled_from(
    ["", "/", "/v1", "/v1/", "/proxy", "/proxy/v1/", "PATH", "PATH/"]
)
REQUESTS = st.builds(
    CompletionRequest,
    model=st.just("m"),
    prompt=st.text(st.characters(exclude_categories=["C", "Z"])).map(
        "\n\nHuman: Say {}\n\nAssistant:".format
    ),
    max_tokens_to_sample=st.integers(1, 99),
    temperature=st.none() | st.floats(0, 1),
    top_p=st.none() | st.floats(0.1, 1),
    stop_sequences=st.lists(st.sampled_from(["END", "'", "é"]), max_size=2).map(tuple),
    user_id=st.none() | st.just("u-1"),
    betas=st.lists(st.sampled_from(["a-2026", "b-2026"]), max_size=2).map(tuple),
)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("MY_KEY", SECRET)


def arrived(loopback):
    """Return what came over the wire, but for what each client says of itself."""
    sent = loopback.requests.pop()
    headers = {k: v for k, v in sent.headers.items() if k not in OF_THE_TRANSPORT}
    return sent.method, sent.path, headers, sent.body


def shown(text, root, key):
    """Return the same of a dry run."""
    head, body = text.split("\n\n", 1)
    first, *lines = head.split("\n")
    method, url = first.split(" ")
    pairs = (line.split(": ", 1) for line in lines)
    place = f"(the key from {key}, if there is one)"
    headers = {name.lower(): text.replace(place, SECRET) for name, text in pairs}
    return method, url.removeprefix(root), headers, body.encode()


def curled(text, root, key):
    """Return the same of a curl command, its words taken as a shell does."""
    words = shlex.split(text.replace("\\\n", ""))
    pairs = (words[n + 1].split(": ", 1) for n, w in enumerate(words) if w == "-H")
    headers = {name.lower(): text.replace(f"${key}", SECRET) for name, text in pairs}
    (url,) = (word for word in words if word.startswith(root))
    body = words[words.index("--data-raw") + 1]
    return "POST", url.removeprefix(root), headers, body.encode()


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("place", CATALOG.endpoints, ids=lambda place: place.name)
@settings(max_examples=12)
@given(tail=TAILS, request=REQUESTS)
def test_all_ways_to_see_a_request_agree(loopback, place, name, tail, request):
    url = loopback.url + tail.replace("PATH", DIALECTS[name])
    endpoint = replace(place, base_url=url, dialect=name, key_variable="MY_KEY")
    dialect = dialect_named(name, endpoint, None, Options(unsupported="drop"))
    call = Call(request, endpoint, dialect, stream=False)
    loopback.reply(ANSWERS[name])
    with Client(lambda _: SECRET) as client:
        client.send(request, endpoint, dialect, stream=False).close()
    sent = arrived(loopback)

    http = call.http()
    assert shown(request_text(http, endpoint), loopback.url, "MY_KEY") == sent
    curl, script = (
        as_code(kind, endpoint=endpoint, request=http, in_code=dialect.in_code)
        for kind in ("curl", "requests")
    )
    assert curled(curl, loopback.url, "MY_KEY") == sent
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(script, {})
    assert printed.getvalue() == "Red.\n"
    assert arrived(loopback) == sent
    assert re.fullmatch(rf"(/proxy)?{DIALECTS[name]}", sent[1])


def test_a_count_has_the_betas_of_the_call(loopback):
    endpoint = replace(CATALOG.endpoint("anthropic"), base_url=loopback.url + "/v1/")
    dialect = dialect_named("messages", endpoint)
    request = CompletionRequest("m", "\n\nHuman: Hi\n\nAssistant:", 9, betas=("b-1",))
    loopback.reply({"input_tokens": 3})
    with Client(lambda _: SECRET) as client:
        client.json(dialect.count(request), endpoint, dialect)
    method, path, headers, _ = arrived(loopback)

    assert (method, path) == ("POST", "/v1/messages/count_tokens")
    assert headers["anthropic-beta"] == "b-1"
