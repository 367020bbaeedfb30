"""A copy of the package that a test may change, and Python with it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupyter_complete

PACKAGE = Path(jupyter_complete.__file__).parent


def copy_to(folder):
    """Copy the package into a folder, and return where it is."""
    ignore = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=ignore))


def run(folder, source, *arguments):
    """Run Python code with the folder's copy; what it reaches is not measured."""
    own = {"PYTHONPATH": str(folder), "IPYTHONDIR": str(folder)}
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    return subprocess.run(
        [sys.executable, "-c", source, *arguments],
        cwd=folder,
        env={**kept, **own},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
