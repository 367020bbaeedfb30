"""Axes: every way to write one, and every way to write one wrong."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_complete.errors import InputError
from jupyter_complete.sweeps.axes import AxisNames, keyword_axes, parse_axis
from jupyter_complete.sweeps.points import points

SETTINGS = {
    "temperature": float,
    "top_p": float,
    "top_k": int,
    "max_tokens": int,
    "model": str,
    "stop": list,
    "system": str,
}
NAMES = AxisNames(SETTINGS, ("tone", "topic", "n"))


def axis(text, names=NAMES, **variables):
    return parse_axis(text, names=names, lookup=variables.__getitem__)


def column(text, **variables):
    return [row[0] for row in axis(text, **variables).rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("temperature=0,.5,1", [0, 0.5, 1]),
        ("temperature = 0 , 1e-1", [0, 0.1]),
        ("temperature=0.7", [0.7]),
        ("tone=dry,warm", ["dry", "warm"]),
        ("tone=it's dry, 12 o'clock", ["it's dry", "12 o'clock"]),
        ("tone='a,b',\"c\"", ["a,b", "c"]),
        ('tone="a\\nb","","\\u00e9 \\d"', ["a\nb", "", "é \\d"]),
        ("tone=a+b", ["a+b"]),
        ("tone=ratio 1:2, a=b", ["ratio 1:2", "a=b"]),
        ("tone=1,2", ["1", "2"]),
        ("top_k=1,1e1", [1, 10]),
        ("model=llama3:8b,ngram-chat", ["llama3:8b", "ngram-chat"]),
        ("n=1:3:1", [1, 2, 3]),
        ("n=0:1:0.5", [0, 0.5, 1]),
        ("temperature=0:1/3", [0, 0.5, 1]),
        ("temperature=1:0:-0.25", [1, 0.75, 0.5, 0.25, 0]),
        ("temperature=0:1:0.4", [0, 0.4, 0.8]),
        ("temperature=log(0.01,100)/5", [0.01, 0.1, 1, 10, 100]),
        ("top_k=log(1, 100)/5", [1, 3, 10, 32, 100]),
        ("top_k=1:10/4", [1, 4, 7, 10]),
        ('tone=json:["a,b", "c\\nd", "e+f"]', ["a,b", "c\nd", "e+f"]),
        ("temperature=json:[null, 0.5]", [None, 0.5]),
        ('stop_sequences=END,"\\n"', [("END",), ("\n",)]),
        ('stop=json:[["a", "b"], []]', [("a", "b"), ()]),
        ("max_tokens_to_sample=16,32", [16, 32]),
    ],
)
def test_an_axis_is_written_as(text, expected):
    assert column(text) == expected


def test_a_stepped_range_is_exact_in_decimals():
    assert column("temperature=0:1:0.1") == [
        0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0,
    ]  # fmt: skip


def test_values_have_the_kind_of_their_setting():
    assert [type(value) for value in column("temperature=0,1")] == [float, float]
    assert [type(value) for value in column("top_k=1:3:1")] == [int, int, int]


@pytest.mark.parametrize(
    "values",
    [
        [0.0, 0.5],
        (0.0, 0.5),
        np.array([0.0, 0.5]),
        pd.Series([0.0, 0.5]),
        {0.0, 0.5},
        iter([0.0, 0.5]),
    ],
)
def test_a_variable_gives_an_axis(values):
    found = column("temperature=@values", values=values)

    assert found == [0.0, 0.5]
    assert all(type(value) is float for value in found)


def test_a_range_and_a_column_are_variables_too():
    frame = pd.DataFrame({"topic": ["cats", "tea"], "two words": [1, 2]})

    assert column("top_k=@ks", ks=range(1, 4)) == [1, 2, 3]
    assert column("topic=@df.topic", df=frame) == ["cats", "tea"]
    assert column('n=@df["two words"]', df=frame) == [1, 2]


def test_two_names_move_in_step():
    found = axis('temperature+tone=0,1+dry,"warm+kind"')

    assert found.names == ("temperature", "tone")
    assert found.rows == ((0.0, "dry"), (1.0, "warm+kind"))
    assert found.settings == {"temperature"}


def test_every_form_moves_in_step():
    found = axis('n+tone+topic=0:2:1+json:["a+b","c","d"]+@t', t=["x", "y", "z"])

    assert found.rows == ((0, "a+b", "x"), (1, "c", "y"), (2, "d", "z"))


def test_in_step_a_value_may_stand_twice_beside_another():
    assert axis("temperature+tone=0,0+dry,warm").rows == ((0.0, "dry"), (0.0, "warm"))


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"tone": ["dry", "warm"], "n": [1, 2]}),
        [{"tone": "dry", "n": 1}, {"n": 2, "tone": "warm"}],
    ],
)
def test_rows_take_every_column_as_a_template_name(table):
    found = axis("rows=@table", table=table)

    assert found.names == ("tone", "n")
    assert found.rows == (("dry", 1), ("warm", 2))
    assert not found.settings


def test_axes_multiply_and_the_last_moves_fastest():
    grid = points([axis("temperature=0,1"), axis("tone=dry,warm")])

    assert [dict(point.values) for point in grid] == [
        {"temperature": 0, "tone": "dry"},
        {"temperature": 0, "tone": "warm"},
        {"temperature": 1, "tone": "dry"},
        {"temperature": 1, "tone": "warm"},
    ]
    assert grid[0].settings == {"temperature": 0}
    assert grid[1].label == "temperature=0.0, tone=warm"


def test_no_axis_is_one_point():
    assert [dict(point.values) for point in points([])] == [{}]


def test_a_name_that_is_setting_and_template_is_both():
    grid = points([axis("temperature=0.5", AxisNames(SETTINGS, ("temperature",)))])

    assert grid[0].settings == {"temperature": 0.5}
    assert grid[0].label == "temperature=0.5"


FRAME = pd.DataFrame({"tone": ["dry", None], "size": [1, 2]})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("temperature", "'temperature' is no axis"),
        ("=1,2", "is no axis"),
        ("2x=1", "is no axis"),
        ("temprature=0,1", "did you mean temperature?"),
        ("mood=a,b", "no {{mood}}; write {{mood}} in it"),
        ("temperature=", "temperature has no values"),
        ("tone=a,,b", "empty value in 'a,,b'"),
        ("tone=a,", "empty value"),
        ("tone='a,b", 'quote that does not close around its value: "\'a"'),
        ("tone='a'b", "quote that does not close"),
        ("temperature=warm", "temperature is 'warm'; give a number"),
        ("temperature=0:1", "temperature is '0:1'; give a number"),
        ("temperature=1e999", "give a number"),
        ("temperature=0:1:0", "never ends; give a step that is not 0"),
        ("temperature=0:inf:1", "never ends; give finite"),
        ("temperature=0:nan/3", "never ends"),
        ("temperature=0:1:-0.1", "turn the step's sign"),
        ("temperature=0:1/1", "wants 2 points or more"),
        ("temperature=log(0,1)/3", "wants both ends above 0"),
        ("n=1:100001:1", "n=1:100001:1 has 100,001 values"),
        ("n=0:1e300:1", "has 1.00e+300 values"),
        ("n=0:1/1000000", "has 1,000,000 values"),
        ("top_k=0:1:0.5", "top_k is 0.5; give a whole number"),
        ("top_k=1.5", "top_k is '1.5'; give a whole number"),
        ("top_k=1:2/5", "top_k has '1' twice, as values 1 and 2"),
        ("tone=a,b,a", "tone has 'a' twice, as values 1 and 3"),
        ("temperature=0,0.0", "temperature has '0.0' twice"),
        ("tone=@nothing", "@nothing names no variable; assign nothing first"),
        ("tone=@a b", "is no variable"),
        ("tone=@df.nothing", "df has no nothing"),
        ("tone=@df['nothing']", "df has no nothing"),
        ("tone=@word", "tone is a str; give a list of values"),
        ("tone=@number", "tone is a int; give a list of values"),
        ("tone=@empty", "tone has no values"),
        ("tone=@grid", "tone has 2 dimensions"),
        ("tone=@df.tone", "tone has a gap"),
        ("n=@gap", "n has a gap (nan)"),
        ("n=@endless", "n has more than 100,000 values"),
        ("n=@long", "n has 1,000,000,000,000,000,000,000 values"),
        ("rows=@df", "tone has a gap"),
        ("rows=@sizes", "rows has the columns size, and the prompt names none of"),
        ("rows=@samples", "rows has the column sample, as every sweep has one"),
        ("rows=@hot", "rows has the column temperature, which is a setting"),
        ("rows=@empty", "rows has no values"),
        ("rows=@double", "rows has the column label twice"),
        ("rows=@uneven", "row 2 and row 1 do not both have n"),
        ("rows=@none", "rows has no values"),
        ("tone=json:{}", "is no list"),
        ("tone=json:[", "is not JSON"),
        ("tone=json:[1] x", "is not JSON"),
        ("tone=json:[]", "tone has no values"),
        ("temperature=json:[NaN]", "holds NaN"),
        ("stop=json:[1]", "stop is 1; give text, or a list of texts"),
        ("temperature+tone=0,1+a", "is to move in step, but has 2, 1 values"),
        ("temperature+tone=0,1", "wants 2 lists with + between them, and has 1"),
        ("tone+tone=a+b", "has one name twice"),
    ],
)
def test_a_bad_axis_is_one_line(text, says):
    variables = {
        "df": FRAME,
        "word": "dry",
        "number": 3,
        "empty": [],
        "grid": np.zeros((2, 2)),
        "gap": [1.0, float("nan")],
        "endless": itertools.count(),
        "long": range(10**21),
        "uneven": [{"tone": "a", "n": 1}, {"tone": "b"}],
        "none": pd.DataFrame({"tone": []}),
        "sizes": [{"size": 1}],
        "samples": [{"tone": "dry", "sample": 1}],
        "hot": [{"tone": "dry", "temperature": 1}],
        "double": pd.DataFrame([["a", 1, 2]], columns=["tone", "label", "label"]),
    }

    with pytest.raises(InputError) as caught:
        axis(text, **variables)

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_many_points_are_refused_with_their_count_before_any_is_built():
    axes = [axis("n=1:100000:1"), axis("top_k=1:100000:1"), axis("tone=a,b")]

    with pytest.raises(InputError, match=r"20,000,000,000 points"):
        points(axes)


def test_too_many_calls_are_refused_with_their_count():
    with pytest.raises(InputError, match=r"1,000,000 calls"):
        points([axis("tone=a,b")], samples=500_000)


def test_one_name_on_two_axes_is_refused():
    with pytest.raises(InputError, match="n is on two axes"):
        points([axis("n=1,2"), axis("n=3,4")])


def test_python_keywords_are_settings_or_axes():
    single, axes = keyword_axes(
        {
            "model": "ngram-chat",
            "temperature": [0, 0.5],
            "tone": ("dry", "warm"),
            "topic": "tea",
            "stop": ["END"],
            "top_p": None,
        },
        NAMES,
    )

    assert single == {"model": "ngram-chat", "stop": ["END"], "top_p": None}
    assert [found.names for found in axes] == [("temperature",), ("tone",), ("topic",)]
    assert [len(found) for found in axes] == [2, 2, 1]


def test_python_has_the_power_of_the_axis_texts():
    _, axes = keyword_axes(
        {
            "top_p": "0:1:0.5",
            "stop": [["a"], ["b", "c"], []],
            "temperature+tone": [(0, "dry"), (1, "warm")],
            "rows": [{"topic": "tea", "n": 1}],
        },
        NAMES,
    )

    assert [found.rows for found in axes] == [
        ((0.0,), (0.5,), (1.0,)),
        ((("a",),), (("b", "c"),), ((),)),
        ((0.0, "dry"), (1.0, "warm")),
        (("tea", 1),),
    ]


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"temprature": [0]}, "did you mean temperature"),
        ({"tone": []}, "tone has no values"),
        ({"temperature": itertools.count()}, "more than 100,000"),
        ({"temperature": ["hot"]}, "temperature is 'hot'; give a number"),
        ({"temperature": [True]}, "temperature is True; give a number"),
        ({"temperature": np.array([np.inf])}, "temperature is inf; give a number"),
        ({"temperature+tone": [(0,)]}, "wants a list of 2 values for each step"),
        ({"temperature+tone": []}, "has no values"),
        ({"tone": [None]}, "tone has a gap"),
        ({"top_p": "0,@x"}, "top_p is '@x'; give a number"),
        ({"top_p": "@x.a:b"}, "is no variable"),
        ({"top_p": '@x["a,b"]'}, "names no variable; assign x first"),
        ({"rows": [{}]}, "rows has no values"),
        ({"rows": [{1: "tea"}]}, "rows has a column 1; name it with text"),
        ({"rows": [{"n": n} for n in range(100_001)]}, "rows has 100,001 values"),
        ({"rows": pd.DataFrame({"n": []})}, "rows has no values"),
        ({"n": np.zeros(100_001)}, "n has 100,001 values"),
    ],
)
def test_bad_python_axes_are_one_line(keywords, says):
    with pytest.raises(InputError) as caught:
        keyword_axes(keywords, NAMES)

    assert says in str(caught.value)


class Frame:
    """What Polars' frame has of a table, which is not what pandas' has."""

    columns = ("topic", "n")

    def iter_rows(self):
        return iter([("tea", 1), ("ice", 2)])


def test_any_frame_whose_rows_can_be_had_is_a_table():
    _, axes = keyword_axes({"rows": Frame()}, NAMES)

    assert axes[0].names == ("topic", "n")
    assert axes[0].rows == (("tea", 1), ("ice", 2))


@pytest.mark.parametrize("given", ["tea", ["tea", "ice"]], ids=str)
def test_rows_is_a_template_name_for_what_is_no_table(given):
    names = AxisNames(SETTINGS, ("rows",))

    _, axes = keyword_axes({"rows": given}, names)
    assert axes[0].names == ("rows",)
    assert [row[0] for row in axes[0].rows] == ([given] if given == "tea" else given)
    assert axis("rows=1,2", names).rows == (("1",), ("2",))
    assert axis("rows=@given", names, given=["tea", "ice"]).rows == (("tea",), ("ice",))


def test_a_number_of_numpy_is_one_of_python():
    _, axes = keyword_axes({"temperature": [np.float32(0.5), np.int64(1)]}, NAMES)

    assert [type(row[0]) for row in axes[0].rows] == [float, float]


@pytest.mark.parametrize(
    ("text", "expected"), [("on,off", [True, False]), ("Yes, 0", [True, False])]
)
def test_a_switch_is_swept_by_its_words(text, expected):
    found = axis(f"stream={text}", AxisNames({"stream": bool}, ()))

    assert [row[0] for row in found.rows] == expected
    with pytest.raises(InputError, match="stream is 'perhaps'; give true or false"):
        axis("stream=perhaps", AxisNames({"stream": bool}, ()))


def test_a_json_list_is_no_longer_than_a_sweep():
    with pytest.raises(InputError, match="n has 100,001 values"):
        axis(f"n=json:[{','.join('0' * 100_001)}]")


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_json_carries_any_text(texts):
    import json

    assert column(f"tone=json:{json.dumps(texts)}") == texts


@given(st.text())
def test_any_text_is_an_axis_or_one_line(text):
    try:
        rows = axis(f"tone={text}", t=["x"]).rows
    except InputError as error:
        rows = [[str(error)]]

    assert all(len(row) == 1 for row in rows)
