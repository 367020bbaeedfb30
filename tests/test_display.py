"""What a person sees: facts, cards, and hostile text made harmless."""

import html
import json
import signal
import threading

from hypothesis import given
from hypothesis import strategies as st

from jupyter_complete.cancel import shielded
from jupyter_complete.completion import Completion, Usage
from jupyter_complete.display import (
    RECORD_TYPE,
    TerminalScreen,
    Tokens,
    card,
    card_html,
    escape,
    facts,
)
from jupyter_complete.errors import one_line, printable
from jupyter_complete.request import CompletionRequest
from jupyter_complete.saved import from_output

REQUEST = CompletionRequest(model="ngram-chat", prompt="p", max_tokens_to_sample=5)


def completion(text="Hello.", **changes):
    known = {
        "model": "ngram-chat",
        "endpoint": "embedded",
        "stop_reason": "stop_sequence",
        "stop": "\n\nHuman:",
        "usage": Usage(3, 2),
        "seconds": 0.5,
        "first_token_seconds": 0.125,
    }
    return Completion(text, REQUEST, **(known | changes))


def test_the_facts_name_model_reason_tokens_and_times():
    assert facts(completion()) == (
        "ngram-chat · ended by itself · 2 tokens · first token 0.12 s · total 0.50 s"
    )


def test_characters_where_no_tokens_were_told():
    assert " · 6 characters · " in facts(completion(usage=None))
    assert " · 1 character · " in facts(completion("x", usage=Usage(3, None)))


def test_another_model_than_asked_and_its_endpoint_are_named():
    line = facts(completion(model="claude-x", endpoint="anthropic"))

    assert line.startswith("ngram-chat → claude-x · from anthropic")


def test_what_did_not_complete_says_so():
    assert " · interrupted · " in facts(
        completion(status="interrupted", stop_reason=None)
    )


def test_the_card_holds_the_whole_completion():
    original = completion("a <b> & `c`", notices=("something",))
    bundle = card(original, "auto")

    assert from_output(json.loads(json.dumps(bundle))) == original
    assert "Note: something" in bundle["text/plain"]
    assert "<small>Note: something</small>" in bundle["text/html"]
    assert bundle.keys() == {"text/plain", "text/html", RECORD_TYPE}


def test_what_went_wrong_is_below_the_text_everywhere(capsys):
    broken = completion(status="broken", error="The <server> left.")
    bundle = card(broken, "auto")
    TerminalScreen().finish(broken)

    assert bundle["text/plain"].endswith("\nError: The <server> left.")
    assert bundle["text/html"] == card_html(broken, "auto")
    assert "<small>Error: The &lt;server&gt; left.</small>" in bundle["text/html"]
    assert capsys.readouterr().out.endswith("\nError: The <server> left.\n")


def test_a_card_as_text_is_text_alone():
    assert card(completion("**a**"), "text").keys() == {"text/plain", RECORD_TYPE}


def test_a_cut_fence_does_not_swallow_the_facts():
    markup = card(completion("```python\nx = 1"), "auto")["text/html"]

    assert "<pre><code>x = 1</code></pre></div><hr><small>[ngram-chat" in markup


@given(st.text())
def test_escaped_html_shows_the_text(text):
    escaped = escape(text)

    assert "<" not in escaped
    assert '"' not in escaped
    assert html.unescape(escaped) == printable(text)


@given(st.text())
def test_nothing_printable_is_a_control(text):
    assert not any(
        (ord(c) < 32 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0
        for c in printable(text)
    )


def test_terminal_escapes_are_shown_not_obeyed():
    assert printable("\x1b[2Jx\x9b31m\u202e") == "␛[2Jx�31m�"


def test_one_line_is_one_line():
    assert one_line("a\n\n b\tc\x1b") == "a b c␛"
    assert len(one_line("x" * 10_000)) == 500


def test_the_terminal_shows_text_and_facts_once(capsys):
    screen = TerminalScreen()
    for piece in [" ", " One", " two\x1b[0m", "\r\n"]:
        screen.write(piece)
    screen.finish(completion())

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "One two␛[0m"
    assert lines[1] == f"[{facts(completion())}]"


def test_the_terminal_shows_what_was_not_streamed(capsys):
    TerminalScreen().finish(completion(" Hello.", notices=("n",)))

    out = capsys.readouterr().out
    assert out == f"Hello.\n[{facts(completion())}]\nNote: n\n"


def test_without_probabilities_the_tokens_say_what_to_ask_for():
    assert "--logprobs 5" in repr(Tokens(completion()))


def test_only_the_main_thread_is_shielded_from_ctrl_c():
    """Another has no signal to hold back, and must not fail for it."""
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def look():
        with shielded():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
    with shielded():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is before
