"""Variants of a prompt: asked by name, compared in pairs, and told apart in words."""

import pandas as pd
import pytest
from counting import Counting, answered
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from test_scoring import asked
from test_sweep_display import Reader

from jupyter_complete import Sweep, sweep
from jupyter_complete.errors import InputError
from jupyter_complete.sweeps.comparison import _holm
from jupyter_complete.sweeps.points import Point
from jupyter_complete.sweeps.table import SweepRow
from jupyter_complete.sweeps.variants import variants_of

TWO = {"plain": "Say {{word}}.", "kind": "Please Say {{word}}. & no more."}
WORDS = [{"word": word, "wanted": f"say {word}"} for word in ("a", "b", "c")]


@pytest.fixture
def server():
    with Counting() as counting:
        counting.answer = lambda prompt, _: (200, {}, answered(prompt))
        yield counting


@pytest.fixture
def run(shell, server):
    """Run a %%complete cell, or a line, against the counting server."""
    shell.user_ns |= {"variants": dict(TWO), "words": WORDS}

    def asking(flags, text=None):
        place = f"-m m --endpoint {server.endpoint.base_url} --dialect text"
        body = "" if text is None else f"\n{text}"
        magic = "%complete" if text is None else "%%complete"
        shell.run(f"{magic} {place} --turns raw --no-stream {flags}{body}")
        return shell.user_ns["_sweep"]

    return asking


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_each_variant_is_filled_with_the_other_axes(run, server, text):
    runs = run("-s prompt=@variants -s rows=@words", text)

    assert [one.prompt for one in runs.at(prompt="kind")] == [
        f"Please Say {word}. & no more." for word in "abc"
    ]
    assert runs.varying == ("prompt", "word", "wanted")
    assert runs.to_records()[0]["asked_prompt"] == "plain"
    assert runs.to_records()[0]["prompt"] == "Say a."
    assert len(server.times) == 6


def test_a_variant_more_asks_for_its_own_answers_alone(run, server, shell):
    run("-s word=a,b", "Say {{word}}.")
    run("-s prompt=@variants -s word=a,b")
    assert len(server.times) == 4
    shell.user_ns["variants"]["short"] = "{{word}}!"
    runs = run("-s prompt=@variants -s word=a,b")

    assert len(server.times) == 6
    assert [one.reused for one in runs] == [True] * 4 + [False] * 2
    shell.run(f"%complete_history --restore {runs.id}")
    again = shell.user_ns["_sweep"]
    assert [one.text for one in again.at(prompt="short")] == ["a!", "b!"]


def test_a_name_that_one_variant_alone_has_is_an_axis_too(run, server, shell):
    shell.user_ns["variants"]["toned"] = "A {{tone}} {{word}}."

    runs = run("-s prompt=@variants -s word=a -s tone=dry,warm")
    assert [one.prompt for one in runs.at(prompt="toned")] == ["A dry a.", "A warm a."]
    assert len(runs) == 6
    assert len(server.times) == 4


def test_a_prompt_that_names_prompt_is_filled_as_ever(run, shell):
    shell.user_ns["texts"] = ["x", "y"]

    runs = run("-s prompt=@texts", "-{{prompt}}-")
    assert [one.prompt for one in runs] == ["-x-", "-y-"]


@pytest.mark.parametrize("given", [TWO, [*TWO.values()], pd.Series(TWO)])
def test_python_takes_variants_in_place_of_the_prompt(given):
    runs = sweep(
        given,
        rows=WORDS,
        model="ngram-base",
        max_tokens=1,
        score=lambda completion: len(completion.prompt) > 8,
        history=False,
    )

    assert len(runs) == 6
    names = runs.values("prompt")
    assert names == (("1", "2") if isinstance(given, list) else ("plain", "kind"))
    assert [one.estimate.value for one in runs.metrics("lambda")] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("flags", "text", "says"),
    [
        ("-s prompt=@variants", "Say {{word}}.", "there is a text beside it"),
        ("-s prompt=@variants word", None, "there is a text beside it"),
        ("-s prompt=@nothing", None, "@nothing names no variable"),
        ("-s prompt=@empty", None, "prompt has no values"),
        ("-s prompt=@number", None, "prompt is a int; give a dict of templates"),
        ("-s prompt=@bad", None, "prompt x is 3; give a text"),
        ("-s prompt=@own", None, "prompt x names {{prompt}}, which is the axis"),
        ("-s prompt=a,b", "Say {{word}}.", "the prompt has no {{prompt}}"),
        ("-s prompt=@variants -s wrd=a", None, "did you mean word?"),
        ("-s prompt=@variants", None, "{{word}} in the prompt names nothing"),
        ("-s prompt=@variants -s prompt=@variants", None, "prompt is on two axes"),
    ],
)
def test_bad_input_is_one_line(run, shell, flags, text, says):
    shell.user_ns |= {"empty": {}, "number": 3, "bad": {"x": 3}}
    shell.user_ns["own"] = {"x": "{{prompt}}"}

    with pytest.raises(InputError) as caught:
        run(flags, text)

    assert says in str(caught.value)


