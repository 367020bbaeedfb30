"""Checks of one answer: what is looked for, what came of it, and who stops."""

import signal
import threading

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_complete import complete
from jupyter_complete.completion import Check, Completion
from jupyter_complete.display import card
from jupyter_complete.errors import CheckFailed, CompletionInterrupted, InputError
from jupyter_complete.request import CompletionRequest
from jupyter_complete.saved import RECORD_TYPE, from_output, load
from jupyter_complete.sweeps.checks import checks_of


def answer(text):
    return Completion(text, CompletionRequest("m", "p", 10), seconds=2.0)


def polite(completion):
    return "please" in completion.text


def share(completion):
    return 0.7


def loud(completion):
    raise ValueError("it has\ntwo lines")


@pytest.mark.parametrize(
    ("check", "passed", "got"),
    [
        ("contains:Paris", True, "One. Two, please: Paris!"),
        ("contains:Lyon", False, "One. Two, please: Paris!"),
        ("regex:^One", True, "One. Two, please: Paris!"),
        ("exact:One.", False, "One. Two, please: Paris!"),
        ("json", False, "One. Two, please: Paris!"),
        ("words<=4", True, "4"),
        ("words<4", False, "4"),
        ("words >= 5", False, "4"),
        ("words!=4", False, "4"),
        ("words>3.5", True, "4"),
        ("lines==2", True, "2"),
        ("length==25", True, "25"),
        ("seconds<1", False, "2"),
        ("first_token_seconds<1", None, "None"),
        (polite, True, "True"),
        ("polite", True, "True"),
        ("share>=0.5", True, "0.7"),
        ("share", None, "TypeError: it gave 0.7; give True or False, or write sha"),
        (loud, None, "ValueError: it has two lines"),
        ("loud<1", None, "ValueError: it has two lines"),
    ],
)
def test_a_check_tells_what_was_looked_for_and_what_was_there(check, passed, got):
    known = {"polite": polite, "share": share, "loud": loud}
    (found,) = checks_of(check, None, known)(
        answer("One.\n\nTwo, please: Paris!")
    ).checks

    assert found.what == (check if isinstance(check, str) else check.__name__)
    assert found.passed is passed
    assert found.got.startswith(got)


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (
            "wordz<=5",
            "check is 'wordz<=5', and nobody has a number wordz; did you mean ",
        ),
        ("polit", "check is 'polit', which nobody has; did you mean polite?"),
        ("q==1", "nobody has a number q; use one of length, words, lines, "),
        ("words<=many", "give a number after <=, as in words<=50."),
        ("words<=nan", "give a number after <=, as in words<=50."),
        ("words<=", "give a number after <=, as in words<=50."),
        ("words=5", "write == for equal: words==5."),
        ("distinct_1<1", "nobody has a number distinct_1; "),
        ("regex:(", "expected is '(', which regex cannot use: missing )"),
        ("contains", "which wants to know what is expected; write contains:TEXT."),
        ("two", "write two as a function of the completion alone."),
        ("none", "which is a int and no function; give one of a completion."),
        (5, "check is 5; give the name of a score, a function, or a list."),
    ],
)
def test_what_cannot_be_checked_is_one_line(check, says):
    known = {"polite": polite, "two": lambda _, expected: expected, "none": 3}

    with pytest.raises(InputError) as caught:
        checks_of(check, None, known)

    assert says in str(caught.value)


def test_python_has_the_checks_of_the_magic():
    found = complete("What is a list?", check=["words>0", polite], hint="Ask nicely.")

    assert [(one.what, one.passed) for one in found.checks] == [
        ("words>0", True),
        ("polite", False),
    ]
    assert found.notices[-1] == "Ask nicely."
    with pytest.raises(CheckFailed, match="✗ words>999: got") as caught:
        complete("What is a list?", check="words>999", check_or_stop=True)
    assert caught.value.completion.checks[0].passed is False


def test_the_line_below_says_it_and_the_hint_after_what_is_wrong(shell, capsys):
    shell.user_ns["polite"] = polite
    flags = "--check words>0 --check=polite --hint 'Ask nicely.'"
    shell.run(f"%%complete {flags}\nWhat is a list?")

    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == ["✓ words>0", "✗ polite: got False", "Note: Ask nicely."]
    assert [one.passed for one in shell.user_ns["_completion"].checks] == [True, False]
    shell.run("%complete --check words>0 --hint 'Ask nicely.' What is a list?")
    assert "Ask nicely" not in capsys.readouterr().out


