"""The browser, the server and the front ends, or a word on how to get a browser."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from frontends import open_page, running_browser, running_server

HOW_TO_GET_ONE = (
    "no browser: apt-get install chromium, or pip install playwright && "
    "playwright install --with-deps chromium"
)


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser():
    """A Chromium; closed with the module, for Playwright keeps an event loop."""
    with running_browser() as chromium:
        if chromium is None:
            pytest.skip(HOW_TO_GET_ONE)
        yield chromium


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    required = os.environ.get("JUPYTER_COMPLETE_BROWSER") == "required"
    if required and report.skipped and item.get_closest_marker("browser"):
        report.outcome, report.longrepr = "failed", f"required: {report.longrepr[2]}"
    if call.when == "call" and report.failed:
        for front in getattr(item, "fronts", ()):
            front.shot(f"failed-{item.originalname}")
    return report


@pytest.fixture
def open_front(request, browser, server):
    """Open a front end by name; its page and every kernel end with the test."""
    fronts = request.node.fronts = []

    def opened(name, size=(1000, 900)):
        fronts.append(open_page(name, server, browser, size))
        return fronts[-1]

    yield opened
    for front in fronts:
        front.context.close()
    server.stop_kernels()


@pytest.fixture
def here(loopback):
    """A cell that loads the extension and sends everything to the recording server."""
    own = json.dumps({"here": {"url": loopback.url, "dialect": "text"}})
    return f"""\
%load_ext jupyter_complete
%config CompletionSettings.endpoints = {own}
%config CompletionSettings.endpoint = "here"
%config CompletionSettings.model = "one"
%config CompletionSettings.retries = 0
topic = "with"
"""


@pytest.fixture(params=["lab", "notebook"])
def front(request, open_front):
    """JupyterLab, then Notebook 7; a test may name the one that it is run in."""
    return open_front(request.param)


@pytest.fixture(params=["lab", "notebook", "voila"])
def any_front(request, open_front):
    """JupyterLab, Notebook 7, then Voilà."""
    return open_front(request.param)
