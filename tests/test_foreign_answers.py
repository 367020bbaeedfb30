"""What others say must be understood: answers and errors as servers really give them.

In the order of the guarantees: how an answer ends, what is sent, errors and numbers.
"""

import pytest
from loopback import CUT, event, events

from jupyter_complete import complete, sweep
from jupyter_complete.errors import IncompleteStream, ProtocolError


def chunk(text="", finish=None, **more):
    """Return one event of OpenAI's kind; ``more`` are further fields of its choice."""
    choice = {"index": 0, "text": text, "finish_reason": finish, **more}
    return {"id": "cmpl-1", "model": "m", "choices": [choice]}


def wire(*items):
    """Return a stream's events: objects as JSON, texts as they are."""
    return [event(item, None) for item in items]


def message(*deltas, reason, stop=True):
    """Return the events of a message."""
    items = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "m"}},
        *(
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": t}}
            for t in deltas
        ),
        {"type": "message_delta", "delta": {"stop_reason": reason}},
        *([{"type": "message_stop"}] if stop else []),
    ]
    return [event(item, item["type"]) for item in items]


@pytest.fixture
def ask(shell, loopback):
    shell.run("%config CompletionSettings.retries = 0")

    def ask(prompt="Hi", **settings):
        defaults = {"model": "m", "endpoint": loopback.url, "dialect": "openai"}
        return complete(prompt, **defaults | settings)

    return ask


# How an answer ends

REASONS = [
    *("eos", "eos_token", "abort", "end_turn", "tool_calls", "function_call", "error"),
    *(
        "stop_sequence",
        "STOP",
        "MAX_TOKENS",
        "cancelled",
        "of the future",
        "\u202etfel",
    ),
    *(1, True, {"type": "stop"}, ["eos"], "x" * 5000),
]


