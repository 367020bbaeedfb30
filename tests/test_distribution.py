"""The next token's distribution: the maths, where it comes from, how it is shown."""

import json
import math
import os
import signal
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import STALL

from jupyter_complete import Completion
from jupyter_complete.cancel import Cancel
from jupyter_complete.completion import TokenLogprob
from jupyter_complete.display import TokenBars, Tokens, card
from jupyter_complete.display.microscope import Microscope
from jupyter_complete.display.tokens import percent, token_label
from jupyter_complete.distribution import Distribution, entropy
from jupyter_complete.errors import (
    CompletionInterrupted,
    InputError,
    NotFoundError,
)
from jupyter_complete.magics import distribution as magic
from jupyter_complete.ngram.model import load_models
from jupyter_complete.ngram.sampling import Sampling
from jupyter_complete.request import CompletionRequest
from jupyter_complete.session import UNSHAPED, Session
from jupyter_complete.settings import CompletionSettings

FOUR = Distribution("Well,", "m", (" a", " b", "<b>", ""), (0.4, 0.3, 0.2, 0.1))
QUESTION = "What does the with statement do?"


@pytest.fixture
def session():
    made = Session(CompletionSettings())
    yield made
    made.close()


def look(session, text=QUESTION, **settings):
    return session.distribution(session.prepare(text, {}, **{**settings, **UNSHAPED}))


def test_temperature_scales_before_top_k_and_top_p_cut():
    reshaped = FOUR.reshaped(temperature=0.5, top_k=3, top_p=0.6)

    assert reshaped.scaled == pytest.approx((16 / 30, 9 / 30, 4 / 30, 1 / 30))
    assert reshaped.after_top_k == 3
    assert reshaped.cut_by_top_k == pytest.approx(1 / 30)
    # 0.6 of what top_k left, which is 29/30
    assert reshaped.after_top_p == 2
    assert reshaped.cut_by_top_p == pytest.approx(4 / 30)
    assert reshaped.left == pytest.approx((16 / 25, 9 / 25))


@pytest.mark.parametrize(
    "settings", [{"temperature": 0}, {"top_k": 1}, {"top_p": 0}], ids=str
)
def test_each_extreme_leaves_the_likeliest_alone(settings):
    assert FOUR.reshaped(**settings).left == (1.0,)


def test_no_limit_and_no_setting_change_nothing():
    reshaped = FOUR.reshaped(temperature=1, top_k=0, top_p=1)

    assert reshaped.left == pytest.approx(FOUR.probabilities)
    assert reshaped.left == FOUR.reshaped().left


@given(
    st.lists(st.floats(1e-6, 1), min_size=1, max_size=30),
    st.floats(0.01, 2),
    st.integers(0, 40),
    st.floats(0, 1),
)
def test_what_is_left_and_what_was_cut_are_the_whole(
    weights, temperature, top_k, top_p
):
    total = math.fsum(weights)
    probabilities = sorted((weight / total for weight in weights), reverse=True)
    tokens = tuple(map(str, range(len(weights))))
    reshaped = Distribution("", "m", tokens, tuple(probabilities)).reshaped(
        temperature=temperature, top_k=top_k, top_p=top_p
    )

    kept = math.fsum(reshaped.scaled[: reshaped.after_top_p])
    assert math.fsum(reshaped.left) == pytest.approx(1)
    assert kept + reshaped.cut_by_top_k + reshaped.cut_by_top_p == pytest.approx(1)


def test_entropy_is_in_bits():
    assert entropy((0.25,) * 4) == pytest.approx(2)
    assert entropy((1.0, 0.0)) == 0


def test_a_value_out_of_bounds_is_refused():
    with pytest.raises(InputError, match=r"top_p is 1\.5"):
        FOUR.reshaped(top_p=1.5)


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.7, "top_k": 500},
        {"top_k": 20},
        {"temperature": 1.4, "top_k": 9, "top_p": 0.8},
    ],
    ids=str,
)
def test_reshaping_is_what_the_embedded_model_samples_from(session, settings):
    found = look(session)
    passage = load_models()["ngram-chat"].begin(found.prompt)
    truth = passage.shares(Sampling(**settings))

    left = found.reshaped(**settings).left
    assert found.tokens[: len(left)] == tuple(truth)
    # Two of the model's signs end a paragraph; they are one token here.
    assert left == pytest.approx(tuple(truth.values()), abs=1e-5)


