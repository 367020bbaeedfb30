"""What loading costs: time over IPython alone, memory, packages."""

from __future__ import annotations

import statistics
import subprocess
import sys

Row = tuple[str, str, str, str]

ROUNDS = 9

LOAD = """
import time
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = TerminalInteractiveShell.instance(config=config)
start = time.perf_counter()
{what}
print(time.perf_counter() - start)
"""


def run(code: str) -> str:
    """Give what the code prints last in a fresh Python."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip().splitlines()[-1]


def load_seconds(extension: str) -> float:
    """Give the median time to load an extension into a fresh IPython."""
    what = f'shell.run_line_magic("load_ext", "{extension}")'
    return statistics.median(float(run(LOAD.format(what=what))) for _ in range(ROUNDS))


def loaded() -> str:
    """Give what of the slow packages is imported after loading."""
    code = LOAD.format(what='shell.run_line_magic("load_ext", "jupyter_complete")')
    slow = "{'requests', 'ipywidgets', 'anywidget'} & set(sys.modules)"
    return run(f"import sys{code}\nprint(sorted({slow}) or 'neither')")


def measure() -> list[Row]:
    """Give the rows of the report."""
    seconds = load_seconds("jupyter_complete")
    return [
        (
            "%load_ext over IPython alone",
            "<= 50 ms",
            f"{seconds * 1000:.0f} ms",
            f"median of {ROUNDS}; of requests, ipywidgets imported: {loaded()}",
        )
    ]


if __name__ == "__main__":
    for row in measure():
        print(*row, sep=" | ")
