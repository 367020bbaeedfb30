"""A completion among what else a cell, a queue of cells and a terminal show."""

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace

import nbformat
import pexpect
import pytest
import wcwidth
from clusters import Processes
from counting import Counting, answered, answers, ask
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.completer import provisionalcompleter
from jupyter_client.manager import run_kernel
from loopback import STALL, events
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from terminal import IPYTHON, PROMPT, on_screen, opened
from test_kernel import LOAD, Kernel, executed
from test_sweep_result import made

from jupyter_complete import Completion
from jupyter_complete.display import RECORD_TYPE, view
from jupyter_complete.display.columns import Wrapping, aligned, cells
from jupyter_complete.display.screen import BURST, RATE
from jupyter_complete.errors import InputError
from jupyter_complete.magics.keyboard import requests_wait
from jupyter_complete.saved import from_output
from jupyter_complete.sweeps import scheduler, workers
from jupyter_complete.sweeps.run import run

ASK = "%complete -t 0 --max-tokens 40 What does break do?"
ANSWER = "may only occur"
SHOWING = {"stream", "display_data", "update_display_data", "execute_result"}


@pytest.fixture
def kernel():
    running = Kernel()
    yield running
    running.close()


# What else a cell shows


def kinds(cell):
    """Return what a cell shows, answers by name, in order."""
    return [
        "answer" if RECORD_TYPE in output.get("data", {}) else shown_by(output)
        for output in cell.outputs
    ]


def shown_by(output):
    found = output.get("data", {})
    return output.get("text") or found.get("text/html") or found.get("text/plain")


LOOP = f"""\
for turn in range(3):
    print("turn", turn)
    {ASK}
    display(HTML(f"<b>plot {{turn}}</b>"))
"""
FUNCTION = f"""\
def f():
    get_ipython().run_line_magic("complete", {ASK[10:]!r})
print("before"); f(); print("between"); f(); print("after")
"""
FAILS = f"print('before')\n{ASK}\nprint('between')\n%complete -t 7 Hi"
REDIRECTED = f"""\
with contextlib.redirect_stdout(io.StringIO()) as text:
    print("kept")
    {ASK}
print(text.getvalue(), end="")
"""
TIMED = f"print(1)\n%time get_ipython().run_line_magic('complete', {ASK[10:]!r})"
A_SWEEP = "print('before')\n%complete -n 2 --max-tokens 9 Hi there\nprint('after')"
TURNS = [(f"turn {turn}\n", "answer", f"<b>plot {turn}</b>") for turn in range(3)]


def test_what_else_a_cell_shows_stays():
    notebook = executed(
        f"{LOAD}\nimport contextlib, io\nfrom IPython.display import HTML, display",
        *(LOOP, FUNCTION, FAILS, REDIRECTED, TIMED, A_SWEEP),
        allow_errors=True,
    )
    loop, function, fails, redirected, timed, sweep = map(kinds, notebook.cells[1:])

    assert loop == [shown for turn in TURNS for shown in turn]
    assert function == ["before\n", "answer", "between\n", "answer", "after\n"]
    assert fails == ["before\n", "answer", "between\n", None]
    assert redirected == ["answer", "kept\n"]
    assert timed[:2] == ["1\n", "answer"]
    assert [sweep[0], sweep[2:]] == ["before\n", ["after\n"]]
    assert "jc-sweep" in sweep[1]
    first, *_ = (o.data for o in notebook.cells[1].outputs if "data" in o)
    assert ANSWER in first["text/plain"]


def test_threads_that_print_meanwhile_lose_nothing(kernel):
    noise = (
        "import threading, time\n"
        "over = threading.Event()\n"
        "def noise():\n"
        "    for number in range(40):\n"
        "        print(f'<{number}>', flush=True); over.wait(0.005)\n"
        "thread = threading.Thread(target=noise); thread.start()\n"
        f"{ASK}\n"
        "thread.join()"
    )
    messages = kernel.run(noise)

    text = "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")
    assert re.findall(r"<(\d+)>", text) == [str(number) for number in range(40)]
    assert "clear_output" not in {m["msg_type"] for m in messages}
    assert [RECORD_TYPE in data for data in places(messages)] == [True]


def places(messages):
    """Return what stands in each display at the end, as a front end has it."""
    found, by_id = [], {}
    for message in messages:
        content = message["content"]
        name = content.get("transient", {}).get("display_id")
        if message["msg_type"] == "display_data":
            by_id[name] = len(found)
            found.append(content["data"])
        elif message["msg_type"] == "update_display_data":
            found[by_id[name]] = content["data"]
    return found


