"""`CompletionSettings.offline`: nothing outside of this process is asked anything."""

import pytest

from jupyter_complete.errors import InputError
from jupyter_complete.session import UNSHAPED, Session
from jupyter_complete.settings import CompletionSettings
from jupyter_complete.sweeps.points import Axis


@pytest.fixture
def session():
    session = Session(CompletionSettings(offline=True, unsupported="drop"))
    yield session
    session.close()


ELSEWHERE = {
    "a call": lambda s, u: s.complete(s.prepare("Hi", endpoint=f"{u}/v1/complete")),
    "asking what it speaks": lambda s, u: s.prepare("Hi", endpoint=u),
    "a count": lambda s, u: s.count(s.prepare("Hi", endpoint=f"{u}/v1/messages")),
    "a sweep": lambda s, u: s.sweep(
        s.plan_sweep(
            "Hi",
            (Axis(("top_k",), ((1,), (2,)), frozenset({"top_k"})),),
            {},
            endpoint=f"{u}/v1/complete",
        )
    ),
    "the next token": lambda s, u: s.distribution(
        s.prepare("Hi", endpoint=f"{u}/v1/completions", **UNSHAPED)
    ),
    "a list of models": lambda s, u: s.routes.refresh(
        s.settings.changed({"endpoint": f"{u}/v1/complete"})
    ),
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_offline_is_one_error_before_any_connection(session, loopback, what):
    with pytest.raises(InputError, match="offline is True, so nothing is sent to 127"):
        ELSEWHERE[what](session, loopback.url)

    assert loopback.connections == 0


def test_offline_the_embedded_model_answers(session):
    call = session.prepare("Hi", max_tokens=3)

    assert session.complete(call).status == "complete"
    assert session.distribution(session.prepare("Hi", **UNSHAPED)).tokens


def test_offline_what_would_be_sent_is_shown(session, loopback):
    call = session.prepare("Hi", endpoint=f"{loopback.url}/v1/complete")

    assert call.http().path == "/v1/complete"
    assert "curl" in session.code(call, "curl")
    assert loopback.connections == 0


def test_a_call_can_be_offline_by_itself(loopback):
    session = Session(CompletionSettings())
    place = f"{loopback.url}/v1/complete"
    with pytest.raises(InputError, match="offline is True"):
        session.complete(session.prepare("Hi", endpoint=place, offline=True))

    session.close()
    assert loopback.connections == 0


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("0", False)])
def test_the_environment_says_whether_it_is_offline(monkeypatch, value, offline):
    assert CompletionSettings().offline is False
    monkeypatch.setenv("JUPYTER_COMPLETE_OFFLINE", value)

    assert CompletionSettings().offline is offline
    assert CompletionSettings(offline=False).offline is False
