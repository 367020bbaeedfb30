"""A completion among what else a cell, a queue of cells and a terminal show."""

import re

import pytest
from loopback import STALL, events
from test_kernel import LOAD, Kernel, executed

from jupyter_complete import Completion
from jupyter_complete.display import RECORD_TYPE
from jupyter_complete.display.live import BURST
from jupyter_complete.display.screen import RATE

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
    """Give what a cell shows, answers by name, in order."""
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
SWEEP = "print('before')\n%complete -n 2 --max-tokens 9 Hi there\nprint('after')"
TURNS = [(f"turn {turn}\n", "answer", f"<b>plot {turn}</b>") for turn in range(3)]


def test_what_else_a_cell_shows_stays():
    notebook = executed(
        f"{LOAD}\nimport contextlib, io\nfrom IPython.display import HTML, display",
        *(LOOP, FUNCTION, FAILS, REDIRECTED, TIMED, SWEEP),
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
    """Give what stands in each display at the end, as a front end has it."""
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
    assert Completion.from_record(card[RECORD_TYPE]).text == "One two"


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
    assert Completion.from_record(card[RECORD_TYPE]).status == "interrupted"


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
