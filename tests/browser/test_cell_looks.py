"""The front-end extension: a `%%complete` cell reads as text, not as wrong Python."""

from __future__ import annotations

import re

from playwright.sync_api import expect

PROMPT = "%%complete -t 0.3\nIf it isn't raining, is **this** in the list?"
PYTHON = "import math"


def test_the_harness_runs_a_cell(front):
    front.open("run.ipynb", "6 * 7")

    front.run(0)

    expect(front.output(0)).to_have_text(re.compile("42"))
