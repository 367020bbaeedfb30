"""What every test gets: a home of its own, no key, and fresh shells when it asks."""

import atexit
import gc
import os
import pathlib
import sys

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from IPython.core.interactiveshell import InteractiveShell
from loopback import Loopback
from terminal import opened
from traitlets.config import Config

# A busy machine may take its time over an example. Every run has the same examples, so
# that a failure is due to what was changed.
settings.register_profile(
    "patient",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("patient")


@given(strategies.none())
def _a_first_example(_):
    """Old releases look at their first for who holds their random numbers."""


def pytest_collection_finish():
    # What is imported by now is no garbage, and need not be looked through again.
    _a_first_example()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _home_of_its_own(monkeypatch, tmp_path_factory):
    """Keep keys and the user's own profile out of every test."""
    vendors = ("ANTHROPIC", "OPENAI", "MISTRAL", "GROQ", "OPENROUTER")
    for name in (*vendors, "DEEPSEEK", "TOGETHER"):
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)
        monkeypatch.delenv(f"{name}_BASE_URL", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    # A call is sent again as often, but sooner.
    monkeypatch.setattr("jupyter_complete.client.failures.FIRST_BACKOFF", 0.02)


class Shell(InteractiveShell):
    """A shell whose cells raise what they raise."""

    def run(self, cell: str) -> object:
        """Run a cell and give its value."""
        result = self.run_cell(cell)
        result.raise_error()
        return result.result


@pytest.fixture
def bare_shell(tmp_path, monkeypatch):
    """A fresh IPython without the extension; it has no kernel, like a terminal."""
    config = Config()
    config.HistoryManager.enabled = False
    config.ProfileDir.location = str(tmp_path / "profile")
    InteractiveShell.clear_instance()
    # A shell puts its user's module in this place and leaves it there, emptied.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    shell = Shell.instance(config=config)
    yield shell
    shell.run_line_magic("unload_ext", "jupyter_complete")
    atexit.unregister(shell.atexit_operations)
    # Its end collects garbage, through all that was ever imported; Python will anyway.
    shell.displayhook.flush = lambda: None
    shell.atexit_operations()
    Shell.clear_instance()


@pytest.fixture
def shell(bare_shell):
    """A fresh IPython with the extension."""
    bare_shell.run_line_magic("load_ext", "jupyter_complete")
    return bare_shell


@pytest.fixture
def terminal():
    """IPython with the extension in a pseudo-terminal, at its prompt."""
    with opened() as child:
        yield child


@pytest.fixture(scope="session")
def model_directory():
    """The directory with smollm2.gguf, kept from one run of the tests to the next.

    Where the environment names it, it must be there.
    """
    kept = os.environ.get("JUPYTER_COMPLETE_TEST_MODELS")
    directory = pathlib.Path(kept or "~/.cache/jupyter-complete-tests").expanduser()
    if not (directory / "smollm2.gguf").is_file():
        (pytest.fail if kept else pytest.skip)(f"{directory} has no smollm2.gguf")
    return directory


@pytest.fixture
def loopback():
    """A real HTTP server that answers what the test tells it."""
    with Loopback() as server:
        yield server