def test_the_answer_is_in_one_place_from_its_first_word(kernel, loopback):
    loopback.reply([*events("One", stop=None), STALL, *events(" two")])
    cell = kernel.start(
        f"print('before')\n%complete -m m --endpoint {loopback.url} --dialect text Hi"
    )
    messages = []
    for message in kernel.messages(cell):
        messages.append(message)
        if message["msg_type"] == "display_data":
            (live,) = places(messages)
            assert set(live) == {"text/plain", "text/html"}
            assert live["text/plain"] == "One"
            loopback.go()
    shown = [m["msg_type"] for m in messages if m["msg_type"] in SHOWING]

    assert shown[:2] == ["stream", "display_data"]
    assert set(shown[2:]) == {"update_display_data"}
    (card,) = places(messages)
    assert from_output(card).text == "One two"


def test_a_second_interrupt_loses_neither_card_nor_print(kernel, loopback):
    loopback.reply([*events(" One", " two", stop=None), STALL])
    cell = kernel.start(
        f"print(1)\n%complete -m m --endpoint {loopback.url} --dialect text Hi"
    )
    seen = []
    for message in kernel.messages(cell):
        seen.append(message)
        if message["content"].get("data", {}).get("text/plain") == " One two":
            kernel.manager.interrupt_kernel()
            kernel.manager.interrupt_kernel()

    assert [m["msg_type"] for m in seen if m["msg_type"] in {"stream", "error"}] == [
        "stream",
        "error",
    ]
    (card,) = places(seen)
    assert from_output(card).status == "interrupted"


def test_the_bytes_grow_with_time_and_not_with_the_square_of_the_text(kernel, loopback):
    """20 kB in 200 pieces as fast as it goes: little more than the card is sent."""
    piece = "word " * 20
    loopback.reply([*events(*[piece] * 200)])
    messages = kernel.run(
        f"import time; start = time.monotonic()\n"
        f"%complete -m m --endpoint {loopback.url} --dialect text Hi\n"
        "print(time.monotonic() - start)"
    )
    shown = [m["content"] for m in messages if "display_data" in m["msg_type"]]
    live = [len(data["data"]["text/plain"]) for data in shown[:-1]]
    seconds = float(messages[-2]["content"]["text"])

    assert RECORD_TYPE in shown[-1]["data"]
    assert sum(live) <= BURST + RATE * seconds


def test_a_capture_has_the_answer_once_and_without_escapes():
    look = (
        "print(repr(cap.stdout), [o.data['text/plain'] for o in cap.outputs])\n"
        "print(sum('update' in o._repr_mimebundle_() for o in cap.outputs))"
    )
    nested = f"get_ipython().run_cell_magic('capture', 'cap', {ASK!r})"
    notebook = executed(
        LOAD,
        f"%%capture cap\n{ASK}",
        look,
        f"%%capture outer\n{nested}",
        f"{look}\nprint(len(outer.outputs), repr(outer.stdout))",
        f"%%capture --no-display cap\n{ASK}",
        "print(repr(cap.stdout), cap.outputs)",
    )
    first, second = (notebook.cells[place].outputs[0].text for place in (2, 4))

    for text in (first, second):
        assert text.startswith("''")
        assert text.count(ANSWER) == 1
        assert "\\x1b" not in text
    assert "0 ''" in second
    assert kinds(notebook.cells[5]) == ["answer"]
    assert notebook.cells[6].outputs[0].text == "'' []\n"


def test_a_capture_in_a_terminal_has_the_text_once(shell):
    shell.run(f"%%capture cap\n{ASK}")

    out = shell.user_ns["cap"].stdout
    assert out.count(ANSWER) == 1
    assert "\x1b" not in out
    assert "\r" not in out


def test_an_output_widget_takes_the_answer():
    """It takes no updates, so that the card has to come as a whole."""
    notebook = executed(
        LOAD,
        "import ipywidgets\nout = ipywidgets.Output()",
        f"with out:\n    print('before')\n    {ASK}",
        f"print('elsewhere')\n{ASK}",
    )
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]
    outputs = next(
        one["state"]["outputs"]
        for one in states["state"].values()
        if one["model_name"] == "OutputModel"
    )

    assert [one["output_type"] for one in outputs] == ["stream", "display_data"]
    assert ANSWER in outputs[1]["data"]["text/plain"]
    assert RECORD_TYPE in outputs[1]["data"]
    assert kinds(notebook.cells[3]) == ["elsewhere\n", "answer"]


# A line's question mark, a line's value.

LAST = "_completion"


@pytest.fixture
def no_help(monkeypatch):
    """Let nothing open IPython's help."""

    def page(text, *_, **__):
        raise AssertionError(f"help opened: {text}")

    monkeypatch.setattr("IPython.core.page.page", page)


