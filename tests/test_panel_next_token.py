"""The panel's view of the next token: what follows the sliders, and what is asked."""

import json

import pytest
from loopback import STALL
from panels import panels, session_of

from jupyter_complete.panel import NEXT

QUESTION = "What does the {{topic}} statement do?"


@pytest.fixture
def panel():
    with session_of() as session, panels(session) as make:
        yield make(QUESTION, namespace={"topic": "with"})


@pytest.fixture
def remote(panel, loopback):
    """The panel on an OpenAI-style server that tells two likely tokens."""
    logprobs = {
        "tokens": [" red"],
        "token_logprobs": [-1.4],
        "top_logprobs": [{" blue": -0.7, " red": -1.4}],
    }
    choice = {"index": 0, "text": " red", "finish_reason": "length"}
    body = json.dumps({"model": "m", "choices": [{**choice, "logprobs": logprobs}]})
    loopback.reply(body.encode())
    panel.settings.assign("endpoint", loopback.url)
    panel.settings.dialect, panel.settings.model = "openai", "m"
    return panel


def open_tab(panel):
    panel._tabs.selected_index = NEXT
    panel._next.wait()
    return panel._next._microscope


def look(panel):
    panel._next._button.click()
    panel._next.wait()


def test_opening_the_tab_shows_what_comes_after_the_filled_prompt(panel):
    assert panel._next.bars is None

    scope = open_tab(panel)

    assert "What does the with statement do?" in scope.distribution.prompt
    assert "␣The" in scope.html
    assert panel.completions == []


def test_the_panels_sliders_reshape_it_and_off_leaves_it_as_the_model_has_it(panel):
    scope = open_tab(panel)
    seen, picture = scope.distribution, scope.html

    panel.settings.temperature, panel.settings.top_k = 0.5, 3
    assert "temperature 0.5" in scope.html
    assert "Left to sample from: 3 of" in scope.html
    assert scope.distribution is seen

    panel.settings.temperature = panel.settings.top_k = None
    assert scope.html == picture


def test_it_follows_prompt_value_and_model(panel):
    scope = open_tab(panel)

    panel.prompt = "What does break do?"
    panel._next.wait()
    assert "break" in scope.distribution.prompt

    panel.settings.model = "ngram-base"
    panel._next.wait()
    assert scope.distribution.model == "ngram-base"


def test_nothing_is_looked_at_while_another_tab_is_shown(panel):
    scope = open_tab(panel)
    seen = scope.distribution
    panel._tabs.selected_index = 0

    panel.prompt = "What does break do?"
    panel._next.wait()
    assert scope.distribution is seen

    open_tab(panel)
    assert "break" in scope.distribution.prompt


def test_an_endpoint_is_asked_only_when_the_button_is_pressed(remote, loopback):
    scope = open_tab(remote)
    remote.prompt = "A colour:"
    remote.settings.temperature = 0.5
    assert loopback.requests == []
    assert "asks the endpoint for one token" in remote._next._note.value

    look(remote)
    remote.settings.top_k = 1

    (asked,) = loopback.requests
    assert asked.json["max_tokens"] == 1
    assert scope.distribution.tokens == (" blue", " red")
    assert "Left to sample from: 1 of 2" in scope.html


def test_a_token_that_is_chosen_is_appended_to_what_was_looked_at(panel):
    scope = open_tab(panel)
    before = scope.distribution

    scope._handle_custom_msg({"kind": "append", "index": 0}, [])
    panel._next.wait()

    assert scope.distribution.prompt == before.prompt + before.tokens[0]
    scope._handle_custom_msg({"kind": "back"}, [])
    assert scope.distribution is before


def test_going_back_to_the_embedded_model_looks_again(remote):
    scope = open_tab(remote)
    remote.settings.endpoint, remote.settings.dialect = None, "auto"
    remote.settings.model = "ngram-chat"
    remote._next.wait()
    assert scope.distribution.model == "ngram-chat"


def test_where_nothing_is_told_it_says_why(panel):
    panel.settings.model = "claude-haiku-4-5"
    scope = open_tab(panel)

    look(panel)

    assert "tells no log-probabilities" in scope.status
    assert not scope.busy
    assert panel._next.bars is None


def test_a_look_can_be_stopped(panel, loopback):
    panel.settings.assign("endpoint", loopback.url)
    panel.settings.dialect, panel.settings.model = "openai", "m"
    loopback.reply(raw=[STALL])
    scope = open_tab(panel)
    panel._next._button.click()
    loopback.wait_for_requests()
    assert panel._next._button.description == "Stop looking"

    look(panel)

    assert loopback.requests[0].gone.wait(60)
    assert scope.status == "Stopped."
    assert panel._next._button.description == "Look"


def test_a_prompt_that_cannot_be_sent_leaves_what_is_shown(panel):
    scope = open_tab(panel)
    seen = scope.html

    panel.prompt = "What is {{nobody}}?"
    panel._next.wait()
    assert scope.html == seen

    look(panel)
    assert "nobody" in scope.status


def test_the_picture_is_in_what_a_saved_notebook_shows(panel):
    scope = open_tab(panel)
    bundle = panel._saved_bundle()

    assert scope.html in bundle["text/html"]
    assert "next token" in bundle["text/plain"]
