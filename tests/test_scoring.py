"""Sweeps scored: what was expected, taken out and found, as measures and records."""

import math
import pickle
import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from test_kernel import LOAD, executed
from test_sweep_result import SETTINGS, with_status

from jupyter_complete.completion import Completion
from jupyter_complete.errors import InputError
from jupyter_complete.request import CompletionRequest
from jupyter_complete.results import Sweep
from jupyter_complete.sweeps import intervals
from jupyter_complete.sweeps.axes import AxisNames, keyword_axes
from jupyter_complete.sweeps.points import points
from jupyter_complete.sweeps.table import SweepRow

CITIES = [
    {"country": "France", "capital": "Paris", "note": None},
    {"country": "Italy", "capital": "Rome", "note": "x"},
    {"country": "Japan", "capital": float("nan"), "note": "y"},
]


def asked(*, samples=1, template=("country",), text, **keywords):
    """Return a finished sweep whose answers are what ``text`` gives of a point."""
    _, axes = keyword_axes(keywords, AxisNames(SETTINGS, template))
    rows = [
        SweepRow(
            point,
            sample,
            Completion(
                text(point.values, sample),
                CompletionRequest("m", repr([*point.asked.items()]), 9),
                sample=sample,
            ),
        )
        for point in points(axes, samples=samples)
        for sample in range(samples)
    ]
    return Sweep(tuple(rows), axes)


@pytest.fixture
def cities():
    said = {("France", 0): "Paris.", ("Italy", 0): "Milan", ("Italy", 1): "rome"}
    return asked(
        rows=CITIES,
        temperature=[0, 1],
        text=lambda at, _: said.get((at["country"], at["temperature"]), "Paris"),
    )


def values(runs, name):
    return [row.marks.scores[name] for row in runs.rows]


def test_a_score_is_a_metric_like_the_others(cities):
    runs = cities.scored("exact", expect="capital")

    assert runs.scores == ("exact",)
    assert values(runs, "exact") == [True, True, False, True, None, None]
    cold, warm = runs.metrics("exact")
    assert cold.values == {"temperature": 0.0}
    assert cold.estimate == intervals.share(1, 2)
    assert warm.estimate == intervals.share(2, 2)
    (whole,) = runs.metrics("score", by=[])
    assert whole.estimate[:1] == (0.75,)
    assert runs.at(temperature=1).scores == ("exact",)
    assert runs.metrics("exact", by=["country"])[1].estimate == intervals.share(1, 2)
    assert runs.compare("temperature", "exact")[0].estimate.value == 0.5
    assert {one.metric.name for one in runs.metrics()} > {"exact", "words"}
    assert runs.remarks == (
        "Nothing was expected of 2 of 6 answers: they are not scored.",
    )


def test_records_have_what_was_expected_and_found(cities):
    runs = cities.scored(
        ["exact", "contains:Paris"], expect="capital", extract=r"(P\w+)"
    )

    record = runs.to_records()[2]
    assert [*record][:10] == [
        "country",
        "capital",
        "note",
        "temperature",
        "sample",
        "text",
        "expected",
        "extracted",
        "exact",
        "contains:Paris",
    ]
    assert record["expected"] == "Rome"
    assert record["extracted"] is None
    assert record["exact"] is False
    assert runs.to_dataframe()["exact"].tolist()[:2] == [True, True]
    assert "extract found nothing in 2 of 6 answers; they count as wrong." in (
        runs.remarks
    )


def test_a_column_of_the_same_name_stands_beside(cities):
    rows = [{"country": "France", "exact": "Paris", "expected": "x"}]
    runs = asked(rows=rows, text=lambda *_: "Paris").scored("exact", expect="exact")

    record = runs.to_records()[0]
    assert (record["asked_exact"], record["exact"]) == ("Paris", True)
    assert (record["asked_expected"], record["expected"]) == ("x", "Paris")
    again = runs.scored("exact", expect="expected").to_records()[0]
    assert "asked_expected" not in again
    words = asked(template=["words"], words=["a", "b"], text=lambda *_: "x y")
    measured = words.metrics("words").to_records()[0]
    assert (measured["asked_words"], measured["words"]) == ("a", 2.0)