def test_settings_that_only_reshape_do_not_change_what_is_asked(session):
    assert look(session, temperature=0.1, top_k=2) == look(session)


def test_an_openai_style_endpoint_is_asked_for_one_token(session, loopback):
    answer = {
        "choices": [
            {
                "index": 0,
                "text": " red",
                "finish_reason": "length",
                "logprobs": {
                    "tokens": [" red"],
                    "token_logprobs": [math.log(0.25)],
                    "top_logprobs": [{" blue": math.log(0.5)}],
                },
            }
        ],
        "model": "m",
    }
    loopback.reply(json.dumps(answer).encode())
    found = look(
        session, "A colour:", model="m", endpoint=loopback.url, dialect="openai"
    )

    sent = json.loads(loopback.requests[-1].body)
    assert (sent["max_tokens"], sent["logprobs"]) == (1, 5)
    assert not {"temperature", "top_p", "top_k"} & set(sent)
    assert found.tokens == (" blue", " red")
    assert found.probabilities == pytest.approx((0.5, 0.25))
    assert found.untold == pytest.approx(0.25)
    assert "The endpoint told the 2 likeliest tokens." in repr(
        TokenBars(found.reshaped())
    )


TOLD = Distribution("A", "m", ("a", "b", "c"), (0.5, 0.25, 0.125))


@pytest.mark.parametrize(
    ("settings", "left", "rest"),
    [
        ({}, (0.5, 0.25, 0.125), 0.125),
        ({"temperature": 1, "top_k": 0, "top_p": 1}, (0.5, 0.25, 0.125), 0.125),
        ({"top_p": 0.95}, (0.5, 0.25, 0.125), 0.125),
        ({"top_p": 0.75}, (2 / 3, 1 / 3), 0),
        ({"top_k": 3}, (4 / 7, 2 / 7, 1 / 7), 0),
        ({"top_k": 3, "top_p": 0.8}, (2 / 3, 1 / 3), 0),
        ({"temperature": 0}, (1.0,), 0),
        ({"temperature": 0.5}, (16 / 21, 4 / 21, 1 / 21), 0),
    ],
)
def test_what_was_not_told_keeps_its_share_where_that_is_known(settings, left, rest):
    reshaped = TOLD.reshaped(**settings)

    assert reshaped.left == pytest.approx(left)
    assert reshaped.rest_left == pytest.approx(rest)
    told = math.fsum((*reshaped.scaled[: reshaped.after_top_p], reshaped.rest))
    cut = reshaped.cut_by_top_k + reshaped.cut_by_top_p
    assert cut == pytest.approx(0 if rest else 1 - told + reshaped.rest)
    shown = repr(TokenBars(reshaped))
    (row,) = [line for line in shown.splitlines() if line.startswith("the rest")]
    assert "12.5 %" in row
    known = reshaped.temperature in (None, 1)
    assert ("left out" in row) is not known
    assert ("cut by" in row) is (known and not rest)
    assert ("it does not tell" in shown) is not known


NAN = float("nan")


@pytest.mark.parametrize(
    ("number", "others", "probabilities"),
    [
        ("-inf", {"a": "-inf", "b": NAN}, ()),
        (None, {}, ()),
        (None, {"a": 0, "b": 0, "c": 0}, (1 / 3, 1 / 3, 1 / 3)),
        (-1e308, {"a": math.log(0.5), "b": "-inf"}, (0.5,)),
        (5, {"a": 1e308, "b": math.log(0.25)}, (0.25,)),
    ],
)
def test_whatever_an_endpoint_tells_no_probability_is_over_1(
    session, loopback, number, others, probabilities
):
    logprobs = {"tokens": ["x"], "token_logprobs": [number], "top_logprobs": [others]}
    choice = {"text": "x", "finish_reason": "length", "logprobs": logprobs}
    loopback.reply({"choices": [choice]})
    place = {"model": "m", "endpoint": loopback.url, "dialect": "openai"}

    if not probabilities:
        with pytest.raises(InputError, match="told no log-probabilities"):
            look(session, "A colour:", **place)
        return
    found = look(session, "A colour:", **place)
    assert found.probabilities == pytest.approx(probabilities)
    assert sum(found.reshaped(temperature=0.5).left) == pytest.approx(1)


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "claude-haiku-4-5"},
        {"model": "any", "endpoint": "ollama"},
        {"model": "claude-2.1", "endpoint": "anthropic", "dialect": "text"},
    ],
    ids=str,
)
def test_an_endpoint_that_tells_none_says_so_before_it_is_asked(session, settings):
    with pytest.raises(InputError, match="tells no log-probabilities"):
        look(session, **settings)


