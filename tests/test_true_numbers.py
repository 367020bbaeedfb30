"""No number lies: what is told is what was drawn, set and sent."""

import datetime as dt
import enum
import fractions
import itertools
import json
import math
import pathlib
import sys
import uuid
from decimal import Decimal
from itertools import islice
from random import Random
from typing import NamedTuple

import numpy as np
import pandas as pd
import pexpect
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loopback import completion, event, events
from panels import panels, session_of, slide
from scipy.stats import chisquare, kstest

from jupyter_complete import Completion, complete, sweep
from jupyter_complete.dialects.choice import FILTERED
from jupyter_complete.display import facts
from jupyter_complete.errors import InputError, PromptError
from jupyter_complete.ngram.corpus import documentation
from jupyter_complete.ngram.level import LEAST_LEFT, Estimate, Level
from jupyter_complete.ngram.model import END, load_models
from jupyter_complete.ngram.sampling import Sampling, shape
from jupyter_complete.panel import CompletionPanel
from jupyter_complete.panel.live import Slider
from jupyter_complete.reading import native, reading
from jupyter_complete.request import CompletionRequest

# The embedded model's probabilities

QUESTIONS = (
    "What is a list?",
    "What does the with statement do?",
    "How do decorators work?",
    "What is a generator (and what is it for)?",
    "Explain integer division.",
    "zzz",
)
PREFILLED = " The with statement is used. The with statement is used (see "
TEMPERATURES = (None, 0, 1e-9, 0.004, 0.05, 0.2, 0.7, 1.0, 1.6, 2.0)
TOP_KS = (None, None, None, 0, 1, 4, 50)
TOP_PS = (None, None, None, 0, 0.3, 0.9, 0.999, 1)
LOGPROBS = 5
MOST_TOKENS = {"ngram-chat": 80, "ngram-base": 30}


def chat(question, begun=""):
    return f"\n\nHuman: {question}\n\nAssistant:{begun}"


@pytest.fixture(scope="module")
def few():
    """Models of a small part of the documentation: they meet their guards often."""
    paragraphs = [paragraph.text for paragraph in documentation()]
    return load_models("\n\n".join(paragraphs[:60]))


@pytest.fixture(scope="module")
def long():
    """The beginning of a long answer."""
    text = " ".join(paragraph.text for paragraph in documentation()[:8])
    return f" {text[:900].rpartition('. ')[0]}."


class Dense:
    """What an estimate says of every token, by the definition and token by token."""

    def __init__(self):
        self._known = {}

    def __call__(self, estimate):
        chain = [estimate.level]
        while chain[-1].parent is not None:
            chain.append(chain[-1].parent)
        dense = np.zeros(len(chain[-1].own))
        for level in reversed(chain):
            places, probabilities = self._arrays(level.own)
            dense *= level.rest
            dense[places] = probabilities
        dense *= estimate.share
        dense[list(estimate.ruled_out)] = 0.0
        return dense

    def _arrays(self, own):
        known = self._known.get(id(own))
        if known is None:
            known = (
                np.fromiter(own.keys(), int, len(own)),
                np.fromiter(own.values(), float, len(own)),
                own,
            )
            if len(own) > 100:
                self._known[id(own)] = known
        return known[:2]


