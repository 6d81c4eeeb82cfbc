"""``max_failures``: who asks for one failure gets one, and does not wait for others to be shrunk."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign_fakes import CROWD, RACE, Bug, FakeHub, campaign, has, strayed

from fuzzer.campaign import FailureStore, Options, read_failure
from fuzzer.plan import Drop


@pytest.mark.parametrize(("most", "shrunk"), [(1, 1), (2, 2), (None, 2)])
def test_as_many_are_shrunk_as_were_asked_for(most: int | None, shrunk: int, tmp_path: Path) -> None:
    hub = FakeHub((RACE, Bug(has(Drop), strayed)))
    store = FailureStore(tmp_path)
    ran = campaign(hub, [CROWD], Options(seconds=None, max_failures=most), store=store)
    assert sum(failure.shrunk for failure in ran.result.failures) == shrunk
    assert len(ran.result.failures) == 2, "the other is no secret"
    assert sum(read_failure(path).failure.shrunk for path in tmp_path.iterdir()) == shrunk
