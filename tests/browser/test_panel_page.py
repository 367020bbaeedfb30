"""The panel as a person uses it, in each front end: what is sent and what is seen."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from loopback import STALL, events
from panel_page import LOAD, Panel, start
from playwright.sync_api import expect

PANEL = "%complete_panel -o answer"
ASK = "What does the {{topic}} statement do?"
SWEEP = (
    f"%%complete -s temperature=0,1 -s topic=with,try --max-tokens 60 --fresh\n{ASK}"
)


def test_a_person_sets_runs_stops_and_compares(any_front, loopback, here):
    first, second, end = events("One red cat", " sat.")
    loopback.reply([first, STALL, second, end]).reply(events("One blue cat", " sat."))
    panel = start(any_front, here, PANEL)

    slider, value = panel.dial("temperature")
    slider.press("ArrowLeft")
    expect(value).to_have_value("0.95")
    slider, value = panel.dial("top-k")
    slider.press("ArrowRight")
    expect(value).to_have_value("1")
    panel.write("max tokens value", "64")
    panel.choose("model", "another model…")
    panel.write("another model", "my-model")
    panel.choose("betas", "context-1m-2025-08-07")
    panel.prompt.fill(ASK)
    expect(panel.root).to_contain_text("{{topic}} = with")
    any_front.shot("panel-set")

    panel.prompt.press("Control+Enter")
    expect(panel.answers).to_contain_text("One red cat")
    expect(panel.status).to_have_text("Running…")
    panel.press("Stop")
    expect(panel.status).to_contain_text("interrupted")
    assert loopback.requests[0].gone.wait(60)
    any_front.shot("panel-stopped")
    sent = loopback.requests[0]
    assert sent.headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert sent.json == {
        "max_tokens_to_sample": 64,
        "model": "my-model",
        "prompt": "\n\nHuman: What does the with statement do?\n\nAssistant:",
        "stream": True,
        "temperature": 0.95,
        "top_k": 1,
    }

    panel.dial("temperature")[1].fill("off")
    panel.press("Run")
    expect(panel.answers).to_contain_text("One blue cat sat.")
    panel.is_done()
    assert "temperature" not in loopback.requests[1].json
    earlier = panel.root.locator(".jc-earlier")
    expect(earlier.locator("del")).to_have_text("red")
    expect(earlier.locator("ins")).to_have_text(["blue", "sat."])
    any_front.shot("panel-compared", panel.root)
    panel.press("Restore 1")
    expect(panel.dial("temperature")[1]).to_have_value("0.95")

    if any_front.name == "voila":  # it has no cells to write into
        panel.press("Copy as cell")
        copy = panel.root.get_by_label("Copy this into a new cell")
        expect(copy).to_have_value(re.compile("%%complete -m my-model -t 0.95"))
        expect(copy).to_be_focused()

    results = Axe().run(any_front.page, context=".jupyter-complete-panel")
    assert results.violations_count == 0, results.generate_report()


def test_copy_run_save_and_reopen_without_the_kernel(front):
    page = front.page
    panel = start(front, f"{LOAD}\ntopic = 'with'", PANEL)
    panel.prompt.fill(ASK)
    panel.write("max tokens value", "40")
    panel.press("Run")
    panel.is_done()
    seen = panel.answers.locator(".jc-text").inner_text().strip()
    assert len(seen) > 20

    panel.press("Copy as cell")
    cell = front.cell(2)
    expect(cell.locator(".cm-line")).to_have_text(["%%complete --max-tokens 40", ASK])
    expect(cell).to_have_class(re.compile("jupyter-complete-cell"))
    front.run(2)
    expect(front.output(2)).to_contain_text("ngram-chat")
    front.shot("panel-copied")

    parts = {"prompt": panel.prompt, "slider": panel.dial("temperature")[0]}
    for name, part in parts.items():
        front.edit(0, f"part = {name!r}")  # that there be something to save
        part.focus()
        front.save()  # by its key, which is not for the panel
    saved = "".join(map(str, front.server.outputs("panel.ipynb", 1)))
    assert "needs a running kernel" in saved
    front.server.stop_kernels()
    page.goto("about:blank")
    front.open("panel.ipynb")
    expect(front.output(1)).to_contain_text(seen[:40])
    expect(front.output(1).get_by_text("Loading widget")).to_be_hidden()
    front.shot("panel-reopened")


@pytest.mark.parametrize("front", ["notebook"], indirect=True)
def test_what_is_typed_configured_and_slid_is_what_is_shown_and_sent(
    front, loopback, here
):
    loopback.reply(events("Yes"))
    config = "%config CompletionSettings.top_p = 0.97"
    panel = start(front, here, PANEL, PANEL, config, "0")
    other = Panel(front, 1)
    panel.write("temperature value", "0.33")
    expect(other.dial("temperature")[1]).to_have_value("0.33")
    front.run(3)
    for each in (panel, other):
        expect(each.dial("top-p")[1]).to_have_value("0.97")
    panel.write("max tokens value", "5000")
    slider, value = other.dial("max-tokens")
    expect(value).to_have_value("5000")
    expect(slider).to_have_value("5000")
    panel.write("max tokens value", "256")
    expect(value).to_have_value("256")
    expect(slider).to_have_value("256")

    slider, value = other.dial("top-k")
    slider.focus()
    for _ in range(40):
        front.page.keyboard.press("ArrowRight")
    expect(value).to_have_value("40")
    slider, value = panel.dial("top-k")
    expect(slider).to_have_value("40")
    slider.scroll_into_view_if_needed()
    place = slider.bounding_box()
    middle = place["y"] + place["height"] / 2
    front.page.mouse.move(place["x"] + place["width"] * 0.4, middle)
    front.page.mouse.down()
    front.page.mouse.move(place["x"] + place["width"] * 0.9, middle, steps=60)
    front.page.mouse.up()
    moved = slider.input_value()
    assert int(moved) > 80
    for each in (panel, other):
        for part in each.dial("top-k"):
            expect(part).to_have_value(moved)

    front.shot("panel-exact", panel.root)
    names = ("temperature", "top_p", "top_k", "max_tokens")
    registry = "get_ipython().magics_manager.registry['CompletionMagics']"
    told = f"print(*(getattr({registry}.session.settings, n) for n in {names}))"
    assert front.value(4, told) == f"0.33 0.97 {moved} 256"
    panel.prompt.fill("Hi")
    panel.press("Run")
    panel.is_done()
    sent = loopback.requests[0].json
    assert (sent["temperature"], sent["top_p"]) == (0.33, 0.97)
    assert (sent["top_k"], sent["max_tokens_to_sample"]) == (int(moved), 256)


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_a_restarted_kernel_leaves_text_in_the_panels_place(front):
    panel = start(front, LOAD, PANEL)
    panel.prompt.fill("What is a list?")
    panel.write("max tokens value", "40")
    panel.press("Run")
    panel.is_done()
    seen = panel.answers.locator(".jc-text").inner_text().strip()
    front.save()

    front.restart()
    expect(panel.root).to_have_class(re.compile("jupyter-widgets-disconnected"))
    expect(panel.answers).to_contain_text(seen[:40])
    before = panel.root.evaluate("x => getComputedStyle(x, '::before').content")
    assert "restarted or has ended: run the cell again" in before
    for control in ("button", "slider", "textbox", "combobox", "tab"):
        expect(panel.root.get_by_role(control)).to_have_count(0)
    expect(panel.status).to_be_hidden()
    broken = """() => [...document.querySelectorAll(".jupyter-widgets-disconnected")]
        .filter((x) => x.checkVisibility())
        .map((x) => getComputedStyle(x, "::before").content)
        .filter((x) => x.includes("\uf127")).length"""
    assert front.page.evaluate(broken) == 0
    front.shot("panel-restarted")

    front.page.reload()
    expect(front.output(1)).to_contain_text("needs a running kernel", timeout=60_000)
    expect(front.output(1)).to_contain_text(seen[:40])
    for text in ("Loading widget", "Error displaying widget", "model not found"):
        expect(front.page.get_by_text(text).locator("visible=true")).to_have_count(0)
    front.shot("panel-restarted-reloaded")


@pytest.mark.parametrize("front", ["notebook"], indirect=True)
def test_sweep_writes_a_cell_that_sweeps_two_points(front, loopback, here):
    first, *rest = events("One red cat", " sat.")
    loopback.reply(events("One blue cat", " sat.")).reply([first, STALL, *rest])
    panel = start(front, here, PANEL)
    panel.prompt.fill(ASK)
    panel.root.locator(".jc-temperature").get_by_role("button").click()
    line = front.cell(2).locator(".cm-line").first
    expect(line).to_contain_text("-s temperature=0:1:0.25")

    two = line.inner_text().replace("0:1:0.25", "0,1 -j 1")
    front.edit(2, f"{two}\n{ASK}")
    front.start(2)
    expect(front.output(2)).to_contain_text("One blue cat sat.")
    loopback.wait_for_stall()
    expect(front.output(2)).to_contain_text("1 of 2 done")
    front.shot("panel-sweeping")
    loopback.go()

    view = front.output(2).locator(".jc-sweep")
    expect(view.locator(".jc-t")).to_have_count(2)
    expect(view).to_contain_text("2 calls over temperature (2)")
    expect(view).to_contain_text("One red cat sat.")
    front.shot("panel-swept")
    sent = [request.json["temperature"] for request in loopback.requests]
    assert sent == [0, 1]


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_other_cells_and_panels_run_while_one_streams(front, loopback, here):
    first, *_ = events("One", "two")
    loopback.reply([first, STALL])
    panel = start(front, here, PANEL, PANEL, "1 + 1")
    panel.prompt.fill("Hi")
    panel.press("Run")
    expect(panel.answers).to_contain_text("One")

    front.run(3)
    other = Panel(front, 1)
    other.prompt.fill("Hello")
    other.press("Run")
    expect(other.answers).to_contain_text("One")

    expect(front.output(3)).to_contain_text("2")
    expect(panel.status).to_have_text("Running…")
    panel.dial("temperature")[1].fill("0.5")
    panel.dial("temperature")[1].press("Enter")
    expect(other.dial("temperature")[1]).to_have_value("0.5")
    for each in (panel, other):
        each.press("Stop")
        expect(each.status).to_contain_text("interrupted")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_fits_a_narrow_page_in_both_themes(open_front, server, theme):
    server.theme(theme)
    front = open_front("lab", (1000, 1400))
    panel = start(front, f"{LOAD}\ntopic = 'with'", PANEL, SWEEP)
    panel.prompt.fill(ASK)
    panel.root.get_by_label("samples", exact=True).fill("2")
    panel.root.get_by_label("samples", exact=True).press("Enter")
    panel.press("Run")
    panel.is_done()
    word = theme.split()[1].lower()

    front.picture(f"panel-{word}", panel.root)
    table = front.output(2).locator(".jc-sweep")
    expect(table.locator(".jc-t")).to_have_count(4)
    front.picture(f"sweep-{word}", table)
    front.page.set_viewport_size({"width": 400, "height": 1400})
    panel.root.scroll_into_view_if_needed()
    front.shot(f"panel-narrow-{word}", panel.root)

    wide, room = panel.root.evaluate("x => [x.scrollWidth, x.clientWidth]")
    assert wide <= room
    results = Axe().run(front.page, context=".jupyter-complete-panel")
    assert results.violations_count == 0, results.generate_report()
    server.theme("JupyterLab Light")


@pytest.mark.parametrize("front", ["notebook"], indirect=True)
def test_a_reloaded_page_finds_the_panel_running_and_can_stop_it(front, loopback, here):
    first, *_ = events("One red cat", " sat.")
    loopback.reply([first, STALL])
    panel = start(front, here, PANEL)
    panel.prompt.fill("Hi")
    panel.press("Run")
    expect(panel.answers).to_contain_text("One red cat")
    front.save()

    front.page.reload()
    expect(panel.answers).to_contain_text("One red cat", timeout=60_000)
    expect(panel.status).to_have_text("Running…")
    front.shot("panel-reloaded")
    panel.press("Stop")
    expect(panel.status).to_contain_text("interrupted")
    expect(panel.answers).to_contain_text("One red cat")
