"""What several scripts of seeded bugs need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
import trio.testing
from hub_client import Ended, Tab, TestHub
from hub_scripts import nobody


async def deaf(tab: Tab) -> bool:
    """Whether it does not get its own message."""
    await tab.publish("m1")
    return await tab.seen() != ["m1"]


async def ends(tab: Tab) -> bool:
    """Whether the hub ends it instead of answering."""
    try:
        await tab.say("query")
        while (await tab.read())["type"] != "present":
            pass
    except (Ended, trio.BrokenResourceError, trio.ClosedResourceError):
        return True
    return False


async def asked(hub: TestHub, count: int) -> list[Tab]:
    """Tabs that have all asked for the upgrade, and read no answer yet."""
    tabs = [hub.tab() for _ in range(count)]
    for tab in tabs:
        await tab.ask()
    return tabs


async def both_are_in(hub: TestHub, tabs: list[Tab]) -> bool:
    """Whether all are members when each has been answered."""
    for tab in tabs:
        await tab.answer()
    await trio.testing.wait_all_tasks_blocked()
    return hub.hub.stats()["connections"] == len(tabs)


async def stays_registered(hub: TestHub, trouble: Callable[[Tab], Awaitable[None]]) -> bool:
    """Whether a connection that is in trouble is a member when it is gone."""
    await trouble(await hub.open(rcvbuf=4096))
    await nobody(hub)
    return hub.hub.stats()["connections"] == 1


async def bad_text(tab: Tab) -> None:
    await tab.write("not JSON")
    await tab.end()


async def silence(tab: Tab) -> None:
    await trio.lowlevel.checkpoint()


async def flood(tab: Tab) -> None:
    await tab.publish(*(f"big {n}" for n in range(8)), body="x" * 65_536)


def slow_is_member(hub: TestHub) -> bool:
    return hub.hub.stats()["connections"] > 0
