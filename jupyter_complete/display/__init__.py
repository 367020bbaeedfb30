"""What a person sees of a completion: the text as it comes, then one card.

The text streams into a display that ends as the card: nothing else in the cell is
touched, no JavaScript, and the same saved file from every front end. Text from outside
is hostile: control characters are shown, not obeyed, and all HTML is written here.
"""

from ..saved import RECORD_TYPE
from .card import card, card_html, drawn, facts, request_text
from .distribution import TokenBars
from .markdown import NO_MATHEMATICS, boxed, escape, formatted
from .screen import TerminalScreen, completion_screen
from .sweeps import SweepView, sweep_screen, view
from .sweeps.differences import difference
from .tables import Table, cost_table, history_table, models_table
from .tokens import Tokens

__all__ = [
    "NO_MATHEMATICS",
    "RECORD_TYPE",
    "SweepView",
    "Table",
    "TerminalScreen",
    "TokenBars",
    "Tokens",
    "boxed",
    "card",
    "card_html",
    "completion_screen",
    "cost_table",
    "difference",
    "drawn",
    "escape",
    "facts",
    "formatted",
    "history_table",
    "models_table",
    "request_text",
    "sweep_screen",
    "view",
]
