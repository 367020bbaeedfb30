"""The panel's tab of the next token, as a person meets it in each front end."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from panel_page import LOAD, start
from playwright.sync_api import expect

PANEL = "%complete_panel"
QUESTION = "What does the with statement do?"


def test_the_panels_sliders_move_the_bars_and_a_token_is_appended(any_front):
    panel = start(any_front, LOAD, PANEL)
    panel.prompt.fill(QUESTION)
    tab = panel.root.get_by_role("tab", name="Next token")
    tab.click()
    scope = panel.root.locator(".jupyter-complete-microscope")
    picture = scope.locator(".jc-picture")
    expect(picture).to_contain_text("Assistant:")
    expect(scope.locator("input[type=range]")).to_have_count(0)

    slider, _ = panel.dial("top-k")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(picture).to_contain_text("Left to sample from: 2 of")
    slider, _ = panel.dial("temperature")
    slider.press("ArrowLeft")
    expect(picture).to_contain_text("temperature 0.95")

    scope.get_by_role("button", name="Append").click()
    expect(picture).to_contain_text("Assistant: The")
    scope.get_by_role("button", name="Back").click()
    expect(picture).not_to_contain_text("Assistant: The")
    panel.prompt.fill("")
    panel.prompt.press_sequentially("What does break do?", delay=5)
    expect(picture).to_contain_text("Human: What does break do?")
    any_front.shot("panel-next-token", panel.root)

    panel.press("Run")
    panel.is_done()
    tab.press("ArrowLeft")
    earlier = panel.root.get_by_role("tab", name="Earlier answers")
    expect(earlier).to_be_focused()
    earlier.press("Enter")
    expect(earlier).to_have_attribute("aria-selected", "true")
    results = Axe().run(any_front.page, context=".jupyter-complete-panel")
    assert results.violations_count == 0, results.generate_report()


def test_the_bars_stand_in_the_saved_notebook(front):
    panel = start(front, LOAD, PANEL)
    panel.prompt.fill(QUESTION)
    panel.root.get_by_role("tab", name="Next token").click()
    expect(panel.root.locator(".jc-picture")).to_contain_text("Assistant:")

    for turn in range(20):  # what is to be saved comes after what is seen
        front.edit(0, f"turn = {turn}")  # that there be something to save
        front.save()
        if "with statement do?" in str(front.server.outputs("panel.ipynb", 1)):
            break
    front.server.stop_kernels()
    front.page.goto("about:blank")
    front.open("panel.ipynb")
    expect(front.output(1).locator("table:visible")).to_have_count(1)
    expect(front.output(1)).to_contain_text("with statement do?")
    front.shot("panel-next-token-reopened")
