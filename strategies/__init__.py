"""Strategies that draw what clients do: whole plans, and their parts for others to use.

Nothing here executes anything. ``draw_plans`` is what campaigns use, ``HubMachine`` what pytest users subclass.
"""

from strategies.draw import draw_plans
from strategies.faults import abandons, close_codes, drops, malformed_kinds
from strategies.machine import HubMachine
from strategies.pairs import PAIRS, Pair, racing_pairs
from strategies.payloads import bodies, bursts, fills, sizes
from strategies.plans import plans
from strategies.separators import separators
from strategies.shape import Shape, shape_of, shape_of_target
from strategies.tokens import token_kinds
from strategies.users import confusable_pairs, user_names

__all__ = [
    "PAIRS",
    "HubMachine",
    "Pair",
    "Shape",
    "abandons",
    "bodies",
    "bursts",
    "close_codes",
    "confusable_pairs",
    "draw_plans",
    "drops",
    "fills",
    "malformed_kinds",
    "plans",
    "racing_pairs",
    "separators",
    "shape_of",
    "shape_of_target",
    "sizes",
    "token_kinds",
    "user_names",
]