@pytest.mark.parametrize(
    ("cell", "prompt"),
    [
        ("%complete What is a list?", "What is a list?"),
        ("x = 1\n%complete What is a list?", "What is a list?"),
        ("x = 1\n%complete What's a list??\ny = 2", "What's a list??"),
        ("%complete list?\n%complete dict?", "dict?"),
        ("# note\n\n%complete list?", "list?"),
        ("if True:\n    %complete What is (a list?\nx = 1", "What is (a list?"),
        ("for x in [1]:\n    if x:\n        %complete list?", "list?"),
        ("%complete ?", "?"),
        ("%complete ??list", "??list"),
        ('%complete Say """ or \' or ] or }?', 'Say """ or \' or ] or }?'),
        ("%complete !ls; x = %time?", "!ls; x = %time?"),
        ("%complete What is \\\n    a list?", "What is      a list?"),
        ("answer = %complete list?", "list?"),
        ("answer: object = %complete What's a list?", "What's a list?"),
        ("x = 1\nanswer = %complete a [ list?\ny = 2", "a [ list?"),
        ("kept = {}\nkept['a', 1] = %complete list?", "list?"),
        ("!true\n%complete list?", "list?"),
        ("%time %complete list?", "list?"),
        ("%timeit -n1 -r1 %complete a list?", "a list?"),
    ],
)
def test_a_line_may_end_in_a_question_mark_wherever_it_stands(
    shell, no_help, cell, prompt
):
    shell.run("%config CompletionSettings.max_tokens = 1")
    shell.run(cell)

    assert shell.user_ns[LAST].prompt == f"\n\nHuman: {prompt}\n\nAssistant:"


@pytest.mark.usefixtures("no_help")
def test_a_question_to_the_history_is_a_search(shell):
    shell.run("%complete --max-tokens 1 What is a list?")
    table = shell.run("%complete_history list?")
    assigned = shell.run("found = %complete_history nothing like it?\nfound")

    assert len(table.rows) == 1
    assert assigned.rows == []


@pytest.mark.parametrize(
    "text",
    [
        's = """\n%complete a?\n"""',
        "s = (\n    7\n    %complete\n)",
        "s = 'a = %complete b?'",
    ],
)
def test_what_only_looks_like_a_line_is_left_alone(shell, text):
    shell.user_ns["complete"] = 4
    shell.run(text)

    assert LAST not in shell.user_ns
    assert shell.user_ns["s"] in ("\n%complete a?\n", 3, "a = %complete b?")


def test_help_opens_where_it_is_asked_for(shell, monkeypatch):
    shown = []
    monkeypatch.setattr(
        "IPython.core.page.page", lambda text, *_, **__: shown.append(str(text))
    )
    for cell in (
        "%complete?",
        "%%complete?",
        "?%complete",
        "x = 1\n%complete_history?",
    ):
        shell.run(cell)

    assert len(shown) == 4
    assert all("Flags:" in text for text in shown)


def test_an_assigned_line_gives_the_completion(shell, capsys):
    shell.run("answer = %complete --max-tokens 2 What is a list?")
    assert shell.user_ns["answer"] is shell.user_ns[LAST]

    shell.run("runs = %complete -n 2 --max-tokens 2 What is a list?")
    assert shell.user_ns["runs"] is shell.user_ns["_sweep"]

    shell.run("seen = %complete --dry-run What is a list?")
    assert shell.user_ns["seen"] is None
    assert "POST " in capsys.readouterr().out


def test_a_function_gives_what_a_cell_of_its_own_gave(shell):
    shell.run(
        "def ask(prompt):\n"
        "    answer = %complete --max-tokens 2 {{prompt}}\n"
        "    return answer, get_ipython().run_cell_magic('complete', '', prompt)\n"
        "line, cell = ask('What is a list?')"
    )

    assert isinstance(shell.user_ns["line"], Completion)
    assert shell.user_ns["line"].prompt == shell.user_ns["cell"].prompt


@pytest.mark.parametrize(
    "cell",
    [
        "%complete -t 0 --max-tokens 5 Hi",
        "x = 1\n%complete -t 0 --max-tokens 5 Hi",
        "%%complete -t 0 --max-tokens 5\nHi",
        "# note\n%%complete -t 0 --max-tokens 5\nHi",
        "complete -t 0 --max-tokens 5 Hi",
        "%time %complete -t 0 --max-tokens 5 Hi",
        "get_ipython().run_line_magic('complete', '-t 0 --max-tokens 5 Hi')",
        "answer = %complete -t 0 --max-tokens 5 Hi",
    ],
)
def test_a_card_is_shown_once_and_nothing_again_as_out(shell, capsys, cell):
    assert shell.run(cell) is None

    out = capsys.readouterr().out
    assert out.count("[ngram-chat · ") == 1
    assert "Out[" not in out


