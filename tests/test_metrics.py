"""Measures of answers, against values known from elsewhere or by hand."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from jupyter_complete.completion import Completion, Usage
from jupyter_complete.errors import InputError
from jupyter_complete.request import CompletionRequest
from jupyter_complete.sweeps import intervals
from jupyter_complete.sweeps.metrics import (
    METRICS,
    chosen,
    find,
    paired,
)
from jupyter_complete.sweeps.points import Point
from jupyter_complete.sweeps.table import SweepRow
from jupyter_complete.sweeps.variety import distinct, self_bleu

REQUEST = CompletionRequest("m", "p", 9)


def answer(text="", **more):
    return SweepRow(Point(), 0, Completion(text, REQUEST, **more))


def answers(*texts):
    return [answer(text) for text in texts]


@pytest.mark.parametrize(
    ("hits", "n"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (50, 200), (1, 999)]
)
def test_a_share_has_the_wilson_interval(hits, n):
    known = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")

    found = intervals.share(hits, n)

    assert found.value == hits / n
    assert found.low == pytest.approx(known.low, abs=1e-9)
    assert found.high == pytest.approx(known.high, abs=1e-9)
    assert found.n == n


def test_a_mean_has_the_bootstrap_interval():
    draw = random.Random(1)
    values = [draw.gauss(10, 3) for _ in range(40)]
    known = stats.bootstrap(
        (values,),
        statistics.fmean,
        n_resamples=9999,
        method="percentile",
        vectorized=False,
        rng=1,
    ).confidence_interval

    found = intervals.mean(values)

    assert found.value == pytest.approx(statistics.fmean(values))
    assert found.low == pytest.approx(known.low, abs=0.1)
    assert found.high == pytest.approx(known.high, abs=0.1)


def test_the_same_values_have_the_same_interval():
    assert intervals.mean([1, 5, 2, 8]) == intervals.mean([1, 5, 2, 8])


@pytest.mark.parametrize("n", [5, 30])
def test_about_nineteen_of_twenty_intervals_hold_the_truth(n):
    draw = random.Random(2)
    held = 0
    for _ in range(300):
        found = intervals.mean([draw.gauss(5, 2) for _ in range(n)])
        held += found.low <= 5 <= found.high

    assert 0.9 < held / 300 < 0.99


def test_one_value_has_no_interval_and_none_no_mean():
    assert intervals.mean([3.0]) == (3.0, None, None, 1)
    assert intervals.mean([]) is None
    assert intervals.share(0, 0) is None


def test_a_difference_wants_values_on_both_sides_and_two_for_an_interval():
    assert intervals.difference([], [1.0]) is None
    assert intervals.difference([1.0], []) is None
    assert intervals.difference([1.0], [3.0, 4.0]) == (2.5, None, None, 1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_an_interval_lies_around_its_mean(values):
    found = intervals.mean(values)

    slack = 1e-6 * (1 + max(map(abs, values)))
    assert min(values) - slack <= found.low <= found.value + slack
    assert found.value - slack <= found.high <= max(values) + slack


def test_an_estimate_reads_with_its_count():
    assert str(intervals.Estimate(1.5, 1.0, 2.0, 7)) == "1.5 [1, 2] (n = 7)"
    assert str(intervals.Estimate(1.5, None, None, 1)) == "1.5 (n = 1)"


@pytest.mark.parametrize(
    ("texts", "n", "share"),
    [
        (["a b a"], 1, 2 / 3),
        (["a b c"], 1, 1),
        (["a a a a"], 2, 1 / 3),
        (["a b", "a b"], 1, 1 / 2),
        (["A b", "a, c"], 1, 4 / 5),
        (["a b c", "b c d"], 2, 3 / 4),
    ],
)
def test_distinct_is_the_share_of_distinct_grams_of_all(texts, n, share):
    assert distinct(texts, n).value == pytest.approx(share)
    assert distinct(texts, n).n == len(texts)


def test_distinct_of_no_words_is_nothing():
    assert distinct(["", " "], 1) is None
    assert distinct(["a"], 2) is None


def test_the_interval_of_distinct_is_the_jackknife_of_its_answers():
    texts = ["a b c", "b c d e", "a a f"]
    whole = distinct(texts, 1).value
    without = [distinct(texts[:i] + texts[i + 1 :], 1).value for i in range(3)]
    spread = sum((one - statistics.fmean(without)) ** 2 for one in without)
    half = 1.959964 * math.sqrt(2 / 3 * spread)

    assert distinct(texts, 1).low == pytest.approx(max(0, whole - half), abs=1e-6)
    assert distinct(texts, 1).high == pytest.approx(min(1, whole + half), abs=1e-6)


def test_self_bleu_of_equal_answers_is_one():
    assert self_bleu(["the cat sat on the mat"] * 3).value == pytest.approx(1)


def test_self_bleu_by_hand():
    """Two texts of five words; four, three, two and one n-grams in common."""
    found = self_bleu(["a b c d x", "a b c d y"])

    by_hand = (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4)
    assert found.value == pytest.approx(by_hand)


def test_self_bleu_clips_counts_and_punishes_brevity():
    """A is twice the length of B, and has its one word twice."""
    found = self_bleu(["a a", "a"])

    long = math.exp((math.log(1 / 2) + math.log(0.1 / 1)) / 2)
    short = math.exp(1 - 2 / 1)
    assert found.value == pytest.approx((long + short) / 2)


def test_self_bleu_of_answers_with_nothing_in_common_is_small():
    assert self_bleu(["a b c d e", "f g h i j"]).value < 0.1


def test_self_bleu_wants_two_answers():
    assert self_bleu(["only one", ""]) is None


def test_self_bleu_against_its_plain_definition():
    draw = random.Random(3)
    texts = [" ".join(draw.choices("abcdef", k=draw.randint(1, 12))) for _ in range(12)]

    assert self_bleu(texts).value == pytest.approx(
        statistics.fmean(
            plain_bleu(text.split(), [t.split() for j, t in enumerate(texts) if j != i])
            for i, text in enumerate(texts)
        )
    )


def plain_bleu(words, references):
    def grams(text, n):
        return [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]

    logs = []
    for n in range(1, min(4, len(words)) + 1):
        own = grams(words, n)
        hits = sum(
            min(
                own.count(gram),
                max(grams(other, n).count(gram) for other in references),
            )
            for gram in set(own)
        )
        logs.append(math.log((hits or 0.1) / len(own)))
    near = min((abs(len(other) - len(words)), len(other)) for other in references)[1]
    return math.exp(min(0, 1 - near / len(words)) + statistics.fmean(logs))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("length", 5.5),
        ("words", 1.5),
        ("unique", 1.0),
        ("seconds", 3.0),
        ("first_token_seconds", 0.5),
        ("tokens_per_second", 3.75),
        ("stop_reason=max_tokens", 0.5),
        ("stop_reason=end", 0.0),
    ],
)
def test_each_measure_has_its_value(name, value):
    group = [
        answer(
            "one two",
            seconds=2.0,
            first_token_seconds=0.5,
            usage=Usage(1, 10),
            stop_reason="max_tokens",
        ),
        answer("four", seconds=4.0, usage=Usage(1, 10), stop_reason="stop_sequence"),
    ]

    assert find(name)(group).value == value


def test_equal_answers_are_one_unique_answer():
    found = find("unique")(answers("a", "a ", "b", "b"))

    assert (found.value, found.n) == (0.5, 4)


def test_only_complete_answers_count():
    group = [
        *answers("a b", "c d"),
        answer("half", status="interrupted"),
        answer("", status="error"),
        answer("cut o", status="broken"),
    ]

    assert find("words")(group) == (2.0, 2.0, 2.0, 2)


def test_a_function_is_a_measure_and_of_bools_a_share():
    def shouts(completion):
        return completion.text.isupper()

    def gaps(completion):
        return completion.text.count(" ") if completion.text else None

    group = answers("A", "b", "", "C D")

    assert find(shouts)(group) == intervals.share(2, 4)
    assert find(gaps)(group).n == 3
    assert find(gaps).label(3) == "gaps, mean (n = 3)"


def test_an_unknown_measure_is_one_line_with_the_names():
    with pytest.raises(InputError, match=r"metric is 'wrods'; choose from length, wo"):
        find("wrods")


def test_all_measures_come_with_every_stop_reason():
    group = [answer(stop_reason="max_tokens"), answer(stop_reason="stop_sequence")]

    assert [metric.name for metric in chosen((), group)] == [
        *METRICS,
        "stop_reason=max_tokens",
        "stop_reason=stop_sequence",
    ]


def test_differences_are_paired_by_prompt():
    """Prompts differ widely, the conditions a little: pairing shows it."""
    pairs = [
        (answers("w " * size), answers("w " * (size + 2)))
        for size in (5, 50, 200, 1000, 3000)
    ]

    found = paired(find("words"), pairs)

    assert found == (2.0, 2.0, 2.0, 5)


def test_one_prompt_is_compared_by_its_answers():
    low = answers("a", "a b", "a b c")
    high = answers("a b c d", "a b c", "a b c d e")

    found = paired(find("words"), [(low, high)])

    assert found.value == 2
    assert 0 <= found.low < 2 < found.high <= 4
    assert found.n == 3


def test_a_difference_of_what_is_no_mean_is_paired_too():
    pairs = [(answers("a a"), answers("a b")), (answers("c c"), answers("c d"))]

    assert paired(find("distinct_1"), pairs) == (0.5, 0.5, 0.5, 2)


def test_a_pair_that_cannot_be_measured_is_left_out():
    pairs = [(answers("a"), []), (answers("a"), answers("a b"))]

    assert paired(find("words"), pairs).n == 1
