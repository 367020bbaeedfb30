"""How soon the bars of the next token follow a slider, in a real JupyterLab."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "browser"))

from frontends import open_page, running_browser, running_server
from table import Row, as_text

MOVES = 20
LOOK = "%complete_distribution -t 0.5 What does the with statement do?"

# Gives the seconds from a slider's move until the picture is another.
_MOVE = """
([root, name]) => new Promise((done, fail) => {
  const scope = document.querySelector(root);
  const slider = [...scope.querySelectorAll("label")]
    .find((label) => label.textContent.startsWith(name)).querySelector("input");
  const before = scope.querySelector(".jc-picture").innerHTML;
  const start = performance.now();
  const look = () => {
    if (scope.querySelector(".jc-picture").innerHTML !== before)
      done((performance.now() - start) / 1000);
    else if (performance.now() - start > 10_000) fail(`${name}: never`);
    else requestAnimationFrame(look);
  };
  if (slider.value === slider.max) slider.stepDown(); else slider.stepUp();
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  look();
})
"""


def measure() -> list[Row]:
    """Return the rows of the report; takes about twenty seconds."""
    title = "microscope: slider to bars"
    with running_browser() as browser:
        if browser is None:
            return [Row(title, "<= 100 ms", "missing", note="no browser")]
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
            running_server(Path(home)) as jupyter,
        ):
            front = open_page("lab", jupyter, browser)
            front.open("microscope.ipynb", "%load_ext jupyter_complete", LOOK)
            front.run(0)
            front.run(1)
            root = ".jupyter-complete-microscope"
            front.page.locator(root).locator(".jc-picture").wait_for()
            rows = []
            for name in ("temperature", "top_k", "top_p"):
                times = [
                    float(front.page.evaluate(_MOVE, [root, name]))
                    for _ in range(MOVES)
                ]
                middle, worst = statistics.median(times), max(times)
                note = f"median of {MOVES}; longest {worst * 1000:.0f} ms"
                found = f"{middle * 1000:.0f} ms"
                rows.append(Row(f"{title}, {name}", "<= 100 ms", found, note=note))
            jupyter.stop_kernels()
    return rows


if __name__ == "__main__":
    print(as_text(measure()))