@pytest.mark.parametrize(
    "name",
    [
        *("get_ipython", "In", "Out", "_", "__", "___", "_i", "_iii", "_5", "_i12"),
        *("_ih", "_oh", "_dh", "exit", "quit", "open", "display", "_exit_code"),
        *("list", "print", "None", "class", "__name__", "__builtins__", "_sweep"),
        *("a-b", "1x", "a.b", "''"),
    ],
)
@pytest.mark.parametrize(
    "line", ["%complete", "%complete_panel", "%complete_history --restore 1"]
)
def test_a_name_that_the_notebook_lives_on_is_no_out(shell, line, name):
    before = dict(shell.user_ns)
    with pytest.raises(InputError, match=r"--out is .*; give the name of a variable"):
        shell.run(f"{line} -o {name} Hi")

    assert shell.user_ns.get(name) is before.get(name)
    assert LAST not in shell.user_ns


def test_any_other_name_is_an_out(shell):
    for name in ("answer", "_answer", "match", "größe", "_i_am", "Input", "In_"):
        shell.run(f"%complete --max-tokens 1 -o {name} Hi")
        assert shell.user_ns[name] is shell.user_ns[LAST]


# What stands above a cell.

ABOVE = [
    "# A comment",
    "\n",
    "  \n\t\n",
    "# one\n\n   # two",
    "#",
    "%%time",
    "\n%%capture x",
]


@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_comments_and_blank_lines_may_stand_above_a_cell(shell, above, ends):
    flags = "--turns raw -m ngram-base --max-tokens 1"
    shell.run(f"{above}\n%%complete {flags}\nIt's a".replace("\n", ends))

    assert shell.user_ns[LAST].prompt == "It's a"


@pytest.mark.parametrize(
    "cell",
    [
        "ran = 1\n%%complete\nHi",
        "ran = 1\n%%complete -t 0\nIt's a prompt (with what is no Python?\n",
        "'a text'\n\n%%complete\nHi",
        "ran = %%complete\nHi there",
        "%time\n%%complete_distribution\nHi",
    ],
)
def test_code_above_a_cell_is_one_clear_error_and_nothing_runs(shell, cell):
    with pytest.raises(InputError, match=r"%%complete\w* begins its cell, .* -o NAME"):
        shell.run(cell)

    assert not {"ran", LAST} & set(shell.user_ns)


def test_an_indented_cell_is_one(shell):
    shell.run("    # note\n    %%complete --turns raw -m ngram-base\n    a\n      b\n")

    assert shell.user_ns[LAST].prompt == "a\n  b"


def test_a_cell_of_another_magic_is_left_alone(shell):
    shell.register_magic_function(lambda line, cell: cell, "cell", "completely")

    assert shell.run("%%completely\n>>> 1\n") == "1\n"


def notebook(*sources):
    cells = [
        new_code_cell(source) for source in ("%load_ext jupyter_complete", *sources)
    ]
    return new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"name": "python3", "display_name": "", "language": "python"}
        },
    )


SAVED = (
    "# Parameters\n\n%%complete -t 0 --max-tokens 5\nWhat's a list?",
    "answer = %complete -t 0 --max-tokens 5 a list?\nprint(type(answer).__name__)",
    "assert answer is _completion\n%complete -t 0 --max-tokens 5 What's a list?",
)


def test_a_kernel_takes_them_too():
    done = notebook(*SAVED)
    NotebookClient(done, timeout=60, kernel_name="python3").execute()

    for cell in done.cells[1:]:
        assert not any(one.output_type == "execute_result" for one in cell.outputs)
        cards = [one for one in cell.outputs if one.output_type == "display_data"]
        assert len(cards) == 1
    assert any("Completion" in one.get("text", "") for one in done.cells[2].outputs)


def test_papermill_takes_them_too(tmp_path):
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    nbformat.write(notebook(*SAVED), source)
    subprocess.run(
        [sys.executable, "-m", "papermill", "-k", "python3", source, target],
        check=True,
        capture_output=True,
    )

    done = nbformat.read(target, 4)
    assert [cell.execution_count for cell in done.cells] == [1, 2, 3, 4]


