"""The knobs that make the correct hub slower or differ in its dials do what they say, and the target declares them."""

from __future__ import annotations

from hub_client import TestHub, eventually, hub_test

from fuzzer.hub.knobs import Knobs
from fuzzer.hub.target import embedded_target

LONG = 600.0
SHORT = 0.01


@hub_test(Knobs(echo="never"))
async def test_without_echo_all_but_the_sender_get_a_message(hub: TestHub) -> None:
    a, b = await hub.open(), await hub.open()
    for tab in (a, b):
        await tab.say("subscribe", room="r")
        assert (await tab.read())["type"] == "subscribed"
    await a.publish("m1")
    await a.publish("m2", room="r")
    assert await b.ids(2) == ["m1", "m2"]
    assert await a.seen() == []


@hub_test(Knobs(limit=1, release_delay=LONG))
async def test_a_slot_may_be_held_on_after_the_answer_to_a_close(hub: TestHub) -> None:
    tab = await hub.open()
    assert await tab.close() == 1000
    assert not await hub.fits()


@hub_test(Knobs(release_delay=LONG, heartbeat=SHORT))
async def test_the_heartbeat_does_not_ping_who_has_closed(hub: TestHub) -> None:
    closed, other = await hub.open(), await hub.open()
    await closed.close()
    rounds = hub.hub.heartbeat.last_round
    await eventually(lambda: hub.hub.heartbeat.last_round > rounds)
    await other.publish("m")
    assert await other.ids(1) == ["m"]


@hub_test()
async def test_a_ping_to_who_is_closing_is_left_out(hub: TestHub) -> None:
    tab = await hub.open()
    (peer,) = hub.hub.peers
    peer.close(1000, "")
    peer.ping(1.0)
    assert peer.pinged_at is None
    assert await tab.end() == 1000


@hub_test(Knobs(limit=1, release_delay=SHORT))
async def test_a_slot_that_was_held_on_is_given_back(hub: TestHub) -> None:
    tab = await hub.open()
    await tab.close()
    await hub.empty()
    assert await hub.fits()


@hub_test(Knobs(limit=1, over="evict-oldest", release_delay=LONG))
async def test_eviction_does_not_wait_for_it(hub: TestHub) -> None:
    oldest = await hub.open()
    await hub.open()
    assert await oldest.end() == 4408
    assert hub.hub.stats()["slots"] == 1


@hub_test(Knobs(unsubscribe_delay=SHORT))
async def test_whoever_asked_to_leave_a_room_is_in_it_until_the_delay_is_over(hub: TestHub) -> None:
    tab = await hub.open()
    await tab.say("subscribe", room="r")
    await tab.say("unsubscribe", room="r")
    assert [(await tab.read())["type"] for _ in range(2)] == ["subscribed", "unsubscribed"]
    await eventually(lambda: not hub.hub.stats()["rooms"])


@hub_test(Knobs(unsubscribe_delay=LONG))
async def test_meanwhile_messages_go_on_to_arrive(hub: TestHub) -> None:
    leaving, sender = await hub.open(), await hub.open()
    for tab in (leaving, sender):
        await tab.say("subscribe", room="r")
        assert (await tab.read())["type"] == "subscribed"
    await leaving.say("unsubscribe", room="r")
    await sender.publish("m", room="r")
    assert await leaving.ids(1) == ["m"]


def test_the_target_declares_what_the_knobs_change() -> None:
    assert embedded_target().policy.echo == "always"
    assert embedded_target(knobs=Knobs(echo="never")).policy.echo == "never"
    assert "--echo" in (embedded_target(knobs=Knobs(echo="never")).start or ())


@hub_test(Knobs(max_rooms=1))
async def test_a_connection_is_in_no_more_rooms_than_it_may_be(hub: TestHub) -> None:
    tab = await hub.open()
    await tab.say("subscribe", room="r")
    await tab.say("subscribe", room="s")
    await tab.say("subscribe", room="r")
    answers = [await tab.read() for _ in range(3)]
    assert [answer["type"] for answer in answers] == ["subscribed", "not-subscribed", "subscribed"]
    assert answers[1]["room"] == "s"
    await tab.say("unsubscribe", room="r")
    await tab.say("subscribe", room="s")
    assert [(await tab.read())["type"] for _ in range(2)] == ["unsubscribed", "subscribed"]