@pytest.mark.parametrize(
    "expect",
    [
        {"France": "Paris", "Italy": "Rome"},
        {("France", 0): "Paris", ("France", 1.0): "Paris", ("Italy", 1): "Rome"},
        pd.Series({"France": "Paris", "Italy": "Rome"}),
        "{{capital}}",
    ],
)
def test_what_is_expected_may_be_keyed_by_the_points(cities, expect):
    runs = cities.scored("exact", expect=expect)

    assert values(runs, "exact")[:2] == [True, True]
    assert values(runs, "exact")[3] is True
    assert values(runs, "exact")[4:] == [None, None]


def test_a_row_without_a_label_is_not_scored_by_json_either():
    rows = [{"country": "a", "want": {"x": 1}}, {"country": "b", "want": None}]
    runs = asked(rows=rows, text=lambda *_: '{"x": 1.0}')

    assert values(runs.scored("json", expect="want"), "json") == [True, None]
    assert values(runs.scored("json"), "json") == [True, True]


def test_any_value_rides_and_shows_itself():
    odd = {"array": np.arange(3), "gap": pd.NaT, "list": [1], "thing": object()}
    rows = [{"country": "a", **odd}, {"country": "b", **odd, "list": [2]}]
    runs = asked(rows=rows, text=lambda *_: "x")

    for name in ("list", "country"):
        scored = runs.scored("contains", expect=name)
        assert "expected" not in repr(scored.view()).splitlines()[0]
        assert scored.view(wrong=True)._repr_html_()
        assert scored.to_records()[0]["thing"] is odd["thing"]


def test_a_text_keys_what_reads_so():
    runs = asked(template=["n"], n=["1", "2"], text=lambda at, _: "one")

    assert values(runs.scored(expect={1: "one", 2: "two"}), "exact") == [True, False]


def test_a_text_is_filled_at_each_point():
    runs = asked(
        rows=CITIES[:2], text=lambda at, _: f"{at['capital']}, {at['country']}"
    )

    found = runs.scored("exact", expect="{{capital}}, {{country}}")
    assert values(found, "exact") == [True, True]


def test_a_function_gets_the_completion_and_what_was_expected(cities):
    seen = []

    def near(completion, expected):
        seen.append((completion, expected))
        return len(completion.text) - len(expected)

    def loud(completion):
        return completion.text.isupper()

    runs = cities.scored([near, loud], expect="capital")

    assert values(runs, "near")[:4] == [1.0, 0.0, 1.0, 0.0]
    assert isinstance(seen[0][0], Completion)
    assert {expected for _, expected in seen} == {"Paris", "Rome"}
    assert values(runs, "loud") == [False] * 6
    assert runs.metrics("near")[0].estimate.value == 1.0


def test_a_score_that_raises_costs_no_answer(cities):
    def fussy(completion):
        if completion.text == "Milan":
            raise ValueError("no\nMilan, not with sk-ant-api03-abcdefghij0123456789")
        return 1

    def odd(completion):
        return {"Milan": "yes", "rome": math.inf}.get(completion.text, math.nan)

    runs = cities.scored([fussy, odd, "contains:Paris"])

    assert len(runs) == 6
    assert values(runs, "fussy") == [1.0, 1.0, None, 1.0, 1.0, 1.0]
    assert values(runs, "odd") == [None] * 6
    assert runs.remarks[0].startswith(
        "fussy failed at 1 of 6 answers, left unscored: ValueError: no Milan"
    )
    assert "(first at country=Italy, temperature=0.0)" in runs.remarks[0]
    assert "sk-ant" not in runs.remarks[0]
    assert "odd failed at 2 of 6" in runs.remarks[1]
    assert "gave 'yes'; give True, False, a number or None" in runs.remarks[1]
    assert runs.metrics("odd")[0].estimate is None


def test_an_extraction_that_raises_leaves_its_answer_unscored(cities):
    def second(completion):
        return completion.text.split(".")[1] or None

    runs = cities.scored("contains:Paris", extract=second)

    assert values(runs, "contains:Paris") == [False] + [None] * 5
    assert "extract found nothing in 1 of 6 answers" in runs.remarks[0]
    assert "extract failed at 5 of 6" in runs.remarks[1]