def test_code_above_a_cell_stops_papermill(tmp_path):
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    nbformat.write(notebook("x = 1\n%%complete\nHi", "print('went on')"), source)
    done = subprocess.run(
        [sys.executable, "-m", "papermill", "-k", "python3", source, target],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "InputError: %%complete begins its cell" in done.stderr
    assert nbformat.read(target, 4).cells[-1].execution_count is None


def test_unloading_leaves_ipython_as_it_was(bare_shell):
    manager = bare_shell.input_transformer_manager
    state = lambda: (  # noqa: E731
        list(manager.cleanup_transforms),
        list(manager.token_transformers),
        list(bare_shell.ast_transformers),
    )
    before = state()
    bare_shell.run("%load_ext jupyter_complete")
    assert state() != before
    bare_shell.run("%unload_ext jupyter_complete")
    assert state() == before


# Tab.


@pytest.fixture
def tab(shell):
    """Return what Tab offers where ‸ stands in a cell."""

    def words(cell):
        with provisionalcompleter():
            found = shell.Completer.completions(cell.replace("‸", ""), cell.index("‸"))
            return [one.text for one in found]

    return words


def test_tab_offers_the_flags_of_each_magic(tab):
    assert "--rerun" in tab("%complete_history --‸")
    assert "--temperature" not in tab("%complete_history --‸")
    assert tab("%complete_history --pu‸") == ["--purge"]
    assert tab("%complete_models --ref‸") == ["--refresh"]
    assert tab("%complete_panel --pr‸") == ["--prompt"]
    assert "--static" in tab("%complete_distribution --st‸")
    assert tab("found = %complete_history --sta‸") == ["--status"]
    assert "lost" in tab("%complete_history --status ‸")
    assert tab("%complete_history --sweep ‸") == [""]
    assert tab("# note\n\n%%complete --tem‸\nHi") == ["--temperature"]


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        ("%%complete\nHi {{to‸", "topic}}"),
        ("%%complete\nHi {{ to‸", "topic }}"),
        ("%%complete\nHi {{to‸}} there", "topic"),
        ("%%complete\nHi {{ to‸ }} there", "topic"),
        ("# note\n%%complete\nHi {{to‸", "topic}}"),
        ("%%time\n%%complete\nHi {{to‸", "topic}}"),
        ("%complete Hi {{to‸", "topic}}"),
        ("answer = %complete -t 0 Hi {{ to‸", "topic }}"),
        ("%complete_distribution Hi {{to‸", "topic}}"),
    ],
)
def test_tab_offers_variables_between_braces(shell, tab, cell, word):
    shell.user_ns["topic"] = "lists"

    assert tab(cell) == [word]


def test_tab_in_a_kernel():
    with run_kernel(kernel_name="python3") as client:
        client.execute_interactive("%load_ext jupyter_complete\ntopic = 1", timeout=60)
        for code, matches in (
            ("%complete_history --rer", ["--rerun"]),
            ("%%complete\nHi {{ to", ["topic }}"]),
        ):
            reply = client.complete(code, reply=True, timeout=60)["content"]
            assert reply["matches"] == matches


def test_tab_in_a_terminal():
    command = ["-m", "IPython", "--no-banner", "--colors=nocolor"]
    command += ["--ext=jupyter_complete", "--no-confirm-exit"]
    child = pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=30)
    try:
        child.expect(r"In \[1\]:")
        child.send("%complete_history --rer\t")
        child.expect("--rerun")
        child.send("\r")
        child.expect("--rerun wants a value")
    finally:
        child.close(force=True)


# A key that is missing, and nobody to ask

NEEDS_KEY = "%complete -m claude-2.1 --dialect text Hi"
NO_KEY = (
    "The endpoint anthropic wants a key and there is none: set ANTHROPIC_API_KEY "
    "before Jupyter starts, store it once with jupyter complete key set anthropic, "
    "or run the cell by itself to be asked for it."
)


def test_a_key_that_is_missing_is_an_error_at_once_where_nobody_can_type():
    notebook = executed(LOAD, NEEDS_KEY, allow_errors=True)

    (error,) = notebook.cells[1].outputs
    assert error.traceback == [f"CredentialError: {NO_KEY}"]


@pytest.mark.parametrize("before", [0, 1])
def test_under_run_all_a_key_that_is_missing_is_an_error_at_once(kernel, before):
    """Nobody answers here, so that a question would hang until the time is over."""
    cells = [kernel.start("1") for _ in range(before)]
    cells += [kernel.start(NEEDS_KEY), kernel.start("ran_on = True")]
    found = [message for cell in cells for message in kernel.messages(cell)]

    errors = [m["content"]["evalue"] for m in found if m["msg_type"] == "error"]
    assert errors == [NO_KEY]
    assert kernel.value("'ran_on' in dir()") is False


