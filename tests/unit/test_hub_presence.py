"""Who is present, as whom a connection is welcomed, and what happens when its token ends."""

from __future__ import annotations

import time

from hub_client import Tab, TestHub, eventually, hub_test, token

from fuzzer.hub.knobs import Knobs


async def present(tab: Tab) -> list[str]:
    await tab.say("query")
    while (frame := await tab.read())["type"] != "present":
        pass
    users: list[str] = frame["users"]
    return users


@hub_test()
async def test_a_welcome_says_as_whom(hub: TestHub) -> None:
    tab = hub.tab()
    await tab.ask("ü")
    await tab.answer()
    assert await tab.read() == {"type": "welcome", "user": "ü"}


@hub_test()
async def test_a_user_is_present_until_its_last_connection_ends(hub: TestHub) -> None:
    watcher, first, second = await hub.open("w"), await hub.open("u"), await hub.open("u")
    assert await present(watcher) == ["u", "w"]
    await first.close()
    assert await present(watcher) == ["u", "w"]
    second.reset()
    await hub.until(present=1)
    assert await present(watcher) == ["w"]


@hub_test(Knobs(grace=0.05))
async def test_a_user_with_a_session_stays_present_for_the_grace_period(hub: TestHub) -> None:
    watcher, tab = await hub.open("w"), await hub.open("u", session="s")
    tab.reset()
    await hub.until(connections=1)
    assert await present(watcher) == ["u", "w"]
    await hub.until(present=1)


@hub_test(Knobs(grace=0.05))
async def test_a_successor_outlives_the_grace_period_of_its_predecessor(hub: TestHub) -> None:
    watcher, tab = await hub.open("w"), await hub.open("u", session="s")
    tab.reset()
    await hub.until(connections=1)
    heir = await hub.open("u", session="s")
    await eventually(lambda: len(hub.hub.nursery.child_tasks) == 5)  # two hearts, the door, two connections: no timer
    assert await present(watcher) == ["u", "w"]
    await heir.publish("m1")
    assert await heir.seen() == ["m1"]


@hub_test(Knobs(grace=90.0))
async def test_a_clean_end_has_no_grace(hub: TestHub) -> None:
    tab = await hub.open("u", session="s")
    assert hub.hub.stats()["present"] == 1
    await tab.close()
    await hub.until(present=0)
    assert hub.hub.presence.users() == []


@hub_test()
async def test_a_token_that_ends_while_the_connection_is_open_ends_it(hub: TestHub) -> None:
    lasting = await hub.open("u")
    brief = await hub.open("u", given=token("u", exp=int(time.time()) + 2))
    assert await brief.end() == 4401
    await lasting.publish("m1")
    assert await lasting.seen() == ["m1"]
    await hub.until(connections=1)


@hub_test()
async def test_nothing_is_watched_of_who_has_left(hub: TestHub) -> None:
    tab = await hub.open("u")
    assert len(hub.hub.expiry.watched) == 1
    await tab.close()
    await eventually(lambda: not hub.hub.expiry.watched)
