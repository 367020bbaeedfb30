"""A sweep as a person sees it: the grid that fills, then what can be chosen in it."""

from __future__ import annotations

import re

import nbformat
from axe_playwright_python.sync_playwright import Axe
from loopback import STALL, events
from playwright.sync_api import expect

SWEEP = """\
%%complete -j 1 -n 2 -s temperature=0,0.5 -s tone=dry,warm
Be {{tone}}."""
LONG = "and it goes on and on for a while, as answers do " * 12


def answers(loopback):
    """Answer eight calls, the sixth with an error; the fourth waits for the test."""
    for number in range(8):
        kind = ("dry", "warm")[number // 2 % 2]
        text = f"A {kind} <b>answer</b> of $5, number {number}, {LONG}."
        if number == 3:
            first, end = events(text)
            loopback.reply([first, STALL, end])
        elif number == 5:
            error = {"type": "invalid_request_error", "message": "Not <i>this</i> one."}
            loopback.reply({"type": "error", "error": error}, status=400)
        else:
            loopback.reply(events(text))


def test_the_grid_fills_and_the_end_can_be_looked_at_from_all_sides(
    front, loopback, here
):
    answers(loopback)
    front.open("sweep.ipynb", here, SWEEP)
    front.run(0)

    front.start(1)
    live = front.output(1)
    expect(live).to_contain_text("3 of 8 done")
    expect(live.locator("progress").first).to_have_attribute("value", "3")
    tiles = live.locator(".jc-live")
    expect(tiles.locator(".jc-all")).to_have_count(1)
    expect(tiles.locator(".jc-some")).to_contain_text("A warm <b>answer</b> of $5")
    front.shot("sweep-live", front.cell(1))
    loopback.go()

    view = live.locator(".jc-sweep")
    expect(view).to_contain_text("8 calls over temperature (2)")
    expect(live.locator(".jc-live")).to_have_count(0)
    expect(view).to_contain_text("7 complete, 1 failed")
    expect(view.locator(".jc-bad")).to_contain_text("Not <i>this</i> one.")
    expect(view.locator("b, mjx-container")).to_have_count(0)
    cell = view.locator(".jc-t").first.locator(".jc-x")
    short = cell.bounding_box()["height"]
    view.get_by_label("Full text").check()
    assert cell.bounding_box()["height"] > short
    front.shot("sweep-table", view)

    view.get_by_label("Only failed").check()
    expect(view.locator(".jc-t:visible")).to_have_count(1)
    view.get_by_label("Only failed").uncheck()
    sides(front, view)
    words(front, view)
    found = Axe().run(front.page, context=".jc-sweep")
    assert not found.response["violations"], found.generate_report()


def sides(front, view):
    """Look at it side by side, and choose what makes rows and columns."""
    view.get_by_label("Full text").uncheck()
    view.get_by_label("Side by side").check()
    column = view.get_by_text("tone = warm", exact=True)
    row = view.get_by_text("temperature = 0.5", exact=True)
    assert column.bounding_box()["y"] < row.bounding_box()["y"]
    assert column.bounding_box()["x"] > row.bounding_box()["x"]

    view.get_by_role("group", name="Rows").get_by_label("tone").check()
    view.get_by_role("group", name="Columns").get_by_label("sample").check()
    expect(row).to_be_hidden()
    first, last = view.locator(".jc-t").first, view.locator(".jc-t").last
    assert first.bounding_box()["x"] < last.bounding_box()["x"]
    assert first.bounding_box()["y"] < last.bounding_box()["y"]
    heads = view.get_by_text("sample = 1", exact=True)
    expect(heads.locator("visible=true").first).to_be_visible()
    front.shot("sweep-sides", view)


def words(front, view):
    """Compare the answers with a point of one's choice."""
    view.get_by_label("Word by word").check()
    view.get_by_label("temperature=0.0, tone=warm").check()
    panel = view.locator(".jc-d > div:visible")
    expect(panel).to_have_count(1)
    expect(panel).to_contain_text("Against temperature=0.0, tone=warm")
    expect(panel.locator("del", has_text=re.compile("^warm$")).first).to_be_visible()
    middle = panel.locator(".jc-e").first
    tall = panel.bounding_box()["height"]
    view.get_by_label("Only where they differ").check()
    expect(middle).to_have_css("font-size", "0px")
    assert panel.bounding_box()["height"] < tall
    front.shot("sweep-words", view)


def test_a_saved_sweep_opens_without_a_kernel_trusted_or_not(
    open_front, server, loopback, here
):
    answers(loopback)
    loopback.go()
    front = open_front("lab")
    front.open("kept.ipynb", here, SWEEP)
    front.run(0)
    front.run(1)
    front.save()
    server.stop_kernels()

    strange = nbformat.read(server.root / "kept.ipynb", 4)
    strange.metadata["signed"] = "by nobody"
    nbformat.write(strange, server.root / "strange.ipynb")

    try:
        for theme, name in (("Dark", "kept"), ("Light", "strange")):
            server.theme(f"JupyterLab {theme}")
            again = open_front("lab", size=(560, 900))
            again.page.goto(f"{server.url}{again.path}{name}.ipynb")
            view = again.output(1).locator(".jc-sweep")
            is_readable(view, trusted=name == "kept")
            again.shot(f"sweep-{name}-{theme.lower()}")
    finally:
        server.theme("JupyterLab Light")


def is_readable(view, *, trusted):
    """The table is there; the choices are where the front end keeps their style."""
    expect(view.locator(".jc-t")).to_have_count(8, timeout=60_000)  # a page opens
    expect(view.locator(".jc-t").first).to_be_visible()
    expect(view).to_contain_text("A dry <b>answer</b> of $5, number 0")
    expect(view.locator(".jc-bad")).to_contain_text("Not <i>this</i> one.")
    expect(view.get_by_label("Full text")).to_be_visible(visible=trusted)
    expect(view.get_by_text("sample = 1", exact=True).first).to_be_hidden()
