"""The README says what is so; ``python tests/test_readme.py`` writes its table."""

import doctest
import pathlib
import re

import pytest
from gguf import tiny_llama

from jupyter_complete.scores import SCORES
from jupyter_complete.settings import flags

README = pathlib.Path(__file__).parent.parent / "README.md"
TABLE = re.compile(r"(<!-- flags:[^\n]*-->\n).*?(<!-- end of flags -->)", re.DOTALL)
SCORED = re.compile(r"(<!-- scores:[^\n]*-->\n).*?(<!-- end of scores -->)", re.DOTALL)


def table():
    """Return the table of flags as Markdown."""
    lines = ["| flag | what |", "|---|---|"]
    for flag in flags.flags():
        names = ", ".join(flag.spellings)
        spelling = f"{names} {flag.metavar}".strip()
        cells = (f"`{spelling}`", flag.help)
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(lines) + "\n"


def scores():
    """Return the table of scores as Markdown."""
    lines = ["| score | what it tells | what it forgives |", "|---|---|---|"]
    lines += [f"| `{s.name}` | {s.about} | {s.forgives} |" for s in SCORES.values()]
    return "\n".join(lines) + "\n"


def with_table(text):
    """Return the README with the tables of today."""
    text = SCORED.sub(lambda match: match[1] + scores() + match[2], text)
    return TABLE.sub(lambda match: match[1] + table() + match[2], text)


def test_the_tables_of_flags_and_scores_are_those_of_the_code():
    text = README.read_text(encoding="utf-8")

    assert with_table(text) == text


def test_the_two_commands_are_there():
    text = README.read_text(encoding="utf-8")

    assert "pip install -e '.[lab]'" in text
    assert "pip install -e '.[test]' && .venv/bin/pytest" in text


def blocks():
    """Return (language, code) of each block that a reader would run in a notebook."""
    text = README.read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [one for one in found if one[0] or one[1].startswith("%")]


def test_what_the_readme_shows_runs_and_gives_what_it_shows(
    bare_shell, tmp_path, monkeypatch
):
    models = tmp_path / "jupyter-complete" / "models"
    models.mkdir(parents=True)
    (models / "smollm2.gguf").write_bytes(tiny_llama())  # in its place
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    read = doctest.DocTestParser()
    checks = 0
    for language, code in blocks():
        if ">>>" not in code:
            bare_shell.run(code)
            continue
        assert language == "python"
        for example in read.get_examples(code):
            value = bare_shell.run(example.source)
            checks += 1
            assert f"{value!r}\n" == example.want, example.source

    assert checks >= 5


def lines():
    """Return the magics that stand in a line of the README, ready to be run."""
    text = TABLE.sub("", README.read_text(encoding="utf-8"))
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    found = re.findall(r"`(%(?:complete|config)[^`]*)`", text)
    whole = (one for one in found if not re.search(r"…|[A-Z]{3}", one))
    return [*dict.fromkeys(whole)]


@pytest.mark.parametrize("line", lines())
def test_each_magic_that_the_readme_names_runs(shell, line):
    shell.run(line)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), "utf-8")