def test_a_cell_that_catches_the_error_lets_the_rest_run(kernel):
    caught = (
        "try:\n"
        f"    get_ipython().run_line_magic('complete', {NEEDS_KEY[10:]!r})\n"
        "except Exception as error: print(type(error).__name__)"
    )
    cells = [kernel.start(caught), *(kernel.start("pass") for _ in range(3))]
    found = [m for cell in cells for m in kernel.messages(cell)]

    text = [m["content"]["text"] for m in found if m["msg_type"] == "stream"]
    assert text == ["CredentialError\n"]


def test_a_cell_by_itself_asks_and_hears(kernel, loopback):
    loopback.reply([*events("One")])
    own = {"near": {"url": loopback.url, "dialect": "text", "key_required": True}}
    kernel.run(f"%config CompletionSettings.endpoints = {own}")
    cell = kernel.start("%complete -m m --endpoint near Hi")
    asked = kernel.client.get_stdin_msg(timeout=30)["content"]
    kernel.client.input("sk-typed")
    shown = places(list(kernel.messages(cell)))

    assert asked["password"] is True
    assert asked["prompt"].startswith("Key for near at 127.0.0.1")
    assert from_output(shown[-1]).text == "One"
    assert loopback.requests[0].headers["x-api-key"] == "sk-typed"


def test_another_kernel_than_ipykernels_asks():
    assert not requests_wait(object())


# Executors


@pytest.fixture
def server():
    with Counting(latency=0.2) as counting:
        yield counting


@pytest.fixture
def dask(tmp_path):
    """A client of a cluster of processes, and the processes."""
    distributed = pytest.importorskip("distributed")
    made = Processes(tmp_path)
    client = distributed.Client(made.address)
    client.wait_for_workers(1)
    yield client, made
    client.close(timeout=1)
    made.close()


FAULTS = {
    "client closed": lambda client, made: client.close(),
    "cluster shut down": lambda client, made: client.shutdown(),
    "scheduler dead": lambda client, made: made.scheduler.kill(),
    "scheduler stopped": lambda client, made: made.scheduler.send_signal(
        signal.SIGSTOP
    ),
    "workers dead": lambda client, made: [one.kill() for one in made.workers],
}
SWEEP = (
    "%%complete --sweep n=0:29:1 -m m --dialect text --endpoint {url} {more}\n{{{{n}}}}"
)


@pytest.fixture
def lose(shell, dask, monkeypatch):
    """Return a function that makes a fault, and then waits less for what is gone.

    The cluster is ``mine``. How long is waited else, another test holds.
    """
    shell.user_ns["mine"], _ = dask
    for name in ("SILENCE", "ALONE"):
        monkeypatch.setattr(workers, name, 60)

    def lose(fault):
        FAULTS[fault](*dask)
        for name in ("SILENCE", "ALONE"):
            monkeypatch.setattr(workers, name, 1)

    return lose


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_sweep_whose_cluster_is_lost_is_given_back_with_what_it_has(
    shell, server, lose, capsys, fault
):
    url = server.endpoint.base_url
    history = shell.magics_manager.registry["CompletionMagics"].session.history
    lost = threading.Event()

    def answer(prompt, number):
        if number > 8:
            lost.wait(60)
        return 200, {}, answered("It is.")

    def when_four_are_home():
        while history.count(status="complete") < 4:
            time.sleep(0.01)
        lose(fault)
        lost.set()

    server.answer = answer
    server.when(8, when_four_are_home)

    shell.run(SWEEP.format(url=url, more="--executor mine"))

    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    found = shell.user_ns["_sweep"]
    assert len(shown.out.split("Stopped: ")) == 2
    assert f"Stopped: {found.stopped}" in shown.out
    ends = Counter(row.completion and row.completion.status for row in found.rows)
    assert sum(ends.values()) == 30
    assert ends["complete"] >= 4
    assert f"{ends[None]} calls were not sent" in found.stopped
    assert max(server.asked.values()) == 1
    # What a worker had when it was lost may have been sent, or may not.
    asked = {row.completion.request.prompt for row in found.rows if row.completion}
    assert set(server.asked) <= asked

    # What was answered is not asked again.
    before = server.asked.total()
    shell.run(SWEEP.format(url=url, more=""))
    assert {one.status for one in shell.user_ns["_sweep"]} == {"complete"}
    assert server.asked.total() == before + 30 - ends["complete"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fault", ["client closed", "scheduler dead"])
def test_a_sweep_on_a_cluster_that_is_gone_already_sends_nothing(
    shell, server, lose, capsys, fault
):
    lose(fault)

    shell.run(SWEEP.format(url=server.endpoint.base_url, more="--executor mine"))

    assert "30 calls were not sent" in shell.user_ns["_sweep"].stopped
    assert "Traceback" not in "".join(capsys.readouterr())
    assert server.asked == {}


def test_what_is_lost_is_told_within_ten_seconds():
    assert (
        max(workers.SILENCE, workers.ALONE)
        + workers.BEAT
        + scheduler.WORKER_POLL_SECONDS
        < 10
    )


@pytest.mark.filterwarnings("ignore")
def test_what_is_cancelled_on_a_cluster_is_not_paid_for_again(server, dask):
    client, _ = dask
    server.when(8, lambda: client.cancel(list(client.futures.values())))

    done = run(server.tasks(12), ask, executor=client.get_executor())

    ends = Counter(one.status for one in answers(done))
    assert set(ends) <= {"complete", "interrupted"}
    assert max(server.asked.values()) == 1
    assert all(one.error for one in answers(done) if one.status == "interrupted")


class Strange(Executor):
    """An executor whose ``submit`` does what a test says from its fifth call on."""

    def __init__(self, act):
        self._pool = ThreadPoolExecutor(2)
        self._act, self._count = act, 0

    def submit(self, function, /, *args, **kwargs):
        self._count += 1
        if self._count > 4:
            self._act(self._pool)
        return self._pool.submit(function, *args, **kwargs)

    def shutdown(self, wait=True, *, cancel_futures=False):  # noqa: FBT002
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def refuse(_):
    raise ValueError("no more of these")


def fail(_):
    raise OSError


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (refuse, "The executor takes no calls (no more of these)"),
        (fail, "The executor takes no calls (OSError)"),
        (lambda pool: pool.shutdown(wait=False), "cannot schedule new futures after"),
    ],
    ids=["raises", "raises nothing to read", "was shut down"],
)
def test_an_executor_that_refuses_ends_the_sweep_with_what_it_has(server, act, words):
    with Strange(act) as strange:
        done = run(server.tasks(12), ask, executor=strange)

    ends = Counter(one and one.status for one in answers(done))
    assert ends == {"complete": 4, "error": 1, None: 7}
    assert words in done.stopped
    assert "7 calls were not sent" in done.stopped
    assert len(server.times) == 4


