"""How quick the panel is: alone in a fresh process, and in a real JupyterLab.

The page is a real Chromium, driven as the browser tests drive it; the tokens come from
a server in this process. Times are seconds on this machine: each has its target in
the project's promises. Takes about a minute.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tests" / "browser"))

from frontends import open_page, running_browser, running_server
from table import Row, as_text

TOKENS = 4000
TOKENS_PER_SECOND = 800
ROUNDS = 5

COLD = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
start = time.perf_counter()
shell.run_line_magic("load_ext", "jupyter_complete")
panel = shell.run_line_magic("complete_panel", "")
print(time.perf_counter() - start)
panel.close()
"""


class _Tokens(BaseHTTPRequestHandler):
    """Streams as many tokens as asked for; for a prompt with STALL, one and no more."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        try:
            if "STALL" in asked["prompt"]:
                self._event(" token", None)
                self.rfile.read(1)
                return
            start = time.monotonic()
            for number in range(asked["max_tokens_to_sample"]):
                self._event(" token", None)
                ahead = start + number / TOKENS_PER_SECOND - time.monotonic()
                if ahead > 0.01:
                    time.sleep(ahead)
            self._event("", "max_tokens")
        except OSError:  # the client left
            pass

    def _event(self, text: str, stop: str | None) -> None:
        event = {"completion": text, "stop_reason": stop, "model": "m"}
        self.wfile.write(f"event: completion\ndata: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def _server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


# Runs in the page: gives the seconds from `act` until the element's text or value has
# `wanted`, looked at on every frame.
_UNTIL = """
([root, act, seen, wanted]) => new Promise((done, fail) => {
  const panel = document.querySelector(root);
  const look = () => {
    const found = panel.querySelector(seen);
    const text = found?.value ?? found?.textContent ?? "";
    if (text.includes(wanted)) done((performance.now() - start) / 1000);
    else if (performance.now() - start > 10_000) fail(`never: ${wanted}`);
    else requestAnimationFrame(look);
  };
  const start = performance.now();
  panel.querySelector(act).click();
  look();
})
"""
_LONG_TASKS = """
window.longest = 0;
new PerformanceObserver((list) => {
  for (const task of list.getEntries())
    window.longest = Math.max(window.longest, task.duration / 1000);
}).observe({ entryTypes: ["longtask"] });
"""
ROOT = ".jupyter-complete-panel"


class _Page:
    """The panel in a page of JupyterLab, and the bytes that reach the page."""

    def __init__(self, front: Any, url: str) -> None:
        self.front, self.page = front, front.page
        self.bytes = 0
        self.page.on("websocket", self._count)
        own = json.dumps({"here": {"url": url, "dialect": "text"}})
        front.open(
            "panel.ipynb",
            "%load_ext jupyter_complete\n"
            f"%config CompletionSettings.endpoints = {own}\n"
            '%config CompletionSettings.endpoint = "here"\n'
            '%config CompletionSettings.model = "m"',
            "%complete_panel",
        )
        front.run(0)
        front.run(1)
        self.panel = self.page.locator(ROOT)
        self.wait("Ready.")

    def _count(self, socket: Any) -> None:
        def received(frame: str | bytes) -> None:
            self.bytes += len(frame)

        socket.on("framereceived", received)

    def wait(self, text: str) -> None:
        status = self.panel.locator(".jc-status", has_text=text)
        status.wait_for(timeout=60_000)

    def write(self, label: str, text: str) -> None:
        box = self.panel.get_by_label(label, exact=True)
        box.fill(text)
        box.press("Tab")
        self.page.wait_for_timeout(200)

    def until(self, act: str, seen: str, wanted: str) -> float:
        return float(self.page.evaluate(_UNTIL, [ROOT, act, seen, wanted]))

    def stream(self, tokens: int) -> tuple[int, float]:
        """Return the bytes that reached the page, and its longest task in seconds."""
        self.write("max tokens value", str(tokens))
        self.page.evaluate("window.longest = 0")
        before = self.bytes
        self.panel.get_by_role("button", name="Run", exact=True).click()
        self.wait("Running")
        self.wait("Done")
        return self.bytes - before, float(self.page.evaluate("window.longest"))


def _moves(page: _Page) -> float:
    """Return the median seconds from a slider's key to the value the settings give."""
    times = []
    dial = page.panel.locator(".jc-temperature")
    dial.get_by_role("slider").press("End")
    for _ in range(4 * ROUNDS):
        before = dial.get_by_role("textbox").input_value()
        times.append(
            float(
                page.page.evaluate(
                    """([root, before]) => new Promise((done) => {
              const dial = document.querySelector(root + " .jc-temperature");
              const handle = dial.querySelector("[role=slider]");
              const box = dial.querySelector("input[type=text]");
              const start = performance.now();
              const look = () => box.value === before ? requestAnimationFrame(look)
                : done((performance.now() - start) / 1000);
              handle.focus();
              handle.dispatchEvent(new KeyboardEvent("keydown",
                { key: "ArrowLeft", bubbles: true }));
              look();
            })""",
                    [ROOT, before],
                )
            )
        )
    dial.get_by_role("textbox").fill("off")
    return statistics.median(times)


