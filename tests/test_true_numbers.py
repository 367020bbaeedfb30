"""No number lies: what is told is what was drawn, set and sent."""

import math
from itertools import islice
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from jupyter_complete.embedded.corpus import documentation
from jupyter_complete.embedded.level import LEAST_LEFT, Estimate, Level
from jupyter_complete.embedded.model import END, load_models
from jupyter_complete.embedded.sampling import Sampling, shape

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
    """An answer's beginning that is so long that its end is due."""
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
        places, probabilities = self._arrays(estimate.fixed)
        dense[places] = probabilities
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
        self.steps = self.guarded = self.nested = 0
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
            assert passage.text_of(chosen) == token.text
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
        if token.text in others:
            assert dict(token.alternatives)[token.text] == pytest.approx(token.logprob)
        self.steps += 1
        if forbidden:
            self.guarded += 1
            self.nested += any(estimate.fixed.values())
            self.chances.append(final.max())
            self.drawn.append(final[chosen] == final.max())


def draws(models, long, count):
    """Yield a model, a prompt and a sampling for each answer: all of them mixed."""
    for number in range(count):
        pick = Random(number).choice
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


def test_each_step_of_two_thousand_answers_has_one_distribution(few, long, monkeypatch):
    watch = check(monkeypatch, few, long, 2000)

    assert watch.steps > 40_000
    assert watch.guarded > 20_000
    assert watch.nested > 20
    # The likeliest comes as often as it says, where tokens were forbidden.
    chances = np.array(watch.chances)
    spread = math.sqrt((chances * (1 - chances)).sum())
    assert abs(sum(watch.drawn) - chances.sum()) < 4 * spread


def test_each_step_of_answers_from_the_documentation_has_one_distribution(
    long, monkeypatch
):
    watch = check(monkeypatch, load_models(), long, 60)

    assert watch.guarded > 1000


def test_a_long_answer_in_which_guards_wrap_each_other_has_no_token_over_one(
    monkeypatch,
):
    watch = Watch(monkeypatch)
    limits = {"temperature": 0.7, "top_k": None, "top_p": None}
    for seed in range(12):
        model = load_models()["ngram-chat"]
        watch.follow(model, chat("What is a list?"), seed, 256, limits)

    assert watch.nested


def guarded(model, long, wanted):
    """Give steps at which a guard ruled tokens out and raised others."""
    found = []
    limits = {"temperature": 0.9, "top_k": None, "top_p": None}
    for seed in range(200):
        passage, chance = (
            model.begin(chat(QUESTIONS[seed % 5], long)),
            Random(seed).random,
        )
        while not passage.ended:
            shaped = passage.shaped(Sampling(**limits))
            fixed = shaped.estimate.fixed.values()
            if 0 in fixed and any(fixed) and max(p for _, p in shaped) < 0.9:
                found.append(shaped)
            passage.advance(shaped.choose(chance())[0])
        if len(found) >= wanted:
            return found[:wanted]
    raise AssertionError(f"only {len(found)} such steps")


def test_draws_where_guards_forbid_follow_the_distribution(few, long):
    values = []
    for number, shaped in enumerate(guarded(few["ngram-chat"], long, 40)):
        chance, count = Random(number).random, 2000
        seen = {}
        for _ in range(count):
            token, _ = shaped.choose(chance())
            seen[token] = seen.get(token, 0) + 1
        assert not any(shaped.estimate.fixed.get(token) == 0 for token in seen)
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
_deed = st.one_of(
    st.sets(st.integers(0, TOKENS - 1)),
    st.tuples(st.integers(0, TOKENS - 1), st.floats(0.001, 0.999)),
)


def _levels(weights, owns):
    """Give nested levels, as the model makes them: each token likelier than left."""
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


@settings(max_examples=400, deadline=None)
@given(
    _weights,
    st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, TOKENS - 1), st.floats(0.01, 9), min_size=1),
            st.floats(0.001, 0.999),
        ),
        max_size=3,
    ),
    st.lists(_deed, max_size=6),
    st.sampled_from([1e-9, 0.001, 0.03, 0.3, 0.7, 1, 1.5, 2]),
)
def test_whatever_is_ruled_out_and_raised_leaves_one_distribution(
    weights, owns, deeds, temperature
):
    estimate = Estimate(_levels(weights, owns))
    plain = [estimate.level.probability(token) for token in range(TOKENS)]
    for deed in deeds:
        if isinstance(deed, set):
            left = sum(p for token, p in enumerate(plain) if token not in deed)
            if left > 2 * LEAST_LEFT:
                plain = [
                    0.0 if token in deed else p / left for token, p in enumerate(plain)
                ]
            elif left > LEAST_LEFT / 2:
                return  # at the bound it may go either way
            estimate = estimate.without(deed)
        else:
            token, least = deed
            if 0 < plain[token] < least:
                rest = (1 - least) / (1 - plain[token])
                plain = [p * rest for p in plain]
                plain[token] = least
            estimate = estimate.with_at_least(token, least)

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
    probability = dict(zip(*shown, strict=True))
    for seed in range(40):
        token = next(model.generate(prompt, seed=seed, logprobs=8), None)
        if token is None:
            continue
        assert math.exp(token.logprob) == pytest.approx(probability[token.text])
        assert [text for text, _ in token.alternatives] == list(shown.tokens[:8])
    assert END in probability
