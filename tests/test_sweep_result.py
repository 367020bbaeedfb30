"""What a sweep gives: by point, as records, frames and files, as measures."""

import csv
import json
import pickle
import sys
from dataclasses import fields, replace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from jupyter_complete.completion import Completion, Usage
from jupyter_complete.errors import InputError
from jupyter_complete.request import CompletionRequest
from jupyter_complete.results import Sweep
from jupyter_complete.sweeps.axes import AxisNames, keyword_axes
from jupyter_complete.sweeps.points import points
from jupyter_complete.sweeps.table import SweepRow

SETTINGS = {"temperature": float, "model": str, "stop": list, "max_tokens": int}


def made(*, samples=1, text=lambda point, sample: "a b", again=None, **keywords):
    """Return a finished sweep over the axes of these keywords."""
    template = [name for name in keywords if name not in SETTINGS]
    _, axes = keyword_axes(keywords, AxisNames(SETTINGS, template))
    rows = []
    for point in points(axes):
        for sample in range(samples):
            values = dict(point.values)
            prompt = " ".join(str(values[name]) for name in template) or "p"
            request = CompletionRequest(
                values.get("model", "m"),
                prompt,
                16,
                temperature=values.get("temperature"),
            )
            answer = Completion(
                text(point, sample),
                request,
                model=request.model,
                sample=sample,
                usage=Usage(3, 4),
                stop_reason="max_tokens",
                raw={"id": 1},
                seconds=0.5,
            )
            rows.append(SweepRow(point, sample, answer))
    return Sweep(tuple(rows), axes, again=again)


@pytest.fixture
def runs():
    return made(
        temperature=[0, 0.5],
        tone=["dry", "warm"],
        samples=2,
        text=lambda point, sample: f"{point.values['tone']} {sample}",
    )


def with_status(runs, *statuses):
    """Return the sweep with its first rows ended so; None is pending."""
    rows = list(runs.rows)
    for place, status in enumerate(statuses):
        one = rows[place].completion
        rows[place] = rows[place]._replace(
            completion=status and replace(one, status=status)
        )
    return replace(runs, rows=tuple(rows))


def test_it_iterates_over_its_completions(runs):
    assert len(runs) == 8
    assert [one.text for one in runs][:3] == ["dry 0", "dry 1", "warm 0"]
    assert runs[0].text == "dry 0"
    assert runs[-1].text == "warm 1"
    assert [one.text for one in runs[1:3]] == ["dry 1", "warm 0"]
    assert isinstance(runs[1:3], Sweep)


def test_a_point_is_found_by_its_values(runs):
    assert [one.text for one in runs.at(temperature=0.5, tone="warm")] == [
        "warm 0",
        "warm 1",
    ]
    assert runs.at(temperature=0, tone="dry", sample=1)[0].text == "dry 1"
    assert len(runs.at(temperature=0)) == 4


def test_a_list_is_a_point_as_it_was_given():
    runs = made(stop=[["a"], ["b", "c"]])

    assert len(runs.at(stop=["b", "c"])) == 1
    assert len(runs.at(stop="a")) == 1


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"temperature": 0.3}, "No point has temperature=0.3; temperature is 0.0, 0.5"),
        ({"mood": "x"}, "mood is no axis of this sweep; it has temperature, tone"),
    ],
)
def test_a_point_that_is_not_there_is_one_line(runs, values, says):
    with pytest.raises(InputError) as caught:
        runs.at(**values)

    assert says in str(caught.value)


def test_pending_calls_are_counted_but_no_completions(runs):
    part = with_status(runs, None, "error", "interrupted", "broken")

    assert len(part) == 7
    assert part.pending == 1
    assert [one.status for one in part.failed] == ["error", "broken"]
    assert [one.status for one in part][:2] == ["error", "interrupted"]
    assert len(part.points) == 4
    assert repr(part) == (
        "<Sweep over temperature, tone: 8 calls: 1 pending, 1 error, "
        "1 interrupted, 1 broken, 4 complete>"
    )


def test_records_have_the_varying_columns_first_and_every_field():
    runs = made(tone=["one"], temperature=[0, 0.5])

    record = runs.to_records()[0]

    assert [*record][:4] == ["temperature", "tone", "sample", "text"]
    own = {"checks"}  # of a sweep they are scores, in columns of their own
    assert {field.name for field in fields(Completion)} - own <= set(record)
    assert record["prompt"] == "one"
    assert record["output_tokens"] == 4
    assert record["request"]["max_tokens_to_sample"] == 16


def test_a_name_that_is_a_field_too_stands_beside_it():
    _, axes = keyword_axes({"text": ["q1", "q2"]}, AxisNames(SETTINGS, ["text"]))
    request = CompletionRequest("m", "p", 9)
    answer = Completion("answer", request)
    runs = Sweep(tuple(SweepRow(point, 0, answer) for point in points(axes)))

    record = runs.to_records()[0]

    assert next(iter(record)) == "asked_text"
    assert (record["asked_text"], record["text"]) == ("q1", "answer")


def test_a_swept_model_is_one_column_unless_another_one_answered():
    runs = made(model=["m1", "m2"])
    other = [
        row._replace(completion=replace(row.completion, model="m1-20260101"))
        for row in runs.rows
    ]

    assert [*runs.to_records()[0]][:2] == ["model", "sample"]
    assert runs.to_records()[1]["model"] == "m2"
    assert replace(runs, rows=tuple(other)).to_records()[1]["asked_model"] == "m2"


def test_a_data_frame_has_a_row_for_each_call(runs):
    frame = runs.to_dataframe()

    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == 8
    assert [*frame.columns[:2]] == ["temperature", "tone"]
    assert frame.groupby("temperature")["text"].count().to_dict() == {0.0: 4, 0.5: 4}


