"""What a run may take, by what was asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fuzzer.cli.campaign import campaign_options
from fuzzer.cli.options import RunOptions
from fuzzer.hub.target import embedded_target

NOTHING = RunOptions(
    *(None, None, (), None, (), None, None, None, None, 30.0, (), (), None), Path("r"), Path("f"), False, False
)


@pytest.mark.parametrize(
    ("asked", "seconds", "ceiling"),
    [
        ({}, 30.0, 330.0),
        ({"seconds": 1500.0}, 1500.0, 1800.0),
        ({"seconds": 3600.0}, 3600.0, 4320.0),
        ({"seconds": 3600.0, "ceiling": 10.0}, 3600.0, 10.0),
        ({"plans": 7}, None, None),
        ({"plans": 7, "seconds": 10.0}, 10.0, 310.0),
        ({"scenario": ("limit",)}, None, None),
        ({"ceiling": 5.0}, 30.0, 5.0),
    ],
)
def test_every_run_that_has_a_budget_has_an_end(
    asked: dict[str, object], seconds: float | None, ceiling: float | None
) -> None:
    options = campaign_options(replace(NOTHING, **asked), 1)  # type: ignore[arg-type]
    assert (options.seconds, options.ceiling) == (seconds, ceiling)


@pytest.mark.parametrize(
    ("asked", "workers"),
    [
        ({"seconds": 60.0}, 3),
        ({"seconds": 60.0, "bug": "S01"}, 3),
        ({"seconds": 60.0, "workers": "2"}, 2),
        ({"seconds": 60.0, "workers": "1"}, 1),
        ({"seconds": 60.0, "plans": 7}, 1),
        ({"seconds": 60.0, "scenario": ("limit",)}, 1),
        ({"seconds": 59.0}, 1),
        ({}, 1),
    ],
)
def test_a_long_run_has_as_many_workers_as_the_target_says(asked: dict[str, object], workers: int) -> None:
    target = msgspec.structs.replace(embedded_target(), workers=3)
    assert replace(NOTHING, **asked).workers_for(target) == workers  # type: ignore[arg-type]