class Watch:
    """Goes with an answer, and compares each step with what is to be."""

    def __init__(self, monkeypatch):
        self.steps = self.guarded = 0
        self.worst = 0.0
        self.chances, self.drawn = [], []
        self._dense = Dense()
        self._forbidden = set()
        without = Estimate.without

        def watched(estimate, tokens):
            found = without(estimate, tokens)
            if found is not estimate:
                self._forbidden.update(tokens)
            return found

        monkeypatch.setattr(Estimate, "without", watched)

    def follow(self, model, prompt, seed, most, limits):
        """Check each step of an answer; end where it ends."""
        told = model.generate(prompt, seed=seed, logprobs=LOGPROBS, **limits)
        passage = model.begin(prompt)
        chance = Random(seed).random
        for token in islice(told, most):
            self._forbidden.clear()
            shaped = passage.shaped(Sampling(**limits))
            forbidden = set(self._forbidden)
            chosen, own = shaped.choose(chance())
            assert passage.text_of(chosen) == token.token
            self._check(passage, shaped, forbidden, (chosen, own), token)
            passage.advance(chosen)

    def _check(self, passage, shaped, forbidden, drawn, token):
        estimate = shaped.estimate
        dense = self._dense(estimate)
        assert dense.min() >= 0
        assert all(dense[ruled_out] == 0 for ruled_out in forbidden)
        if shaped.cut is None:
            final = (dense / dense.max()) ** shaped.power / shaped.total
        else:
            final = np.zeros_like(dense)
            for place, weight in shaped.cut:
                assert dense[place] > 0
                final[place] = weight / shaped.total
        self.worst = max(self.worst, abs(dense.sum() - 1), abs(final.sum() - 1))
        assert self.worst <= 1e-9
        chosen, own = drawn
        assert own == pytest.approx(final[chosen], rel=1e-9, abs=0)
        alike = final[[chosen, *passage._alike(chosen)]].sum()
        assert math.exp(token.logprob) == pytest.approx(alike, rel=1e-9)
        assert token.logprob <= 1e-9
        others = [text for text, _ in token.alternatives]
        assert len(set(others)) == len(others)
        assert sum(math.exp(p) for _, p in token.alternatives) <= 1 + 1e-9
        if token.token in others:
            assert dict(token.alternatives)[token.token] == pytest.approx(token.logprob)
        self.steps += 1
        if forbidden:
            self.guarded += 1
            self.chances.append(final.max())
            self.drawn.append(final[chosen] == final.max())


def draws(models, long, count):
    """Yield a model, a prompt and a sampling for each answer: all of them mixed."""
    for number in range(count):
        pick = Random(f"settings of {number}").choice
        name = ("ngram-chat", "ngram-chat", "ngram-base")[number % 3]
        question = pick(QUESTIONS)
        if name == "ngram-chat":
            prompt = chat(question, pick(("", PREFILLED, long)))
        else:
            prompt = pick((question, PREFILLED, long))
        limits = {
            "temperature": pick(TEMPERATURES),
            "top_k": pick(TOP_KS),
            "top_p": pick(TOP_PS),
        }
        yield models[name], prompt, number, MOST_TOKENS[name], limits


def check(monkeypatch, models, long, count):
    watch = Watch(monkeypatch)
    for model, prompt, seed, most, limits in draws(models, long, count):
        watch.follow(model, prompt, seed, most, limits)
    return watch


def test_each_step_of_an_answer_has_one_distribution(few, long, monkeypatch):
    watch = check(monkeypatch, few, long, 300)

    assert watch.steps > 6_000
    assert watch.guarded > 3_000
    # The likeliest comes as often as it says, where tokens were forbidden.
    chances = np.array(watch.chances)
    spread = math.sqrt((chances * (1 - chances)).sum())
    assert abs(sum(watch.drawn) - chances.sum()) < 4 * spread


def test_each_step_of_answers_from_the_documentation_has_one_distribution(
    long, monkeypatch
):
    watch = check(monkeypatch, load_models(), long, 24)

    assert watch.guarded > 300


def guarded(model, long, wanted):
    """Return steps at which a guard ruled tokens out that might have come."""
    found = []
    limits = {"temperature": 0.9, "top_k": None, "top_p": None}
    for seed in range(200):
        passage, chance = (
            model.begin(chat(QUESTIONS[seed % 5], long)),
            Random(seed).random,
        )
        while not passage.ended:
            shaped = passage.shaped(Sampling(**limits))
            if shaped.estimate.ruled_out and max(p for _, p in shaped) < 0.9:
                found.append(shaped)
            passage.advance(shaped.choose(chance())[0])
        if len(found) >= wanted:
            return found[:wanted]
    raise AssertionError(f"only {len(found)} such steps")


def test_draws_where_guards_forbid_follow_the_distribution(few, long):
    values = []
    for number, shaped in enumerate(guarded(few["ngram-chat"], long, 30)):
        chance, count = Random(number).random, 2000
        seen = {}
        for _ in range(count):
            token, _ = shaped.choose(chance())
            seen[token] = seen.get(token, 0) + 1
        assert not shaped.estimate.ruled_out.intersection(seen)
        common = [(token, p * count) for token, p in shaped if p * count >= 5]
        observed = [seen.get(token, 0) for token, _ in common]
        wanted = [expected for _, expected in common]
        if count - sum(wanted) > 1e-6:
            observed.append(count - sum(observed))
            wanted.append(count - sum(wanted))
        values.append(chisquare(observed, wanted).pvalue)

    assert min(values) > 1e-4
    assert kstest(values, "uniform").pvalue > 1e-3


