"""The panel where something around it goes wrong, or comes at an odd moment."""

import json
import threading

import ipywidgets as widgets
import pytest
from loopback import STALL, events
from panels import panels, session_of

from jupyter_complete.completion import Completion
from jupyter_complete.panel import CompletionPanel
from jupyter_complete.panel.runs import PanelCall, PanelRun


@pytest.fixture
def session(loopback):
    with session_of(model="m", endpoint=loopback.url, dialect="text") as session:
        yield session


@pytest.fixture
def panel(session):
    with panels(session) as make:
        yield make()


def inside(widget):
    """Yield a widget and all that is in it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from inside(child)


def button(panel, label):
    (found,) = (
        one
        for one in inside(panel)
        if isinstance(one, widgets.Button) and one.description == label
    )
    return found


def heard(panel, **message):
    panel._live._handle_custom_msg(message, [])


def test_the_button_sends_the_page_the_cell(panel, monkeypatch):
    sent = []
    monkeypatch.setattr(panel._live, "send", sent.append)

    button(panel, "Copy as cell").click()

    assert sent == [{"kind": "cell", "source": panel.cell()}]


def test_a_message_that_the_panel_does_not_know_changes_nothing(panel, loopback):
    heard(panel, kind="of the future")
    heard(panel, prompt="Hi")

    assert panel.prompt == "Hi"
    assert loopback.requests == []


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("catalog", "/nowhere/catalog.json", "/nowhere/catalog.json"),
        ("endpoints", {"mine": {"adress": "http://lab"}}, "mine"),
    ],
)
def test_a_fault_of_the_users_catalogue_is_told_when_it_is_run(
    session, loopback, setting, value, said
):
    session.settings.assign(setting, value)
    panel = CompletionPanel(session, prompt="Hi")
    places = dict(panel._form.controls["endpoint"]._dropdown.options)
    models = dict(panel._form.controls["model"]._dropdown.options)

    panel.run()
    panel.wait()

    assert "anthropic" in places
    assert "ngram-chat" in models.values()
    assert said in panel._live.status
    assert loopback.requests == []
    panel.close()


def test_a_request_that_is_no_code_says_why(panel, session, loopback, tmp_path):
    path = tmp_path / "catalog.json"
    entry = {"name": "mine", "base_url": loopback.url, "dialect": "text"}
    path.write_text(json.dumps({"endpoints": [entry | {"key_variable": "MY-KEY"}]}))
    session.settings.catalog = str(path)
    panel.settings.endpoint = "mine"
    panel._show.value = True

    assert "/v1/complete" in panel._preview.request.value
    assert panel._preview.request.value.count("which a shell cannot read") == 2


def test_stop_between_the_finding_and_the_sending_of_a_call_ends_it(
    panel, session, loopback, monkeypatch
):
    loopback.reply(raw=[STALL])
    start, pressed = session.start, threading.Event()

    def stopped_first(call):
        assert pressed.wait(10)
        panel.stop()
        return start(call)

    monkeypatch.setattr(session, "start", stopped_first)
    panel.run()
    pressed.set()
    panel.wait()

    assert [one.status for one in panel.completions] == ["interrupted"]


def test_a_foreign_error_of_a_call_is_one_line(panel, session, monkeypatch):
    def fails(call):
        raise RuntimeError("the keyring is odd")

    monkeypatch.setattr(session, "start", fails)
    panel.run()
    panel.wait()

    assert panel._live.status.endswith("RuntimeError: the keyring is odd")
    assert not panel._run_button.disabled


def test_who_is_told_of_the_end_may_wait_for_it(session, loopback):
    loopback.reply(events("Yes"))
    told = []

    class Watcher:
        def text(self, sample, text):
            pass

        def ended(self, sample, outcome):
            told.append(outcome.completion)

        def all_ended(self):
            made.wait(10)
            run[0].wait()
            told.append("all")

    made, run = threading.Event(), []
    run.append(
        PanelRun(
            session, PanelCall("Hi", {}, session.settings.values(), 1, ""), Watcher()
        )
    )
    made.set()
    run[0].wait()

    assert isinstance(told[0], Completion)
    assert told[1:] == ["all"]
