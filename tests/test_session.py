"""One call from its start to its end: text, clock, errors, stopping."""

import json
import pickle
import threading
import time
from dataclasses import replace

import pytest
from loopback import CUT, STALL, events

from jupyter_complete.cancel import Cancel
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import (
    CompletionInterrupted,
    IncompleteStream,
    InputError,
    RateLimitError,
)
from jupyter_complete.request import CompletionRequest
from jupyter_complete.session import UNSHAPED, Call, Session
from jupyter_complete.settings import CompletionSettings

REQUEST = CompletionRequest(
    model="m", prompt="\n\nHuman: Hi\n\nAssistant:", max_tokens_to_sample=9
)


@pytest.fixture
def session():
    settings = CompletionSettings(retries=0)
    session = Session(settings)
    yield session
    session.close()


@pytest.fixture
def call(loopback):
    return Call(REQUEST, Endpoint("loopback", loopback.url, "text"), TextDialect())


def test_a_streamed_completion(session, call, loopback):
    loopback.reply(events(" One", " two", stop="max_tokens"))
    seen = []

    completion = session.complete(call, on_text=seen.append)

    assert "".join(seen) == completion.text == " One two"
    assert completion.status == "complete"
    assert completion.stop_reason == "max_tokens"
    assert (completion.model, completion.request) == ("m", REQUEST)
    assert (completion.endpoint, completion.dialect) == ("loopback", "text")
    assert (completion.request_id, completion.http_status) == ("req_1", 200)
    assert 0 < completion.first_token_seconds <= completion.seconds
    assert loopback.requests[0].json["prompt"] == REQUEST.prompt


def test_what_arrives_is_shown_while_the_rest_is_awaited(session, call, loopback):
    one, two, end = events(" One", " two")
    loopback.reply([one, STALL, two, end])
    seen = []

    def on_text(text):
        seen.append((text, len(loopback.requests)))
        loopback.go()

    session.complete(call, on_text=on_text)

    assert [text for text, _ in seen] == [" One", " two"]


def test_the_texts_come_in_the_callers_thread(session, call, loopback):
    loopback.reply(events("a"))
    threads = []

    session.complete(call, on_text=lambda _: threads.append(threading.current_thread()))

    assert threads == [threading.current_thread()]


def test_a_cut_stream_is_broken_and_keeps_its_text(session, call, loopback):
    loopback.reply([*events(" One", stop=None), CUT])

    with pytest.raises(IncompleteStream) as caught:
        session.complete(call)

    kept = caught.value.completion
    assert (kept.text, kept.status) == (" One", "broken")
    assert caught.value.partial == " One"
    assert kept.error == str(caught.value)


def test_an_error_is_raised_with_its_completion(session, call, loopback):
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow."}}
    loopback.reply(body, status=429, headers={"retry-after": "7"})

    with pytest.raises(RateLimitError, match="Slow") as caught:
        session.complete(call)

    kept = caught.value.completion
    assert (kept.text, kept.status, kept.http_status) == ("", "error", 429)
    assert (kept.error_type, caught.value.retry_after) == ("rate_limit_error", 7)


@pytest.mark.parametrize("before", [[], events(" One", stop=None)])
def test_a_cancel_ends_a_silent_server_and_closes_the_line(
    session, call, loopback, before
):
    loopback.reply([*before, STALL])
    cancel = Cancel()
    outcomes = []
    arrived = threading.Event()
    thread = threading.Thread(
        target=lambda: outcomes.append(
            session.ask(call, cancel=cancel, on_text=lambda _: arrived.set())
        )
    )
    thread.start()
    loopback.wait_for_stall()
    if before:
        assert arrived.wait(60)
    start = time.monotonic()
    cancel.set()
    thread.join(60)

    assert time.monotonic() - start < 20
    assert outcomes[0].completion.status == "interrupted"
    assert outcomes[0].completion.text == (" One" if before else "")
    assert loopback.requests[0].gone.wait(60)


def test_ctrl_c_keeps_the_text_and_stops_what_follows(session, call, loopback):
    loopback.reply([*events(" One", stop=None), STALL])

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(CompletionInterrupted, match="after 4 characters") as caught:
        session.complete(call, on_text=interrupt)

    assert isinstance(caught.value, KeyboardInterrupt)
    assert caught.value.completion.text == " One"
    assert loopback.requests[0].gone.wait(60)