def test_an_answer_without_log_probabilities_says_so(session, loopback):
    choice = {"index": 0, "text": "a", "finish_reason": "length"}
    loopback.reply(json.dumps({"choices": [choice]}).encode())

    with pytest.raises(InputError, match="told no log-probabilities"):
        look(session, "A", model="m", endpoint=loopback.url, dialect="openai")


def test_an_error_of_the_endpoint_comes_through(session, loopback):
    loopback.reply(b'{"error": {"message": "no such model"}}', status=404)

    with pytest.raises(NotFoundError, match="no such model"):
        look(session, "A", model="m", endpoint=loopback.url, dialect="openai")


def test_ctrl_c_ends_a_look_in_one_line(shell, loopback):
    loopback.reply(raw=[STALL])
    ask = f"%complete_distribution -m m --endpoint {loopback.url} --dialect openai Hi"

    def interrupt():
        loopback.wait_for_requests()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(CompletionInterrupted, match="not known"):
        shell.run(ask)
    thread.join()
    assert loopback.requests[0].gone.wait(60)


def test_a_look_is_not_kept_in_the_history(shell):
    shell.run("%complete_distribution -o found A file is")

    assert shell.user_ns["found"].tokens
    assert "Nothing was found" in repr(shell.run("%complete_history"))


def test_the_bars_say_what_cut_a_token_and_how_much_is_left():
    text = repr(TokenBars(FOUR.reshaped(temperature=0.5, top_k=3, top_p=0.6), rows=3))

    assert "m after Well," in text
    assert "temperature 0.5" in text
    assert "top_k 3 and top_p 0.6" in text
    assert "␣a" in text
    lines = text.splitlines()
    assert lines[3].split()[:3] == ["␣a", "40.0", "%"]
    assert "64.0 %" in lines[3]
    assert lines[5].endswith("cut by top_p")
    assert lines[6].split()[0] == "1"
    assert lines[6].endswith("cut by top_k")
    assert "Left to sample from: 2 of 4 tokens" in text


def test_hostile_tokens_are_text_in_the_picture():
    html = TokenBars(FOUR.reshaped())._repr_html_()

    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_bars_are_shown_for_a_whole_vocabulary_within_the_blink_of_an_eye(session):
    """100 ms is what a moved slider may take; here is the number of rows drawn."""
    html = TokenBars(look(session).reshaped(temperature=0.9))._repr_html_()

    assert html.count("<tr>") == 14
    assert len(html) < 20_000


@pytest.mark.parametrize(
    ("token", "label"),
    [(" a", "␣a"), ("", "(end)"), ("\n\n", "⏎⏎"), ("  ", "␣␣"), ("\x1b[", "␛[")],
)
def test_a_label_shows_what_cannot_be_seen(token, label):
    assert token_label(token) == label


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0, "0 %"),
        (1, "100.0 %"),
        (0.99999, ">99.9 %"),
        (1e-9, "<0.01 %"),
        (0.0004, "0.04 %"),
    ],
)
def test_a_percentage_never_rounds_to_what_is_not_so(probability, text):
    assert percent(probability) == text


def completion(*logprobs):
    return Completion(
        "".join(told.token for told in logprobs),
        CompletionRequest("m", "p", 9),
        logprobs=logprobs,
    )


UNSURE = TokenLogprob(" <i>", math.log(0.1), ((" x", math.log(0.6)), (" <i>", -2.3)))


def test_tokens_are_shaded_with_their_alternatives_within_reach():
    html = Tokens(completion(UNSURE))._repr_html_()

    assert 'tabindex="0"' in html
    assert 'title="␣&lt;i&gt; 10.0 %&#10;␣x 60.0 %"' in html
    assert "dashed" in html
    assert "<i>" not in html
    assert repr(Tokens(completion(UNSURE))).split() == [
        *("10.0", "%", "█", "␣<i>", "␣x", "60.0", "%"),
    ]


def test_a_completion_without_probabilities_is_still_shown_in_full():
    bundle = card(Completion("a < b", CompletionRequest("m", "p", 9)), "tokens")

    assert "a &lt; b" in bundle["text/html"]
    assert "--logprobs 5" in bundle["text/html"]