def test_an_answer_that_is_no_answer_is_not_scored(cities):
    runs = with_status(cities, None, "error", "interrupted", "broken")

    found = runs.scored("contains:Paris")
    assert values(found, "contains:Paris") == [None] * 4 + [True] * 2
    assert found.metrics("contains:Paris", by=[])[0].estimate.n == 2


def test_scoring_again_replaces_what_was_found(cities):
    once = cities.scored("exact", expect="capital")
    again = once.scored("contains:Paris")

    assert again.scores == ("contains:Paris",)
    assert again.remarks == ()
    assert once.scores == ("exact",)
    assert cities.scored() is cities


def test_scores_pickle_and_their_functions_stay(cities):
    runs = cities.scored(lambda completion: len(completion.text))

    other = pickle.loads(pickle.dumps(runs))
    assert other.scores == ("lambda",)
    assert other == runs
    assert other.scoring is None


def test_a_sweep_that_goes_on_is_scored_again(cities):
    part = with_status(cities, None).scored("exact", expect="capital")
    whole = replace(part, again=lambda: cities).resume()

    assert values(whole, "exact")[:2] == [True, True]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"expect": "capitol"}, "no such column; did you mean capital?"),
        ({"expect": "zzz"}, "it has country, capital, note, temperature."),
        ({"expect": "{{x}}"}, "expect is 'x', and the sweep has no such column"),
        ({"expect": 3}, "expect is a int; give a column's name"),
        ({"expect": {"Spain": 1}}, "its keys are 'Spain', and the first point is"),
        ({"expect": {}}, "its keys are none"),
        ({"expect": pd.DataFrame({"a": [1]})}, "expect is a DataFrame"),
        ({"score": "exat"}, "did you mean exact?"),
        ({"score": "exact"}, "exact wants to know what was expected"),
        ({"score": 3}, "score is 3; give the name of a score"),
        ({"score": [3]}, "score is 3; give the name of a score, a function"),
        ({"score": ["json", "json"]}, "score has json twice"),
        ({"score": lambda a, b, c: 1}, "takes neither a completion nor"),
        ({"score": lambda a, b: 1}, "lambda wants to know what was expected"),
        ({"score": "number", "expect": "country"}, "(at country=France"),
        ({"extract": "("}, "no regular expression"),
        ({"extract": "a.*"}, "which has no group"),
        ({"extract": 3}, "give a regular expression or a function"),
    ],
)
def test_bad_input_is_one_line(cities, given, says):
    with pytest.raises(InputError) as caught:
        cities.scored(given.pop("score", ()), **given)

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_function_may_not_be_called_as_a_metric_is(cities):
    def words(completion):
        return 1

    with pytest.raises(InputError, match="score is a function called words"):
        cities.scored(words)


def test_pass_at_k_by_hand():
    """Of four answers two are right, and three of four."""
    right = {"France": [1, 1, 0, 0], "Italy": [1, 1, 1, 0]}
    runs = asked(
        rows=CITIES[:2],
        samples=4,
        text=lambda at, n: at["capital"] if right[at["country"]][n] else "?",
    ).scored("exact", expect="capital")

    def of(name):
        return runs.metrics(name)[0].estimate.value

    assert of("pass@1") == of("pass^1") == pytest.approx((2 / 4 + 3 / 4) / 2)
    assert of("pass@2") == pytest.approx((5 / 6 + 1) / 2)
    assert of("pass^2") == pytest.approx((1 / 6 + 3 / 6) / 2)
    assert of("pass^4") == 0
    assert runs.metrics("pass@2")[0].estimate.n == 2
    with pytest.raises(InputError, match=r"pass@5 wants at least 5 answers .* -n 5"):
        runs.metrics("pass@5")
    with pytest.raises(InputError, match="metric is 'pass@2'"):
        replace(runs, rows=tuple(r._replace(marks=None) for r in runs.rows)).metrics(
            "pass@2"
        )
    numbers = runs.scored(lambda completion: 2)
    assert numbers.metrics("pass@2")[0].estimate is None


