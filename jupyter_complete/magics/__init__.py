"""The magics: parse the line, call the session, show what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..settings import CompletionSettings
from . import typed
from .complete import CompletionMagics
from .distribution import DistributionMagics
from .history import HistoryMagics
from .panel import PanelMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["CompletionMagics", "load", "unload"]

_MORE = (DistributionMagics, HistoryMagics, PanelMagics)


def load(shell: InteractiveShell) -> None:
    """Register the settings, the magics and what reads their input."""
    settings = CompletionSettings(parent=shell)
    shell.configurables.append(settings)  # type: ignore[arg-type] # its hint is wrong
    complete = CompletionMagics(shell, settings)
    shell.register_magics(complete, *(kind(shell, complete) for kind in _MORE))
    typed.load(shell)


def unload(shell: InteractiveShell) -> None:
    """Take away what `load` registered, and close the connections."""
    registry = shell.magics_manager.registry
    complete = registry.get(CompletionMagics.__name__)
    if complete is None:
        return
    complete.close()
    shell.configurables.remove(complete.settings)
    for kind in (CompletionMagics, *_MORE):
        for scope, names in registry.pop(kind.__name__).magics.items():
            for name in names:
                shell.magics_manager.magics[scope].pop(name, None)
    typed.unload(shell)