def test_the_format_tokens_asks_for_log_probabilities(shell, capsys):
    shell.run(
        "%complete --format tokens --max-tokens 3 -t 0.9 --seed 1 What is a list?"
    )

    told = shell.user_ns["_completion"].logprobs
    assert len(told) == 3
    assert len(told[0].alternatives) == 5
    assert percent(math.exp(told[0].logprob)) in capsys.readouterr().out


def test_the_history_shows_tokens_when_asked(shell, capsys):
    shell.run("%complete --logprobs 2 --max-tokens 3 What is a list?")
    number = shell.user_ns["_completion"].history_id
    capsys.readouterr()
    shell.run(f"%complete_history --show {number} --format tokens")

    assert "█" in capsys.readouterr().out


def test_a_prompt_may_end_in_a_question_mark(shell):
    bars = shell.run("%complete_distribution -t 0 What does the with statement do?")

    assert bars.reshaped.left == (1.0,)
    assert "statement do?" in bars.reshaped.distribution.prompt


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%complete_distribution", "There is no prompt: write it after the flags"),
        ("%complete_distribution --rows 0 Hi", "--rows is 0; give 1 or more"),
        ("%%complete_distribution -t 0 Hi\nthere", "'Hi' on the %%complete_distr"),
    ],
)
def test_a_bad_line_is_one_line(shell, cell, says):
    with pytest.raises(InputError) as caught:
        shell.run(cell)

    assert says in str(caught.value)


def test_the_prompt_may_be_the_cell(shell):
    bars = shell.run(f"%%complete_distribution --turns raw -m ngram-base\n{QUESTION}\n")

    assert bars.reshaped.distribution.prompt == QUESTION


def test_in_a_notebook_the_page_steps_through_tokens(shell, monkeypatch):
    shown = []
    monkeypatch.setattr(magic, "display", lambda thing, **_: shown.append(thing))
    shell.kernel = object()
    shell.run(f"%complete_distribution -t 0.5 {QUESTION}")
    microscope, picture = shown
    first = microscope.distribution

    microscope._handle_custom_msg({"index": 1}, [])
    microscope.wait()
    assert microscope.distribution.prompt == first.prompt + first.tokens[1]
    microscope._handle_custom_msg({"index": 10_000}, [])
    microscope._handle_custom_msg({"kind": "of the future"}, [])
    assert microscope.steps == 1
    microscope._handle_custom_msg({"kind": "back"}, [])
    assert microscope.distribution == first
    microscope.back()
    assert microscope.distribution == first
    assert microscope.saved in picture["text/html"]
    microscope.close()


def test_one_look_at_a_time():
    asked, go = [], threading.Event()

    def look(prompt, cancel):
        asked.append(prompt)
        assert go.wait(10)
        return FOUR

    microscope = Microscope(look, FOUR)
    microscope.wait()
    microscope.append(" a")
    microscope.append(" b")
    microscope.back()
    go.set()
    microscope.wait()
    assert asked == ["Well, a"]
    assert microscope.steps == 1
    microscope.close()


def test_a_microscope_redraws_without_a_call_and_steps_token_by_token():
    asked = []

    def look(prompt, cancel):
        asked.append(prompt)
        return Distribution(prompt, "m", (" c", ""), (0.5, 0.5))

    microscope = Microscope(look, FOUR)
    first = microscope.html
    microscope.top_k = 2
    assert microscope.html != first
    assert "Left to sample from: 2 of 4" in microscope.html
    assert microscope.choices == ["␣a  57.1 %", "␣b  42.9 %"]
    assert asked == []

    microscope.append(" a")
    microscope.wait()
    assert asked == ["Well, a"]
    assert microscope.distribution.tokens == (" c", "")
    microscope.append("")
    assert "ends the text" in microscope.status
    microscope.back()
    assert microscope.distribution == FOUR
    microscope.close()


def test_a_microscope_says_what_went_wrong_and_stays_where_it_is():
    def look(prompt, cancel):
        raise InputError("It tells nothing; ask another.")

    microscope = Microscope(look, FOUR)
    microscope.append(" a")
    microscope.wait()

    assert microscope.status == "It tells nothing; ask another."
    assert (microscope.distribution, microscope.busy) == (FOUR, False)
    microscope.close()


def test_closing_a_microscope_ends_its_look():
    def look(prompt, cancel: Cancel):
        assert cancel.wait(10)
        raise InputError("Stopped.")

    microscope = Microscope(look, FOUR)
    microscope.append(" a")
    microscope.close()

    assert not microscope._thread.is_alive()
