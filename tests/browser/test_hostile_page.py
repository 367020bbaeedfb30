"""Known attacks in a real page: no script runs, nothing is loaded, nothing is live.

A server counts what is asked of it, and the page what calls `fired`; the first test
shows that both count.
"""

from __future__ import annotations

import http.server
import json
import threading

import pytest
from hostile import TAGS, WRAPPERS, payloads
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from playwright.sync_api import expect

from jupyter_complete.completion import Completion
from jupyter_complete.display import card
from jupyter_complete.request import CompletionRequest

FIRE = "(top||window).fired()"
SCRIPTS = """
window.count = 0; window.fired = () => { window.count += 1 };
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = window.fired;
"""
SHOW = """\
import json, pathlib
from IPython.display import display

for markup in json.loads(pathlib.Path("cards.json").read_text("utf-8")):
    display({"text/html": markup}, raw=True)"""
# JupyterLab sets an empty span into each heading, for its table of contents.
LIVE = """cards => {
    const OTHERS = ":not(.numbering-entry, .jc-card > .jc-text)";
    const found = new Set();
    for (const card of cards)
        for (const one of card.querySelectorAll(OTHERS)) {
            const told = [...one.attributes].map(a => a.name).sort().join(" ");
            found.add(`${one.tagName.toLowerCase()} ${told}`.trim());
            if (one.href && !/^(https?|mailto):/.test(one.href)) found.add(one.href);
        }
    return [...found].sort();
}"""
ATTRIBUTES = {"a href rel target", "ol start", "td style", "th style", "div style"}
ATTRIBUTES |= {"small"}  # the line of facts


class Canary(http.server.ThreadingHTTPServer):
    """A server elsewhere, that should be asked for nothing."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked = []
        self.host = f"127.0.0.1:{self.server_port}"


class Asked(http.server.BaseHTTPRequestHandler):
    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.note
        raise AttributeError(name)

    def note(self):
        self.server.asked.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        """Keep quiet."""


@pytest.fixture(scope="module")
def canary():
    with Canary() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def cards(canary):
    """The attacks in kinds of Markdown, as HTML: the cards of a kind in one."""
    return [
        "".join(map(markup_of, texts)) for texts in wrapped(payloads(FIRE, canary.host))
    ]


def wrapped(attacks):
    """Return an eighth of the attacks in each kind of Markdown, each in a few kinds.

    What comes of all of them in all kinds, tests/test_hostile_text.py compares by tags.
    """
    return [
        [*map(wrap, attacks[kind % 8 :: 8])]
        for kind, wrap in enumerate(WRAPPERS.values())
    ]


def markup_of(text):
    request = CompletionRequest("m", "p", 5)
    completion = Completion(text, request, model=text[:40])
    return card(completion, "auto")["text/html"]


def watched(page, server_url=""):
    """Count the scripts of the page, and note what it asks of anybody else."""
    others = []

    def note(request):
        if not request.url.startswith((server_url or "file:", "data:", "blob:")):
            others.append(request.url)

    page.on("request", note)
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.add_init_script(SCRIPTS)
    return others


def poke(page, selector):
    """Do what a reader may do, to a good part of what is shown."""
    page.evaluate(
        """selector => {
            for (const one of document.querySelectorAll(`${selector} *`))
                for (const kind of ["mouseover", "mouseenter", "focus", "pointerover"])
                    one.dispatchEvent(new Event(kind, {bubbles: true}));
        }""",
        selector,
    )
    page.mouse.move(300, 300)
    page.mouse.wheel(0, 2000)


def test_in_a_notebook_no_attack_is_more_than_characters(front, canary, cards):
    (front.server.root / "cards.json").write_text(json.dumps(cards), "utf-8")
    others = watched(front.page, front.server.url)
    front.open("hostile.ipynb", SHOW)
    front.start(0)

    prompt = front.cell(0).locator(".jp-InputPrompt")
    expect(prompt).to_have_text("[1]:", timeout=120_000)
    poke(front.page, ".jc-card")
    assert_dead(front.page)
    front.shot("hostile")
    assert (others, canary.asked) == ([], [])


def test_in_an_exported_page_no_attack_is_more_than_characters(
    browser, canary, cards, tmp_path
):
    outputs = [new_output("display_data", {"text/html": markup}) for markup in cards]
    notebook = new_notebook(cells=[new_code_cell("", outputs=outputs)])
    exported, _ = HTMLExporter().from_notebook_node(notebook)
    file = tmp_path / "page.html"
    file.write_text(exported, "utf-8")
    with browser.new_context() as context:
        page = context.new_page()
        # Its own scripts lie elsewhere: for mathematics, and for diagrams.
        context.route("https://**", lambda route: route.abort())
        others = watched(page)
        page.goto(file.as_uri())
        poke(page, ".jc-card")
        assert_dead(page)
    assert [one for one in others if canary.host in one] == []
    assert canary.asked == []


def assert_dead(page):
    cards = page.locator(".jc-card")
    assert cards.count() == sum(map(len, wrapped(payloads())))
    assert {*cards.evaluate_all(LIVE)} <= TAGS | ATTRIBUTES
    assert page.locator(".jc-card mjx-container, .jc-card .MathJax").count() == 0
    assert page.evaluate("window.count") == 0


def test_what_is_not_made_harmless_is_counted(open_front, canary):
    """Else the tests above could not fail."""
    front = open_front("lab")
    attack = f"<img src=//{canary.host}/p.png><img src=x onerror={FIRE}>"
    attack += r"<p>$$\\alpha$$</p>"
    source = f"from IPython.display import HTML\nHTML({attack!r})"
    others = watched(front.page, front.server.url)
    front.open("live.ipynb", source)
    front.run(0)

    front.page.wait_for_function("window.count == 1")
    expect(front.output(0).locator("mjx-container")).to_have_count(1)
    assert {*canary.asked} == {"/p.png"}
    assert {*others} == {f"http://{canary.host}/p.png"}
    canary.asked.clear()
