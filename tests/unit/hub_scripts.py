"""Scripts in which a seeded bug shows: the first fourteen. Each answers whether it did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
import trio.testing
from hub_client import TestHub, eventually

Script = Callable[[TestHub], Awaitable[bool]]


async def live_list_skip(hub: TestHub) -> bool:
    a, b = await hub.open(), await hub.open()
    await b.publish("m1")
    await trio.testing.wait_all_tasks_blocked()  # the hub waits before its first send, or is done
    await a.close()
    return await b.seen() != ["m1"]


async def dead_peer_aborts(hub: TestHub) -> bool:
    a, b = await hub.open(), await hub.open()
    a.reset()
    await noticed(hub)
    await b.publish("m1")
    return await b.seen() != ["m1"]


async def sender_is_blamed(hub: TestHub) -> bool:
    a, b = await hub.open(), await hub.open()
    a.reset()
    await noticed(hub)
    await b.publish("m1")
    await b.say("subscribe", room="r")
    return await b.end_or("subscribed") == 1011


async def departure_tears_down(hub: TestHub) -> bool:
    a, b = await hub.open(), await hub.open()
    await a.close()
    await b.publish("m1")
    return await b.seen() != ["m1"]


async def double_subscribe(hub: TestHub) -> bool:
    a = await hub.open()
    for _ in range(2):
        await a.say("subscribe", room="r")
        await a.read()
    await a.publish("m1", room="r")
    seen = await a.seen()
    await a.close()
    await hub.until(rooms=0)
    return seen == ["m1", "m1"]


async def task_per_message(hub: TestHub) -> bool:
    a = await hub.open()
    await a.publish("m1", "m2")
    return await a.ids(2) != ["m1", "m2"]


async def check_then_act(hub: TestHub) -> bool:
    tabs = [hub.tab(), hub.tab()]
    for tab in tabs:
        await tab.ask()
    await eventually(lambda: hub.hub.stats()["connections"] > 0)
    admitted = [not (await tab.refused()) for tab in tabs]
    return all(admitted)


async def double_release(hub: TestHub) -> bool:
    (await hub.open()).reset()
    await hub.until(connections=0)
    return await hub.fits() and await hub.fits()


async def drop_in_handshake(hub: TestHub) -> bool:
    tab = hub.tab()
    await tab.ask()
    await eventually(lambda: len(hub.hub.peers) == 1)
    tab.drop()
    await nobody(hub)
    return not await hub.fits()


async def takeover_in_handshake(hub: TestHub) -> bool:
    """Two members of one session, where there is one slot."""
    tabs = [hub.tab(), hub.tab()]
    for number, tab in enumerate(tabs):
        await tab.ask(session="s")
        await eventually(lambda there=number + 1: len(hub.hub.peers) == there)  # type: ignore[misc]
    admitted = [not (await tab.refused()) for tab in tabs]
    assert admitted == [True, True]
    await tabs[1].end_or("welcome")
    return await tabs[0].end_or("welcome") is None and hub.hub.stats()["connections"] == 2


async def unclean_end(hub: TestHub) -> bool:
    (await hub.open()).reset()
    await nobody(hub)
    return not await hub.fits()


async def refused_is_counted(hub: TestHub) -> bool:
    first = await hub.open()
    assert not await hub.fits()
    await first.close()
    await nobody(hub)
    return not await hub.fits()


async def old_end_removes_new(hub: TestHub) -> bool:
    first = await hub.open(session="s")
    second = await hub.open(session="s")
    assert await first.end() == 4409
    await second.publish("m1")
    return await second.seen() != ["m1"]


async def bad_peer(hub: TestHub) -> bool:
    bad, good = await hub.open(), await hub.open()
    await bad.write("not JSON")
    assert await bad.end() == 1008
    await good.say("subscribe", room="r")
    return await good.end_or("subscribed") == 1008


async def sequential_sends(hub: TestHub) -> bool:
    stalled, sender, stranger = await hub.open(rcvbuf=4096), await hub.open(), await hub.open("another user")
    names = [f"m{n}" for n in range(3)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: sender.publish(*names, body="x" * 65_536))
        with trio.move_on_after(1):
            assert await sender.ids(3) == names
            return False
        assert await stranger.seen() == []
        assert await stalled.ids(3) == names
    return True


async def noticed(hub: TestHub) -> None:
    """Wait until the hub has seen that one of two is gone; it is still registered then, for ``leave_delay``."""
    await eventually(lambda: len(hub.hub.peers) == 1)


async def nobody(hub: TestHub) -> None:
    """Wait until the hub has seen that all are gone."""
    await eventually(lambda: not hub.hub.peers)


SCRIPTS: dict[str, Script] = {
    "S01": live_list_skip,
    "S03": dead_peer_aborts,
    "S04": sender_is_blamed,
    "S05": departure_tears_down,
    "S10": double_subscribe,
    "S12": task_per_message,
    "S15": check_then_act,
    "S17": double_release,
    "S18": drop_in_handshake,
    "S19": unclean_end,
    "S20": refused_is_counted,
    "S24": old_end_removes_new,
    "S29": bad_peer,
    "S31": sequential_sends,
}
ALSO: dict[str, Script] = {"S18": takeover_in_handshake}