TOKENS = 8
_weights = st.lists(st.floats(1e-9, 1), min_size=TOKENS, max_size=TOKENS)


def _levels(weights, owns):
    """Return nested levels, as the model makes them: each token likelier than left."""
    total = sum(weights)
    level = Level({t: w / total for t, w in enumerate(weights)}, 0.0, None)
    for counts, rest in owns:
        whole, below = sum(counts.values()), level
        own = {
            token: (1 - rest) * count / whole + rest * below.probability(token)
            for token, count in counts.items()
        }
        level = Level(own, rest, below)
    return level


@settings(max_examples=200)
@given(
    _weights,
    st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, TOKENS - 1), st.floats(0.01, 9), min_size=1),
            st.floats(0.001, 0.999),
        ),
        max_size=3,
    ),
    st.lists(st.sets(st.integers(0, TOKENS - 1)), max_size=6),
    st.sampled_from([1e-9, 0.001, 0.03, 0.3, 0.7, 1, 1.5, 2]),
)
def test_whatever_is_ruled_out_leaves_one_distribution(
    weights, owns, forbidden, temperature
):
    estimate = Estimate(_levels(weights, owns))
    plain = [estimate.level.probability(token) for token in range(TOKENS)]
    for tokens in forbidden:
        left = sum(p for token, p in enumerate(plain) if token not in tokens)
        if left > 2 * LEAST_LEFT:
            plain = [0.0 if t in tokens else p / left for t, p in enumerate(plain)]
        elif left > LEAST_LEFT / 2:
            return  # at the bound it may go either way
        estimate = estimate.without(tokens)

    ranked = dict(estimate.ranked())
    for token, p in enumerate(plain):
        assert estimate.probability(token) == pytest.approx(p, rel=1e-8, abs=0)
        assert ranked.get(token, 0.0) == pytest.approx(p, rel=1e-8, abs=0)
    assert list(ranked.values()) == sorted(ranked.values(), reverse=True)
    assert estimate.top == pytest.approx(max(plain))
    shaped = shape(estimate, Sampling(temperature=temperature))
    final = dict(shaped)
    assert math.fsum(final.values()) == pytest.approx(1, abs=1e-9)
    assert all(shaped.probability(t) == pytest.approx(p) for t, p in final.items())
    for chance in (0.0, 0.5, 0.999999, 1.0):
        token, p = shaped.choose(chance)
        assert plain[token] > 0
        assert p == final[token]


def test_token_that_two_spellings_have_is_told_as_one():
    model = load_models(
        "In a bar. In a car.\n\nA bar in a car. In it. a bar (In a bar"
    )["ngram-base"]
    prompt = "A bar in a car.\n\n"
    shown = model.next_token_distribution(prompt)
    probability = dict(zip(shown.tokens, shown.probabilities, strict=True))
    for seed in range(40):
        token = next(model.generate(prompt, seed=seed, logprobs=8), None)
        if token is None:
            continue
        assert math.exp(token.logprob) == pytest.approx(probability[token.token])
        assert [text for text, _ in token.alternatives] == list(shown.tokens[:8])
    assert END in probability


# What the panel shows is what is set and sent


@pytest.fixture
def panel(loopback):
    with (
        session_of(model="m", endpoint=loopback.url, dialect="text") as session,
        panels(session) as make,
    ):
        yield make()


def dial(panel, name):
    return panel._form.controls[name]


def echo(panel):
    """Say to every widget what it shows, as pages do: rounded and cut off."""
    for control in panel._form.controls.values():
        for widget in control.box.children:
            state = widget.get_state()
            near = state.get("value")
            if isinstance(widget, Slider):
                near = min(1.0, round(near / 0.05) * 0.05)
            if "value" in state:
                widget.set_state({"value": near})