def test_a_pool_that_is_shut_down_in_the_middle_gives_back_what_it_has(server):
    pool = ThreadPoolExecutor(2)
    server.when(5, lambda: pool.shutdown(wait=False, cancel_futures=True))

    done = run(server.tasks(12), ask, executor=pool)

    ends = Counter(one and one.status for one in answers(done))
    assert 5 <= ends["complete"] < 12
    assert "cannot schedule new futures after shutdown" in done.stopped
    assert f"{ends[None]} calls were not sent" in done.stopped
    assert len(server.times) == ends["complete"]


def test_futures_that_are_cancelled_from_outside_are_not_asked_again(server):
    futures = []

    class Kept(Strange):
        def submit(self, *args, **kwargs):
            futures.append(super().submit(*args, **kwargs))
            return futures[-1]

    server.when(2, lambda: [one.cancel() for one in futures])
    with Kept(lambda _: None) as kept:
        done = run(server.tasks(8), ask, executor=kept)

    ends = Counter(one.status for one in answers(done))
    assert set(ends) == {"complete", "interrupted"}
    assert len(server.times) == ends["complete"]
    assert done.stopped is None


# A terminal of any width

WIDTHS = (40, 60, 80, 110, 200)
PROSE = (
    "The statement terminates the nearest enclosing loop, skipping what follows.\n\n"
    "- it's 漢字かな交じり文 and café, naïve, e\u0301te\u0301, 👍 and so on and so\n"
    "See http://example.com/a/very/long/path/that/no/terminal/of/ours/would/ever/hold "
    "for more of that.\n"
)
CODE = "```\nfor number in range(10):    print(number * number, end=' ')\n```\n"


@given(
    st.text(st.sampled_from("ab é漢\n—"), max_size=300),
    st.lists(st.integers(0, 300), max_size=40),
    st.sampled_from([10, 20, 40, 80]),
)
@example(PROSE, [*range(0, 300, 3)], 40)
@example(PROSE, [*range(0, 300, 7)], 20)
def test_no_word_is_broken_wherever_the_text_is_split(text, places, width):
    cuts = sorted({min(place, len(text)) for place in places} | {0, len(text)})
    wrapping = Wrapping()
    pieces = [text[start:end] for start, end in itertools.pairwise(cuts)]
    written = "".join(wrapping.write(piece, width) for piece in pieces)
    lines = on_screen(written, width)

    assert "".join("".join(lines).split()) == "".join(without_marks(text).split())
    short = [word for word in words(text) if cells(word) < width]
    shown = [word for line in lines for word in words(line)]
    assert all(word in shown for word in map(without_marks, short))
    assert len(text.split("\n")) <= len(lines)