def test_what_has_to_pass_stops_once_it_is_shown_and_kept(shell, capsys):
    with pytest.raises(CheckFailed, match="✗ words>999: got"):
        shell.run("%complete -o mine --check words>999 --check-or-stop What is a list?")

    kept = shell.user_ns["_completion"]
    assert "✗ words>999" in capsys.readouterr().out
    assert kept is shell.user_ns["mine"]
    assert kept.checks[0].passed is False
    assert kept.history_id is not None
    shell.run("%complete --check words>0 --check-or-stop What is a list?")


def test_nothing_is_sent_where_a_check_is_none(shell, loopback):
    for flags in (
        "--check wordz<5",
        "--hint x",
        "--check-or-stop",
        "-n 2 --hint x",
        "-n 2 --check polit",
    ):
        with pytest.raises(InputError):
            shell.run(
                f"%complete --endpoint {loopback.url} --dialect openai {flags} Hi"
            )

    assert not loopback.requests


def test_ctrl_c_stops_a_check_and_keeps_the_answer(shell):
    def endless(completion):
        signal.raise_signal(signal.SIGINT)
        threading.Event().wait(60)

    shell.user_ns["endless"] = endless
    with pytest.raises(CompletionInterrupted, match="Stopped while the answer was"):
        shell.run("%complete --check endless What is a list?")

    assert shell.user_ns["_completion"].status == "complete"


def test_a_dry_run_and_a_cell_say_the_checks(shell, capsys):
    flags = "--check words<=5 --check 'contains:a b' --hint 'Be brief.' --check-or-stop"
    shell.run(f"%complete --dry-run {flags} What is a list?")
    shell.run(f"%complete -n 2 --dry-run {flags} What is a list?")
    shown = capsys.readouterr().out
    assert shown.count("\nChecks: words<=5, contains:a b\n") == 2

    shell.run(f"%complete --as magic {flags} What is a list?")
    cell = capsys.readouterr().out.removesuffix("\n")
    assert "--check 'words<=5' --check 'contains:a b' --hint 'Be brief.'" in cell
    with pytest.raises(CheckFailed, match="✗ words<=5: got"):
        shell.run(cell)


def test_of_a_sweep_a_check_is_a_score(shell, capsys):
    line = "-s temperature=0,1 --check words>0 --check words>999 --hint 'Ask for more.'"
    with pytest.raises(CheckFailed, match=r"Not all of 2 answers .*✗ words>999: 2"):
        shell.run(f"%%complete {line} --check-or-stop\nWhat is a list?")

    runs = shell.user_ns["_sweep"]
    assert runs.scores == ("words>0", "words>999")
    assert [one["words>0"] for one in runs.to_records()] == [True, True]
    assert "checks" not in runs.to_records()[0]
    assert runs.metrics("words>999")[0].metric.title == "words>999, share"
    out = capsys.readouterr().out
    assert "words>999 at temperature=0.0: 0 of 1" in out
    assert "Note: Ask for more." in out


def test_a_card_keeps_its_checks_and_obeys_none_of_them():
    hostile = "<script>x</script>\x1b[31m"
    one = checks_of(f"exact:{hostile}", hostile)(answer(hostile + " and more"))
    bundle = card(one, "markdown")

    assert from_output(bundle) == one
    assert "✗ exact:&lt;script&gt;x" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
    assert "\x1b" not in bundle["text/html"] + bundle["text/plain"]


@pytest.mark.parametrize("checks", [[["a", 1, "b"]], [["a", True]], 5, [None]])
def test_a_damaged_check_is_one_line(checks):
    record = answer("x").to_record() | {"checks": checks}

    with pytest.raises(InputError, match="damaged"):
        Completion.from_record(record)


def test_a_notebook_that_is_run_stops_at_its_check(tmp_path):
    sources = (
        "%load_ext jupyter_complete",
        "%%complete --check words>999 --check-or-stop --hint 'Ask.'\nWhat is a list?",
        "print('after')",
    )
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    with pytest.raises(CellExecutionError, match="CheckFailed: The answer is not as"):
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()

    assert not notebook.cells[2].outputs
    shown, error = notebook.cells[1].outputs
    assert "✗ words&gt;999: got" in shown.data["text/html"]
    assert "Note: Ask." in shown.data["text/html"]
    assert RECORD_TYPE in shown.data
    assert error.traceback[0].startswith("CheckFailed: The answer is not as wanted: ✗")
    nbformat.write(notebook, tmp_path / "lesson.ipynb")
    (saved,) = load(tmp_path / "lesson.ipynb")
    assert saved.checks[0] == Check("words>999", passed=False, got=saved.checks[0].got)
