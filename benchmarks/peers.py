"""The nearest other tools, each installed into an environment of its own.

An environment is made at its first use, by this Python's own ``venv`` and ``pip``. In
a directory that is kept it is made only once; this project's own is always made anew.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PATIENCE = 900
"""Seconds that an installation may take."""


class Peer(NamedTuple):
    """A distribution, what pip installs for it, and its IPython extension if any."""

    name: str
    requirement: str
    extension: str = ""


OURS = Peer("jupyter-complete", str(ROOT), "jupyter_complete")
MAGICS = (
    # The magics of Jupyter AI 3, then those of Jupyter AI 2.
    Peer(
        "jupyter-ai-magic-commands",
        "jupyter-ai-magic-commands",
        "jupyter_ai_magic_commands",
    ),
    Peer("jupyter-ai-magics", "jupyter-ai-magics", "jupyter_ai_magics"),
)
PROMPTTOOLS = Peer("prompttools", "prompttools")


class Missing(Exception):
    """Why a peer cannot be measured."""


class Installed(NamedTuple):
    """An environment, and what its installation brought."""

    python: Path
    version: str
    distributions: int
    megabytes: float


# What pip recorded, bytecode included; pip and setuptools are in every environment.
CENSUS = """
import importlib.metadata, json, os, sys
found = {each.metadata["Name"]: each for each in importlib.metadata.distributions()}
for name in ("pip", "setuptools", "wheel"):
    found.pop(name, None)
files = {str(file.locate()) for each in found.values() for file in each.files or ()}
size = sum(os.path.getsize(file) for file in files if os.path.exists(file))
print(json.dumps([importlib.metadata.version(sys.argv[1]), len(found), size / 1e6]))
"""


class Peers:
    """Environments in a directory; of this project alone where peers are unwanted."""

    def __init__(self, directory: Path, *, wanted: bool = True) -> None:
        self._directory = directory
        self._wanted = wanted
        self._known: dict[Peer, Installed | Missing] = {}

    def installed(self, peer: Peer) -> Installed:
        """Return a peer's environment; raise Missing, with the reason."""
        if peer not in self._known:
            try:
                self._known[peer] = self._install(peer)
            except Missing as reason:
                self._known[peer] = reason
        known = self._known[peer]
        if isinstance(known, Missing):
            raise known
        return known

    def give_up(self, peer: Peer, reason: Missing) -> None:
        """Take a peer for missing that was installed, but does not work."""
        self._known[peer] = reason

    def beside(self, peers: Iterable[Peer], found: Callable[[Peer], str]) -> str:
        """Return what was found of each peer, by name and version, or why not."""
        return "; ".join(self._said(peer, found) for peer in peers)

    def _said(self, peer: Peer, found: Callable[[Peer], str]) -> str:
        try:
            version = self.installed(peer).version
            return f"{peer.name} {version}: {found(peer)}"
        except Missing as reason:
            return f"{peer.name}: not measured ({reason})"

    def _install(self, peer: Peer) -> Installed:
        if peer != OURS and not self._wanted:
            raise Missing("left out")
        home = self._directory / peer.name
        python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        if peer == OURS or not (home / "complete").exists():
            print(f"installing {peer.name}", file=sys.stderr)
            _run([sys.executable, "-m", "venv", "--clear", str(home)])
            _run([str(python), "-m", "pip", "install", "--quiet", peer.requirement])
            (home / "complete").touch()
        census = json.loads(_run([str(python), "-I", "-c", CENSUS, peer.name]))
        return Installed(python, *census)


def _run(command: list[str]) -> str:
    """Return what a command printed; raise Missing with its last error."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(str(error)) from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        errors = [line for line in lines if line.lstrip().startswith("ERROR: ")]
        reason = (errors or lines or ["no reason given"])[-1].strip()
        raise Missing(reason.removeprefix("ERROR: ")[:200])
    return done.stdout


@contextlib.contextmanager
def peers(directory: Path | None = None, *, wanted: bool = True) -> Iterator[Peers]:
    """Return the peers; their environments last as long, or as a directory named."""
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield Peers(directory.absolute(), wanted=wanted)