@pytest.mark.parametrize("name", ["temperature", "top_p"])
@pytest.mark.parametrize(
    "typed", ["0.33", "0.97", "0.123456789012345", "1e-9", "0.30000000000000004"]
)
def test_a_typed_value_is_set_shown_and_sent_to_its_last_digit(
    panel, loopback, name, typed
):
    loopback.reply(events("Yes"))
    dial(panel, name)._text.value = typed
    echo(panel)

    assert getattr(panel.settings, name) == float(typed)
    assert float(dial(panel, name)._text.value) == float(typed)
    panel.run()
    panel.wait()
    assert loopback.requests[0].json[name] == float(typed)


@settings(max_examples=15)
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=5), whole=st.integers(1))
def test_no_echo_of_any_value_writes_a_setting(values, whole):
    with session_of() as session, panels(session) as make:
        one, two = make(), make()
        for value in values:
            session.settings.top_p = session.settings.temperature = value
            session.settings.max_tokens = 1 + whole % 10**7
            before = session.settings.trait_values()
            for panel in (one, two):
                echo(panel)
                assert float(dial(panel, "top_p")._text.value) == value
            assert session.settings.trait_values() == before


def test_5000_then_256_is_256(panel, loopback):
    loopback.reply(events("Yes"))
    tokens = dial(panel, "max_tokens")
    for typed in ("5000", "256"):
        tokens._text.value = typed
        echo(panel)

    assert tokens._text.value == "256"
    panel.run()
    panel.wait()
    assert loopback.requests[0].json["max_tokens_to_sample"] == 256


def test_a_users_move_is_the_only_thing_of_a_slider_that_is_set(panel):
    temperature = dial(panel, "temperature")
    temperature._text.value = "0.33"

    temperature._slider.set_state({"value": 0.35})
    assert panel.settings.temperature == 0.33
    slide(temperature._slider, 0.35)
    assert panel.settings.temperature == 0.35
    temperature._switch.value = False
    temperature._switch.value = True
    assert panel.settings.temperature == 0.35


# What a value reads as in a prompt.


class Tone(enum.Enum):
    DRY = "dry"
    NUMBER = 1


class Word(str, enum.Enum):  # noqa: UP042 - the older way is in many notebooks
    A = "a word"


class Rank(enum.IntEnum):
    LOW = 3


class Mine:
    def __str__(self):
        return "my text"


class Pair(NamedTuple):
    a: int
    b: str


