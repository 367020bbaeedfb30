"""Scores: what each takes for right, forgives, and refuses; worked by hand."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_complete import scores
from jupyter_complete.errors import InputError
from jupyter_complete.scores import SCORES, numbers


def score(name, text, expected):
    return SCORES[name](text, expected)


@pytest.mark.parametrize(
    ("text", "expected", "right"),
    [
        ("Paris", "Paris", True),
        (" paris.\n", "Paris", True),
        ("PARIS", "paris.", True),
        ("New  York", "new york", True),
        ("Caf\u00e9", "Cafe\u0301", True),
        ("Paris!", "Paris", False),
        ("It is Paris.", "Paris", False),
        ("", "Paris", False),
        ("", "", True),
        ("1,000", 1000, True),
        ("1000.0.", 1000, True),
        ("\N{MINUS SIGN}7", -7, True),
        ("1000 km", 1000, False),
        ("1,000", "1000", False),
        ("01234", "1234", False),
        ("4", 4.0, True),
        ("true", True, True),
        ("1", True, False),
        ("0.30000000000000004", 0.3, True),
        ("4", np.int64(4), True),
        ("2026-01-02", dt.date(2026, 1, 2), True),
        ("b", ["a", "B"], True),
        ("c", ("a", "b"), False),
        ("a", [], False),
    ],
)
def test_exact_is_the_whole_answer(text, expected, right):
    assert score("exact", text, expected) is right


@pytest.mark.parametrize(
    ("text", "expected", "right"),
    [
        ("The capital is Paris, of course.", "paris", True),
        ("Parisian", "Paris", False),
        ("I know", "no", False),
        ("no, no", "no", True),
        ("unknown; no", "no", True),
        ("It has 14 legs", 4, False),
        ("It has 14 legs", "4", False),
        ("about 1,000 people", 1000, True),
        ("C++ is fine", "c++", True),
        ("日本の東京です", "東京", True),
        ("new\n york", "New York", True),
        ("", "x", False),
        ("either", ["or", "either"], True),
    ],
)
def test_contains_wants_whole_words(text, expected, right):
    assert score("contains", text, expected) is right


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is 1,000.", [1000]),
        ("a -5 b, 3-5, (-3)", [-5, 3, 5, -3]),
        ("GPT-4 and H2O", [4]),
        ("$42.00.", [42]),
        ("v1.5.2", []),
        (".5 or 42kg or 50%", [0.5, 42, 50]),
        ("1e3, 1.5E-1", [1000, 0.15]),
        ("12,34 and 1,2345", [12, 34, 1, 2345]),
        ("1\N{NARROW NO-BREAK SPACE}000,5", [1000, 5]),
        ("2026-01-05", [2026, 1, 5]),
        ("none", []),
    ],
)
def test_the_numbers_of_a_text(text, found):
    assert [*numbers(text)] == [Decimal(str(one)) for one in found]


@given(st.integers(-(10**12), 10**12))
def test_a_number_is_found_as_people_write_it(number):
    for text in (f"{number}", f"{number:,}", f"It is {number:,}.", f"{number}.0 m"):
        assert score("number", text, number) is True
        assert score("number", text, number + 1) is False


@pytest.mark.parametrize(
    ("text", "expected", "right"),
    [
        ("3 and 4 make 7", 7, True),
        ("7, not 3", 7, False),
        ("7", "7.0", True),
        ("1000", "$1,000", True),
        ("0.333333333333", 1 / 3, True),
        ("0.3333", 1 / 3, False),
        ("1000000000000001", 1000000000000000, False),
        ("none", 7, False),
        ("19.90", Decimal("19.9"), True),
    ],
)
def test_number_is_the_last_of_the_answer(text, expected, right):
    assert score("number", text, expected) is right


@pytest.mark.parametrize(
    ("text", "expected", "right"),
    [
        ('{"a": 1, "b": [2]}', '{"b": [2.0], "a": 1}', True),
        ('```json\n{"a": 1}\n```', {"a": 1}, True),
        ("[1, 2]", [1, 2], True),
        ("[1, 2]", [2, 1], False),
        ("1", True, False),
        ("true", True, True),
        ('{"a": 1}', {"a": 1, "b": 2}, False),
        ("not JSON", {"a": 1}, False),
        ("[" * 100_000, [1], False),
        ("NaN", [1], False),
        ("[1.5, 2]", [Decimal("1.5"), np.int64(2)], True),
        ('{"a": 1}', None, True),
        ("{a: 1}", None, False),
    ],
)
def test_json_is_a_value_whatever_its_writing(text, expected, right):
    assert score("json", text, expected) is right


def test_regex_is_that_of_python():
    assert score("regex", "A cat.", r"\bcat\b") is True
    assert score("regex", "A Cat.", r"\bcat\b") is False
    assert score("regex", "A Cat.", r"(?i)\bcat\b") is True


@pytest.mark.parametrize("gap", [None, float("nan"), pd.NA, pd.NaT, Decimal("nan")])
@pytest.mark.parametrize("name", ["exact", "contains", "regex", "number"])
def test_where_nothing_is_expected_nothing_is_scored(name, gap):
    assert score(name, "text", gap) is None


@pytest.mark.parametrize(
    ("name", "expected", "says"),
    [
        ("regex", "(", "which regex cannot use: missing )"),
        ("regex", ["a", "("], "expected is '('"),
        ("number", "many", "it is not one number"),
        ("number", "1 or 2", "it is not one number"),
        ("number", float("inf"), "it is not one number"),
        ("contains", " ", "every text contains it"),
        ("json", "{a}", "which json cannot use"),
        ("json", {"a": dt.date(2026, 1, 2)}, "a date is no JSON"),
        ("json", np.arange(2), "a ndarray is no JSON"),
        ("exact", b"x", "is bytes"),
        ("exact", object(), "has no text of its own"),
        ("exact", pd.DataFrame({"a": [1]}), "is of type DataFrame"),
    ],
)
def test_what_cannot_be_expected_is_one_line(name, expected, says):
    with pytest.raises(InputError) as caught:
        SCORES[name].checked(expected)

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_score_may_say_what_it_expects():
    found, expected = scores.named("regex:^a:b$")

    assert (found.name, expected) == ("regex", "^a:b$")
    assert scores.named("json") == (SCORES["json"], None)
    assert scores.named("shout") is None
    with pytest.raises(InputError, match="regex cannot use"):
        scores.named("regex:(")


def test_an_unknown_score_is_told_the_nearest():
    assert "did you mean exact?" in str(scores.unknown("exat"))
    assert "did you mean shout?" in str(scores.unknown("shuot", ["shout"]))
    assert "one of exact, contains" in str(scores.unknown("wholly"))


@given(st.text(), st.text())
def test_exact_is_the_same_both_ways(one, other):
    assert score("exact", one, other) is score("exact", other, one)


@given(st.text(), st.text(min_size=1))
def test_no_text_makes_a_score_raise(text, expected):
    for known in SCORES.values():
        try:
            known.checked(expected)
        except InputError:
            continue
        assert known(text, expected) in (True, False)
