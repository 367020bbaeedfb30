"""Every kind of bad input, as a user meets it: one line, nothing lost, nothing sent."""

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from loopback import CUT, RESET, STALL, event, events, port_that_refuses
from measured import cpu_seconds

import jupyter_complete
from jupyter_complete.errors import (
    CompleteError,
    ConnectionFailed,
    CredentialError,
    IncompleteStream,
    InputError,
    PromptError,
    ProtocolError,
    ServerError,
)

HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"


@pytest.fixture
def flags(loopback):
    """The flags that send a line to the loopback server."""
    loopback.reply(events(" One"))
    return f"-m m --endpoint {loopback.url} --dialect text"


def refused(shell, cell, kind=InputError):
    """Return the one line that a cell ends in."""
    with pytest.raises(kind) as caught:
        shell.run(cell)
    (line,) = caught.value._render_traceback_()
    assert line == f"{type(caught.value).__name__}: {caught.value}"
    assert line.isprintable()
    return line.partition(": ")[2]


# What is refused before anything is sent.


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("-t Hi", "--temperature is 'Hi'; give a number."),
        ("-t nan", "temperature is nan; give a "),
        ("-p 1.1", "top_p is 1.1; give a number from 0 to 1."),
        ("-k 1.5", "--top-k is '1.5'; give a whole number."),
        ("-k -1", "top_k is -1; give a whole number, 0 or more."),
        ("--max-tokens 0", "max_tokens is 0; give a whole number, 1 or more."),
        ("--seed -1", "seed is -1; give a whole number, 0 or more."),
        ("--stop ''", "stop is ''; give at least one character, or leave it out."),
        ("--user-id ''", "user_id is ''; give one, or leave it out."),
        ("--format html", "--format is 'html'; choose from auto, text, markdown"),
        ("--no-stream=1", "--no-stream takes no value; write it alone."),
        ("-n 2 -j 0", "concurrency is 0; give a whole number, 1 or more, or auto."),
        ("--stop '\\ud83d'", "stop has half a character at position 0 ('\\ud83d');"),
        ("--model '\\ud83d'", "model has half a character at position 0 ('\\ud83d');"),
        ("--as json", "--as is 'json'; choose from curl, requests, sdk, magic."),
    ],
)
def test_a_bad_value_is_named_with_the_remedy_and_not_sent(
    shell, loopback, flags, more, line
):
    assert line in refused(shell, f"%complete {flags} {more} Hi")
    assert loopback.requests == []


@pytest.mark.parametrize("name", ["1x", "'a b'", "class", "''", "a.b", "'\\ud83d'"])
@pytest.mark.parametrize(
    "cell",
    [
        "%complete -o {} Hi",
        "%complete -n 2 -o {} Hi",
        "%complete_panel -o {}",
        "%complete_history --restore 1 -o {}",
    ],
)
def test_an_out_that_is_no_name_is_refused_before_anything_is_sent(shell, cell, name):
    line = refused(shell, cell.format(name))

    assert line.startswith("--out is ")
    assert line.endswith("; give the name of a variable, as in -o answer.")
    assert "_completion" not in shell.user_ns


def test_words_that_a_magic_does_not_take_are_refused(shell):
    line = refused(shell, "%complete_models everything")

    assert line.startswith("'everything' on the %complete_models line is no flag;")


@pytest.mark.parametrize(
    "magic",
    ["complete", "complete_models", "complete_distribution", "complete_history"],
)
def test_an_unknown_flag_is_told_where_its_magic_lists_them(shell, magic):
    with pytest.raises(InputError, match=rf"no flag -z: %+{magic}\? lists them"):
        shell.run(f"%{magic} -z 1")


def test_text_with_half_a_character_is_not_sent(shell, loopback, flags):
    line = refused(shell, f"%%complete {flags} --turns raw\nab\ud83dc")

    assert line == "prompt has half a character at position 2 ('\\ud83d'); remove it."
    assert loopback.requests == []


def test_control_characters_in_an_error_are_shown_not_obeyed(shell):
    line = refused(shell, "%complete -o \x1b[2Jx\u202e Hi")

    assert "\\x1b[2Jx\\u202e" in line


def test_code_shows_control_characters_and_does_not_send_them_to_the_screen(
    shell, capsys
):
    shell.user_ns["v"] = "\x1b[2J"
    shell.run("%complete --as magic Say {{v}}")

    out = capsys.readouterr().out
    assert "\\x1b[2J" in out
    assert "\x1b" not in out


