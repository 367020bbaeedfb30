"""What a person sees of scores: how much is right, what is wrong, what came."""

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_scoring import CITIES, asked
from test_sweep_display import Reader
from test_sweep_result import with_status

from jupyter_complete.display.sweeps.confusion import OTHER, confusions
from jupyter_complete.display.sweeps.summary import TIMES
from jupyter_complete.errors import InputError
from jupyter_complete.scores import normal
from jupyter_complete.sweeps.answers import answers_at

MOODS = [
    {"review": f"{word} {n}", "mood": mood}
    for n in range(3)
    for word, mood in (("great", "good"), ("awful", "bad"))
]


@pytest.fixture
def moods():
    """Twelve answers, of which nine are right and one has no answer."""
    wrong = {("great 1", 0): "bad", ("awful 1", 1): "so so", ("awful 2", 1): None}

    def text(at, _):
        said = wrong.get((at["review"], at["temperature"]), f"{at['mood'].upper()}.")
        return "I cannot tell." if said is None else f"Hm.\n<answer>{said}</answer>"

    runs = asked(rows=MOODS, template=("review",), temperature=[0, 1], text=text)
    return runs.scored("exact", expect="mood", extract="<answer>(.*)</answer>")


def test_the_summary_says_how_much_is_right(moods):
    lines = repr(moods.view()).splitlines()

    assert "exact at temperature=0.0: 5 of 6 (83 %, 44 to 97 %)" in lines
    assert "exact at temperature=1.0: 4 of 6 (67 %, 30 to 90 %)" in lines
    assert "extract found nothing in 1 of 12 answers; they count as wrong." in lines
    assert "_sweep.view(wrong=True) shows what is wrong." in lines
    assert "_sweep.view(wrong" not in repr(moods.at(review="great 0").view())


def test_a_number_and_a_score_of_nothing_are_told(moods):
    def much(completion):
        return 2.5

    def none(completion):
        return None

    lines = repr(moods.scored([much, none]).view()).splitlines()

    assert "much at temperature=0.0: 2.5 (2.5 to 2.5, n = 6)" in lines
    assert "none at temperature=1.0: nothing is scored" in lines


def test_many_conditions_are_not_all_told():
    runs = asked(template=["n"], n=[*range(15)], text=lambda at, _: str(at["n"]))

    text = repr(runs.scored("exact:1").view())
    assert text.count("of 1 (") == 12
    assert "exact:1 at 3 more: _sweep.metrics('exact:1') has all." in text


def test_the_table_has_the_scores_beside_the_text(moods):
    page = Reader(moods.view()._repr_html_())

    head = ["review", "mood", "temperature", "text", "extracted", "exact", "status"]
    assert page.lines[0][:7] == head
    line = next(line for line in page.lines if line[0] == "great 1")
    assert line[4:7] == ["bad", "✗", "complete"]
    assert "expected" not in page.lines[0]
    other = moods.scored("contains", expect="{{mood}}!")
    assert Reader(other.view()._repr_html_()).lines[0][4:6] == ["expected", "contains"]
    assert "GOOD." in repr(moods.view())


def test_what_is_wrong_stands_beside_what_was_expected(moods):
    shown = moods.view(wrong=True)

    markup = shown._repr_html_()
    assert "<del>good</del>" in markup
    assert "<ins>bad</ins>" in markup
    assert "<i>nothing found</i>" in markup
    assert "3 wrong answers" in markup
    assert re.search("class=jc-v3 checked", markup)
    assert not re.search("class=jc-v0 checked", markup)
    text = repr(shown)
    assert (
        "review=great 1, temperature=0.0 · ✗ exact\n"
        "  expected: good\n"
        "  got:      bad" in text
    )
    assert "got:      (nothing found)" in text
    assert "3 wrong answers" in text
    right = moods.at(review="great 0")
    assert "No score of this sweep says" in repr(right.view(wrong=True))
    assert "No score of this sweep says" in right.view(wrong=True)._repr_html_()


def test_few_labels_have_a_confusion_table(moods):
    cold, warm = confusions(moods)

    assert cold == (
        "temperature=0.0",
        [["expected \\ got", "good", "bad"], ["good", "2", "1"], ["bad", "", "3"]],
    )
    assert warm[1] == [
        ["expected \\ got", "good", "bad", OTHER],
        ["good", "3", "", ""],
        ["bad", "", "1", "2"],
    ]
    page = Reader(moods.view(wrong=True)._repr_html_())
    assert ["good", "2", "1"] in page.lines
    assert "script" not in page.tags
    assert "good            2     1" in repr(moods.view(wrong=True))
    assert confusions(moods.at(review="great 1")) == []
    assert confusions(asked(rows=CITIES, text=lambda *_: "x").scored("json")) == []


def test_a_label_within_the_answer_is_the_one_that_came():
    runs = asked(
        rows=MOODS,
        template=("review",),
        text=lambda at, _: f"It is {'good or bad' if '2' in at['review'] else 'good'}.",
    ).scored("contains", expect="mood")

    assert confusions(runs)[0][1][1:] == [["good", "2", "", "1"], ["bad", "2", "", "1"]]


def test_many_wrong_answers_are_paged_and_stay_in_bounds():
    rows = [{"q": f"q{n}", "want": f"w{n}"} for n in range(400)]
    runs = asked(rows=rows, template=("q",), text=lambda *_: "wrong " * 400)
    runs = runs.scored("exact", expect="want")

    markup = runs.view(wrong=True)._repr_html_()
    assert len(markup) < 1_600_000
    assert "400 wrong answers" in markup
    assert re.search(r"and \d+ more: _sweep\.at", markup)
    text = repr(runs.view(wrong=True, page=1))
    assert "q=q50 " in text
    assert "q=q49 " not in text
    assert "400 wrong answers, 300 more on the next page" in text


