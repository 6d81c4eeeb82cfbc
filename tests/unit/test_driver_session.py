"""Plans against the embedded hub: what the driver records, and that it leaves nothing behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil
import trio
from servers import with_hub

from fuzzer.driver.hurry import LEAST_BOUND, hurried
from fuzzer.driver.session import Session, open_session
from fuzzer.history import (
    Abort,
    CloseOk,
    Control,
    Dlv,
    DropInv,
    Event,
    FaultEnd,
    FaultInv,
    History,
    Joined,
    OpenInv,
    OpenRej,
    Outsiders,
    Probe,
    Quiet,
    SendInv,
    SendOk,
    ServerExit,
    Skip,
    SrvClose,
    SubRej,
    UnsubOk,
)
from fuzzer.hub.knobs import Knobs
from fuzzer.invariants import judge
from fuzzer.plan import (
    Batch,
    Close,
    Drop,
    Malformed,
    Mute,
    Op,
    Open,
    Plan,
    Resume,
    Send,
    Stall,
    Subscribe,
    Unsubscribe,
)
from fuzzer.policy import Policy
from fuzzer.target import load_target

TARGETS = Path(__file__).parent.parent / "targets"


def plan(*steps: Op | tuple[Op, ...], names: dict[str, str] | None = None) -> Plan:
    """One batch a step, each after a fence."""
    batches = tuple(Batch(step if isinstance(step, tuple) else (step,)) for step in steps)
    return Plan(batches, names=names or {})


def run(the_plan: Plan, bug: str | None = None, knobs: Knobs | None = None) -> History:
    return with_hub(lambda session: session.execute(the_plan), bug, knobs)


def of(history: History, kind: type[Event], conn: str | None = None) -> list[Event]:
    return [e for e in history.events if isinstance(e, kind) and (conn is None or getattr(e, "conn", conn) == conn)]


def first(events: Iterable[Event], kind: type[Event], **fields: object) -> int:
    """Index of the first event of this kind with these fields."""

    def fits(event: Event) -> bool:
        return isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items())

    return next(index for index, event in enumerate(events) if fits(event))


TABS = tuple(Open(name, "u0") for name in "abc")


def test_a_message_is_sent_before_it_is_flushed_before_it_is_delivered() -> None:
    events = run(plan(TABS, Send("a", "m0", 20))).events
    sent, flushed = first(events, SendInv, msg="m0"), first(events, SendOk, msg="m0")
    arrived = [first(events, Dlv, msg="m0", conn=name) for name in "abc"]
    assert sent < flushed < max(arrived)
    assert sent < min(arrived)


def test_a_green_plan_is_quiet_without_the_confirm_phase() -> None:
    history = run(plan(TABS, Send("a", "m0"), Close("b")))
    assert all(e.complete for e in history.events if isinstance(e, Quiet))
    assert not of(history, Abort)
    assert not judge(history).violations


def test_a_refused_subscription_is_read_and_nobody_waits_for_it() -> None:
    subscribed = plan(Open("a", "u0"), Subscribe("a", "r0"), Subscribe("a", "r1"), Send("a", "m0"))
    history = run(subscribed, knobs=Knobs(max_rooms=1))
    assert [e.room for e in history.events if isinstance(e, SubRej)] == ["r1"]
    assert all(e.complete for e in history.events if isinstance(e, Quiet))
    assert not judge(history).violations


def test_every_op_leaves_its_event() -> None:
    history = run(
        plan(
            (*TABS, Open("d", "u0"), Open("e", "u0")),
            Subscribe("a", "r0"),
            Unsubscribe("a", "r0"),
            (Stall("b"), Mute("c")),
            Resume("b"),
            (Malformed("d", "rsv-bit"), Drop("e", "fin"), Close("a", 4001, "bye")),
        )
    )
    assert of(history, UnsubOk, "a")
    assert Joined in {type(e) for e in history.events if getattr(e, "group", "") == "room:r0"}
    assert [e.kind for e in history.events if isinstance(e, FaultInv)] == ["stall", "mute", "malformed:rsv-bit"]
    assert of(history, FaultEnd, "b")
    assert [e.how for e in history.events if isinstance(e, DropInv)] == ["fin"]
    assert [e.code for e in history.events if isinstance(e, SrvClose) and e.conn == "a"] == [4001]
    assert of(history, CloseOk, "a")


def test_an_op_on_a_refused_connection_is_skipped_and_told() -> None:
    history = run(plan(Open("a", "u0"), Open("b", "u0"), Send("b", "m0")), knobs=Knobs(limit=1))
    assert [(e.op, e.why) for e in history.events if isinstance(e, Skip)] == [("send", "refused")]
    assert of(history, OpenRej, "b")


def test_an_op_on_an_unknown_or_ended_connection_is_skipped() -> None:
    history = run(plan(Send("z", "m0"), Open("a", "u0"), Drop("a"), Send("a", "m1")))
    assert [(e.conn, e.why) for e in history.events if isinstance(e, Skip)] == [("z", "never opened"), ("a", "ended")]


def test_the_release_keeps_the_drawn_order() -> None:
    """Five senders in one batch; the hub is one asyncio loop, so its order of handling shows in the deliveries."""
    conns = "abcde"
    shuffled = ("d", "a", "e", "c", "b")
    the_plan = plan(tuple(Open(name, "u0") for name in conns), tuple(Send(name, f"m{name}") for name in shuffled))

    async def orders() -> list[list[str]]:
        async with open_session(load_target(TARGETS / "websockets.toml")) as session:
            return [sent_order(await session.execute(the_plan)) for _ in range(20)]

    released = trio.run(orders)
    assert all(sorted(order) == sorted(conns) for order in released)
    assert sum(order == list(shuffled) for order in released) >= 3  # by chance it would be none: 1 in 120 each


def sent_order(history: History) -> list[str]:
    """Whose messages ``a`` read, in its order."""
    return [e.msg[1] for e in history.events if isinstance(e, Dlv) and e.conn == "a" and e.msg[0] == "m"]


def test_users_are_fresh_for_every_plan_and_names_survive() -> None:
    names = {"u0": "Änn /:#é", "u1": "Änn /:#é\u0301"}
    the_plan = plan((Open("a", "u0"), Open("b", "u1")), Send("a", "m0"), Send("b", "m1"), names=names)

    async def twice(session: Session) -> list[History]:
        return [await session.execute(the_plan) for _ in range(2)]

    for history in with_hub(twice):
        assert {(e.msg, e.conn) for e in history.events if isinstance(e, Dlv) and e.msg in ("m0", "m1")} == {
            ("m0", "a"),
            ("m1", "b"),
        }
        assert not judge(history).violations


def test_nothing_of_a_plan_is_left() -> None:
    left_open = (*TABS, Open("d", "u0", abandon="half-request"))
    the_plan = plan(left_open, (Stall("a"), Drop("b", "vanish")), Send("c", "m0"))

    async def counted(session: Session) -> tuple[int, int]:
        await session.control_answers()
        before = len(open_sockets())
        await session.execute(the_plan)
        return before, len(open_sockets())

    before, after = with_hub(counted)
    assert before == after


def open_sockets() -> list[object]:
    return [c for c in psutil.Process().net_connections("tcp") if c.status != psutil.CONN_LISTEN]


def test_the_slots_are_filled_to_the_limit_and_one_above() -> None:
    history = run(plan(Open("a", "u0")), knobs=Knobs(limit=2))
    opened = [e.conn for e in history.events if isinstance(e, OpenInv) and e.role == "slot"]
    assert opened == ["slot:u0.0", "slot:u0.1", "slot:u0.above"]
    assert [e.conn for e in history.events if isinstance(e, OpenRej)] == ["slot:u0.above"]


def test_of_slots_that_all_share_the_control_pair_has_two_and_the_canary_waits_for_the_others() -> None:
    knobs = Knobs(limit=4, scope="global", release_delay=0.1)
    history = run(plan(Open("a", "u0"), Open("b", "u1")), knobs=knobs)
    assert [(e.held, e.earlier) for e in history.events if isinstance(e, Outsiders)][-1] == (2, False)
    opened = [e.conn for e in history.events if isinstance(e, OpenInv) and e.role != "plan"]
    assert {"canary.0", "canary.0.1"} <= set(opened)  # the slots were still being released
    members = [e.conn for e in history.events if isinstance(e, Joined) and e.conn in opened]
    assert [c.split(".")[:2] for c in members] == [["slot:u0", "0"], ["slot:u0", "1"], ["canary", "0"], ["canary", "1"]]
    verdict = judge(history)
    assert verdict.violations == ()
    checked = {j.code: j.obligations for j in verdict.judgements}
    assert checked["HF203"] == 2  # beside the control pair; the one above was rightly refused
    assert checked["HF201"] >= 4


def test_probes_are_read_before_and_after() -> None:
    probes = [e for e in run(plan(Open("a", "u0"))).events if isinstance(e, Probe)]
    assert {e.when for e in probes} == {"before", "after"}
    before, after = ({e.name: e.value for e in probes if e.when == when} for when in ("before", "after"))
    assert after == before


def test_silence_is_confirmed_with_the_control_pair_and_then_ends_the_plan() -> None:
    async def use(session: Session) -> History:
        return await session.execute(plan(TABS, Close("a"), Send("b", "m0"), Send("b", "m1")), hurry=0.2)

    history = with_hub(use, "S05")
    failed = [e for e in history.events if isinstance(e, Quiet)][1]
    assert not failed.complete
    assert failed.why.startswith("no fence came from c to b")
    assert of(history, Abort)
    assert any(e.ok for e in history.events if isinstance(e, Control))
    assert "m1" not in {e.msg for e in history.events if isinstance(e, SendInv)}
    assert {f.code for f in judge(history).violations} == {"HF101"}


def test_a_paused_server_is_waited_for_and_not_accused() -> None:
    async def use(session: Session) -> History:
        pid = session.server.pid
        assert pid is not None

        async def pause() -> None:
            await trio.sleep(0.03)
            os.kill(pid, signal.SIGSTOP)
            await trio.sleep(1.0)
            os.kill(pid, signal.SIGCONT)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(pause)
            return await session.execute(plan(TABS, *(Send("a", f"m{i}") for i in range(30))), hurry=0.2)

    assert not judge(with_hub(use)).violations


def test_a_server_that_dies_in_the_middle_ends_the_plan_and_is_named() -> None:
    async def use(session: Session) -> History:
        pid = session.server.pid
        assert pid is not None

        async def kill() -> None:
            await trio.sleep(0.03)
            os.kill(pid, signal.SIGKILL)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill)
            return await session.execute(plan(TABS, *(Send("a", f"m{i}") for i in range(200))))

    history = with_hub(use)
    assert of(history, ServerExit)
    assert {f.code for f in judge(history).violations} == {"HF502"}


def test_restoring_gives_a_fresh_server() -> None:
    async def use(session: Session) -> tuple[int | None, int | None, bool]:
        before = session.server.pid
        await session.restore()
        return before, session.server.pid, await session.control_answers()

    before, after, answers = with_hub(use)
    assert before != after
    assert answers


def test_hurry_scales_time_bounds_and_nothing_else() -> None:
    policy = Policy(deadline=2.0, t_release=1.0, t_detect=0.1)
    scaled = hurried(policy, 0.25)
    assert (scaled.deadline, scaled.t_release, scaled.t_detect) == (0.5, 0.25, 0.1)
    assert hurried(policy, 0.001).deadline == LEAST_BOUND
    assert hurried(policy, 1.0) is policy
