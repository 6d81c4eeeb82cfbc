"""The correct hub lets in whom it should: tokens, the limit in all its forms, session takeover."""

from __future__ import annotations

import time
from collections.abc import Callable

import jwt
import pytest
import trio
from hub_client import SECRET, Ended, Rejected, TestHub, hub_test, running, token

from fuzzer.hub.knobs import Knobs

BAD_TOKENS: dict[str, Callable[[], str]] = {
    "none": lambda: "",
    "truncated": lambda: token()[:-8],
    "expired": lambda: token(exp=int(time.time()) - 60),
    "not-yet-valid": lambda: token(nbf=int(time.time()) + 600),
    "wrong-signature": lambda: jwt.encode({"sub": "u", "exp": int(time.time()) + 9}, "another" + SECRET, "HS256"),
    "alg-none": lambda: jwt.encode({"sub": "u", "exp": int(time.time()) + 9}, None, "none"),
    "no-user": lambda: jwt.encode({"exp": int(time.time()) + 9}, SECRET, "HS256"),
    "no-expiry": lambda: jwt.encode({"sub": "u"}, SECRET, "HS256"),
    "user-is-a-number": lambda: jwt.encode({"sub": 7, "exp": int(time.time()) + 9}, SECRET, "HS256"),
    "empty-user": lambda: token(""),
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_bad_token_is_refused_before_the_upgrade_and_holds_nothing(kind: str) -> None:
    async def run() -> None:
        async with running() as hub:
            with pytest.raises(Rejected) as refusal:
                await hub.open(given=BAD_TOKENS[kind]())
            assert refusal.value.args == (401,)
            await hub.empty()

    trio.run(run)


@pytest.mark.parametrize("by", ["status", "close"])
def test_one_above_the_limit_is_refused_and_the_others_stay(by: str) -> None:
    async def run() -> None:
        async with running(Knobs(limit=2, reject_by=by)) as hub:  # type: ignore[arg-type]
            a, b = await hub.open(), await hub.open()
            with pytest.raises((Rejected, Ended)) as refusal:
                await hub.open()
            assert refusal.value.args == ((429,) if by == "status" else (4429,))
            assert await hub.fits("another user")
            await a.publish("m1")
            assert await a.ids(1) == await b.ids(1) == ["m1"]
            await a.close()
            assert await hub.fits()
            assert not await hub.fits()

    trio.run(run)


@hub_test(Knobs(limit=2, auth_delay=0.005))
async def test_opens_at_the_same_instant_do_not_pass_the_limit(hub: TestHub) -> None:
    results: list[bool] = []

    async def one() -> None:
        results.append(await hub.fits())

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(one)
    assert sorted(results) == [False] * 4 + [True] * 2


@hub_test(Knobs(limit=2, scope="global"))
async def test_a_limit_that_all_users_share(hub: TestHub) -> None:
    a, _ = await hub.open(), await hub.open("another user")
    assert not await hub.fits("a third")
    await a.close()
    assert await hub.fits("a third")
    assert hub.hub.stats()["slots"] == 2


@hub_test(Knobs(limit=2, over="evict-oldest", scope="global"))
async def test_the_oldest_of_all_users_is_evicted_for_a_newer_one(hub: TestHub) -> None:
    oldest, _, _ = await hub.open(), await hub.open("another user"), await hub.open("a third")
    assert await oldest.end() == 4408
    assert hub.hub.stats()["slots"] == 2


@hub_test(Knobs(limit=2, over="evict-oldest"))
async def test_the_oldest_is_evicted_for_a_newer_one(hub: TestHub) -> None:
    oldest, older, new = await hub.open(), await hub.open(), await hub.open()
    assert await oldest.end() == 4408
    await new.publish("m1")
    assert await older.ids(1) == await new.ids(1) == ["m1"]
    await new.close()
    await hub.open()
    assert await older.seen() == []
    assert hub.hub.stats()["slots"] == 2


@hub_test(Knobs(limit=1))
async def test_the_same_session_takes_over_even_at_the_limit(hub: TestHub) -> None:
    first = await hub.open(session="s")
    second = await hub.open(session="s")
    assert await first.end() == 4409
    await hub.until(connections=1, slots=1)
    await second.publish("m1")
    assert await second.ids(1) == ["m1"]
    assert not await hub.fits()


@hub_test(Knobs(limit=1))
async def test_a_session_id_belongs_to_one_user(hub: TestHub) -> None:
    mine = await hub.open("a", session="s")
    await hub.open("b", session="s")
    assert await mine.seen() == []


@hub_test(Knobs(limit=1))
async def test_a_reset_after_the_takeover_leaves_the_successor_alone(hub: TestHub) -> None:
    first = await hub.open(session="s")
    second = await hub.open(session="s")
    first.reset()
    await hub.until(connections=1, slots=1)
    await second.publish("m1")
    assert await second.ids(1) == ["m1"]
    third = await hub.open(session="s")
    assert await second.end() == 4409
    assert await third.seen() == []


@hub_test()
async def test_another_path_is_not_the_hub(hub: TestHub) -> None:
    tab = hub.tab()
    await tab.connect()
    await tab.stream.send_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    answer = b""
    while data := await tab.stream.receive_some():
        answer += data
    assert answer.startswith(b"HTTP/1.1 400")
    await hub.empty()