def test_a_value_that_has_no_text_is_named(shell, loopback, flags):
    class Mute:
        def __str__(self):
            raise RuntimeError("out of order")

    shell.user_ns["mute"] = Mute()
    line = refused(shell, f"%complete {flags} Say {{{{mute}}}}", PromptError)

    assert line == (
        "{{mute}} in the prompt has a value without a text "
        "(RuntimeError: out of order); assign another to mute."
    )
    assert loopback.requests == []


def test_a_long_line_is_not_thought_over(shell):
    """Whether it is a question must not take time that grows with its square."""
    cell = f"%complete {'x ' * 20_000}end"

    # Python 3.12's own tokenizer takes the square of the time, for any magic.
    alone = cpu_seconds(lambda: TransformerManager().transform_cell(cell))
    ours = cpu_seconds(lambda: shell.input_transformer_manager.transform_cell(cell))
    assert ours < 3 * alone + 1


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469 \U0001f600",
        "\u05e9\u05dc\u05d5\u05dd \u202eabc",
        "\x1b[31mred\x1b[0m",
        "a\x00b",
        "a\u2028b\u0085c",
        "{{ {% }} ${x} \\n '\"",
        "%%complete again",
        "?",
        "x" * 1_000_000,
    ],
    ids=lambda text: ascii(text[:8]),
)
def test_any_text_arrives_to_the_byte(shell, loopback, flags, text):
    shell.run(f"%%complete {flags} --turns raw\n{text}")

    assert loopback.requests[0].json["prompt"] == text
    assert shell.user_ns["_completion"].prompt == text


# What an endpoint answers.


@pytest.mark.parametrize(
    ("reply", "kind", "says", "kept"),
    [
        ({"body": HTML}, ProtocolError, "is a web page, not a completion; check", ""),
        ({"body": b""}, ProtocolError, "is empty; check its URL", ""),
        ({"body": b"[1]"}, ProtocolError, "is no JSON object (it begins '[1]')", ""),
        (
            {"body": b"", "status": 307, "headers": {"location": "http://evil.test/"}},
            ProtocolError,
            "redirects to evil.test (HTTP 307); nothing was sent there.",
            "",
        ),
        (
            {"body": HTML, "status": 502, "headers": {"content-type": "text/html"}},
            ServerError,
            "Sign in (HTTP 502); run it again in a while.",
            "",
        ),
        (
            {"body": [*events(" One", stop=None), event("{oops"), *events(" two")]},
            ProtocolError,
            "is not JSON (it begins '{oops')",
            " One",
        ),
        (
            {"body": [*events(" One", stop=None), CUT]},
            IncompleteStream,
            "was cut (Connection broken: IncompleteRead(0 bytes read)) without",
            " One",
        ),
        (
            {"body": [*events(" One", stop=None), RESET]},
            IncompleteStream,
            "without a stop reason after 4 characters; what came is kept",
            " One",
        ),
        (
            {"body": events(" One", stop=None)},
            IncompleteStream,
            "ended without a stop reason after 4 characters; what came is kept",
            " One",
        ),
    ],
)
def test_a_bad_answer_is_one_line_and_what_came_is_kept_and_shown(
    shell, loopback, capsys, *, reply, kind, says, kept
):
    loopback.reply(**reply)
    flags = f"-m m --endpoint {loopback.url} --dialect text -o answer"
    shell.run("%config CompletionSettings.retries = 0")

    assert says in refused(shell, f"%complete {flags} Hi", kind)

    answer = shell.user_ns["answer"]
    assert answer is shell.user_ns["_completion"]
    assert answer.text == kept
    assert answer.status == ("broken" if kept else "error")
    assert kept.strip() in capsys.readouterr().out
    assert len(loopback.requests) == 1
    shell.run("%complete_history --restore 1 -o stored")
    assert shell.user_ns["stored"].text == kept


def test_an_unknown_event_is_passed_over(shell, loopback):
    surprise = event({"delta": "?"}, "content_block_surprise")
    loopback.reply([*events(" One", stop=None), surprise, *events(" two")])

    shell.run(f"%complete -m m --endpoint {loopback.url} --dialect text Hi")

    assert shell.user_ns["_completion"].text == " One two"


def test_a_refused_connection_names_the_place(shell):
    url = port_that_refuses()
    shell.run("%config CompletionSettings.retries = 0")
    flags = f"-m m --endpoint {url} --dialect text"

    line = refused(shell, f"%complete {flags} Hi", ConnectionFailed)

    host = url.removeprefix("http://")
    assert line.startswith(f"No answer from {host} (")
    assert "Connection refused" in line
    assert line.endswith(
        f"check that the endpoint {host} is up and that its URL is right."
    )


