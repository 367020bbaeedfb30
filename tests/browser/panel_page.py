"""The panel in a page, for the tests that use it."""

from __future__ import annotations

from playwright.sync_api import expect

LOAD = "%load_ext jupyter_complete"


class Panel:
    """The panel in a page."""

    def __init__(self, front, number=0):
        self.root = front.page.locator(".jupyter-complete-panel").nth(number)
        self.status = self.root.locator(".jc-live .jc-status")
        self.answers = self.root.locator(".jc-answers")
        self.prompt = self.root.get_by_label("prompt", exact=True)

    def dial(self, name):
        dial = self.root.locator(f".jc-{name}")
        return dial.get_by_role("slider"), dial.get_by_role("textbox")

    def press(self, name):
        self.root.get_by_role("button", name=name, exact=True).click()

    def choose(self, label, option):
        self.root.get_by_label(label, exact=True).select_option(option)

    def write(self, label, text):
        box = self.root.get_by_label(label, exact=True)
        box.fill(text)
        box.press("Enter")

    def is_done(self):
        expect(self.status).to_contain_text("Done", timeout=30_000)


def start(front, *cells):
    """Run the cells and give the panel of the last."""
    front.open("panel.ipynb", *cells)
    if front.name != "voila":
        for number in range(len(cells)):
            front.run(number)
    panel = Panel(front)
    expect(panel.status).to_have_text("Ready.", timeout=60_000)
    panel.root.scroll_into_view_if_needed()
    return panel
