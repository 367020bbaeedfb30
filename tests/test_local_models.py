"""The models of this machine as they are listed: table, dropdown, tab completion."""

import os
import sys

import pytest
from gguf import gguf, tiny_llama
from IPython.core.completer import provisionalcompleter
from panels import panels, session_of

from jupyter_complete.errors import BadRequestError, InputError
from jupyter_complete.local import files, listing
from jupyter_complete.local.gguf import NotAModel

TINY = tiny_llama(more={"tokenizer.chat_template": "{{ messages }}"})
KB = f"{len(TINY) / 1e3:,.1f} kB"
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"


@pytest.fixture
def directory(tmp_path):
    directory = tmp_path / "models"
    directory.mkdir()
    return directory


@pytest.fixture
def local(shell, directory):
    """A shell whose models are in the directory."""
    line = f"CompletionSettings.model_directory = {str(directory)!r}"
    shell.run_line_magic("config", line)
    return shell


def listed(shell):
    """Return what the table says of each model."""
    table = shell.run("%complete_models --endpoint local")
    return {row[0]: row[-1] for row in table.rows}


def tab(shell, line):
    with provisionalcompleter():
        return [word.text for word in shell.Completer.completions(line, len(line))]


def test_a_model_is_listed_with_what_its_header_says(local, directory):
    (directory / "a.gguf").write_bytes(TINY)
    (directory / "plain.gguf").write_bytes(tiny_llama(context=4096))
    table = local.run("%complete_models --endpoint local")

    assert [(row[0], row[1], row[5]) for row in table.rows] == [
        ("a", "local", "256"),
        ("plain", "local", "4,096"),
    ]
    assert listed(local) == {
        "a": f"37.2K, {KB}, F32, chat template",
        "plain": "37.2K, 156.5 kB, F32, no chat template",
    }
    assert str(directory) in repr(table)
    assert "claude-" not in repr(table)


def test_the_real_model_is_listed_so(model_directory, shell):
    line = f"CompletionSettings.model_directory = {str(model_directory)!r}"
    shell.run_line_magic("config", line)
    table = shell.run("%complete_models --endpoint local")
    row = next(row for row in table.rows if row[0] == "smollm2")

    assert row[5] == "8,192"
    assert row[-1] == "135M, 98 MB, Q4_1, chat template"


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [(900, "0.9K"), (1 << 31, "2.15B"), (1 << 40, "1.1T"), (134_515_008, "135M")],
)
def test_parameters_are_counted_where_no_size_is_said(
    local, directory, parameters, shown
):
    weights = ("w", (parameters,), 4711, bytes(16))
    model = gguf({"general.architecture": "to come"}, [weights])
    (directory / "a.gguf").write_bytes(model)

    assert listed(local)["a"].startswith(f"{shown}, 0.")


def test_the_list_of_all_has_them_at_its_end(local, directory):
    (directory / "a.gguf").write_bytes(TINY)
    table = local.run("%complete_models")

    assert table.rows[0][0] == "ngram-chat"
    assert table.rows[-1][0] == "a"


def test_what_is_no_model_is_listed_with_its_fault(local, directory):
    (directory / "cut.gguf").write_bytes(TINY[:100_000])
    (directory / "text.gguf").write_text("Once upon a time")
    (directory / "dir.gguf").mkdir()
    os.mkfifo(directory / "pipe.gguf")
    (directory / "lost.gguf").symlink_to(directory / "none")
    (directory / "loop.gguf").symlink_to(directory / "loop.gguf")

    found = listed(local)

    assert found.pop("loop").startswith("cannot be read (Too many levels")
    assert found == {
        "cut": f"is cut: it has 100,000 of its {len(TINY):,} bytes",
        "dir": "is no file",
        "lost": "cannot be read (No such file or directory)",
        "pipe": "is no file",
        "text": "is no GGUF file",
    }


@pytest.mark.parametrize("name", ["cut", "path"])
def test_what_is_no_model_is_refused_before_anything_starts(local, directory, name):
    path = directory / "cut.gguf"
    path.write_bytes(TINY[:100_000])

    with pytest.raises(NotAModel, match=r"cut.gguf is cut: it has 100,000 of its"):
        local.run(f"%complete -m {path if name == 'path' else name} Hi")


