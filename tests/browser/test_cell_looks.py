"""The front-end extension: a `%%complete` cell reads as text, not as wrong Python."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect

import jupyter_complete

PROMPT = "%%complete -t 0.3\nIf it isn't raining, is **this** in the list?"
PYTHON = "import math"
IS_TEXT = re.compile("jupyter-complete-cell")
# Stands for the magic: the front end knows a cell only by its source.
SLOW_MAGIC = """
import time
from IPython.core.magic import register_cell_magic
@register_cell_magic
def complete(line, cell):
    print("started", flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("stopped")
"""


def colours(cell, line):
    """Return the distinct colours of a line's words."""
    words = cell.locator(".cm-line").nth(line).locator("span")
    return set(words.evaluate_all("all => all.map(x => getComputedStyle(x).color)"))


def test_a_complete_cell_is_text_and_python_is_python(front):
    front.open("looks.ipynb", PROMPT, PYTHON)

    expect(front.cell(0)).to_have_class(IS_TEXT)
    expect(front.cell(1)).not_to_have_class(IS_TEXT)
    expect(front.cell(0).locator(".cm-line").first).to_have_css("font-weight", "600")
    front.shot("complete-cell")
    bold = front.cell(0).locator(".cm-line").nth(1).locator("span", has_text="this")
    expect(bold.first).to_have_css("font-weight", "700")
    keyword = front.cell(1).locator(".cm-line span", has_text="import").first
    prose = front.cell(0).locator(".cm-line").nth(1)
    assert keyword.evaluate("x => getComputedStyle(x).color") not in colours(
        front.cell(0), 1
    )
    expect(prose).to_contain_text("isn't raining")

    # The looks follow the magic, in and out.
    front.edit(1, PROMPT)
    expect(front.cell(1)).to_have_class(IS_TEXT)
    front.edit(1, f"x = 1\n{PROMPT}")
    expect(front.cell(1)).not_to_have_class(IS_TEXT)
    front.edit(1, f"# A note\n\n{PROMPT}")
    expect(front.cell(1)).to_have_class(IS_TEXT)
    front.edit(1, "is_there = 1 in [1]")
    expect(front.cell(1)).not_to_have_class(IS_TEXT)
    keyword = front.cell(1).locator(".cm-line span", has_text="in")
    expect(keyword.first).to_be_visible()


def test_a_stop_button_under_a_running_cell_interrupts_it(front):
    front.open("stop.ipynb", SLOW_MAGIC, PROMPT)
    front.run(0)

    front.start(1)
    expect(front.output(1)).to_contain_text("started")
    front.cell(1).get_by_role("button", name="Stop", exact=True).click()

    expect(front.output(1)).to_contain_text("stopped")
    expect(front.cell(1).locator(".jupyter-complete-stop")).to_have_count(0)


def test_installing_the_package_enables_the_extension():
    folder = Path(sys.prefix) / "share" / "jupyter" / "labextensions"
    package = json.loads((folder / "jupyter-complete" / "package.json").read_text())
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert package["version"] == jupyter_complete.__version__
    assert package["jupyterlab"]["_build"]["load"] == "static/remoteEntry.js"
    assert re.search(r"jupyter-complete v\S+ .*enabled.*OK", listed.stderr)
