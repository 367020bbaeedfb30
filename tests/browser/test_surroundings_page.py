"""A completion among what else a cell shows, in a page."""

from __future__ import annotations

import re

import pytest
from loopback import STALL, events
from playwright.sync_api import expect

# Tells of each frame whether the answer's place was empty once it had been filled.
WATCH = """cell => {
  window.frames_seen = 0; window.empty_frames = 0; window.heights = [];
  const look = () => {
    const area = cell.querySelector(".jp-Cell-outputArea");
    const text = area ? area.innerText : "";
    if (window.filled || text.includes("One")) {
      window.filled = true;
      window.frames_seen += 1;
      if (!text.includes("One")) window.empty_frames += 1;
      const height = Math.round(area.getBoundingClientRect().height);
      if (window.heights.at(-1) !== height) window.heights.push(height);
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
LOOP = """\
for turn in range(2):
    print("turn", turn)
    %complete Hi
    print("after", turn)"""


@pytest.mark.parametrize("front", ["notebook"], indirect=True)
def test_an_answer_grows_and_becomes_its_card_with_no_empty_frame(
    front, loopback, here
):
    words = [f"One{n} word and **another**\n\n" for n in range(30)]
    loopback.reply([*events(words[0], stop=None), STALL, *events(*words[1:])])
    front.open("among.ipynb", here, LOOP)
    front.run(0)

    front.cell(1).evaluate(WATCH)
    front.start(1)
    expect(front.output(1)).to_contain_text("One0")
    front.shot("among-streaming")
    loopback.go()
    prompt = front.cell(1).locator(".jp-InputPrompt")
    expect(prompt).to_have_text(re.compile(r"\[\d+\]:"))
    expect(front.output(1)).to_contain_text("after 1")
    front.shot("among")
    front.save()
    kinds = [o.output_type for o in front.server.outputs("among.ipynb", 1)]

    assert front.page.evaluate("window.frames_seen") > 5
    assert front.page.evaluate("window.empty_frames") == 0
    assert kinds == ["stream", "display_data", "stream", "display_data", "stream"]


SLOW = """\
%%complete
First"""


def stop(front, number):
    return front.cell(number).get_by_role("button", name="Stop", exact=True)


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_a_queued_cell_offers_no_stop_until_it_runs(front, loopback, here):
    loopback.reply([*events("One", stop=None), STALL, *events(" end")])
    front.open("queue.ipynb", here, SLOW, SLOW, SLOW)
    front.run(0)

    for number in (1, 2, 3):
        front.start(number)
    expect(stop(front, 1)).to_be_visible()
    expect(front.output(1)).to_contain_text("One")
    front.shot("queued")
    expect(front.cell(3).locator(".jp-InputPrompt")).to_have_text("[*]:")
    assert [stop(front, number).count() for number in (2, 3)] == [0, 0]
    loopback.go()
    for number in (1, 2, 3):
        expect(front.output(number)).to_contain_text("One end")

    assert [stop(front, number).count() for number in (1, 2, 3)] == [0, 0, 0]


NO_KEY = "%%complete -m claude-2.1 --dialect text\nHi"


@pytest.mark.parametrize("front", ["notebook"], indirect=True)
def test_after_stop_the_box_for_a_key_is_gone(front):
    front.open("key.ipynb", "%load_ext jupyter_complete", NO_KEY, "1 + 1")
    front.run(0)

    front.start(1)
    box = front.cell(1).locator("input[type=password]")
    expect(box).to_be_visible()
    stop(front, 1).click()
    expect(front.output(1)).to_contain_text("CompletionInterrupted: Stopped before")
    expect(box).to_have_count(0)
    front.shot("key-stopped")
    front.run(2)

    expect(front.output(2)).to_contain_text("2")


@pytest.mark.parametrize("front", ["lab"], indirect=True)
def test_under_run_all_a_missing_key_is_an_error_at_once(front):
    front.open("all.ipynb", "%load_ext jupyter_complete", NO_KEY, "ran_on = True")

    front.page.get_by_role("menuitem", name="Run", exact=True).click()
    front.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(front.output(1)).to_contain_text("run the cell by itself to be asked")
    front.shot("key-run-all")

    assert front.cell(1).locator("input").count() == 0
    front.start(1)
    box = front.cell(1).locator("input[type=password]")
    expect(box).to_be_visible()
    box.fill("")
    box.press("Enter")
    expect(front.output(1)).to_contain_text("CredentialError")
    assert front.value(2, "print('ran_on' in dir())") == "False"