@pytest.mark.parametrize("name", ["pipe", "dir", "device"])
def test_a_path_that_is_no_file_is_refused(local, directory, name):
    os.mkfifo(directory / "pipe.gguf")
    (directory / "dir.gguf").mkdir()
    (directory / "device.gguf").symlink_to("/dev/zero")

    with pytest.raises(NotAModel, match=r"is no file|cannot be read"):
        local.run(f"%complete -m {directory / name}.gguf Hi")


def test_a_link_is_a_model_and_a_hidden_file_is_none(local, directory, tmp_path):
    (tmp_path / "there.bin").write_bytes(TINY)
    (directory / "link.gguf").symlink_to(tmp_path / "there.bin")
    (directory / "._link.gguf").write_bytes(b"of another system")
    (directory / ".gguf").write_bytes(TINY)
    (directory / "notes.txt").write_bytes(TINY)

    assert [*listed(local)] == ["link"]


def test_of_two_files_of_one_stem_the_other_has_its_path_for_a_name(local, directory):
    (directory / "a.gguf").write_bytes(TINY)
    (directory / "a.GGUF").write_bytes(tiny_llama(context=64))
    table = local.run("%complete_models --endpoint local")

    assert {row[0]: row[5] for row in table.rows} == {
        "a": "256",
        str(directory / "a.GGUF"): "64",
    }


def test_no_directory_is_an_empty_list_that_says_what_to_do(local, directory):
    directory.rmdir()
    table = local.run("%complete_models --endpoint local")

    assert table.rows == []
    assert "jupyter complete get --list" in repr(table)


def test_a_directory_that_cannot_be_read_is_said(local, directory):
    directory.rmdir()
    directory.write_text("a file")
    table = local.run("%complete_models --endpoint local")

    assert table.rows == []
    assert f"{directory} cannot be read (Not a directory)" in repr(table)