def _stops(page: _Page, prompt: str) -> list[float]:
    times = []
    page.write("prompt", prompt)
    page.write("max tokens value", str(TOKENS))
    for _ in range(ROUNDS):
        page.panel.get_by_role("button", name="Run", exact=True).click()
        page.panel.locator(".jc-growing", has_text="token").wait_for()
        stop = ".jc-actions button:nth-of-type(2)"
        times.append(page.until(stop, ".jc-status", "interrupted"))
    return times


def _cold() -> float:
    """Return the median seconds to load and make the panel in a fresh process."""
    times = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", COLD], capture_output=True, text=True, check=True
        )
        times.append(float(done.stdout.split()[-1]))
    return statistics.median(times)


def measure() -> list[Row]:
    """Return the figures of one run, those of the page only with a browser."""
    note = f"median of {ROUNDS}"
    rows = [_row("shown from a cold start", 1.0, _cold(), note)]
    with running_browser() as browser:
        if browser is None:
            return [*rows, Row("panel: in a page", "", "missing", note="no browser")]
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
            running_server(Path(home)) as jupyter,
            _server() as url,
        ):
            page = _Page(open_page("lab", jupyter, browser), url)
            page.page.evaluate(_LONG_TASKS)
            rows += _page_rows(page)
            jupyter.stop_kernels()
    return rows


def _page_rows(page: _Page) -> list[Row]:
    slider = _moves(page)
    page.write("prompt", "Hi")
    half, _ = page.stream(TOKENS // 2)
    full, longest = page.stream(TOKENS)
    size = TOKENS * len(" token")
    silent, streaming = _stops(page, "STALL"), _stops(page, "Hi")
    shown = f"longest of {ROUNDS}, until it shows"
    return [
        _row("slider to settings and back", 0.1, slider, "median"),
        Row(
            "panel: bytes of 4,000 tokens / of 2,000",
            2.2,
            full / half,
            note=f"{full / 1e3:.0f} kB; 2 would be exactly linear",
        ),
        Row("panel: bytes of 4,000 tokens / text", 20, full / size, note="all frames"),
        _row("longest task of the page", 0.2, longest, "4,000 tokens; 0: below 50 ms"),
        _row("Stop, server silent", 0.2, max(silent), shown),
        _row("Stop, tokens streaming", 0.2, max(streaming), shown),
    ]


def _row(name: str, most: float, found: float, note: str) -> Row:
    """Return a row of seconds, in milliseconds."""
    target, measured = (f"{seconds * 1000:.0f} ms" for seconds in (most, found))
    return Row(f"panel: {name}", f"<= {target}", measured, note=note)


if __name__ == "__main__":
    print(as_text(measure()))
