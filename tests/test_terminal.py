"""Terminal IPython through a pseudo-terminal, as a person meets it."""

import re
import sys

import pexpect
from terminal import IPYTHON, PROMPT


def ask(terminal, *lines):
    """Type the lines and give what came before the next prompt."""
    for line in lines:
        terminal.sendline(line)
    terminal.expect(PROMPT)
    return terminal.before


def test_the_readmes_first_command_answers():
    """``ipython --ext=jupyter_complete -c '%complete "…?"'``, and it ends by itself."""
    question = '%complete "What does the with statement do?"'
    out, status = pexpect.run(
        sys.executable,
        args=[*IPYTHON, "-c", question],
        encoding="utf-8",
        timeout=30,
        withexitstatus=True,
    )

    assert status == 0
    assert re.search(r"\bwith\b", out)
    assert re.search(r"\[ngram-chat · .* · total \d+\.\d\d s\]", out)


def test_a_cell_ends_in_one_line_of_facts(terminal):
    out = ask(
        terminal, "%%complete -t 0 --max-tokens 30", "What does break do?", "", ""
    )

    assert "[ngram-chat · " in out
    assert "\x1b[" not in out


def test_an_error_is_one_line(terminal):
    out = ask(terminal, "%complete -t 7 Hi")

    lines = [line for line in out.splitlines()[1:] if line.strip()]
    assert lines == ["InputError: temperature is 7.0; give a number from 0 to 2."]


def test_a_missing_name_is_one_line(terminal):
    out = ask(terminal, "%complete Explain {{nothing}}")

    assert "PromptError: {{nothing}} in the prompt names nothing" in out
    assert "Traceback" not in out
