"""A real kernel: what it sends to a front end, what a saved notebook keeps."""

import json
import queue
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from loopback import STALL, events
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_complete.display import RECORD_TYPE
from jupyter_complete.saved import from_output

LOAD = "%load_ext jupyter_complete"


def executed(*sources, **options):
    """Return a notebook of these cells after a run."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=60, kernel_name="python3", **options).execute()
    return notebook


class Kernel:
    """A running kernel, and what it sends."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        self.run(LOAD)

    def start(self, code):
        """Send a cell and give its id."""
        return self.client.execute(code)

    def messages(self, parent, until="idle", seconds=30):
        """Yield the messages of a cell until the kernel is idle again."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=0.1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != parent:
                continue
            yield message
            state = message["content"].get("execution_state")
            if message["msg_type"] == "status" and state == until:
                return
        raise TimeoutError(parent)

    def run(self, code):
        """Run a cell and give its messages."""
        return list(self.messages(self.start(code)))

    def value(self, expression):
        """Return the value of an expression that is JSON."""
        found = self.run(f"import json; print(json.dumps({expression}))")
        return json.loads(
            "".join(m["content"]["text"] for m in found if m["msg_type"] == "stream")
        )

    def wait_for_text(self, parent, text):
        """Wait until the cell shows this."""
        seen = []
        for message in self.messages(parent):
            data = message["content"].get("data", {})
            seen.append(data.get("text/plain") or message["content"].get("text", ""))
            if text in seen[-1]:
                return
        raise AssertionError(f"{text!r} never came: {seen!r}")

    def close(self):
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel():
    running = Kernel()
    yield running
    running.close()


def test_a_saved_cell_has_one_display_with_the_whole_completion():
    notebook = executed(
        LOAD, "%%complete -t 0 -o answer\nWhat does break do?", "print(repr(answer))"
    )
    outputs = notebook.cells[1].outputs

    assert [output.output_type for output in outputs] == ["display_data"]
    data = outputs[0].data
    assert set(data) == {"text/plain", "text/html", RECORD_TYPE}
    answer = from_output(data)
    assert answer.text.strip() in data["text/plain"]
    assert "loop" in answer.text
    assert repr(answer) + "\n" == notebook.cells[2].outputs[0].text


def test_without_streaming_the_same_display():
    notebook = executed(LOAD, "%%complete -t 0 --no-stream\nWhat does break do?")

    assert [o.output_type for o in notebook.cells[1].outputs] == ["display_data"]


def test_an_error_is_an_error_output_and_stops_the_run():
    notebook = new_notebook(
        cells=[new_code_cell(s) for s in (LOAD, "%complete -t 7 Hi", "x = 1")]
    )
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook, timeout=60).execute()

    error = notebook.cells[1].outputs[0]
    assert (error.output_type, error.ename) == ("error", "InputError")
    assert error.traceback == [
        "InputError: temperature is 7.0; give a number from 0 to 2."
    ]
    assert notebook.cells[2].execution_count is None


def test_papermill_runs_it(tmp_path):
    cells = [new_code_cell(LOAD), new_code_cell("%complete -t 0 What does break do?")]
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), source)
    subprocess.run(
        [sys.executable, "-m", "papermill", "-k", "python3", source, target],
        check=True,
        capture_output=True,
    )

    outputs = nbformat.read(target, as_version=4).cells[1].outputs
    assert RECORD_TYPE in outputs[0].data


def test_the_text_streams_before_the_card(kernel):
    messages = kernel.run("%complete -t 0 What does break do?")
    shown = [m["content"]["data"] for m in messages if "display" in m["msg_type"]]

    assert [m["msg_type"] for m in messages].count("display_data") == 1
    assert RECORD_TYPE not in shown[0]
    assert RECORD_TYPE in shown[-1]


def test_tab_completes_through_the_kernel(kernel):
    def complete(code, position):
        asked = kernel.client.complete(code, position)
        while True:
            reply = kernel.client.get_shell_msg(timeout=30)
            if reply["parent_header"]["msg_id"] == asked:
                return reply["content"]

    line = "%%complete --te"
    assert complete(f"{line}\nHi", len(line))["matches"] == ["--temperature"]
    cell = "%%complete\nWhat is a prin"
    assert complete(cell, len(cell))["matches"] == ["prin"]


def stalled_cell(loopback):
    """Return a cell whose answer begins and then stalls."""
    loopback.reply([*events(" One", " two", stop=None), STALL])
    return f"%%complete -m m --endpoint {loopback.url} --dialect text\nHi"


def test_an_interrupt_keeps_the_text_and_stops_the_queue(kernel, loopback):
    cell = kernel.start(stalled_cell(loopback))
    queued = kernel.start("ran_on = True")
    kernel.wait_for_text(cell, "two")
    kernel.manager.interrupt_kernel()
    messages = list(kernel.messages(cell))

    shown = [m["content"] for m in messages if m["msg_type"] == "update_display_data"]
    errors = [m["content"] for m in messages if m["msg_type"] == "error"]
    assert [from_output(d["data"]).text for d in shown] == [" One two"]
    assert errors[0]["ename"] == "CompletionInterrupted"
    assert errors[0]["traceback"] == [
        "CompletionInterrupted: Stopped after 8 characters; the text is kept."
    ]
    list(kernel.messages(queued))
    assert kernel.value(
        "[_completion.text, _completion.status, 'ran_on' in dir()]"
    ) == [
        " One two",
        "interrupted",
        False,
    ]
    assert loopback.requests[0].gone.wait(60)


def test_a_killed_kernel_loses_at_most_a_second(loopback, tmp_path):
    """``kill -9`` in the middle of a stream; the next kernel has the row as lost."""
    first = Kernel()
    cell = first.start(stalled_cell(loopback))
    first.wait_for_text(cell, "two")
    time.sleep(1)
    first.manager.signal_kernel(signal.SIGKILL)
    first.close()
    second = Kernel()
    found = second.run("%complete_history --status lost\n")
    text = "".join(
        m["content"]["data"]["text/plain"]
        for m in found
        if m["msg_type"] == "execute_result"
    )
    second.close()

    assert "One two" in text
    assert "lost" in text