@pytest.mark.parametrize(
    "environ", [{}, {"JUPYTER_DATA_DIR": "/data"}, {"XDG_DATA_HOME": "/xdg"}]
)
def test_models_lie_in_jupyters_data_with_and_without_jupyter(monkeypatch, environ):
    for name in ("JUPYTER_DATA_DIR", "XDG_DATA_HOME", "JUPYTER_PLATFORM_DIRS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with_it = files.model_directory("")
    monkeypatch.setitem(sys.modules, "jupyter_core.paths", None)

    assert files.model_directory("") == with_it
    assert with_it.parts[-2:] == ("jupyter-complete", "models")


@pytest.mark.parametrize(
    ("platform", "environ", "end"),
    [
        ("darwin", {}, "Library/Jupyter"),
        ("win32", {"APPDATA": "/roaming"}, "/roaming/jupyter"),
        ("win32", {}, ".jupyter/data"),
    ],
)
def test_other_systems_have_their_own_place_for_data(platform, environ, end):
    assert str(files._data_directory(environ, platform)).endswith(end)


def test_refreshing_asks_nobody(local, directory):
    (directory / "a.gguf").write_bytes(TINY)

    table = local.run("%complete_models --endpoint local --refresh")

    assert [row[0] for row in table.rows] == ["a"]


def test_odd_names_and_words_are_shown_and_obeyed_nowhere(local, directory):
    # A file's name can hold a slash on no system, so the hostile markup has none.
    key = HOSTILE.encode() + b"\n"
    bad = b"GGUF\x03\0\0\0" + bytes(8) + b"\x01" + bytes(7)
    bad += len(key).to_bytes(8, "little") + key + b"\x63\0\0\0"
    (directory / f"{HOSTILE}\n.gguf").write_bytes(bad)
    (directory / "size.gguf").write_bytes(
        gguf(
            {"general.architecture": HOSTILE, "general.size_label": HOSTILE},
            [("w", (4,), 0, bytes(16))],
        )
    )
    os.close(os.open(os.fsencode(directory) + b"/\xff.gguf", os.O_CREAT))
    table = local.run("%complete_models --endpoint local")

    assert "<img" not in table._repr_html_()
    assert "\x1b" not in repr(table)
    assert len(table.rows) == 3
    assert len(repr(table).encode().splitlines()) == 3 + 2


def test_a_file_is_read_once_until_it_changes(local, directory, monkeypatch):
    read = []
    real = listing.read_header
    monkeypatch.setattr(
        listing, "read_header", lambda path: (read.append(path.name), real(path))[1]
    )
    (directory / "a.gguf").write_bytes(TINY)
    (directory / "b.gguf").write_bytes(b"not yet")
    listed(local)
    listed(local)

    assert sorted(read) == ["a.gguf", "b.gguf"]

    # One is replaced by another of its length and time, the other is written on.
    times = (directory / "a.gguf").stat()
    new = directory / "new"
    new.write_bytes(tiny_llama(more={"tokenizer.chat_template": "{{ massages }}"}))
    os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
    new.replace(directory / "a.gguf")
    (directory / "b.gguf").write_bytes(TINY)

    assert KB in listed(local)["b"]
    assert sorted(read) == ["a.gguf", "a.gguf", "b.gguf", "b.gguf"]


def test_a_file_that_goes_while_it_is_listed_is_listed_as_gone(
    local, directory, monkeypatch
):
    (directory / "a.gguf").write_bytes(TINY)
    real = listing.listed

    def gone(place):
        found = real(place)
        (directory / "a.gguf").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(listing, "listed", gone)

    assert listed(local) == {"a": "cannot be read (No such file or directory)"}


def test_tab_offers_their_names_in_quotes_where_they_need_them(local, directory):
    for name in ("tiny.gguf", "tin foil.gguf", "tin'foil.gguf"):
        (directory / name).write_bytes(b"looked at when it is used")

    assert tab(local, "%complete -m ti") == ["'tin foil'", '"tin\'foil"', "tiny"]
    assert tab(local, "%complete -m 'tin") == tab(local, "%complete -m tin")


def test_tab_completes_the_path_of_a_file(local, directory, monkeypatch):
    monkeypatch.setenv("HOME", str(directory.parent))
    (directory / "sub").mkdir()
    (directory / ".hidden").mkdir()
    (directory / "my own.GGUF").touch()
    (directory / "notes.txt").touch()

    assert tab(local, "%complete -m ~/mo") == ["~/models/"]
    assert tab(local, "%complete -m ~/models/") == [
        "'~/models/my own.GGUF'",
        "~/models/sub/",
    ]
    assert tab(local, "%complete -m ~/models/.h") == ["~/models/.hidden/"]
    assert tab(local, f"%complete -m {directory}/s") == [f"{directory}/sub/"]
    assert tab(local, "%complete -m /no/such/place/") == ["/no/such/place/"]


def test_a_prompt_longer_than_the_context_is_told_both_numbers(local, directory):
    (directory / "tiny.gguf").write_bytes(TINY)

    said = r"prompt has 30\d tokens, and the model's context holds 256: shorten"
    with pytest.raises(BadRequestError, match=said):
        local.run("%%complete -m tiny --turns raw\n" + "x" * 300)


def test_a_name_in_quotes_is_the_model(local, directory):
    (directory / "tin foil.gguf").write_bytes(b"no model")

    with pytest.raises(NotAModel, match=r"tin foil\.gguf is no GGUF file"):
        local.run("%complete -m 'tin foil' Hi")


def test_the_panel_has_them_below_a_heading_of_their_own(directory):
    (directory / "a.gguf").write_bytes(TINY)
    (directory / "bad.gguf").write_bytes(b"")
    (directory / "ngram-chat.gguf").write_bytes(TINY)
    with session_of(model_directory=str(directory)) as session, panels(session) as make:
        options = make()._form.controls["model"]._dropdown.options

    labels = [label for label, _ in options]
    place = labels.index("— local")
    assert options[place + 1 : place + 3] == (
        (f"a (37.2K, {KB}, F32, chat template, context 256)", "a"),
        ("bad (is empty)", "bad"),
    )
    # A name that leads elsewhere is not offered twice.
    assert [value for _, value in options].count("ngram-chat") == 1


def test_what_is_not_there_is_refused_with_where_it_was_looked_for(local, directory):
    with pytest.raises(InputError, match="the model directory has no such file"):
        local.run("%complete -m none --endpoint local Hi")
