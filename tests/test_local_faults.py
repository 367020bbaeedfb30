"""What keeps a file from being served is one line that says what to do."""

import pytest
from gguf import gguf, tiny_llama

from jupyter_complete.errors import InputError
from jupyter_complete.local import faults, memory
from jupyter_complete.local.children import Children, endpoint_of
from jupyter_complete.local.files import ModelFile
from jupyter_complete.local.gguf import NotAModel

ENGINE = """
import sys
{import_}

class Anything:
    def __getattr__(self, name):
        return Anything()

CommonParams, ggml_backend_dev_type = Anything, Anything()

def get_device_info():
    return []

def Server(_):
    print({log!r}, file=sys.stderr)
    {end}
"""


@pytest.fixture
def serve(tmp_path):
    """Serve a file, which fails."""
    children = Children()

    def serve(data=None, name="tiny.gguf"):
        path = tmp_path / name
        path.write_bytes(tiny_llama() if data is None else data)
        children.reach(endpoint_of(ModelFile("x", path)).base_url, idle=900)

    yield serve
    children.unload()


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Put an engine that fails in the place of the real one, in children alone."""

    def engine(*, import_="", log="", end="raise RuntimeError"):
        (tmp_path / "xllamacpp.py").write_text(
            ENGINE.format(import_=import_, log=log, end=end)
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return engine


def test_an_architecture_that_the_engine_does_not_know(serve):
    with pytest.raises(InputError, match="architecture 'nonsuch', which this xlla"):
        serve(tiny_llama(more={"general.architecture": "nonsuch"}))


def test_a_file_that_the_engine_cannot_load(serve):
    with pytest.raises(InputError, match=r"cannot be loaded \(tensor .* get the file"):
        serve(tiny_llama(more={"llama.block_count": 9}))


def test_a_file_that_was_replaced_by_another_meanwhile(serve):
    with pytest.raises(NotAModel, match="has a header that cannot be read"):
        serve(b"GGUF" + bytes(12) + b"\xff" * 100)
    with pytest.raises(NotAModel, match="has a header that cannot be read"):
        serve(b"")


def test_a_missing_engine(serve, monkeypatch):
    monkeypatch.setattr(faults, "ENGINE", "no_such_engine")

    with pytest.raises(InputError, match=r"pip install 'jupyter-complete\[local\]'"):
        serve()


def test_a_missing_libgomp(serve, engine):
    engine(import_="raise ImportError('libgomp.so.1: cannot open shared object file')")

    with pytest.raises(InputError, match="apt-get install libgomp1"):
        serve()


def test_an_engine_that_cannot_be_imported(serve, engine):
    engine(import_="raise ImportError('undefined symbol')")

    with pytest.raises(InputError, match=r"imported \(undefined symbol\); pip inst"):
        serve()


@pytest.mark.parametrize(
    "how",
    [
        {"log": "0.1 E alloc_tensor_range: failed to allocate CPU buffer of size 9"},
        {"end": "import os; os.kill(os.getpid(), 9)"},
    ],
    ids=["told", "killed"],
)
def test_no_memory(serve, engine, how):
    engine(**how)

    with pytest.raises(InputError, match=r"too little memory for tiny .*--unload"):
        serve()


def test_no_port(serve, engine):
    engine(log="srv start: couldn't bind HTTP server socket, hostname: 127.0.0.1")

    with pytest.raises(InputError, match="The system gave no port for tiny"):
        serve()


def test_an_engine_that_crashes(serve, engine):
    engine(end="import os; os.abort()")

    with pytest.raises(InputError, match="the engine ended with status -6"):
        serve()


def test_a_model_for_which_the_memory_is_too_small_with_what_can_be_unloaded(
    serve, monkeypatch
):
    serve()
    monkeypatch.setattr(memory, "available", lambda: 1_000_000)

    with pytest.raises(InputError, match=r"b needs about 0\.1 GB .* tiny can be ended"):
        serve(name="b.gguf")


def test_free_memory_is_that_of_the_container(tmp_path):
    system, group = tmp_path / "meminfo", tmp_path / "group"
    system.write_text("MemTotal: 9 kB\nMemAvailable:   5000000 kB\n")
    group.mkdir()

    assert memory.available(system, group) == 5_120_000_000
    (group / "memory.max").write_text("2000\n")
    (group / "memory.current").write_text("500\n")
    assert memory.available(system, group) == 1500
    assert memory.available(tmp_path / "none", group) is None


@pytest.mark.parametrize(
    ("layers", "context", "given"),
    [(2, 256, 256), (2, 100_000, 4096), (1000, 100_000, 2048), (10**6, 9000, 512)],
)
def test_a_call_gets_the_context_that_memory_and_model_have(
    tmp_path, layers, context, given
):
    path = tmp_path / "a.gguf"
    path.write_bytes(
        gguf(
            {
                "general.architecture": "llama",
                "llama.block_count": layers,
                "llama.context_length": context,
                "llama.embedding_length": 32,
                "llama.attention.head_count": 4,
                "llama.attention.head_count_kv": [1, 2, 2],
            }
        )
    )

    assert memory.context_of(ModelFile("a", path), 8) == given
