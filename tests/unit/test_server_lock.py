"""Two sessions never share a server that hubfuzz did not start for one of them."""

from __future__ import annotations

import pytest
import trio

from fuzzer import ServerError
from fuzzer.hub.target import embedded_target
from fuzzer.server_lock import alone_with
from fuzzer.target.process import free_port


def test_a_server_is_held_by_one_at_a_time_and_then_free_again() -> None:
    target = embedded_target().at(f"ws://127.0.0.1:{free_port()}")

    async def main() -> None:
        async with alone_with(target):
            with pytest.raises(ServerError, match="another run of hubfuzz has been using this server"):
                async with alone_with(target, patience=0.1):
                    pytest.fail("two at once")
        async with alone_with(target, patience=0.1):
            pass

    trio.run(main)


def test_servers_on_free_ports_are_nobody_elses() -> None:
    async def main() -> int:
        held = 0
        async with alone_with(embedded_target(), patience=0), alone_with(embedded_target(), patience=0):
            held += 2
        return held

    assert trio.run(main) == 2
