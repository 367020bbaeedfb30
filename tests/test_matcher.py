"""Tab completion, as the kernel's complete_request asks for it."""

import pytest
from IPython.core.completer import provisionalcompleter


@pytest.fixture
def tab(shell):
    """Return (what is replaced, the words) for a cell with ‸ at the cursor."""

    def complete(cell):
        position = cell.index("‸")
        code = cell.replace("‸", "")
        with provisionalcompleter():
            found = list(shell.Completer.completions(code, position))
        words = [c.text for c in found]
        start = found[0].start if found else position
        return code[start:position], words

    return complete


def test_flags(tab):
    assert tab("%%complete --te‸\nHi") == ("--te", ["--temperature"])


def test_all_flags_after_a_space(tab):
    replaced, words = tab("%%complete ‸\nHi")

    assert replaced == ""
    assert words[:4] == ["--model", "--temperature", "--top-p", "--top-k"]
    assert all(word.startswith("--") for word in words)


@pytest.mark.parametrize("start", ["--model ", "--model=", "-m ", "-t 1 --model "])
def test_models(tab, start):
    replaced, words = tab(f"%%complete {start}ngram‸\nHi")

    assert replaced == "ngram"
    assert words == ["ngram-chat", "ngram-base"]


def test_models_that_the_session_was_told_of_are_offered_too(tab, shell, loopback):
    loopback.reply({"object": "list", "data": [{"id": "tiny-1", "object": "model"}]})
    place = f"--endpoint {loopback.url} --dialect openai -m x"
    shell.run(f"%complete_models --refresh {place}")

    assert tab("%%complete -m tiny‸\nHi") == ("tiny", ["tiny-1"])


def test_choices(tab):
    assert tab("%%complete --turns ‸\nHi") == ("", ["auto", "wrap", "raw"])


def test_scores_and_how_checks_begin(tab, shell):
    shell.user_ns["polite"] = len

    assert tab("%%complete --check con‸\nHi") == ("con", ["contains:"])
    assert tab("%%complete --check wor‸\nHi") == ("wor", ["words<="])
    assert tab("%%complete --check=p‸\nHi") == ("p", ["polite"])
    assert tab("%%complete --score js‸\nHi") == ("js", ["json"])


def test_betas(tab):
    _, words = tab("%%complete --beta context-‸\nHi")

    assert "context-1m-2025-08-07" in words


def test_axes(tab):
    _, words = tab("%%complete -s temp‸\nHi")

    assert words == ["temperature="]


def test_what_cannot_be_swept_is_not_offered_as_an_axis(tab):
    _, words = tab("%%complete -s ‸\nHi")

    assert {"model=", "temperature=", "stop=", "stream="} <= set(words)
    assert not {"format=", "history=", "reuse=", "samples="} & set(words)


def test_a_variable_as_an_axis(shell, tab):
    shell.user_ns["tones"] = ["dry"]

    assert tab("%%complete -s tone=@to‸\nHi") == ("tone=@to", ["tone=@tones"])


def test_no_names_of_python_in_the_prompt(shell, tab):
    shell.user_ns["prompting"] = 1

    assert tab("%%complete\nWhat is a prom‸") == ("prom", ["prom"])


def test_names_between_braces(shell, tab):
    shell.user_ns["prompting"] = 1

    assert tab("%%complete\nWhat is {{prom‸") == ("prom", ["prompting}}"])


def test_the_line_magic_within_python(tab):
    assert tab("x = 1\n%complete --top‸") == ("--top", ["--top-p", "--top-k"])


def test_python_is_left_to_python(shell, tab):
    shell.user_ns["temperature_of_tea"] = 1
    _, words = tab("temperature_of‸")

    assert words == ["temperature_of_tea"]
