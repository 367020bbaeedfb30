"""A Dask cluster of real processes, which a test may stop or kill one by one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time


class Processes:
    """A scheduler and a worker of four threads; ``address`` is its own."""

    def __init__(self, folder):
        self._file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0")
        while not self._written():
            time.sleep(0.02)
        self.address = json.loads(self._file.read_text())["address"]
        options = ("--nthreads", "4", "--no-nanny")
        self.workers = [self._start("worker", *options)]

    def _written(self):
        with contextlib.suppress(OSError, ValueError):
            return bool(json.loads(self._file.read_text()))
        return False

    def _start(self, role, *options):
        return subprocess.Popen(
            [
                *(sys.executable, "-m", f"distributed.cli.dask_{role}"),
                *("--scheduler-file", str(self._file), "--no-dashboard", *options),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def close(self):
        """End all of it, whatever state it is in."""
        for process in (*self.workers, self.scheduler):
            with contextlib.suppress(OSError):
                process.send_signal(signal.SIGKILL)
            process.wait()
