"""Times on the command line."""

from __future__ import annotations

import math
from typing import Any

import rich_click as click


class Seconds(click.FloatRange):
    """A number of seconds. NaN lies in every range, as it is neither below nor above any bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return number
