"""The child: serves one GGUF file on loopback with llama.cpp's own HTTP API.

``python child.py MODEL.gguf``. The first line of standard input is JSON, ``{"key",
"name", "context", "idle"}``: what every call has to carry, what the model is called,
the most tokens of a call, and the seconds without a call after which the child ends.
One line of JSON comes to standard output: ``{"url"}``, or ``{"missing"}`` where the
engine cannot be imported; none where it cannot load the file, and then the log on
standard error says why. It ends with its standard input, or its parent.

It is run by its path, so that nothing of the package is loaded.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import urllib.request
from typing import Any, TextIO

SLOTS = 8
"""Calls that are answered at once; more wait their turn."""
LOOK = 0.5
"""Seconds between two looks at the parent."""
LOOKS = 10
"""Looks at the calls in the time after which the child is idle."""
ERRORS = 1
"""What the log has: llama.cpp's level."""


def serve(path: str, key: str, name: str, context: int) -> Any:
    """Return the server of a file, once it answers. Raises `RuntimeError`."""
    import xllamacpp  # noqa: PLC0415 - whether it is there is for the parent to tell

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = {name}
    params.port = 0
    params.api_keys = [key]
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * context
    # With one cache for all, a call's numbers would depend on the calls beside it.
    params.kv_unified = False
    params.ui = False
    # To fit a model into a graphics card's memory, it is read once more.
    processor = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    devices = xllamacpp.get_device_info()
    params.fit_params = any(device["type"] != processor for device in devices)
    # What a request leaves out changes nothing, what it has acts in this order.
    params.sampling.samplers = "temperature;top_k;top_p"
    params.sampling.temp, params.sampling.top_k = 1.0, 0
    params.sampling.top_p, params.sampling.min_p = 1.0, 0.0
    params.verbosity = ERRORS
    return xllamacpp.Server(params)


def tell(out: TextIO, **what: object) -> None:
    """Write a line of JSON."""
    out.write(json.dumps(what) + "\n")
    out.flush()


def end_with(descriptor: int) -> None:
    """End this process at the end of what it reads."""
    while os.read(descriptor, 1024):
        pass
    os._exit(0)


def calls(url: str, key: str) -> tuple[bool, object]:
    """Return whether a call is under way, and what changes with every call."""
    call = urllib.request.Request(  # noqa: S310 - the address is our own
        f"{url}/slots", headers={"Authorization": f"Bearer {key}"}
    )
    with urllib.request.urlopen(call) as answer:  # noqa: S310 - see above
        slots = json.load(answer)
    running = any(slot.get("is_processing") for slot in slots)
    return running, [slot.get("id_task") for slot in slots]


def watch(url: str, key: str, idle: float, parent: int) -> None:
    """Return when the parent is gone, or no call came for the seconds."""
    used, before, looked = time.monotonic(), None, 0.0
    while os.getppid() == parent:
        time.sleep(min(LOOK, idle / LOOKS))
        now = time.monotonic()
        if now - looked < idle / LOOKS:
            continue
        looked = now
        running, tasks = calls(url, key)
        if running or tasks != before:
            used, before = now, tasks
        elif now - used > idle:
            return


def main() -> None:
    """Serve until nobody wants it any more."""
    # What libraries print goes where errors go: the parent reads the other.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    parent = os.getppid()
    told = json.loads(sys.stdin.readline() or "null")
    if told is None:
        return  # the parent was gone before it spoke
    threading.Thread(target=end_with, args=(0,), daemon=True).start()
    try:
        server = serve(sys.argv[1], told["key"], told["name"], told["context"])
    except ImportError as error:
        tell(out, missing=str(error))
    except RuntimeError:
        out.close()
        return  # and not at once: a thread of the engine writes the log, which says why
    else:
        url = server.listening_address
        tell(out, url=url)
        watch(url, told["key"], told["idle"], parent)
    os._exit(0)  # the engine's own end may take its time


if __name__ == "__main__":
    main()
