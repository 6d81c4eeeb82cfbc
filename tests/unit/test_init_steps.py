"""The steps of ``hubfuzz init`` on small hubs with one trait each."""

from __future__ import annotations

from init_hub import init_hub
from test_init_shared_limit import looked


def test_a_message_within_a_list_is_found() -> None:
    step = looked(init_hub("array"))["publish"]
    assert step.outcome == "change"
    assert step.change == 'protocol.deliver = {id = "0.id", body = "0.body"}'
