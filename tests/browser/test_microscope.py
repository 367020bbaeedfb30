"""The microscope and the shaded tokens, as a person meets them in JupyterLab."""

from __future__ import annotations

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

LOAD = "%load_ext jupyter_complete"
LOOK = "%complete_distribution -t 0.5 -o found What does the with statement do?"
SHADE = "%complete --format tokens -t 0.9 --seed 3 --max-tokens 40 What does break do?"


def microscope(front):
    """Show one in a new notebook; give where it is."""
    front.open("microscope.ipynb", LOAD, LOOK)
    front.run(0)
    front.run(1)
    return front.cell(1).locator(".jupyter-complete-microscope")


def test_a_slider_redraws_a_token_is_appended_and_the_last_picture_is_saved(open_front):
    front = open_front("lab", (1000, 1100))
    scope = microscope(front)
    picture = scope.locator(".jc-picture")

    expect(picture).to_contain_text("temperature 0.5")
    expect(front.cell(1).locator("table")).to_have_count(2)
    expect(front.cell(1).locator("table:visible")).to_have_count(1)
    scope.get_by_label("top_k").focus()
    for _ in range(3):
        front.page.keyboard.press("ArrowRight")
    expect(picture).to_contain_text("Left to sample from: 3 of")
    front.shot("microscope", front.cell(1))

    scope.get_by_role("button", name="Append").click()
    expect(picture).to_contain_text("Assistant: The")
    scope.get_by_role("button", name="Back").click()
    expect(picture).not_to_contain_text("Assistant: The")

    scope.get_by_label("top_k").focus()
    front.save()  # by its key, which is not for the slider
    front.server.stop_kernels()
    front.page.goto("about:blank")
    front.open("microscope.ipynb")
    expect(front.cell(1).locator("table:visible")).to_have_count(1)
    expect(front.output(1)).to_contain_text("Left to sample from: 3 of")
    expect(front.output(1).get_by_text("Loading widget")).to_be_hidden()
    front.shot("microscope-reopened", front.cell(1))


def test_tokens_are_shaded_and_tell_their_alternatives_by_keyboard(open_front):
    front = open_front("lab", (1000, 700))
    front.open("tokens.ipynb", LOAD, SHADE)
    front.run(0)
    front.run(1)
    token = front.cell(1).locator(".jc-tokens span[tabindex]").nth(1)

    expect(token).to_have_attribute("title", re.compile(r"%\n"))
    token.focus()
    bubble = "x => getComputedStyle(x, '::after').content"
    assert "%" in token.evaluate(bubble)
    front.shot("tokens", front.cell(1))


def test_nothing_of_it_is_hidden_from_a_screen_reader(open_front):
    front = open_front("lab", (1000, 1100))
    front.open("access.ipynb", LOAD, LOOK, SHADE)
    for cell in range(3):
        front.run(cell)
    expect(front.cell(1).locator("table:visible")).to_have_count(1)

    for part in (".jupyter-complete-microscope", ".jc-tokens"):
        found = Axe().run(front.page, part)
        assert found.violations_count == 0, found.generate_report()


def test_arrow_keys_move_a_slider_in_notebook_7(open_front):
    front = open_front("notebook", (1000, 1100))
    scope = microscope(front)

    scope.get_by_label("temperature").press("ArrowRight")
    expect(scope.locator(".jc-picture")).to_contain_text("temperature 0.55")
