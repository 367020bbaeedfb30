"""Ctrl-C at every moment, and more than once: one line, and the text is kept."""

import os
import signal
import threading
import time

import pytest
from loopback import STALL, events
from terminal import PROMPT

from jupyter_complete.completion import Completion
from jupyter_complete.errors import CompletionInterrupted
from jupyter_complete.request import CompletionRequest
from jupyter_complete.session import Outcome, Session, running
from jupyter_complete.session.running import Running, follow
from jupyter_complete.settings import CompletionSettings


@pytest.fixture
def terminal(terminal):
    """An IPython whose session is made, at its prompt."""
    terminal.sendline("%complete --dry-run Hi")
    terminal.expect(PROMPT)
    return terminal


def told(terminal):
    """Return the lines between Ctrl-C and the next prompt."""
    terminal.expect(PROMPT)
    lines = [line.strip() for line in terminal.before.split("^C")[-1].splitlines()]
    return [line for line in lines if line]


def value(terminal, expression):
    """Return what an expression prints."""
    terminal.sendline(f"print('<<', {expression}, '>>')")
    terminal.expect(r"<< (?!', )(.*) >>")
    found = terminal.match[1]
    terminal.expect(PROMPT)
    return found


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_while_it_streams_keeps_the_text(terminal, loopback, times):
    loopback.reply([*events(" One", stop=None), STALL])
    terminal.sendline(f"%complete -m m --endpoint {loopback.url} --dialect text Hi")
    terminal.expect("One")
    for _ in range(times):
        terminal.sendintr()

    terminal.expect(r"\[m · from .* · interrupted · 4 characters [^\n]*\n")
    terminal.expect(
        "CompletionInterrupted: Stopped after 4 characters; the text is kept.\r\n"
    )
    terminal.expect(PROMPT)
    assert value(terminal, "_completion.status, _completion.text") == "interrupted  One"
    assert loopback.requests[0].gone.wait(60)


def test_ctrl_c_before_the_answer_says_that_none_came(terminal, loopback):
    loopback.reply(raw=[STALL])
    terminal.sendline(f"%complete -m m --endpoint {loopback.url} --dialect text Hi")
    loopback.wait_for_stall()
    terminal.sendintr()

    assert told(terminal) == ["CompletionInterrupted: Stopped before any text came."]
    assert value(terminal, "_completion.status") == "interrupted"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%complete -m m --endpoint {} Hi", "Stopped before the prompt was sent."),
        (
            "%complete_models --refresh --endpoint {} --dialect text",
            "Stopped; what was known stays.",
        ),
    ],
)
def test_ctrl_c_while_an_endpoint_is_asked_about_itself(terminal, loopback, line, says):
    loopback.reply(raw=[STALL])
    terminal.sendline(line.format(loopback.url))
    loopback.wait_for_stall()
    terminal.sendintr()

    assert told(terminal) == [f"CompletionInterrupted: {says}"]
    assert value(terminal, "'_completion' in globals()") == "False"


def test_ctrl_c_while_a_key_is_asked_for(terminal):
    terminal.sendline("%complete -m claude-2.1 --dialect text Hi")
    terminal.expect("Key for anthropic")
    terminal.sendintr()

    assert told(terminal)[-1].endswith(
        "CompletionInterrupted: Stopped before the prompt was sent."
    )
    assert value(terminal, "'_completion' in globals()") == "False"


def test_a_storm_of_ctrl_c_is_one(loopback):
    """However many signals come, and wherever: one interrupt, the text in it."""
    loopback.reply([*events(" One", stop=None), STALL])
    session = Session(CompletionSettings())
    before = signal.getsignal(signal.SIGINT)
    over, shown = threading.Event(), threading.Event()

    def storm():
        shown.wait(10)
        while not over.wait(0.0005):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=storm)
    thread.start()

    def on_text(text):
        shown.set()

    call = session.prepare("Hi", model="m", endpoint=loopback.url, dialect="text")
    running = session.start(call)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(CompletionInterrupted) as caught:
            session.follow(running, on_text=on_text)
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGINT, before)
        session.close()

    assert caught.value.completion.text == " One"
    assert caught.value.completion.status == "interrupted"


def test_a_call_that_does_not_stop_is_let_go(monkeypatch):
    monkeypatch.setattr(running, "PATIENCE_SECONDS", 0.05)
    held = threading.Event()
    stuck = Running(lambda **_: held.wait(20))

    def press():
        for _ in range(2):
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(CompletionInterrupted, match="did not stop"):
        follow(stuck, None)
    thread.join()
    held.set()


def interrupted_at_once(_):
    raise KeyboardInterrupt


def test_a_front_end_that_raises_its_interrupt_waits_for_what_came():
    answer = Completion("One", CompletionRequest("m", "p", 9), "interrupted")

    def ends_late(on_text, cancel):
        on_text("One")
        assert cancel.wait(20)
        time.sleep(3 * running.WAIT_SECONDS)
        return Outcome(answer)

    with pytest.raises(CompletionInterrupted, match="after 3 characters") as caught:
        follow(Running(ends_late), interrupted_at_once)

    assert caught.value.completion is answer


def test_a_fault_that_comes_after_the_interrupt_is_not_hidden():
    def fails_late(on_text, cancel):
        on_text("One")
        assert cancel.wait(20)
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError, match="a fault of ours"):
        follow(Running(fails_late), interrupted_at_once)


def test_an_impatient_second_interrupt_changes_nothing():
    answer = Completion("", CompletionRequest("m", "p", 9), "interrupted")

    def ends(on_text, cancel):
        assert cancel.wait(20)
        return Outcome(answer)

    call = Running(ends)
    call.interrupt()
    call.interrupt()
    with pytest.raises(CompletionInterrupted, match="before any text") as caught:
        follow(call, None)

    assert caught.value.completion is answer


def test_a_second_interrupt_within_the_first_does_not_wait_for_it():
    """A signal may come at any moment, also while the first throws the switch."""
    call = Running(lambda cancel, **_: cancel.wait(20))
    call.interrupt()

    with call._cancel._lock:
        second = threading.Thread(target=call.interrupt, daemon=True)
        second.start()
        second.join(5)
        assert not second.is_alive()
