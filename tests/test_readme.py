"""The README says what is so; ``python tests/test_readme.py`` writes its table."""

import pathlib
import re

from jupyter_complete.settings import flags

README = pathlib.Path(__file__).parent.parent / "README.md"
TABLE = re.compile(r"(<!-- flags:[^\n]*-->\n).*?(<!-- end of flags -->)", re.DOTALL)


def table():
    """Give the table of flags as Markdown."""
    lines = ["| flag | what |", "|---|---|"]
    for flag in flags.flags():
        names = ", ".join(flag.spellings)
        spelling = f"{names} {flag.metavar}".strip()
        cells = (f"`{spelling}`", flag.help)
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(lines) + "\n"


def with_table(text):
    """Give the README with the table of today."""
    return TABLE.sub(lambda match: match[1] + table() + match[2], text)


def test_the_table_of_flags_is_that_of_the_settings():
    text = README.read_text(encoding="utf-8")

    assert with_table(text) == text


def test_the_two_commands_are_there():
    text = README.read_text(encoding="utf-8")

    assert "pip install -e '.[lab]'" in text
    assert "pip install -e '.[test]' && .venv/bin/pytest" in text


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), "utf-8")
