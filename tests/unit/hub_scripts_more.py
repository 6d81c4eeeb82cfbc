"""Scripts in which a seeded bug shows: all the others. Each answers whether it did."""

from __future__ import annotations

import time

import psutil
import trio
import trio.testing
from hub_client import Ended, TestHub, eventually, token
from hub_script_parts import asked, bad_text, both_are_in, deaf, ends, flood, silence, slow_is_member, stays_registered
from hub_scripts import Script, nobody
from wsproto.utilities import RemoteProtocolError

SOON = 2.0  # seconds: much longer than what is waited for should take


async def mutated_while_iterated(hub: TestHub) -> bool:
    a, b = await hub.open(), await hub.open()
    await a.publish("m1")
    await trio.testing.wait_all_tasks_blocked()
    await b.close()
    return await ends(a)


async def last_leave_first_join(hub: TestHub) -> bool:
    a, b = await hub.open(), hub.tab()
    await b.ask()
    await b.answer()
    await a.close()
    assert (await b.read())["type"] == "welcome"
    return await deaf(b)


async def ack_before_registration(hub: TestHub) -> bool:
    return await deaf(await hub.open())


async def concurrent_commands(hub: TestHub) -> bool:
    a = await hub.open()
    for kind in ("subscribe", "unsubscribe", "subscribe"):
        await a.say(kind, room="r")
    assert {(await a.read())["type"] for _ in range(3)} == {"subscribed", "unsubscribed"}
    await a.publish("m1", room="r")
    return await a.seen() != ["m1"]


async def parked_consumer(hub: TestHub) -> bool:
    a = await hub.open()
    await a.publish("m0")
    assert await a.ids(1) == ["m0"]
    await a.close()
    b = await hub.open()
    await b.publish("m1", "m2", "m3")
    return await b.ids(3) != ["m1", "m2", "m3"]


async def user_times_connection(hub: TestHub) -> bool:
    a, b = await hub.open(), await hub.open()
    for tab in (a, b):
        await tab.say("subscribe", room="r")
        await tab.read()
    await a.publish("m1", room="r")
    return await a.seen() == ["m1", "m1"]


async def address_on_shared_object(hub: TestHub) -> bool:
    a, b = await hub.open("ann"), await hub.open("bob")
    await a.publish("m1")
    await trio.testing.wait_all_tasks_blocked()
    await b.publish("m2")
    return (await a.seen(), await b.seen()) != (["m1"], ["m2"])  # both wake up at once, in any order


async def leave_does_not_remove(hub: TestHub) -> bool:
    a = await hub.open()
    for kind in ("subscribe", "unsubscribe"):
        await a.say(kind, room="r")
        await a.read()
    await a.close()
    await nobody(hub)
    return hub.hub.stats()["rooms"] == 1


async def cap_checked_too_early(hub: TestHub) -> bool:
    a = await hub.open()
    for room in ("r", "s"):
        await a.say("subscribe", room=room)
    return [(await a.read())["type"] for _ in range(2)] == ["subscribed", "subscribed"]


async def zombie_blocks_reconnect(hub: TestHub) -> bool:
    await hub.open(session="s")
    again = hub.tab()
    await again.ask(session="s")
    return await again.refused()


async def counted_twice(hub: TestHub) -> bool:
    return any([await tab.refused() for tab in await asked(hub, 2)])


async def wrong_victim(hub: TestHub) -> bool:
    a, b, _ = await hub.open(), await hub.open(), await hub.open()
    first, second = await ends(a), await ends(b)
    assert first is not second
    return second


async def late_clean_up(hub: TestHub) -> bool:
    (await hub.open(session="s")).reset()
    await hub.until(connections=0)
    again = await hub.open(session="s")
    await trio.sleep(3 * hub.hub.knobs.grace)
    return await deaf(again)


async def join_after_the_end(hub: TestHub) -> bool:
    tab = hub.tab()
    await tab.ask()
    await tab.answer()
    tab.drop()
    await nobody(hub)
    await trio.sleep(2 * hub.hub.knobs.join_delay)
    return hub.hub.stats()["connections"] == 1


async def presence_without_count(hub: TestHub) -> bool:
    a, b = await hub.open(), await hub.open()
    await a.close()
    await b.say("query")
    return (await b.read())["users"] == []


async def exception_skips_clean_up(hub: TestHub) -> bool:
    return await stays_registered(hub, bad_text)


async def reaper_incomplete(hub: TestHub) -> bool:
    return await stays_registered(hub, silence)


async def eviction_only_announced(hub: TestHub) -> bool:
    return await stays_registered(hub, flood)


