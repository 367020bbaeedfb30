"""A sweep in a real kernel: killed, interrupted, and run again."""

import signal
import time

from counting import Counting, answered
from test_kernel import Kernel

TONES = [f"tone{n:02}" for n in range(24)]


def sweep_cell(server):
    place = f"-m m --endpoint {server.endpoint.base_url} --dialect text --turns raw"
    axis = f"-s tone={','.join(TONES)} -j 4 --no-stream"
    return f"%%complete {place} {axis}\n{{{{tone}}}}"


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_kernel_spoils_no_sweep():
    """What was answered before ``kill -9`` is not asked again, the rest is."""
    with Counting(latency=0.1) as server:
        server.answer = lambda prompt, number: (200, {}, answered(f"re: {prompt}"))
        first = Kernel()
        first.start(sweep_cell(server))
        wait_until(lambda: len(server.statuses) >= 9)
        first.manager.signal_kernel(signal.SIGKILL)
        first.close()
        time.sleep(0.2)
        before = dict(server.asked)
        second = Kernel()
        second.run(sweep_cell(server))
        texts = second.value("[run.text for run in _sweep]")
        reused = second.value("sum(run.reused for run in _sweep)")
        second.close()

        assert texts == [f"re: {tone}" for tone in TONES]
        assert reused >= 4
        twice = [tone for tone, count in server.asked.items() if count > 1]
        assert len(twice) <= 8, "only what was in flight may be asked again"
        assert len(before) < len(TONES)


def test_an_interrupted_sweep_stops_and_goes_on():
    with Counting(latency=0.2) as server:
        kernel = Kernel()
        cell = kernel.start(sweep_cell(server))
        wait_until(lambda: len(server.statuses) >= 8)
        kernel.manager.interrupt_kernel()
        messages = list(kernel.messages(cell))
        errors = [m["content"]["ename"] for m in messages if m["msg_type"] == "error"]
        kept = kernel.value("[run.status for run in _sweep]")
        asked = sum(server.asked.values())
        kernel.run(sweep_cell(server))
        statuses = kernel.value("[run.status for run in _sweep]")
        kernel.close()

        assert errors == ["CompletionInterrupted"]
        assert kept.count("complete") >= 4
        assert statuses == ["complete"] * len(TONES)
        again = sum(server.asked.values()) - asked
        assert again == len(TONES) - kept.count("complete")