DAY = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - as notebooks have them
READINGS = [
    ("text {{x}}", "text {{x}}"),
    (np.str_("text"), "text"),
    (Word.A, "a word"),
    (Tone.DRY, "dry"),
    (Rank.LOW, "3"),
    (True, "True"),
    (np.True_, "True"),
    (1, "1"),
    (np.int64(2**62), str(2**62)),
    (np.uint8(7), "7"),
    (0.1, "0.1"),
    (1e-5, "1e-05"),
    (float("inf"), "inf"),
    (np.float64(0.1), "0.1"),
    (np.float32(0.1), "0.1"),
    (np.float16(0.1), "0.1"),
    (np.float32(16777216), "16777216.0"),
    (np.float16(65504), "65500.0"),
    (np.array(np.float32(0.3)), "0.3"),
    (1 + 2j, "(1+2j)"),
    (Decimal("19.90"), "19.90"),
    (Decimal("1E+3"), "1E+3"),
    (fractions.Fraction(1, 3), "1/3"),
    (DAY, "2024-01-01T00:00:00"),
    (DAY.replace(tzinfo=dt.UTC), "2024-01-01T00:00:00+00:00"),
    (DAY.date(), "2024-01-01"),
    (dt.time(9, 5), "09:05:00"),
    (dt.timedelta(days=5), "5 days, 0:00:00"),
    (pd.Timestamp(DAY), "2024-01-01T00:00:00"),
    (np.datetime64("2024-01-01", "ns"), "2024-01-01T00:00:00"),
    (np.datetime64("2024-01-01T00:00:00.000000001"), "2024-01-01T00:00:00.000000001"),
    (np.datetime64("2024-01-01"), "2024-01-01"),
    (np.datetime64("2024-01"), "2024-01"),
    (np.timedelta64(5, "D"), "5 days, 0:00:00"),
    (np.timedelta64(5, "ns"), "5 nanoseconds"),
    (pd.Period("2024-01"), "2024-01"),
    (pathlib.PurePosixPath("/a/b"), "/a/b"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (ValueError("went wrong"), "went wrong"),
    (Mine(), "my text"),
    (
        ["a", 1, None, True, Decimal("19.90"), DAY.date()],
        '["a", 1, null, true, 19.90, "2024-01-01"]',
    ),
    ((1, (2,)), "[1, [2]]"),
    (Pair(1, "é"), '[1, "é"]'),
    ({"a": {"b": [np.float32(0.1)]}, 2: "{{x}}"}, '{"a": {"b": [0.1]}, "2": "{{x}}"}'),
    ([float("inf"), Tone.DRY], '["inf", "dry"]'),
    (list(range(10_000)), json.dumps(list(range(10_000)))),
    (Completion("an answer", CompletionRequest("m", "p", 1)), "an answer"),
]


def named(value):
    return f"{type(value).__name__} {value!r:.30}"


@pytest.mark.parametrize(("value", "text"), READINGS, ids=named)
def test_a_value_reads_the_same_wherever_it_is_put(shell, value, text):
    """In a cell, as an axis in a cell and in Python, as a row, in a function."""
    assert reading("x", value) == text
    if not isinstance(value, (list, dict, tuple)):
        assert reading("x", native(value)) == text
    shell.user_ns |= {"x": value, "axis": [value], "rows": [{"x": value}], "sent": []}
    for cell in (
        "%%complete -m ngram-base --max-tokens 1\n|{{x}}|",
        "%%complete -m ngram-base --max-tokens 1 -s x=@axis\n|{{x}}|",
        "%%complete -m ngram-base --max-tokens 1 -s rows=@rows\n|{{x}}|",
    ):
        shell.run(cell)
        last = shell.user_ns.get("_sweep", [shell.user_ns["_completion"]])[0]
        assert last.prompt == f"|{text}|"
    (one,) = sweep("|{{x}}|", x=[value], model="ngram-base", max_tokens=1)
    assert one.prompt == f"|{text}|"


GAPS = [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT")]
GAPS += [Decimal("NaN"), [1, float("nan")]]
TABLES = [
    (pd.DataFrame({"a": range(1000)}), r"a DataFrame|DataFrame, .*text = x.to_csv\(\)"),
    (pd.DataFrame({"a": [0.123456789]}), r"DataFrame, .*text = x.to_csv\(\)"),
    (pd.Series([1.5]), r"Series, .*text = x.to_csv\(\)"),
    (np.arange(3), r"ndarray, .*text = x.tolist\(\)"),
    ([np.arange(3)], r"ndarray, .*text = x.tolist\(\)"),
    (pd.Index([1]), r"text = x.tolist\(\)"),
    (pd.Categorical(["a"]), r"text = x.tolist\(\)"),
    (b"bytes", r"bytes; .*x.decode\(\)"),
    (np.bytes_(b"b"), r"bytes; .*x.decode\(\)"),
    ({1, 2}, "a set|type set"),
    (range(3), "type range, which has no text of its own"),
    (print, "no text of its own"),
    (Mine, "type type, which has no text of its own"),
    (object(), "no text of its own"),
    (Tone.NUMBER, "x.name or x.value"),
    (10**5000, "a value without a text"),
]


@pytest.mark.parametrize("value", GAPS, ids=repr)
def test_a_gap_is_refused(shell, value):
    shell.user_ns["x"] = value
    with pytest.raises(PromptError, match="x has a gap"):
        shell.run("%complete |{{x}}|")
    with pytest.raises(InputError, match="x has a gap"):
        sweep("|{{x}}|", x=["a", value])


@pytest.mark.parametrize(("value", "why"), TABLES, ids=[why for _, why in TABLES])
def test_what_has_no_whole_text_is_refused_with_the_remedy(shell, value, why):
    shell.user_ns["x"] = value
    with pytest.raises(PromptError, match=why):
        shell.run("%complete |{{x}}|")
    with pytest.raises(InputError, match=why):
        sweep("|{{x}}|", values={"x": value}, temperature=[0, 1])

    assert "_completion" not in shell.user_ns


def test_the_remedy_works(shell):
    shell.user_ns["df"] = pd.DataFrame({"a": range(100)})
    shell.run("text = df.to_csv()")
    shell.run("%complete --max-tokens 1 Sum {{text}}")

    assert "\n98,98\n99,99" in shell.user_ns["_completion"].prompt
    assert "…" not in shell.user_ns["_completion"].prompt


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(1067493570.0)  # as a float32, it wants nine digits
def test_a_narrow_number_reads_as_its_own_type_writes_it(value):
    single = np.float32(value)

    assert float(reading("x", single)) == float(str(single))
    assert np.float32(reading("x", single)) == single


@pytest.mark.parametrize("kind", ["float32", "Float32", "float[pyarrow]"])
def test_a_narrow_column_reads_as_it_is_written(shell, kind):
    column = pd.Series([0.1, 0.2], dtype=kind)
    frame = pd.DataFrame({"x": column, "n": [1, 2], "word": ["a", "b"]})
    one = sweep("{{x}}", x=column, model="ngram-base", max_tokens=1)
    rows = sweep("{{x}} {{n}} {{word}}", rows=frame, model="ngram-base", max_tokens=1)

    assert [each.prompt for each in one] == ["0.1", "0.2"]
    assert [each.prompt for each in rows] == ["0.1 1 a", "0.2 2 b"]
    assert one.values("x") == (0.1, 0.2)


@pytest.mark.parametrize(
    "values",
    [
        [Decimal("19.90"), Decimal(5)],
        np.array(["2024-01-01", "2024-01-02T03:04"], dtype="datetime64[ns]"),
        pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"])),
        pd.Index([1, 2]),
        [Tone.DRY, "other"],
    ],
    ids=lambda values: str(type(values[0])),
)
def test_an_axis_keeps_its_values_and_sends_what_they_read_as(shell, values):
    texts = [reading("x", value) for value in values]
    runs = sweep("|{{x}}|", x=values, model="ngram-base", max_tokens=1)

    assert [each.prompt for each in runs] == [f"|{text}|" for text in texts]
    for value, text, record in zip(values, texts, runs.to_records(), strict=True):
        assert record["x"] == native(value)
        (there,) = runs.at(x=value)
        assert there.prompt == f"|{text}|"
    assert list(runs.to_dataframe()["x"]) == list(map(native, values))


def test_what_reads_as_nothing_is_no_point():
    runs = sweep("|{{x}}|", x=["a", "b"], model="ngram-base", max_tokens=1)

    with pytest.raises(InputError, match="No point has x="):
        runs.at(x=object())


def test_a_number_in_json_keeps_its_form(shell):
    shell.run(
        "%%complete -m ngram-base --max-tokens 1 -s x=json:[19.90,2.5,3]\n|{{x}}|"
    )

    prompts = [each.prompt for each in shell.user_ns["_sweep"]]
    assert prompts == ["|19.90|", "|2.5|", "|3|"]
    assert shell.user_ns["_sweep"].values("x") == (Decimal("19.90"), 2.5, 3)


def test_equal_values_in_two_forms_are_one_point_and_refused():
    with pytest.raises(InputError, match=r"x has '19.90' twice, as values 1 and 2"):
        sweep("{{x}}", x=[Decimal("19.9"), Decimal("19.90")])


@pytest.mark.parametrize(
    "values",
    [
        [Decimal("19.90"), Decimal(5)],
        [DAY, DAY.date()],
        [{"a": 1}, {"a": 2}],
        [[1], [2]],
    ],
    ids=str,
)
def test_a_sweep_of_any_values_is_asked_and_paid_for_once(shell, loopback, values):
    loopback.reply(completion("Red.", "stop_sequence", id="compl_1"))
    more = {"endpoint": loopback.url, "dialect": "text", "model": "m", "turns": "raw"}
    first = sweep("|{{x}}|", x=values, stream=False, **more)
    again = sweep("|{{x}}|", x=values, stream=False, **more)

    assert len(loopback.requests) == 2
    assert [each.prompt for each in again] == [each.prompt for each in first]
    shell.run(f"%complete_history --restore {first.id} -o runs")
    for value in values:
        if not isinstance(value, (dict, list)):
            (there,) = shell.user_ns["runs"].at(x=value)
            assert there.prompt == f"|{reading('x', value)}|"


def test_any_values_are_written_to_a_file(tmp_path):
    for number, values in enumerate(([Decimal("19.90")], [Tone.DRY], [DAY], [[1]])):
        runs = sweep("{{x}}", x=values, model="ngram-base", max_tokens=1, history=False)
        for kind in ("jsonl", "csv", "parquet"):
            path = runs.export(tmp_path / f"{number}.{kind}")
            assert path.stat().st_size > 0


def test_the_panel_shows_and_sends_what_a_value_reads_as(shell):
    shell.user_ns |= {"price": Decimal("19.90"), "table": pd.DataFrame({"a": [1]})}
    panel = CompletionPanel(prompt="Say {{ price }}.")
    try:
        assert "{{price}}</code> = 19.90" in panel._preview.names.value
        panel.run()
        panel.wait()
        assert "Say 19.90." in panel.completions[0].prompt
        panel.prompt = "Say {{table}}."
        assert "table.to_csv()" in panel._preview.names.value
    finally:
        panel.close()


# Whose variable a name is.


@pytest.fixture
def asked(shell):
    """Return a function that runs code and gives the body of the last prompt."""
    shell.run("%config CompletionSettings.max_tokens = 1")
    shell.run("%config CompletionSettings.model = 'ngram-base'")
    shell.run("name = 'global'\nother = 'everywhere'\nfrom jupyter_complete import *")

    def prompt(code):
        shell.run(code)
        return shell.user_ns["_completion"].prompt

    return prompt


ASKED = "|{{name}} {{other}}|"
LINE = "    %complete |{{name}} {{ other }}|\n"
BY_LINE = f"get_ipython().run_line_magic('complete', '{ASKED}')"
BY_CELL = f"get_ipython().run_cell_magic('complete', '', '{ASKED}')"
FUNCTIONS = {
    "line": f"def f(name):\n{LINE}f('local')",
    "assigned": f"def f(name):\n    x = {LINE.strip()}\nf('local')",
    "line by name": f"def f(name):\n    {BY_LINE}\nf('local')",
    "cell by name": f"def f(name):\n    {BY_CELL}\nf('local')",
    "loop in it": f"def f(names):\n    for name in names:\n    {LINE}f(['local'])",
    "list": f"def f(name):\n    return [{BY_LINE} for _ in [1]]\nf('local')",
    "generator": f"def f(name):\n    list({BY_LINE} for _ in [1])\nf('local')",
    "lambda": f"def f(name):\n    (lambda: {BY_CELL})()\nf('local')",
    "inner": f"def f(name):\n    def g():\n    {LINE}    g()\nf('local')",
    "method": f"class C:\n    def f(self, name):\n    {LINE}C().f('local')",
    "class body": f"class C:\n    name = 'local'\n{LINE}",
    "exec": f"exec({BY_LINE!r}, {{**globals(), 'name': 'local'}})",
}


@pytest.mark.parametrize("code", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_takes_its_own_variable(asked, code):
    assert asked(code) == "|local everywhere|"


@pytest.mark.parametrize(
    "code",
    [
        LINE.strip(),
        f"%%complete\n{LINE.strip().removeprefix('%complete ')}",
        "%time " + LINE.strip(),
    ],
)
def test_a_cell_takes_the_notebooks_variable(asked, code):
    assert asked(code) == "|global everywhere|"


def test_a_functions_variable_is_an_axis_rows_and_a_prompt(asked, shell):
    shell.run(
        "def f(axis, table):\n"
        "    one = %complete -s x=@axis |{{x}}|\n"
        "    two = %complete -s rows=@table |{{x}}|\n"
        "    return one, two\n"
        "axis = table = None\n"
        "runs = f(['a', 'b'], [{'x': 'c'}])"
    )

    prompts = [each.prompt for each in itertools.chain(*shell.user_ns["runs"])]
    assert prompts == ["|a|", "|b|", "|c|"]
    shell.run(
        "def g(text):\n    x = %complete_panel -p text\n    return x\npanel = g('Hi')"
    )
    assert shell.user_ns["panel"].prompt == "Hi"
    shell.user_ns["panel"].close()


def test_python_in_a_function_takes_its_own_variable_too(asked, shell):
    code = (
        "def f(name):\n    return complete('|{{name}} {{other}}|')\nanswer = f('local')"
    )
    shell.run(code)
    assert shell.user_ns["answer"].prompt == "|local everywhere|"

    shell.run(
        "def f(name):\n    return sweep('|{{name}}|', seed=[1])\nruns = f('local')"
    )
    assert shell.user_ns["runs"][0].prompt == "|local|"
    here = "mine"
    assert complete("|{{here}}|").prompt == f"|{here}|"
    with pytest.raises(PromptError, match="names nothing"):
        complete("|{{name}}|", values={})


EMBEDS = """
import IPython
everywhere = "GLOBAL"
tone = "another"
def f(tone):
    here = "HERE"
    IPython.embed(colors="nocolor", banner1="")
f("LOCAL")
"""


def test_an_embedded_shell_takes_the_variables_of_its_frame(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text(EMBEDS)
    monkeypatch.setenv("IPY_TEST_SIMPLE_PROMPT", "1")
    child = pexpect.spawn(
        sys.executable,
        [str(script)],
        encoding="utf-8",
        timeout=30,
        dimensions=(50, 250),
    )
    try:
        for line, shown in (
            ("%load_ext jupyter_complete", ""),
            (
                "%complete --dry-run {{tone}} {{ here }} {{everywhere}}",
                "LOCAL HERE GLOBAL",
            ),
            ("from jupyter_complete import complete", ""),
            (
                "complete('{{tone}} {{here}} {{everywhere}}', max_tokens=1).prompt",
                "LOCAL HERE GLOBAL",
            ),
        ):
            child.expect(r"In \[\d+\]: ")
            child.sendline(line)
            child.expect(shown)
    finally:
        child.close(force=True)


@pytest.mark.parametrize(
    "text", ["{{name}}", "{{ name }}", "{{name }}", "{{\tname\t}}"]
)
def test_room_in_the_braces_is_no_matter(asked, text):
    assert asked(f"%%complete\n|{text}|") == "|global|"


@pytest.mark.parametrize(
    "text", ["{ {name} }", "{{name.x}}", "{{na me}}", "{{}}", "{{\nname}}"]
)
def test_what_is_no_name_is_just_braces(asked, text):
    assert asked(f"%%complete\n|{text}|") == f"|{text}|"


# Why an answer ended


ENDED = "ended by itself"


@pytest.mark.parametrize(
    ("reason", "stop", "asked", "shown"),
    [
        ("stop_sequence", "\n\nHuman:", (), ENDED),
        ("stop_sequence", "\n\nHuman:", ("#",), ENDED),
        ("stop_sequence", "\n\nHuman:", ("\n\nHuman:",), r"stop_sequence '\n\nHuman:'"),
        ("stop_sequence", "#", ("#",), "stop_sequence '#'"),
        ("stop_sequence", "</s>", (), "stop_sequence '</s>'"),
        ("stop_sequence", None, (), ENDED),
        ("stop_sequence", None, ("#",), "stop_sequence"),
        ("end_turn", None, (), ENDED),
        ("STOP", None, (), ENDED),
        ("eos", None, (), ENDED),
        ("eos", "#", ("#",), "eos '#'"),
        ("max_tokens", None, (), "max_tokens"),
        ("guard: PII", None, (), "guard: PII"),
    ],
)
def test_a_stop_that_nobody_asked_for_is_the_models_own(reason, stop, asked, shown):
    request = CompletionRequest("m", "Hi", 5, stop_sequences=asked)
    ended = Completion("Hello.", request, model="m", stop_reason=reason, stop=stop)

    assert f"m · {shown} · " in facts(ended)
    assert (ended.stop_reason, ended.stop) == (reason, stop)


def test_what_a_filter_cut_did_not_end_by_itself():
    request = CompletionRequest("m", "Hi", 5)
    reason = {"stop_reason": "stop_sequence", "notices": (FILTERED,)}

    assert ENDED not in facts(Completion("Hello.", request, **reason))


@pytest.mark.parametrize(
    ("dialect", "answer"),
    [
        ("text", events("Hello.")),
        ("openai", [event({"choices": [{"text": "Hi", "finish_reason": "stop"}]})]),
        ("openai", [event({"choices": [{"text": "Hi", "finish_reason": "eos"}]})]),
    ],
)
def test_an_answer_that_ended_by_itself_says_so_in_each_dialect(
    loopback, dialect, answer
):
    loopback.reply(answer)
    with session_of(model="m", endpoint=loopback.url, dialect=dialect) as session:
        found = session.complete(session.prepare("Hi"))

    assert f" · {ENDED} · " in facts(found)
