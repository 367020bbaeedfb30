"""A Jupyter server, and a page object for each front end that it serves.

Every wait is for something that the page or the server says of itself; nothing
sleeps and hopes. The server's home, settings and kernels live in a throwaway folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

import nbformat
from playwright.sync_api import Error, expect, sync_playwright

REPOSITORY = Path(__file__).parents[2]
SCREENSHOTS = REPOSITORY / "screenshots"
PICTURES = REPOSITORY / "notebooks" / "images"
START = 60  # seconds that a server or a kernel may take on a slow machine
ACT = 30_000  # milliseconds that one step in a page may take


@contextlib.contextmanager
def running_browser():
    """Return a Chromium, the path's or Playwright's own; None without one."""
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=arguments
            )
        except Error:
            yield None
            return
        yield chromium
        chromium.close()


@dataclass
class Server:
    """A running `jupyter lab`, which serves Notebook 7 and Voilà as well."""

    url: str
    root: Path

    def ask(self, path, method="GET", body=None):
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data, method=method)
        with urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def write(self, name, *sources):
        """Write a notebook of code cells."""
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(
            cells=cells, metadata={"kernelspec": kernel}
        )
        nbformat.write(notebook, self.root / name)

    def outputs(self, name, cell):
        """Return a cell's outputs as they are in the file."""
        return nbformat.read(self.root / name, 4).cells[cell].outputs

    def stop_kernels(self):
        for kernel in self.ask("/api/kernels"):
            self.ask(f"/api/kernels/{kernel['id']}", "DELETE")

    def theme(self, name):
        plugin = "@jupyterlab/apputils-extension:themes"
        raw = json.dumps({"theme": name})
        self.ask(f"/lab/api/settings/{plugin}", "PUT", {"raw": raw})


@contextlib.contextmanager
def running_server(home):
    """Return a `jupyter lab` that knows nothing but what is in the folder ``home``."""
    root = home / "notebooks"
    root.mkdir()
    url, process = _start(home, root)
    try:
        yield _when_up(Server(url, root), process, home / "log.txt")
    finally:
        process.terminate()
        process.wait(20)


def _start(home, root):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ServerApp.port_retries=0"]
    command += ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    command += [f"--ServerApp.root_dir={root}", "--ContentsManager.allow_hidden=True"]
    _settings(home)
    with (home / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, env=_environment(home), cwd=home, stdout=log, stderr=log
        )
    return f"http://127.0.0.1:{port}", process


def _environment(home):
    """Nothing of the user's: and the front-end extension as it is in this tree."""
    extensions = home / "share" / "labextensions"
    extensions.mkdir(parents=True)
    source = REPOSITORY / "jupyter_complete" / "labextension"
    shutil.copytree(source, extensions / "jupyter-complete")
    own = {name: str(home / name.lower()) for name in _FOLDERS}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "OPENAI_", "JUPYTER", "XDG_"))
    }
    path = {"JUPYTER_PATH": str(home / "share"), "HOME": str(home)}
    return {**kept, **own, **path}


_FOLDERS = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
)


def _settings(home):
    folder = home / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    name = "notification.jupyterlab-settings"
    (folder / name).write_text(json.dumps(quiet))


def _when_up(server, process, log):
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            server.ask("/api/status")
        except OSError:
            time.sleep(0.05)
        else:
            return server
    raise RuntimeError(f"jupyter lab did not start: {log.read_text()[-2000:]}")


@dataclass
class FrontEnd:
    """A page of one front end, and what a person does in it."""

    name: str
    path: str
    server: Server
    context: object
    page: object = field(init=False)
    notebook: str = field(init=False, default="")

    def __post_init__(self):
        self.page = self.context.new_page()
        self.page.set_default_timeout(ACT)

    def open(self, notebook, *sources):
        """Write a notebook of these cells and open it, ready to run."""
        if sources:
            self.server.write(notebook, *sources)
        self.notebook = notebook
        self.page.goto(f"{self.server.url}{self.path}{notebook}")
        if self.name != "voila":
            self._ready()

    def _ready(self):
        # The indicator is idle for a moment before the kernel connects: the server
        # knows better, so it is asked first.
        end = time.monotonic() + START
        while not any(map(self._connected, self.server.ask("/api/sessions"))):
            assert time.monotonic() < end, "no kernel came for the notebook"
            self.page.wait_for_timeout(50)
        indicator = self.page.locator(".jp-Notebook-ExecutionIndicator:visible")
        expect(indicator).to_have_attribute("data-status", "idle", timeout=ACT)

    def _connected(self, session):
        kernel = session["kernel"]
        return (
            session["path"] == self.notebook
            and kernel["connections"] >= 1
            and kernel["execution_state"] == "idle"
        )

    def cell(self, number):
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number):
        return self.cell(number).locator(".jp-Cell-outputArea").first

    def start(self, number):
        """Run a cell and do not wait for its end."""
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        self.page.keyboard.press("Escape")

    def run(self, number):
        self.start(number)
        prompt = self.cell(number).locator(".jp-InputPrompt")
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=ACT)

    def value(self, number, source):
        """Write one line of Python into a cell, run it, and give what it prints."""
        self.edit(number, source)
        self.run(number)
        return self.output(number).inner_text().strip()

    def edit(self, number, source):
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)

    def save(self):
        """Save the notebook and wait until the file has changed."""
        path = self.server.root / self.notebook
        before = path.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        end = time.monotonic() + START
        while path.stat().st_mtime_ns == before or not _is_whole(path):
            assert time.monotonic() < end, "the notebook was not saved"
            self.page.wait_for_timeout(50)

    def restart(self):
        """Restart the kernel by the keys for it, and wait until it is there again."""
        self.page.keyboard.press("Escape")
        self.page.locator(".jp-InputPrompt:visible").first.click()
        for _ in range(2):
            self.page.keyboard.press("0")
        dialog = self.page.locator(".jp-Dialog")
        dialog.get_by_role("button", name="Confirm Kernel Restart").click()
        expect(dialog).to_have_count(0)
        self._ready()

    def shot(self, name, element=None):
        SCREENSHOTS.mkdir(exist_ok=True)
        target = self.page if element is None else element
        target.screenshot(path=SCREENSHOTS / f"{self.name}-{name}.png")

    def picture(self, name, element):
        """Keep a picture for the notebooks and the README, where it is asked for."""
        self.shot(name, element)
        if os.environ.get("JUPYTER_COMPLETE_PICTURES") == "keep":
            PICTURES.mkdir(exist_ok=True)
            source = SCREENSHOTS / f"{self.name}-{name}.png"
            shutil.copyfile(source, PICTURES / f"{name}.png")


def _is_whole(path):
    """Tell whether a notebook is written to its end: the server empties it first."""
    try:
        json.loads(path.read_text("utf-8"))
    except ValueError:
        return False
    return True


PATHS = {
    "lab": "/doc/tree/",
    "notebook": "/notebooks/",
    "voila": "/voila/render/",
}


def open_page(name, server, browser, size=(1000, 900)):
    """Return a page of ``lab``, ``notebook`` or ``voila``."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height})
    return FrontEnd(name, PATHS[name], server, context)