@pytest.mark.parametrize("reason", REASONS, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("end", ["done", "closed", "whole", "cut"])
def test_any_finish_reason_is_an_end_and_is_shown(ask, loopback, reason, end):
    whole = chunk(" One.", reason)
    loopback.reply(
        {
            "done": wire(chunk(" One."), chunk("", reason), "[DONE]"),
            "closed": wire(chunk(" One."), chunk("", reason)),
            "cut": [*wire(chunk(" One."), chunk("", reason)), CUT],
            "whole": whole,
        }[end]
    )

    answer = ask(stream=end != "whole")

    assert (answer.status, answer.text) == ("complete", " One.")
    assert answer.stop_reason
    assert len(answer.stop_reason) <= 100
    assert "\u202e" not in answer.stop_reason
    if reason in ("eos", "abort", "of the future"):
        assert answer.stop_reason == reason


@pytest.mark.parametrize("reason", ["eos", "tool_use", "pause_turn", "of the future"])
def test_any_stop_reason_of_a_message_or_a_text_is_an_end(ask, loopback, reason):
    prompt = "\n\nHuman: Hi\n\nAssistant:"
    for reply, dialect in (
        (message(" One.", reason=reason), "messages"),
        (message(" One.", reason=reason, stop=False), "messages"),
        (events(" One.", stop=reason), "text"),
    ):
        loopback.reply(reply)
        answer = ask(prompt, dialect=dialect)

        assert (answer.status, answer.text) == ("complete", " One.")
        assert answer.stop_reason == reason


def test_a_sweep_never_pays_again_for_an_answer_that_was_whole(shell, loopback):
    loopback.reply(wire(chunk(" One."), chunk("", "eos"), "[DONE]"))
    axes = {"temperature": [0.1, 0.2, 0.3], "samples": 2}
    place = {"model": "m", "endpoint": loopback.url, "dialect": "openai"}

    first = sweep("Hi", **place, **axes)
    again = sweep("Hi", **place, **axes)

    assert [row.completion.status for row in first.rows] == ["complete"] * 6
    assert [row.completion.text for row in again.rows] == [" One."] * 6
    assert len(loopback.requests) == 6


@pytest.mark.parametrize(
    ("reply", "dialect"),
    [
        (wire(chunk(" One."), "[DONE]"), "openai"),
        (wire(chunk(" One."), " [DONE] "), "openai"),
        ([*wire(chunk(" One.")), b"data: [DONE]"], "openai"),
        ([*events(" One.", stop=None), b"data: [DONE]\n\n"], "text"),
        (message(" One.", reason=None), "messages"),
        ([*message(" One.", reason=None, stop=False), b"data: [DONE]\n\n"], "messages"),
    ],
)
def test_text_and_then_only_the_end_is_complete_with_a_notice(
    ask, loopback, reply, dialect
):
    loopback.reply(reply)

    answer = ask("\n\nHuman: Hi\n\nAssistant:", dialect=dialect)

    assert (answer.status, answer.text, answer.stop_reason) == (
        "complete",
        " One.",
        None,
    )
    assert any("did not tell why" in notice for notice in answer.notices)


@pytest.mark.parametrize(
    ("reply", "dialect"),
    [
        (wire(chunk(" One.")), "openai"),
        ([*wire(chunk(" One.")), CUT], "openai"),
        (events(" One.", stop=None), "text"),
        ([*events(" One.", stop=None), CUT], "text"),
        (message(" One.", reason=None, stop=False), "messages"),
    ],
)
def test_only_what_was_cut_is_broken(ask, loopback, reply, dialect):
    loopback.reply(reply)

    with pytest.raises(IncompleteStream) as caught:
        ask("\n\nHuman: Hi\n\nAssistant:", dialect=dialect)

    assert caught.value.completion.status == "broken"
    assert caught.value.completion.text == " One."


@pytest.mark.parametrize("reply", [wire("[DONE]"), wire({"choices": []}, "[DONE]"), []])
def test_an_end_with_nothing_before_it_is_no_answer(ask, loopback, reply):
    loopback.reply(reply)

    with pytest.raises(IncompleteStream, match="without a stop reason"):
        ask()


@pytest.mark.parametrize(
    "after",
    [
        {"error": {"message": "counting failed"}},
        "{no json",
        {"choices": [{"index": 0, "delta": {"content": "x"}}]},
    ],
)
def test_what_comes_after_the_reason_costs_no_answer(ask, loopback, after):
    loopback.reply(wire(chunk(" One.", "stop"), after, "[DONE]"))

    assert (ask().status, ask().text) == ("complete", " One.")


@pytest.mark.parametrize("index", [None, 0, -1, 2**63, "0", 0.0, False, {}])
@pytest.mark.parametrize("stream", [True, False])
def test_an_index_that_is_no_other_s_is_the_first(ask, loopback, index, stream):
    one = chunk(" One.", "stop", index=index)
    loopback.reply(wire(one, "[DONE]") if stream else one)

    assert ask(stream=stream).text == " One."


def test_a_choice_without_an_index_is_the_first(ask, loopback):
    one = {"choices": [{"text": " One.", "finish_reason": "stop"}]}
    loopback.reply(wire(one, "[DONE]"))

    assert ask().text == " One."


def chat(content=None, finish=None, name="delta"):
    said = {"role": "assistant", **({} if content is None else {"content": content})}
    choice = {"index": 0, name: said, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]}


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (wire(chat(""), chat(" One."), chat("", "stop"), "[DONE]"), ""),
        (wire(chat(" One."), chat("", "stop"), "[DONE]"), " One."),
        (wire(chat(None), "[DONE]"), ""),
        (chat(" One.", "stop", "message"), " One."),
        (chat([{"type": "text"}], "stop", "message"), ""),
    ],
)
def test_a_chat_s_answer_is_an_error_that_names_the_dialect(ask, loopback, reply, text):
    loopback.reply(reply)

    with pytest.raises(ProtocolError, match="--dialect chat") as caught:
        ask(stream=isinstance(reply, list))

    assert caught.value.completion.text == text
    assert "--dialect messages" in str(caught.value)