def test_hostile_text_reaches_the_terminal_as_symbols(shell, loopback, capsys):
    loopback.reply(events("\x1b[2J\x07\x00 \u202e \U0001f600"))

    shell.run(f"%complete -m m --endpoint {loopback.url} --dialect text Hi")

    out = capsys.readouterr().out
    assert out.startswith("␛[2J␇␀ \ufffd \U0001f600\n[m")
    assert shell.user_ns["_completion"].text == "\x1b[2J\x07\x00 \u202e \U0001f600"


def test_an_endpoint_that_did_not_say_what_it_speaks_is_asked_again(shell, loopback):
    """A login page today is an API tomorrow."""
    loopback.reply(HTML)
    loopback.reply({"object": "list", "data": [{"id": "m", "owned_by": "vllm"}]})
    loopback.reply({"choices": [{"index": 0, "text": " One", "finish_reason": "stop"}]})
    line = f"%complete -m m --endpoint {loopback.url} Hi"

    assert "does not say what it speaks" in refused(shell, line)
    shell.run(line)

    assert shell.user_ns["_completion"].text == " One"


# Keys.


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        (None, "wants a key and there is none: set ANTHROPIC_API_KEY before"),
        ("sk-12\n34567890", "has a line break in it; set ANTHROPIC_API_KEY again"),
        ("sk-1234567890\n", "has white space or a line break at an end;"),
        ("sk-1234567\u4e2d", "has a character that no HTTP header can carry;"),
    ],
)
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(
    shell, loopback, monkeypatch, capfd, *, key, fault
):
    monkeypatch.setattr("getpass.getpass", lambda _: "")
    if key is not None:
        monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    shell.run(
        "%config CompletionSettings.endpoints = {'near': {'url': "
        f"'{loopback.url}', 'dialect': 'text', 'key_variable': 'ANTHROPIC_API_KEY', "
        "'key_required': True}}"
    )

    line = refused(shell, "%complete -m m --endpoint near Hi", CredentialError)

    assert fault in line
    assert loopback.requests == []
    assert key is None or key.strip() not in "".join(capfd.readouterr()) + line


# The same through Python.


@pytest.mark.parametrize(
    ("prompt", "settings", "says"),
    [
        ("", {}, "The prompt is empty; write at least one character."),
        ("Hi", {"temperature": "hot"}, "temperature is 'hot'; give a number from 0"),
        ("Hi", {"temperature": True}, "temperature is True; give a number"),
        ("Hi", {"top_k": 2.5}, "top_k is 2.5; give a whole number, 0 or more."),
        ("Hi", {"stop": [1]}, "stop is [1]; give a list of texts."),
        ("Hi", {"stop": ""}, "stop is ''; give at least one character"),
        ("Hi", {"warmth": 1}, "warmth is no setting;"),
        ("Hi", {"model": ""}, "model is ''"),
        ("Hi", {"model": 3}, "model is 3; give a"),
        ("Hi", {"endpoint": "ftp://x", "model": "m"}, "begins with https:// or http"),
        ("Hi {{nobody}}", {}, "{{nobody}} in the prompt names nothing: assign nobody"),
        (b"Hi", {}, "prompt is b'Hi'; give a text."),
        (None, {}, "prompt is None; give a text."),
    ],
)
@pytest.mark.usefixtures("shell")
def test_complete_refuses_what_the_magic_refuses(prompt, settings, says):
    with pytest.raises(CompleteError) as caught:
        jupyter_complete.complete(prompt, **settings)

    assert isinstance(caught.value, InputError)
    assert says in str(caught.value)


def test_complete_keeps_what_came_of_a_broken_answer(loopback, shell):
    loopback.reply([*events(" One", stop=None), CUT])

    with pytest.raises(IncompleteStream) as caught:
        jupyter_complete.complete(
            "Hi", model="m", endpoint=loopback.url, dialect="text"
        )

    assert caught.value.partial == caught.value.completion.text == " One"
    assert caught.value.completion.history_id == 1


def test_a_stalled_answer_that_is_cut_later_keeps_its_text(loopback, shell):
    loopback.reply([*events(" One", stop=None), STALL, CUT])
    loopback.go()

    refused(
        shell,
        f"%complete -m m --endpoint {loopback.url} --dialect text Hi",
        IncompleteStream,
    )

    assert shell.user_ns["_completion"].text == " One"
