"""Completions come back out of a saved notebook, equal, without a kernel."""

import json
from dataclasses import replace

import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nbclient import NotebookClient
from test_history import EVERY_FIELD

from jupyter_complete.completion import Completion
from jupyter_complete.display import card
from jupyter_complete.errors import InputError
from jupyter_complete.request import CompletionRequest
from jupyter_complete.saved import RECORD_TYPE, from_output, load

LONG = "It runs with a block. " * 20
HALF = replace(EVERY_FIELD, text="half \ud800 \0 \u202e", error="\udfff")


@pytest.fixture
def notebook(tmp_path):
    """Save a notebook with these completions, as Jupyter does, and give its path."""

    def save(*completions):
        cells = [nbformat.v4.new_markdown_cell("# Lesson")]
        for completion in completions:
            data = {"text/plain": "…", RECORD_TYPE: completion.to_record()}
            outputs = [
                nbformat.v4.new_output("stream", text="…"),
                nbformat.v4.new_output("display_data", data=data),
            ]
            cells.append(nbformat.v4.new_code_cell("%%complete", outputs=outputs))
        path = tmp_path / "lesson.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return save


def test_completions_come_back_equal_and_in_order(notebook):
    assert load(notebook(EVERY_FIELD, HALF)) == [EVERY_FIELD, HALF]


def test_a_path_may_be_a_text(notebook):
    assert load(str(notebook(HALF))) == [HALF]


def test_a_notebook_without_completions_gives_none(notebook):
    assert load(notebook()) == []


def test_what_a_kernel_ran_comes_back_without_one(tmp_path):
    cells = [
        "%load_ext jupyter_complete",
        "%%complete -t 0 --max-tokens 20 -o first\nWhat does the with statement do?",
        "%%complete -t 0.5 --seed 3 --max-tokens 20\nWhat does break do?",
        "import json; print(json.dumps([first.to_record(), _completion.to_record()]))",
    ]
    lesson = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    NotebookClient(lesson, timeout=60, kernel_name="python3").execute()
    path = tmp_path / "lesson.ipynb"
    nbformat.write(lesson, path)

    records = json.loads(lesson.cells[-1].outputs[0].text)
    assert load(path) == [Completion.from_record(record) for record in records]
    assert load(path)[0].text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"", "no notebook"),
        (b"\xff\xfe\x00", "no notebook"),
        (b"print('hello')", "no notebook"),
        (b"[" * 100_000, "no notebook"),
        (b"[]", "no notebook of format 4"),
        (b'{"worksheets": []}', "no notebook of format 4"),
        (b'{"cells": [1]}', "no notebook"),
        (b'{"cells": [{"outputs": [{"data": 3}]}]}', "no notebook"),
    ],
)
def test_what_is_no_notebook_is_one_line(tmp_path, content, says):
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InputError, match=says) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        {"text": 3},
        {"request": {}},
        {"request": None},
        {"status": "lovely"},
        {"usage": 1},
        {"usage": {"tokens": 1}},
        {"logprobs": [1]},
        {"text": {"$json": "["}},
        {"raw": []},
    ],
)
def test_a_damaged_record_is_one_line_with_its_cell(notebook, damage):
    path = notebook(EVERY_FIELD)
    lesson = json.loads(path.read_text())
    lesson["cells"][1]["outputs"][1]["data"][RECORD_TYPE] |= damage
    path.write_text(json.dumps(lesson))

    with pytest.raises(InputError, match=r"lesson\.ipynb, cell 2: .*damaged"):
        load(path)


def test_a_record_of_a_later_version_is_read_without_what_is_new(notebook):
    path = notebook(EVERY_FIELD)
    lesson = json.loads(path.read_text())
    record = lesson["cells"][1]["outputs"][1]["data"][RECORD_TYPE]
    record["mood"] = "good"
    record["request"]["mood"] = "good"
    path.write_text(json.dumps(lesson))

    assert load(path) == [EVERY_FIELD]


def test_a_record_is_json_that_any_writer_takes():
    odd = replace(
        HALF,
        raw={"$json": 1, "\ud800": [float("nan")], "x": {"$json": "[1]"}},
        request=CompletionRequest("m", "😀", 1, temperature=0),
    )
    record = json.dumps(odd.to_record(), allow_nan=False, ensure_ascii=False).encode()

    again = Completion.from_record(json.loads(record))
    assert repr(again) == repr(odd)


FORMATS = ("text", "auto")
TEXTS = st.text() | st.text("a\n\r\t $\x1b\ud800\U0001f600\u2028")


@given(
    TEXTS, st.dictionaries(st.text("$show"), TEXTS), st.sampled_from(["text", "auto"])
)
@example("\n\nOne\r\n", {}, "auto")
@example("", {"$shown": "a"}, "auto")
@example("One.", {"$shown": ["", 4, ""]}, "auto")
def test_what_is_shown_is_read_back_equal(text, more, how):
    shown = replace(EVERY_FIELD, text=text, raw={"text": [text], **more})
    cell = nbformat.v4.new_code_cell("%%complete")
    cell.outputs = [nbformat.v4.new_output("display_data", data=card(shown, how))]
    # As a file has it: texts as lists of lines.
    file = nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))

    assert from_output(json.loads(file)["cells"][0]["outputs"][0]["data"]) == shown


@pytest.mark.parametrize("text", [LONG, f"\n\n {LONG}\n"])
def test_an_output_has_the_text_twice_plain_and_as_html(text):
    shown = replace(EVERY_FIELD, text=text, raw={"completion": text})

    assert json.dumps(card(shown, "auto")).count("block.") == 2 * text.count("block.")


@pytest.mark.parametrize("text", [f"\x1b{LONG}", f"{LONG}\r\n", f"{LONG}\ud800"])
def test_a_text_that_is_shown_otherwise_than_it_came_is_in_the_record(text):
    shown = card(replace(EVERY_FIELD, text=text), "auto")

    assert "block." in json.dumps(shown[RECORD_TYPE])


@pytest.mark.parametrize(
    "beside",
    [None, "", "One", 3, [3]],
    ids=["none", "empty", "short", "number", "list"],
)
def test_a_record_whose_text_beside_it_is_gone_is_one_line(beside):
    data = card(replace(EVERY_FIELD, text=LONG), "auto") | {"text/plain": beside}

    with pytest.raises(InputError, match=r"^An output .* is damaged"):
        from_output(data)