def test_a_missing_pandas_is_one_line(runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(InputError, match=r"pip install 'jupyter-complete\[frames\]'"):
        runs.to_dataframe()


def test_a_missing_pyarrow_is_one_line(runs, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(InputError, match="pip install pyarrow"):
        runs.export(tmp_path / "x.parquet")


NASTY = 'a,"b"\n\rc\u2028 ف é 🎈 \x00=1+1'


def test_lines_of_json_give_the_records_back(tmp_path):
    runs = made(tone=["x", "y"], text=lambda *_: NASTY + "\ud83d")

    path = runs.to_jsonl(tmp_path / "runs.jsonl")

    with path.open(encoding="utf-8", newline="\n") as file:
        read = [json.loads(line) for line in file]
    assert [one["text"] for one in read] == [NASTY + "\ud83d"] * 2
    assert read[0]["raw"] == {"id": 1}
    assert read[1]["tone"] == "y"


def test_csv_keeps_any_text(tmp_path):
    runs = made(tone=["x", "y"], text=lambda *_: NASTY)

    path = runs.export(tmp_path / "runs.csv")

    with path.open(encoding="utf-8", newline="") as file:
        read = [*csv.DictReader(file)]
    assert [one["text"] for one in read] == [NASTY] * 2
    assert json.loads(read[0]["request"])["prompt"] == "x"
    assert read[0]["error"] == ""


def test_half_a_character_does_not_stop_a_file(tmp_path):
    runs = made(tone=["x"], text=lambda *_: "\ud83d!")

    assert "\\ud83d!" in runs.export(tmp_path / "a.csv").read_text("utf-8")
    table = pq.read_table(runs.export(tmp_path / "a.parquet"))
    assert table["text"].to_pylist() == ["\\ud83d!"]


def test_parquet_keeps_columns_and_their_types(tmp_path):
    runs = made(temperature=[0, None, 0.5], n=[1, "two"])

    table = pq.read_table(runs.export(tmp_path / "runs.parquet"))

    assert table["temperature"].to_pylist() == [0, 0, None, None, 0.5, 0.5]
    assert table["n"].to_pylist() == ["1", "two"] * 3
    assert table["seconds"].to_pylist() == [0.5] * 6


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_an_empty_sweep_is_written_too(tmp_path, ending):
    assert Sweep(()).export(tmp_path / f"none{ending}").exists()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("runs.xls", "'runs.xls' has no ending that says how to write it"),
        ("nowhere/runs.csv", "cannot be written: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_line(runs, tmp_path, path, says):
    with pytest.raises(InputError) as caught:
        runs.export(tmp_path / path)

    assert says in str(caught.value)


def test_resuming_asks_again_of_the_whole_sweep():
    part = with_status(made(tone=["x", "y"]), "error")
    whole = with_status(part, "complete")

    done = replace(part, again=lambda: whole).failed.resume()

    assert done == whole
    assert not done.failed
    with pytest.raises(InputError, match="run its cell again"):
        part.resume()


def test_nothing_is_left_to_resume_in_a_whole_sweep(runs):
    assert runs.resume() is runs


def test_it_pickles_without_what_asks_again(runs):
    again = pickle.loads(pickle.dumps(replace(runs, again=lambda: runs)))

    assert again == runs
    assert again.again is None


def test_it_draws_and_shows_itself_also_after_pickling(runs):
    for one in (runs, pickle.loads(pickle.dumps(runs))):
        assert one.plot("words~temperature").axes
        assert "dry 0" in one.view(rows="tone")._repr_html_()
        assert "dry 0" in one._repr_html_()


def test_measures_stand_at_each_point_with_their_count(runs):
    found = runs.metrics("words", "unique")

    assert len(found) == 8
    first = found[0]
    assert repr(found[:2]).splitlines()[1].split()[:2] == ["0.0", "dry"]
    assert len(found[:2]) == 2
    assert repr(found[:0]) == "no measures"
    assert first.values == {"temperature": 0.0, "tone": "dry"}
    assert first.label == "words, mean (n = 2)"
    assert first.estimate.n == 2
    assert found.to_records()[0]["unique"] == 1.0
    assert found.to_dataframe()["words_n"].tolist() == [2] * 4


def test_measures_are_pooled_over_the_other_axes(runs):
    found = runs.metrics("words", by=["tone"])

    assert [one.estimate.n for one in found] == [4, 4]
    with pytest.raises(InputError, match="mood is no axis"):
        runs.metrics(by=["mood"])


def test_measures_read_as_a_table_with_the_count_beside_each(runs):
    lines = repr(runs.metrics("words", "unique", by=["tone"])).splitlines()

    assert lines[0].split("  ")[0] == "tone"
    assert "words, mean" in lines[0]
    assert lines[1].startswith("dry")
    assert "2 [2, 2] (n = 4)" in lines[1]
    assert len(lines) == 3


def test_all_measures_are_the_default(runs):
    names = {one.metric.name for one in runs.metrics()}

    assert {"self_bleu", "distinct_2", "stop_reason=max_tokens"} <= names


def test_a_comparison_is_paired_by_prompt():
    """Each prompt has its own length; the temperature adds one word."""
    runs = made(
        tone=["x", "y", "z"],
        temperature=[0, 1],
        samples=2,
        text=lambda point, _: (
            "w " * (1 + 10 * ord(point.values["tone"]))
            + ("w" if point.values["temperature"] else "")
        ),
    )

    found = runs.compare("temperature", "words")

    assert [one.values for one in found] == [{"temperature": 1.0, "baseline": 0.0}]
    assert found[0].estimate == (1.0, 1.0, 1.0, 3)
    assert runs.compare("temperature", "words", baseline=1)[0].estimate.value == -1