def compared(better, worse, equal, *, samples=1, variants=TWO):
    """Return a scored sweep of two variants, the second better in so many rows."""
    signs = [1] * better + [-1] * worse + [0] * equal
    rows = [{"word": f"w{n}", "sign": sign} for n, sign in enumerate(signs)]

    def text(at, _):
        right = at["sign"] >= 0 if at["prompt"] == "kind" else at["sign"] < 0
        return "yes" if right else "no"

    axis = variants_of(variants)
    done = asked(rows=rows, template=("word",), samples=samples, text=lambda *_: "x")
    calls = []
    for (name,) in axis.rows:
        for row in done.rows:
            point = Point({"prompt": name, **row.point.values}, beside={"sign"})
            one = row.completion
            answer = type(one)(text(point.values, 0), one.request, sample=row.sample)
            calls.append(SweepRow(point, row.sample, answer))
    return Sweep(tuple(calls), (axis, *done.axes)).scored("exact:yes")


def test_two_variants_are_compared_in_pairs():
    lines = repr(compared(9, 1, 0).view()).splitlines()

    assert "exact:yes at prompt=kind: 9 of 10 (90 %, 60 to 98 %)" in lines
    said = next(line for line in lines if "against" in line)
    assert said.startswith(
        "exact:yes at prompt=kind against plain: better in 9, worse in 1, equal in 0 "
    )
    p = stats.binomtest(1, 10).pvalue
    assert said.endswith(f"that is more than luck (exact sign test, p = {p:.2g}).")


def test_what_could_be_luck_is_called_so():
    runs = compared(4, 1, 0)
    assert "that could be luck (exact sign test, p = 0.38)." in repr(runs.view())
    alike = {"plain": TWO["plain"], "other": TWO["plain"]}
    assert "no difference." in repr(compared(4, 1, 0, variants=alike).view())


def test_each_row_counts_once_however_often_it_was_asked():
    said = repr(compared(4, 1, 0, samples=5).compare("prompt", "exact:yes"))

    assert "better in 4, worse in 1, equal in 0 of 5 pairs" in said
    words = repr(compared(4, 1, 0).compare("prompt", "length", baseline="kind"))
    assert "length at prompt=plain against kind: higher in 1, lower in 4," in words


def test_several_comparisons_are_adjusted():
    three = {**TWO, "third": "{{word}}"}

    said = repr(compared(9, 1, 0, variants=three).view())
    assert "Holm's for 2 comparisons" in said
    assert "p = 0.043, Holm's" in said


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holms_adjustment_by_its_definition(ps):
    found = _holm(ps)

    ordered = sorted(ps)
    for p, adjusted in zip(ps, found, strict=True):
        rank = max(i for i, other in enumerate(ordered) if other == p)
        worst = max((len(ps) - i) * ordered[i] for i in range(rank + 1))
        assert adjusted == pytest.approx(min(1, worst))
        assert adjusted >= p


def test_the_view_says_how_the_prompts_differ():
    runs = compared(2, 1, 0)

    markup = runs.view()._repr_html_()
    assert "How the prompts differ" in Reader(markup).text
    assert "<ins>Please</ins> Say {{word}}." in markup
    assert "<ins>&amp; no more.</ins>" in markup
    text = repr(runs.view())
    assert "How the prompts differ from the first:\nplain: Say {{word}}.\n" in text
    assert "kind: {+Please+} Say {{word}}. {+& no more.+}" in text
    one = runs.at(prompt="kind").view()
    assert "How the prompts differ" not in repr(one) + one._repr_html_()


def test_a_plot_is_over_the_variants():
    figure = compared(2, 1, 0).plot("score~prompt")

    assert figure.axes[0].get_xlabel() == "prompt"
