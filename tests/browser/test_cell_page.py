"""A `%%complete` cell in a page: it streams, stops, and shows what went wrong."""

from __future__ import annotations

from loopback import STALL, events
from playwright.sync_api import expect

CELL = "%%complete -t 0.3 -o answer\nWhat does the {{topic}} statement do?"


def test_it_streams_keeps_its_text_at_stop_and_tells_an_error(front, loopback, here):
    first, *_ = events("One red cat")
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow"}}
    loopback.reply([first, STALL]).reply(error, status=429)
    look = "answer.status + ' ' + answer.text"
    front.open("cell.ipynb", here, CELL, look, CELL)
    front.run(0)

    front.start(1)
    expect(front.output(1)).to_contain_text("One red cat")
    front.shot("cell-streaming")
    front.cell(1).get_by_role("button", name="Stop", exact=True).click()

    expect(front.output(1)).to_contain_text("CompletionInterrupted: Stopped")
    expect(front.output(1)).to_contain_text("One red cat")
    front.shot("cell-stopped")
    front.run(2)
    expect(front.output(2)).to_contain_text("interrupted One red cat")
    front.save()
    kinds = [output.output_type for output in front.server.outputs("cell.ipynb", 1)]
    assert kinds == ["display_data", "error"]

    front.run(3)
    expect(front.output(3)).to_contain_text("RateLimitError: ")
    assert len(front.output(3).inner_text().strip().splitlines()) == 1
    front.shot("cell-error")
