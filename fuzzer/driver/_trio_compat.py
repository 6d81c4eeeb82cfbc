"""The only private names of trio that hubfuzz uses, each with a test (tests/unit/test_trio_compat.py)."""

from __future__ import annotations

import trio._core._run as trio_run


def seed_scheduler(seed: int) -> None:
    """Make the order in which trio runs ready tasks a function of ``seed``.

    trio shuffles each batch of ready tasks with its own generator; deterministic scheduling (the switch that its
    Hypothesis plugin sets) first sorts them, so that the same seed gives the same order.
    """
    vars(trio_run)["_ALLOW_DETERMINISTIC_SCHEDULING"] = True
    trio_run._r.seed(seed)
