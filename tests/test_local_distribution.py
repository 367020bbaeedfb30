"""The microscope on a local model: its likeliest tokens, the rest, and no call more."""

import contextlib
import math

import pytest

from jupyter_complete.display.microscope import Microscope
from jupyter_complete.session import UNSHAPED, Session
from jupyter_complete.settings import CompletionSettings


@pytest.fixture(scope="module")
def session(model_directory):
    settings = CompletionSettings(
        model="smollm2", model_directory=str(model_directory), turns="raw"
    )
    with contextlib.closing(Session(settings)) as session:
        yield session


@pytest.fixture
def look(session):
    """Look at what comes after a text."""
    return lambda text: session.distribution(session.prepare(text, **UNSHAPED))


def test_the_1000_likeliest_are_told_and_the_rest_is_one_number(look):
    found = look("The capital of France is")

    assert found.tokens[0] == " Paris"
    assert 900 < len(found.tokens) <= 1000
    assert math.isclose(sum(found.probabilities) + found.untold, 1)
    assert 0 < found.untold < 0.1


def test_what_may_be_half_a_character_is_told_by_its_bytes_every_time(look):
    looks = [look("Emoji: 🦊 🦊") for _ in range(4)]

    assert {one.tokens[0] for one in looks} == {r"\xf0\x9f"}


def test_a_slider_asks_nothing_and_append_uses_what_the_engine_has_read(session):
    call = session.prepare("One two three four five six seven", **UNSHAPED)
    raw = []

    def look_after(prompt, cancel):
        found = session.distribution(call, prompt=prompt, cancel=cancel)
        raw.append(found)
        return found

    microscope = Microscope(look_after, session.distribution(call))
    microscope.reshape(temperature=0.5)
    assert raw == []
    microscope.append(" eight")
    microscope.wait()

    assert microscope.status == ""
    assert raw[0].prompt.endswith("seven eight")
    prompt = raw[0].prompt + " nine"
    again = session.ask(session.prepare(prompt, max_tokens=1)).completion
    assert again.raw["timings"]["cache_n"] >= 8
    microscope.close()


def test_half_a_character_cannot_be_appended(look):
    found = look("Emoji: 🦊 🦊")
    microscope = Microscope(lambda *_: found, found)

    microscope.append(found.tokens[0])

    assert "part of a character" in microscope.status
    microscope.close()


def test_log_probabilities_stand_beside_each_token(session):
    call = session.prepare("One, two, three,", logprobs=2, max_tokens=3, temperature=0)

    told = session.ask(call).completion.logprobs

    assert [one.token for one in told] == [" four", ",", " five"]
    assert all(len(one.alternatives) == 2 for one in told)