def without_marks(text):
    """Return the text as the emulator has it, which keeps no combining characters."""
    return "".join(c for c in text if wcwidth.wcwidth(c) != 0)


def words(text):
    """Return what no line break may part; wide characters may be parted."""
    return re.findall(r"[^\s漢字かな交り文👍じ]+", text)


def test_code_keeps_its_lines():
    wrapping = Wrapping()
    text = (
        f"{CODE}    indented as  it was, however long the line of it may ever become\n"
    )

    assert "".join(wrapping.write(piece, 20) for piece in text) == text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_terminal_breaks_no_word_and_no_table(width, loopback):
    pieces = [PROSE[n : n + 3] for n in range(0, len(PROSE), 3)]
    loopback.reply([*events(*pieces, *CODE)])
    own = {"near": {"url": loopback.url, "dialect": "text"}}
    with opened(width) as terminal:

        def ask(line):
            terminal.sendline(line)
            terminal.expect(PROMPT)
            return on_screen(terminal.before.partition("\r\n")[2], width)

        terminal.sendline(f"%config CompletionSettings.endpoints = {own}")
        terminal.expect(PROMPT)
        answer = ask("%complete -m m --endpoint near Hi")
        sweep = ask("%complete -n 3 --max-tokens 30 What does break do?")
        history = ask("%complete_history")
        models = ask("%complete_models")

    found = {word for line in answer for word in words(line)}
    for word in words(without_marks(PROSE)):
        assert cells(word) >= width or word in found
    assert "".join(CODE.split()) in "".join("".join(answer).split())
    assert any("first" in line for line in answer)
    for lines, heading, count in (
        (sweep, "sample ", 3),
        (history, "id ", 4),
        (models, "model ", 20),
    ):
        start = next(n for n, line in enumerate(lines) if line.startswith(heading))
        rows = list(itertools.takewhile(bool, lines[start:]))
        second = lines[start].split()[1]
        at = lines[start].index(second)
        # A row that was too wide would have its rest in a line of its own.
        assert all(line[at - 1] == " " for line in rows[1 : count + 1])
        assert all(line[at] != " " for line in rows[1 : count + 1])


def test_a_terminal_that_is_resized_breaks_no_word_that_follows(loopback):
    first = "a word and " * 12
    loopback.reply([*events(first, stop=None), STALL, *events(PROSE)])
    with opened(100) as terminal:
        terminal.sendline(f"%complete -m m --endpoint {loopback.url} --dialect text Hi")
        terminal.expect("a word and a")
        terminal.setwinsize(50, 44)
        loopback.go()
        terminal.expect(PROMPT)
        lines = on_screen(terminal.before, 44)

    found = {word for line in lines for word in words(line)}
    assert {"it's", "café,", "naïve,", "for", "more", "that."} <= found


def test_what_is_piped_is_what_the_model_wrote(tmp_path):
    code = "%complete -t 0 --max-tokens 60 What does break do?"
    show = "print('===', _completion.text.strip('\\n'), '===', sep='')"
    done = subprocess.run(
        [sys.executable, *IPYTHON, "-c", f"{code}\n{show}"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "30"},
        check=True,
    )
    streamed, _, text = done.stdout.partition("===")

    assert streamed.startswith(text.strip().rstrip("=").strip())


def test_wide_and_combining_characters_are_measured_in_cells():
    lines = [
        ("name", "text", "end"),
        ("漢字漢字漢字漢字", "e\u0301te\u0301 naïve", "1"),
        ("x", "👍👍👍👍👍👍👍👍👍👍👍👍", "2"),
    ]
    narrow = aligned(lines, 30)

    assert [cells(line) for line in aligned(lines)] == [47, 45, 45]
    assert all(cells(line) <= 30 for line in narrow)
    assert narrow[1].startswith("漢字漢字漢字漢…  e\u0301te\u0301 ")
    assert narrow[2].endswith("👍👍…   2")


def test_an_interrupted_sweep_lists_what_it_has_and_a_line_for_the_rest():
    runs = made(temperature=[0, 0.5, 1], samples=10)
    rows = [
        row._replace(completion=None)
        if place > 6
        else row._replace(
            completion=replace(row.completion, status="interrupted", text="")
        )
        if place > 3
        else row
        for place, row in enumerate(runs.rows)
    ]
    lines = repr(view(replace(runs, rows=tuple(rows)))).splitlines()
    gap = lines.index("")

    assert len(lines[:gap]) == 1 + 4
    assert lines[gap + 1] == "… and 26 without an answer yet."
    assert "23 still to be made" in lines[gap + 2]
