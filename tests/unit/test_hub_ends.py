"""Whatever way a connection ends, the correct hub forgets it, and it concerns nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
from hub_client import Tab, TestHub, eventually, hub_test, running

from fuzzer.hub.knobs import Knobs
from fuzzer.hub.stream import Wire


async def _close(tab: Tab) -> None:
    assert await tab.close(4321) == 4321


async def _fin(tab: Tab) -> None:
    tab.drop()


async def _reset(tab: Tab) -> None:
    tab.reset()


async def _half_close(tab: Tab) -> None:
    await tab.stream.send_eof()


async def _close_and_reset(tab: Tab) -> None:
    await tab.stream.send_all(b"\x88\x82\x00\x00\x00\x00\x03\xe8")
    tab.reset()


async def _ping_and_reset(tab: Tab) -> None:
    await tab.stream.send_all(b"\x89\x80\x00\x00\x00\x00" * 500)
    tab.reset()


WAYS: list[Callable[[Tab], Awaitable[None]]] = [_close, _fin, _reset, _half_close, _close_and_reset, _ping_and_reset]


@pytest.mark.parametrize("leave_delay", [0, 0.01])
@pytest.mark.parametrize("way", WAYS)
def test_every_end_gives_everything_back(way: Callable[[Tab], Awaitable[None]], leave_delay: float) -> None:
    async def run() -> None:
        async with running(Knobs(limit=2, leave_delay=leave_delay)) as hub:
            tab, sibling = await hub.open(), await hub.open()
            await tab.say("subscribe", room="r")
            await way(tab)
            await sibling.publish("m1")
            assert await sibling.ids(1) == ["m1"]
            await hub.until(connections=1, slots=1, rooms=0)
            assert await hub.fits()
            assert not await hub.fits()
            for other in hub.tabs:
                other.drop()
            await hub.empty()

    trio.run(run)


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("delays", [Knobs(limit=1), Knobs(limit=1, auth_delay=0.01), Knobs(limit=1, join_delay=0.01)])
@pytest.mark.parametrize("phase", ["connected", "half-request", "before-101", "after-101"])
def test_a_handshake_that_is_abandoned_leaves_nothing(phase: str, delays: Knobs, reset: bool) -> None:
    async def run() -> None:
        async with running(delays) as hub:
            tab = hub.tab()
            if phase in ("connected", "half-request"):
                await tab.connect()
                await tab.stream.send_all(b"GET /ws HTTP/1.1\r\nHo" if phase == "half-request" else b"")
            else:
                await tab.ask()
            if phase == "after-101":
                await tab.answer()
            tab.reset() if reset else tab.drop()
            await hub.empty()
            assert await hub.fits()

    trio.run(run)


MALFORMED = {
    "unmasked": b"\x81\x02hi",
    "rsv": b"\xc1\x80\x00\x00\x00\x00",
    "opcode": b"\x83\x80\x00\x00\x00\x00",
    "utf-8": b"\x81\x82\x00\x00\x00\x00\xff\xff",
    "orphan": b"\x80\x80\x00\x00\x00\x00",
    "long ping": b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + b"x" * 126,
    "huge": b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",
    "close of one byte": b"\x88\x81\x00\x00\x00\x00x",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_frame_ends_its_own_connection_alone(kind: str) -> None:
    async def run() -> None:
        async with running(Knobs(limit=2)) as hub:
            bad, good = await hub.open(), await hub.open()
            await bad.stream.send_all(MALFORMED[kind] + b"and more that is not even a frame" * 100)
            assert await bad.end() in (1002, 1007, 1009)
            assert await good.seen() == []
            await hub.until(slots=1)

    trio.run(run)


@hub_test()
async def test_what_is_not_json_ends_its_own_connection_alone(hub: TestHub) -> None:
    bad, good = await hub.open(), await hub.open()
    await bad.write("{")
    assert (await bad.read())["type"] == "error"
    assert await bad.end() == 1008
    assert await good.seen() == []


@hub_test(Knobs(max_size=1000))
async def test_an_oversized_message_is_1009(hub: TestHub) -> None:
    bad, good = await hub.open(), await hub.open()
    await bad.publish("m1", body="x" * 1000)
    assert await bad.end() == 1009
    assert await good.seen() == []


@hub_test(Knobs(backlog=100_000))
async def test_a_reader_that_stalls_is_closed_and_its_siblings_do_not_wait(hub: TestHub) -> None:
    stalled, sender, sibling = await hub.open(rcvbuf=4096), await hub.open(), await hub.open()
    names = [f"m{n}" for n in range(60)]
    for name in names:
        await sender.publish(name, body="x" * 10_000)
        assert await sender.ids(1) == await sibling.ids(1) == [name]
    await hub.until(slots=2)
    assert await stalled.end() in (1013, None)


@hub_test()
async def test_a_reader_that_stalls_and_resumes_misses_nothing(hub: TestHub) -> None:
    stalled, sender = await hub.open(rcvbuf=4096), await hub.open()
    names = [f"m{n}" for n in range(60)]
    for name in names:
        await sender.publish(name, body="x" * 10_000)
        assert await sender.ids(1) == [name]
    assert hub.hub.stats()["outbox"] > 0
    assert await stalled.ids(60) == names
    await hub.until(outbox=0)


@hub_test(Knobs(heartbeat=0.2, heartbeat_timeout=0.2))
async def test_the_heartbeat_reaps_the_silent_and_spares_the_listener(hub: TestHub) -> None:
    listener, mute = await hub.open("a"), await hub.open("b")
    mute.pongs = False
    async with trio.open_nursery() as nursery:
        ended: list[int | None] = []

        async def listen() -> None:
            ended.append(await listener.end())

        nursery.start_soon(listen)
        assert await mute.end() == 1011
        await hub.open("c")
        await hub.until(connections=1)
        assert not ended
        nursery.cancel_scope.cancel()


@hub_test(Knobs(heartbeat=0.2, heartbeat_timeout=0.5))  # the big message alone may take a tenth of a second to mask
async def test_the_heartbeat_reaps_who_vanished_with_writes_pending(hub: TestHub) -> None:
    vanished, sender = await hub.open("a", rcvbuf=4096), await hub.open("a")
    await sender.publish("m1", body="x" * 900_000)
    await sender.read()
    assert vanished.code is None
    await sender.close()
    await hub.empty()


@hub_test(Knobs(handshake_timeout=0.05))
async def test_a_handshake_that_stops_half_way_is_ended(hub: TestHub) -> None:
    tab = hub.tab()
    await tab.connect()
    await tab.stream.send_all(b"GET /ws HTTP/1.1\r\n")
    assert await tab.stream.receive_some() == b""
    await hub.empty()


@hub_test(Knobs(limit=1, over="evict-oldest", close_timeout=0.05))
async def test_who_ignores_a_close_is_cut_off(hub: TestHub) -> None:
    deaf = await hub.open()
    await hub.open()
    sent = 0
    while len(hub.hub.peers) > 1:
        await deaf.quietly(b"\x8a\x80\x00\x00\x00\x00")
        await trio.sleep(0.005)
        sent += 1
    assert sent > 1
    await hub.until(connections=1, slots=1)


@pytest.mark.parametrize("reject_by", ["status", "close"])
def test_a_refused_peer_that_is_already_gone_is_no_error(
    reject_by: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # the reset may come between the look at the peer and the refusal: so do not look
    monkeypatch.setattr(Wire, "peer_left", False)

    async def run() -> None:
        async with running(Knobs(limit=1, reject_by=reject_by, auth_delay=0.01)) as hub:  # type: ignore[arg-type]
            await hub.open()
            refused = hub.tab()
            await refused.ask()
            await eventually(lambda: len(hub.hub.peers) == 2)
            refused.reset()
            await eventually(lambda: len(hub.hub.peers) == 1)

    trio.run(run)
    assert capsys.readouterr().err == ""


@hub_test(Knobs(limit=1, over="evict-oldest", shutdown_timeout=0.05))
async def test_a_shutdown_while_a_farewell_is_going_on_is_no_error(hub: TestHub) -> None:
    bad = await hub.open()
    await bad.stream.send_all(MALFORMED["rsv"])
    await hub.until(connections=0)
    hub.hub.close_all(1001, "over")
    assert await bad.end() == 1002
    await hub.empty()
