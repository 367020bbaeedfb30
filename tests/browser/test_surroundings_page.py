"""A completion among what else a cell shows, in a page."""

from __future__ import annotations

import re

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