@pytest.fixture
def dice():
    """Five answers to each of two questions."""
    said = {"a": ["Six.", "six", "5", " six ", "5"], "b": ["1", "2", "2.", "1", None]}

    def text(at, n):
        one = said[at["q"]][n]
        return "?" if one is None else f"so: {one}"

    rows = [{"q": "a", "want": "six"}, {"q": "b", "want": 2}]
    runs = asked(rows=rows, template=("q",), samples=5, text=text)
    return runs.scored("exact", expect="want", extract="so: (.*)")


def test_answers_are_counted_as_exact_takes_them(dice):
    found = dice.counts()

    assert found.to_records() == [
        {"q": "a", "answer": "Six.", "count": 3, "share": 0.6, "n": 5},
        {"q": "a", "answer": "5", "count": 2, "share": 0.4, "n": 5},
        {"q": "b", "answer": "1", "count": 2, "share": 0.4, "n": 5},
        {"q": "b", "answer": "2", "count": 2, "share": 0.4, "n": 5},
        {"q": "b", "answer": None, "count": 1, "share": 0.2, "n": 5},
    ]
    assert isinstance(found.to_dataframe(), pd.DataFrame)
    assert len(found[:2]) == 2
    assert found[0]["answer"] == "Six."
    assert repr(found).splitlines()[1].split() == ["a", "Six.", "3", "0.6", "5"]
    assert [one["answer"] for one in dice.counts(extract="so: (.)")][:2] == ["S", "5"]


def test_without_an_extraction_the_texts_are_counted():
    runs = asked(template=["n"], n=["x"], samples=3, text=lambda _, n: "A"[: n + 1])

    assert runs.counts()[0] == {"answer": "A", "count": 3, "share": 1.0, "n": 3}
    assert runs.at(sample=7).counts().to_records() == []
    assert repr(runs.at(sample=7).counts()) == "nothing was answered"


def test_the_vote_stands_beside_a_single_sample(dice):
    found = dice.vote()

    assert found[0] == {
        "q": "a",
        "answer": "Six.",
        "share": 0.6,
        "n": 5,
        "tied": False,
        "exact": True,
        "exact_single": 0.6,
    }
    assert (found[1]["answer"], found[1]["tied"], found[1]["exact"]) == (
        "1",
        True,
        False,
    )
    assert "exact: the vote 0.5 [" in repr(found)
    assert "a single sample 0.5 [" in repr(found)


def test_where_nothing_was_found_nothing_is_voted_for():
    runs = asked(rows=CITIES[:1], samples=2, text=lambda *_: "?")

    (found,) = runs.vote(extract="so: (.*)")
    assert (found["answer"], found["share"], found["n"]) == (None, 0.0, 2)


@given(st.lists(st.sampled_from(["A", "a.", "b", " B", "c"]), min_size=1, max_size=8))
def test_every_answer_is_counted_once(texts):
    runs = asked(
        template=["n"], n=["x"], samples=len(texts), text=lambda _, n: texts[n]
    )

    (point,) = answers_at(runs)
    counts = [count for _, count in point.counted()]
    assert sum(counts) == len(texts)
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == len({normal(text) for text in texts})
    assert len(point.vote()) == counts[0]


def test_the_view_of_answers_says_how_often_each_came(dice):
    shown = dice.view(answers=True)

    assert f"<li><strong>{TIMES}3</strong> Six.</li>" in shown._repr_html_()
    assert "<i>(nothing found)</i>" in shown._repr_html_()
    assert re.search("class=jc-v4 checked", shown._repr_html_())
    assert f"q=a: 2 distinct of 5\n  {TIMES}3 Six.\n  {TIMES}2 5\n" in repr(shown)
    one = asked(rows=CITIES, text=lambda *_: "x")
    assert "Answers" not in one.view()._repr_html_()


def test_many_answers_stay_in_bounds():
    runs = asked(
        template=["n"],
        n=[*range(300)],
        samples=25,
        text=lambda at, n: f"{n} " + "word " * 200,
    )

    markup = runs.view(answers=True)._repr_html_()
    assert len(markup) < 1_600_000
    assert "<li>and 5 others</li>" in markup
    assert re.search(r"and \d+ more points: _sweep\.counts\(\)", markup)
    assert "  and 5 others" in repr(runs.view(answers=True))


def test_how_often_each_answer_came_is_drawn_as_bars():
    said = ["_a", "b$b", "c", "d", "e", "f", "g", "h", "i"]
    runs = asked(
        template=["n"],
        n=["x", "y"],
        samples=20,
        text=lambda at, n: "_A." if at["n"] == "y" or n < 8 else said[(n - 8) % 9],
    )

    figure = runs.plot("answers~n")
    (axes,) = figure.axes
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[:2] == ['"_A."', "b$b"]
    assert names[-1] == "others"
    assert len(names) == 8
    first = [bar.patches[0].get_height() for bar in axes.containers]
    assert first[0] == 10 / 20
    assert sum(first) == pytest.approx(1)
    assert axes.containers[0].patches[1].get_height() == 1
    assert "x        _A.     10     0.5    20" in repr(figure)
    assert runs.plot("answers").axes[0].get_xlabel() == "n"
    two = asked(template=["n"], n=[1, 2], temperature=[0, 1], text=lambda *_: "x")
    with pytest.raises(InputError, match="2 axes; answers takes one"):
        two.plot("answers~n+temperature")
    with pytest.raises(InputError, match="No answer of the sweep can be counted"):
        with_status(two, *["error"] * 4).plot("answers~n")
