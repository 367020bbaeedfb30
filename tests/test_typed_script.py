"""A user's script that uses all that is public runs.

``.ci/wheel`` has the type checker read the same script beside the installed wheel.
"""

import ast
import pathlib
import subprocess
import sys

import nbformat

import jupyter_complete
from jupyter_complete import complete
from jupyter_complete.saved import RECORD_TYPE

SCRIPT = pathlib.Path(__file__).parent / "typed_script.py"


def test_the_script_ends_well(tmp_path):
    data = {RECORD_TYPE: complete("What is with?", max_tokens=3).to_record()}
    outputs = [nbformat.v4.new_output("display_data", data=data)]
    cell = nbformat.v4.new_code_cell("%%complete", outputs=outputs)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "lesson.ipynb")

    done = subprocess.run(
        [sys.executable, SCRIPT, "lesson.ipynb"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_the_script_uses_every_public_name():
    read = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    used = {node.id for node in ast.walk(read) if isinstance(node, ast.Name)}

    assert set(jupyter_complete.__all__) <= used
