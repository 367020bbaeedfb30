"""What a person sees of a sweep: a grid that fills, then table, facets, differences."""

from .live import sweep_screen
from .view import SweepView, view

__all__ = ["SweepView", "sweep_screen", "view"]