async def eviction_deadlock(hub: TestHub) -> bool:
    slow = await hub.open(rcvbuf=4096)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flood, slow)
        await eventually(lambda: not slow_is_member(hub) or hub.hub.stats()["outbox"] > hub.hub.knobs.backlog)
        await trio.testing.wait_all_tasks_blocked()
        other = await hub.open()
        await other.publish("m1")
        with trio.move_on_after(SOON):
            while await other.ids(1) != ["m1"]:
                pass
            nursery.cancel_scope.cancel()
            return False
        nursery.cancel_scope.cancel()
    return True


async def unlocked_writers(hub: TestHub) -> bool:
    a, b = await hub.open(), await hub.open()
    await a.publish("m1")
    await trio.testing.wait_all_tasks_blocked()
    await b.publish("m2")
    with trio.move_on_after(SOON):
        try:
            return sorted(await a.ids(2)) != ["m1", "m2"]
        except (RemoteProtocolError, Ended, ValueError):
            return True
    return True  # a wrong length makes the client wait for the rest


async def identity_in_shared_state(hub: TestHub) -> bool:
    a, b = hub.tab(), hub.tab()
    await a.ask("ann")
    await b.ask("bob")
    await a.answer()
    return (await a.read())["user"] == "bob"


async def checked_at_connect(hub: TestHub) -> bool:
    tab = await hub.open(given=token(exp=int(time.time()) + 1))
    with trio.move_on_after(SOON):
        return await tab.end() != 4401
    return True


async def wrong_close_code(hub: TestHub) -> bool:
    a = await hub.open()
    await a.write("not JSON")
    return await a.end() == 1000


async def shutdown_waits(hub: TestHub) -> bool:
    await hub.open()
    with trio.move_on_after(SOON):
        await hub.hub.shutdown.run()
        return False
    return True


async def refused_upgrade_leaks(hub: TestHub) -> bool:
    before = psutil.Process().num_fds()
    for _ in range(5):
        tab = hub.tab()
        await tab.ask(given="no token")
        assert await tab.refused()
    await nobody(hub)
    return psutil.Process().num_fds() >= before + 5


async def eviction_check_then_act(hub: TestHub) -> bool:
    return await both_are_in(hub, await asked(hub, 2))


async def same_victim_twice(hub: TestHub) -> bool:
    await hub.open()
    return await both_are_in(hub, await asked(hub, 2))


async def poisoned_oldest(hub: TestHub) -> bool:
    (await hub.open()).reset()
    await nobody(hub)
    await hub.open()
    await hub.open()
    return hub.hub.stats()["connections"] == 2


async def colliding_ids(hub: TestHub) -> bool:
    a, b = hub.tab(), hub.tab()
    await a.ask("ann")
    await b.ask("bob")
    for tab in (a, b):
        await tab.answer()
        await tab.read()
    await a.close()
    return await deaf(b)


async def swallowed_disconnect(hub: TestHub) -> bool:
    a, b = await hub.open(), await hub.open()
    a.reset()
    await eventually(lambda: len(hub.hub.peers) == 1)
    await b.say("query")
    return (await b.read())["type"] == "error"


async def eviction_shifts_the_list(hub: TestHub) -> bool:
    _, b = await hub.open(), await hub.open()
    await b.publish("m1")
    await trio.testing.wait_all_tasks_blocked()
    await hub.open()
    return await b.seen() != ["m1"]


MORE_SCRIPTS: dict[str, Script] = {
    "S02": mutated_while_iterated,
    "S06": last_leave_first_join,
    "S07": ack_before_registration,
    "S08": concurrent_commands,
    "S09": parked_consumer,
    "S11": user_times_connection,
    "S13": address_on_shared_object,
    "S14": leave_does_not_remove,
    "S16": cap_checked_too_early,
    "S21": zombie_blocks_reconnect,
    "S22": counted_twice,
    "S23": wrong_victim,
    "S25": late_clean_up,
    "S26": join_after_the_end,
    "S27": presence_without_count,
    "S28": exception_skips_clean_up,
    "S30": reaper_incomplete,
    "S32": eviction_only_announced,
    "S33": eviction_deadlock,
    "S34": unlocked_writers,
    "S35": identity_in_shared_state,
    "S36": checked_at_connect,
    "S37": wrong_close_code,
    "S38": shutdown_waits,
    "S39": refused_upgrade_leaks,
    "A1": eviction_check_then_act,
    "A2": same_victim_twice,
    "A3": poisoned_oldest,
    "A4": colliding_ids,
    "A5": swallowed_disconnect,
    "A7": eviction_shifts_the_list,
}