@given(st.lists(st.booleans(), min_size=2, max_size=7), st.data())
def test_pass_at_k_is_the_share_of_all_choices(right, data):
    import itertools

    k = data.draw(st.integers(1, len(right)))
    runs = asked(
        rows=CITIES[:1], samples=len(right), text=lambda _, n: str(right[n])
    ).scored("exact:True")
    choices = [*itertools.combinations(right, k)]

    found = runs.metrics(f"pass@{k}", f"pass^{k}")
    assert found[0].estimate.value == pytest.approx(
        sum(map(any, choices)) / len(choices)
    )
    assert found[1].estimate.value == pytest.approx(
        sum(map(all, choices)) / len(choices)
    )


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_sign_test_is_exact(better, worse):
    n = better + worse
    known = stats.binomtest(better, n).pvalue if n else 1

    assert intervals.sign_test(better, worse) == pytest.approx(known, rel=1e-9)


def test_answers_to_the_same_prompt_tell_less_than_those_to_others():
    alike = [[True] * 5] * 12 + [[False] * 5] * 8
    apart = [[True], [False]] * 10

    found = intervals.clustered_share(alike)
    single = intervals.share(12, 20)
    assert (found.value, found.n) == (0.6, 100)
    assert found.high - found.low >= single.high - single.low
    assert intervals.clustered_share(apart) == intervals.share(10, 20)
    assert intervals.clustered_share([[True] * 9]) == intervals.share(9, 9)
    assert intervals.clustered_share([[True] * 5] * 4).low == intervals.share(4, 4).low
    spread = intervals.clustered_mean([[1.0, 1.0, 1.0], [5.0, 5.0], [3.0]])
    assert spread.value == pytest.approx(16 / 6)
    assert spread.low < 2
    assert spread.high > 3.5
    assert intervals.clustered_mean([]) is None


def test_about_nineteen_of_twenty_clustered_intervals_hold_the_truth():
    draw = random.Random(5)
    held = plain = 0
    for _ in range(200):
        groups = []
        for _ in range(20):
            # Each prompt is of one mind in four of five cases: the truth is 0.7.
            mind = draw.random() < 0.7
            groups.append(
                [mind if draw.random() < 0.8 else draw.random() < 0.7 for _ in range(5)]
            )
        found = intervals.clustered_share(groups)
        held += found.low <= 0.7 <= found.high
        whole = intervals.share(sum(map(sum, groups)), 100)
        plain += whole.low <= 0.7 <= whole.high

    assert 0.92 < held / 200 < 0.99
    assert plain / 200 < 0.85, "the naive one promises too much"


def test_a_saved_notebook_has_the_scores_and_no_script():
    """In a real kernel: labelled rows, variants, a function of the notebook."""
    notebook = executed(
        LOAD,
        "df = [{'q': 'break', 'want': 'loop'}, {'q': 'with', 'want': 'context'}]\n"
        "both = {'plain': 'What does {{q}} do?', 'short': '{{q}}?'}\n"
        "def long(completion, expected):\n"
        "    return len(completion.text) > len(expected)",
        "%%complete -s prompt=@both -s rows=@df -t 0 --max-tokens 12 "
        "--expect want --score contains --score long -o runs",
        "print(runs.metrics('long'))",
    )

    output = notebook.cells[2].outputs[-1].data
    assert "long at prompt=plain: 2 of 2 (100 %, 34 to 100 %)" in output["text/plain"]
    assert "How the prompts differ" in output["text/html"]
    assert "Wrong only" in output["text/html"]
    assert "<script" not in output["text/html"]
    assert "short   1 [0.342, 1] (n = 2)" in notebook.cells[3].outputs[0].text


def test_more_that_a_notebook_may_hold():
    """Sets and lists as labels, a function of C, an empty sweep."""
    rows = [{"country": "a", "want": {"y", "x"}}, {"country": "b", "want": ["x"]}]
    runs = asked(rows=rows, text=lambda *_: "x")

    found = runs.scored("exact", expect="want")
    assert values(found, "exact") == [True, True]
    wrong = runs.scored(["exact:z", "exact"], expect="want").view(wrong=True)
    assert 'expected: ["x", "y"]' in repr(wrong)
    assert values(runs.scored(print), "print") == [None, None]
    assert values(runs.scored("exact", expect={"a": "x"}), "exact") == [True, None]
    lists = asked(stop=[["a"], ["b"]], template=(), text=lambda *_: "x")
    assert values(lists.scored("exact", expect={("a",): "x"}), "exact") == [True, None]
    with pytest.raises(InputError, match="the first point is none"):
        runs.at(country="a").failed.scored("exact", expect={"a": "x"})
