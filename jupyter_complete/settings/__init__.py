"""Every parameter, once: its trait, and the flag, slider and help that come from it."""

from __future__ import annotations

from .parameters import CompletionSettings, parameters
from .traits import Parameter, SliderRange

__all__ = ["CompletionSettings", "Parameter", "SliderRange", "parameters"]
