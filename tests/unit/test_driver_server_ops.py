"""What plans do to the server process itself, and to time: frozen, started again; waits, cycles, brief tokens."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import jwt
import psutil
import trio
from msgspec.structs import replace
from recording import record
from servers import with_hub

from fuzzer.driver.session import Session, open_session
from fuzzer.history import (
    Control,
    Event,
    History,
    OpenInv,
    OpenOk,
    Probe,
    Restarted,
    SendInv,
    ServerExit,
    ServerPaused,
    ServerResumed,
    Skip,
    SrvClose,
    SrvEof,
    SrvRst,
    StopInv,
    Stopped,
)
from fuzzer.hub.target import COUNTED, SECRET, embedded_target
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Drop, Open, Plan, Send
from fuzzer.target.auth import mint
from fuzzer.target.config import JwtAuth

OPEN_A, OPEN_B = Open("a", "u0"), Open("b", "u0")
SERVER_ENDS = (SrvClose, SrvEof, SrvRst)


def run(plan: Plan) -> History:
    return with_hub(lambda session: session.execute(plan))


def places(history: History, *kinds: type[Event]) -> list[int]:
    return [i for i, event in enumerate(history.events) if isinstance(event, kinds)]


def test_nothing_is_answered_while_the_server_is_frozen() -> None:
    opens = tuple(Open(name, "u0") for name in "abc")
    history = run(Plan((Batch(opens, frozen=0.1), Batch((Send("a", "m0"),)))))
    (paused,), (resumed,) = places(history, ServerPaused), places(history, ServerResumed)
    opened = [i for i in places(history, OpenOk) if history.events[i].conn in "abc"]  # type: ignore[union-attr]
    assert max(places(history, OpenInv)[:3]) < paused < resumed < min(opened)
    assert history.events[resumed].t - history.events[paused].t >= 0.1
    assert len(opened) == 3
    assert judge(history).violations == ()


def test_the_process_is_stopped_meanwhile_and_goes_on_even_if_that_is_cancelled() -> None:
    async def use(session: Session) -> tuple[str, str]:
        process = psutil.Process(session.server.pid)
        await session.server.pause()
        stopped = process.status()
        session.server.go_on()
        session.server.go_on()  # idempotent
        with trio.move_on_after(0.05):
            await session.execute(Plan((Batch((OPEN_A,), frozen=2.0),)))
        assert await session.control_answers()
        return stopped, process.status()

    stopped, after = with_hub(use)
    assert stopped == psutil.STATUS_STOPPED
    assert after != psutil.STATUS_STOPPED


def test_a_restart_is_told_waited_for_and_the_plan_goes_on() -> None:
    async def use(session: Session) -> tuple[History, int | None, int | None]:
        before = session.server.pid
        history = await session.execute(
            Plan((Batch((OPEN_A, OPEN_B)), Batch((Send("a", "m0"),), restart=True), Batch((Open("c", "u0"),))))
        )
        return history, before, session.server.pid

    history, before, after = with_hub(use)
    (stop,), (stopped,), (back,) = places(history, StopInv), places(history, Stopped), places(history, Restarted)
    assert stop < stopped < back
    assert before != after
    assert isinstance(history.events[stopped], Stopped)
    assert history.events[stopped].status is not None
    ends = [i for i in places(history, *SERVER_ENDS) if stop < i]
    assert {history.events[i].conn for i in ends} >= {"a", "b"}  # type: ignore[union-attr]
    assert next(history.events[i].conn for i in places(history, OpenOk) if i > back) == "c"  # type: ignore[union-attr]
    assert not places(history, ServerExit)


def test_a_server_that_somebody_else_stops_while_it_is_to_end_is_told_of() -> None:
    async def hold_up(session: Session) -> None:
        while True:
            await trio.sleep(0.05)
            with contextlib.suppress(ProcessLookupError):
                os.kill(session.server.pid or 0, signal.SIGSTOP)
                await trio.sleep(0.1)
                os.kill(session.server.pid or 0, signal.SIGCONT)

    async def use(session: Session) -> History:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold_up, session)
            drop = Batch((Drop("a", "vanish"),), restart=True)  # the hub waits for who does not answer its Close
            history = await session.execute(Plan((Batch((OPEN_A,)), drop)))
            nursery.cancel_scope.cancel()
        return history

    history = with_hub(use)
    (stop,), (stopped,) = places(history, StopInv), places(history, Stopped)
    paused, resumed = places(history, ServerPaused), places(history, ServerResumed)
    assert [i for i in paused if stop < i < stopped]
    assert len(paused) == len(resumed)
    assert all(a < b for a, b in zip(paused, resumed, strict=True))


def test_a_server_that_is_not_ours_is_left_alone() -> None:
    history, _ = record(Plan((Batch((OPEN_A,), frozen=0.1, restart=True),), cycles=3))
    assert {(e.op, e.conn) for e in history.events if isinstance(e, Skip)} == {
        ("freeze", "a"),
        ("restart", "a"),
        ("cycles", "a"),
    }
    assert not places(history, ServerPaused, StopInv, Probe)


def test_while_a_plan_waits_the_control_pair_shows_that_the_server_is_well() -> None:
    history = run(Plan((Batch((OPEN_A,)), Batch((Send("a", "m0"),), wait=0.3))))
    sent = next(i for i in places(history, SendInv) if not history.events[i].fence)  # type: ignore[union-attr]
    controls = [e for e in history.events[:sent] if isinstance(e, Control)]
    assert history.events[sent].t - history.events[places(history, OpenOk)[0]].t >= 0.3
    assert len(controls) >= 5
    assert all(e.ok for e in controls)


def test_cycles_show_what_the_server_holds_at_the_end_of_each() -> None:
    history = run(Plan((Batch((OPEN_A, OPEN_B)), Batch((Send("a", "m0"),))), cycles=3))
    probes = [e for e in history.events if isinstance(e, Probe) and e.when == "cycle"]
    names = [probe.name for probe in probes]
    assert history.events[: len(probes)] == tuple(probes)
    assert {name: names.count(name) for name in names} == dict.fromkeys(
        ("process.fds", "process.threads", "process.close_wait", "process.rss_kb", *COUNTED), 3
    )
    assert len({probe.value for probe in probes if probe.name == "process.fds"}) == 1
    assert len([e for e in history.events if isinstance(e, OpenInv) and e.role == "plan"]) == 2
    assert judge(history).violations == ()


def test_a_brief_token_is_good_and_ends_within_two_seconds() -> None:
    auth = JwtAuth(secret=SECRET)
    claims = jwt.decode(mint(auth, "u", None, "brief", 1_000.9) or "", options={"verify_signature": False})
    assert claims["exp"] == 1_002
    assert claims["sub"] == "u"


def test_when_a_token_expires_is_told_in_history_time_and_no_fence_waits_for_its_connection() -> None:
    target = embedded_target()
    target = replace(target, policy=replace(target.policy, t_expiry=0.5))
    plan = Plan((Batch((OPEN_A, Open("b", "u0", token="brief"))), Batch((Send("a", "m0"),), wait=1.5)))

    async def main() -> tuple[History, float]:
        async with open_session(target) as session:
            started = time.time()
            return await session.execute(plan), started

    history, started = trio.run(main)
    by_conn = {e.conn: e for e in history.events if isinstance(e, OpenInv)}
    expires = by_conn["b"].expires
    assert expires is not None
    assert 1.0 < expires - by_conn["b"].t <= 2.0
    assert abs((started + expires) - round(started + expires)) < 0.1  # a whole second
    assert by_conn["a"].expires is None
    late = [e for e in history.events if isinstance(e, SendInv) and e.t > expires]
    assert not [e for e in late if e.conn == "b"]