def test_a_call_pickles_and_holds_no_key(session, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    call = session.prepare("Hi", temperature=0.5)

    assert pickle.loads(pickle.dumps(call)) == call
    assert b"secret" not in pickle.dumps(call)


def test_temperature_and_top_p_bring_the_apis_advice(session):
    call = session.prepare("Hi", temperature=0.5, top_p=0.5)

    assert "advises to change only one" in call.notices[0]
    assert session.prepare("Hi", temperature=0.5).notices == ()


def test_another_sample_takes_the_next_seed(session):
    call = session.prepare("Hi", seed=5)

    assert call.again(3).request.seed == 8
    assert call.again(3).sample == 3
    assert session.prepare("Hi").again(3).request.seed is None


def test_a_bad_override_is_refused(session):
    with pytest.raises(InputError, match="max_tokens is 0"):
        session.prepare("Hi", max_tokens=0)


def test_tokens_are_counted_where_the_endpoint_counts(session, loopback):
    loopback.reply({"input_tokens": 11})
    call = session.prepare(
        "Hi", model="m", endpoint=loopback.url, dialect="messages", max_tokens=5
    )

    assert session.count(call) == 11
    assert loopback.requests[0].path == "/v1/messages/count_tokens"
    assert "max_tokens" not in loopback.requests[0].json
    with pytest.raises(InputError, match="counts no tokens; the prompt has 23 char"):
        session.count(session.prepare("Hi"))


def test_a_change_of_the_clients_settings_is_the_next_calls(session, call, loopback):
    loopback.reply(status=529)
    session.settings.retries = 0
    assert session.ask(call).completion.attempts == 1
    session.settings.retries = 1
    loopback.reply(status=529, headers={"retry-after-ms": "1"})

    assert session.ask(call).completion.attempts == 2


def test_a_refused_key_is_asked_for_again(loopback, call):
    """A key that was mistyped must not stay until the kernel ends."""
    from dataclasses import replace

    from jupyter_complete.keys import Keys

    asked = []

    def ask(question):
        asked.append(question)
        return f"key-{len(asked)}"

    endpoint = replace(call.endpoint, key_variable="MY_KEY", key_required=True)
    session = Session(CompletionSettings(retries=0), keys=Keys(ask))
    error = {"type": "authentication_error", "message": "invalid x-api-key"}
    loopback.reply({"type": "error", "error": error}, status=401)
    loopback.reply(events("a"))
    first = session.ask(replace(call, endpoint=endpoint))
    session.start(replace(call, endpoint=endpoint)).stop()
    session.close()

    assert first.error is not None
    assert len(asked) == 2
    assert loopback.requests[0].headers["x-api-key"] == "key-1"


def test_an_end_between_two_looks_is_not_missed(session, call, loopback):
    """The last news may come just before a look at the text takes note of it."""
    one, two, end = events(" One", " two")
    loopback.reply([one, STALL, two, end])
    running = session.start(call)
    assert running.wait_for_news()
    loopback.go()
    running._done.wait(60)
    running.show(None)
    waited = []
    thread = threading.Thread(target=lambda: waited.append(running.wait_for_news()))
    thread.daemon = True
    thread.start()
    thread.join(60)

    assert waited == [False]


def test_the_embedded_models_are_named_where_another_is_looked_into(session):
    call = session.prepare("Hi", {}, model="ngram-chat")
    other = replace(call, request=replace(call.request, model="gpt-2"))

    with pytest.raises(InputError, match="'gpt-2'; the embedded ones are ngram-chat"):
        session.distribution(other)


def test_a_token_without_a_number_of_its_own_is_known_by_the_others(session, loopback):
    logprobs = {
        "tokens": [" a"],
        "token_logprobs": [None],
        "top_logprobs": [{" b": -0.5}],
    }
    choice = {"text": " a", "finish_reason": "length", "logprobs": logprobs}
    loopback.reply(json.dumps({"choices": [choice]}).encode())
    call = session.prepare(
        "Hi", {}, model="m", endpoint=loopback.url, dialect="openai", **UNSHAPED
    )

    assert session.distribution(call).tokens == (" b",)
