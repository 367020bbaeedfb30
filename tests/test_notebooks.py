"""The notebooks run, and say what they show; ``python tests/test_notebooks.py`` runs
them and keeps their outputs.

A cell with the tag ``server`` needs one, and is skipped; one with ``dated`` shows
something else tomorrow; one with ``raises-exception`` shows an error on purpose.
"""

import copy
import os
import pathlib
import platform
import re
import sys
import tempfile
import unittest.mock

import nbformat
import pytest
from nbclient import NotebookClient

from jupyter_complete.display import RECORD_TYPE

FOLDER = pathlib.Path(__file__).parent.parent / "notebooks"
NAMES = ("tour", "sampling", "prompts", "sweeps", "endpoints")
WIDGET = "application/vnd.jupyter.widget-view+json"
# What a model reads and says does not depend on these, and they change at each run.
PASSING = (
    (re.compile(r"\d+(\.\d+)? m?s\b"), "… s"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "…"),
    # The seconds in a sweep's table, before the number of the call.
    (re.compile(r"(?<= )\d+\.\d\d(?= +\d+ *$)", re.MULTILINE), "…"),
    (re.compile(r" +"), " "),
)


def path(name):
    return FOLDER / f"{name}.ipynb"


def executed(name, home):
    """Return a notebook after a run in a home of its own, without what passes."""
    notebook = nbformat.read(path(name), 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ANTHROPIC_", "OPENAI_"))
    }
    own = {
        "IPYTHONDIR": str(home),
        "HOME": str(home),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "PYTHONHASHSEED": "0",
        "COLUMNS": "100",
    }
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        skip_cells_with_tag="server",
        record_timing=False,
        resources={"metadata": {"path": str(home)}},
    )
    with unittest.mock.patch.dict(os.environ, {**kept, **own}, clear=True):
        client.execute()
    return kept_of(notebook)


def kept_of(notebook):
    """Return the notebook as it is kept: no dead widgets, no records, no timings."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [
            output
            for output in merged(cell.outputs)
            if WIDGET not in output.get("data", {})
        ]
        for output in cell.outputs:
            output.get("data", {}).pop(RECORD_TYPE, None)
            output.get("metadata", {}).clear()
    notebook.metadata.pop("widgets", None)
    info = notebook.metadata.language_info
    notebook.metadata.language_info = {"name": "python", "version": info["version"]}
    return notebook


def merged(outputs):
    """Return the outputs with pieces of one stream put together."""
    whole = []
    for output in copy.deepcopy(outputs):
        last = whole[-1] if whole else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last["text"] += output.text
        else:
            whole.append(output)
    return whole


def passing(text):
    for pattern, sign in PASSING:
        text = pattern.sub(sign, text)
    return text


def shown(notebook):
    """Return what each cell shows, its types and its text, without what passes."""
    cells = []
    for cell in notebook.cells:
        texts = []
        dated = "dated" in cell.metadata.get("tags", ())
        for output in () if dated else cell.get("outputs", ()):
            data = output.get("data", {})
            text = output.get("text") or data.get("text/plain") or output.get("evalue")
            texts.append((output.output_type, sorted(data), passing(str(text))))
        cells.append((cell.id, cell.source, texts))
    return cells


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_shows_what_a_run_of_it_shows(name, tmp_path):
    saved = nbformat.read(path(name), 4)
    run = executed(name, tmp_path)

    # Another Python has another documentation, so the model says other things.
    if saved.metadata.language_info["version"] == platform.python_version():
        assert shown(run) == shown(saved)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_says_nothing_of_the_machine_it_ran_on(name):
    text = path(name).read_text(encoding="utf-8")

    assert not re.search(r"/(home|root|Users|tmp|work)/", text)
    assert "nbformat_minor" in text


def test_every_notebook_is_run():
    assert {found.stem for found in FOLDER.glob("*.ipynb")} == set(NAMES)


def write(names):
    """Run the notebooks and keep the outputs of those that show something else."""
    for name in names:
        saved = nbformat.read(path(name), 4)
        with tempfile.TemporaryDirectory() as home:
            run = executed(name, pathlib.Path(home))
        same = shown(run) == shown(saved)
        if not same or run.metadata != saved.metadata:
            nbformat.write(run, path(name))
        sys.stdout.write(f"{name}: {'as it was' if same else 'written'}\n")


if __name__ == "__main__":
    write(sys.argv[1:] or NAMES)
