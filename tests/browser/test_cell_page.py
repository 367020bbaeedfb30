"""A `%%complete` cell in a page: it streams, stops, and shows what went wrong."""

from __future__ import annotations

from loopback import STALL, events
from playwright.sync_api import expect

CELL = "%%complete -t 0.3 -o answer\nWhat does the {{topic}} statement do?"


def test_it_streams_and_stopping_keeps_its_text(front, loopback, here):
    first, *_ = events("One red cat")
    loopback.reply([first, STALL]).reply(events("Two"))
    front.open("cell.ipynb", here, CELL, "answer.status + ' ' + answer.text")
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


def test_an_error_is_one_line(front, loopback, here):
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow"}}
    loopback.reply(error, status=429)
    front.open("error.ipynb", here, CELL)
    front.run(0)

    front.run(1)

    expect(front.output(1)).to_contain_text("RateLimitError: ")
    assert len(front.output(1).inner_text().strip().splitlines()) == 1
    front.shot("cell-error")


def test_a_sweep_fills_its_grid_and_ends_in_a_table(front, loopback, here):
    first, *rest = events("One red cat", " sat.")
    loopback.reply(events("One blue cat", " sat.")).reply([first, STALL, *rest])
    front.open("sweep.ipynb", here, "%%complete -s temperature=0,1 -j 1\nHi", "_sweep")
    front.run(0)

    front.start(1)
    expect(front.output(1)).to_contain_text("One blue cat sat.")
    loopback.wait_for_stall()
    front.shot("sweep-running")
    loopback.go()

    expect(front.output(1)).to_contain_text("One red cat sat.")
    front.run(2)
    front.shot("sweep-done")
    sent = [request.json["temperature"] for request in loopback.requests]
    assert sent == [0, 1]
