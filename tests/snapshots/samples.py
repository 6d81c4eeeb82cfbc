"""Failures, results and replays written by hand, so that what is printed of them never varies."""

from __future__ import annotations

from histories import H
from msgspec.structs import replace

from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.options import Result, StopReason, Totals
from fuzzer.campaign.reproduce import Instead, Replayed
from fuzzer.campaign.tally import Tally
from fuzzer.campaign.trials import Attempt
from fuzzer.history import History, SendInv, ServerExit
from fuzzer.plan import Batch, Drop, Malformed, Open, Plan, Query, Send, Stall, Subscribe
from fuzzer.policy import Limit, Policy
from fuzzer.verdict import Finding, Judgement, Verdict

LOG = """INFO: connection open
Traceback (most recent call last):
  File "hub.py", line 40, in broadcast
    await tab.send_text(text)
RuntimeError: Cannot call "send" once a close message has been sent."""

TARGET = """
[target]
name = "chat"
url = "ws://127.0.0.1:{port}/ws?user={user}"
start = ["{python}", "hub.py", "{port}"]
[auth]
kind = "none"
[protocol]
publish = '{"type": "publish", "id": "{id}", "body": "{body}"}'
deliver = {match = {type = "message"}, id = "id", body = "body"}
[policy]
limit = {max = 3, statuses = [429]}
"""


def opened(conn: str, user: str = "u0") -> Open:
    return Open(conn=conn, user=user)


def index(history: History, kind: type, number: int = 0) -> int:
    """Where the event of this kind stands."""
    return [i for i, event in enumerate(history.events) if isinstance(event, kind)][number]


def failure(finding: Finding, plan: Plan, history: History, name: str, **fields: object) -> Failure:
    known = {"original": plan, "rate": Rate(20, 20), "origin": "plan 17", "seed": 7, "shrunk": True, **fields}
    return Failure(finding.fingerprint, finding.code, plan, history=history, finding=finding, name=name, **known)  # type: ignore[arg-type]


# ---- a limit that does not hold --------------------------------------------------------------------------------------

ONE = Policy(limit=Limit(max=1, statuses=(429,)))
RACE = Plan((Batch((opened("a"), opened("b"))),))
LONGER = Plan(
    (
        Batch((opened("a"), opened("b"), opened("c"))),
        Batch((Query(conn="a"),)),
        *(Batch((Drop(conn=conn),)) for conn in "abc"),
    )
)


def limit() -> Failure:
    written = H(ONE).phase("batch:0").open("a", "b").ok("a", "b").phase("fence").welcome("b", "a").send("~b@~0", "b")
    history = written.got("~b@~0", "a", "b").quiet().history()
    finding = Finding(
        code="HF201",
        strength="violated",
        key="limit",
        summary="user u0 had 2 connections at once, the limit is 1",
        expected="at most 1: one more is refused",
        observed="a, b all had joined, and all got a message that was sent later",
        witness=(6, 7, index(history, SendInv)),
        conns=("a", "b"),
        proof="order",
        dial="policy.limit",
    )
    return failure(finding, RACE, history, "limit-exceeded", original=LONGER, origin="scenario limit")


# ---- a message that does not arrive ----------------------------------------------------------------------------------


def loss() -> Failure:
    """``a`` is reset while it sends; ``b`` gets the message and ``c`` does not."""
    plan = Plan(
        (
            Batch((opened("a"),)),
            Batch((opened("b"),)),
            Batch((opened("c"),)),
            Batch((Send(conn="b", msg="m0", size=20), Drop(conn="a", how="reset"))),
            Batch((Send(conn="b", msg="m1"),), after="turn"),
        )
    )
    written = H().phase("batch:0").join("a").phase("batch:1").join("b").phase("batch:2").join("c")
    written.phase("batch:3").send("m0", "b", size=20).drop("a").got("m0", "b")
    written.phase("batch:4").send("m1", "b").got("m1", "b", "c").quiet()
    history = written.history()
    finding = Finding(
        code="HF101",
        strength="violated",
        key="gap",
        summary="c (user u0) did not get m0 of b",
        expected="c gets m0: it was a member before m0 was sent, and stays one",
        observed="c got m1, which b sent later, and never m0",
        witness=(index(history, SendInv), index(history, SendInv, 1), len(history.events) - 2),
        conns=("b", "c"),
        proof="gap",
        dial="policy.order",
    )
    return failure(finding, plan, history, "delivery", rate=Rate(18, 20))


def crash() -> Failure:
    plan = Plan((Batch((opened("a"),)), Batch((Malformed(conn="a", kind="not-json"),))))
    written = H().phase("batch:0").join("a").phase("batch:1").fault("a", "malformed:not-json")
    history = written.add(ServerExit, status=7, tail=LOG).history()
    finding = Finding(
        code="HF502",
        strength="violated",
        key="exit",
        summary="the server process ended with status 7",
        expected="the server runs on and handles its errors",
        observed="the server process ended with status 7",
        witness=(index(history, ServerExit),),
    )
    return failure(finding, plan, history, "crash", rate=Rate(3, 3), notes=("the time for shrinking ran out",))


# ---- what is hard to draw --------------------------------------------------------------------------------------------

WIDE_NAME = "東京タワー" * 8
HOSTILE_NAME = "\x1b[31mred\u202e]"


def crowd() -> Plan:
    """More connections than lanes fit side by side, with names that are wide, long or hostile."""
    conns = [f"c{number}" for number in range(11)]
    opens = tuple(Open(conn=conn, user=f"u{number % 2}") for number, conn in enumerate(conns))
    sends = (Send(conn="c0", msg="m0", size=4_000_000, count=3), Subscribe(conn="c1", room="r0"), Stall(conn="c2"))
    return Plan((Batch(opens), Batch(sends, after="instant")), names={"u0": WIDE_NAME, "u1": HOSTILE_NAME})


def crowded() -> Failure:
    plan = crowd()
    written = H().phase("batch:0").join(*(f"c{number}" for number in range(11)))
    written.phase("batch:1").send("m0", "c0", size=4_000_000).got("m0", *(f"c{n}" for n in range(9))).quiet()
    history = written.history()
    finding = Finding(
        code="HF101",
        strength="violated",
        key="deadline",
        summary="c9, c10 (user u0) did not get m0 of c0",
        expected="c9, c10 get m0",
        observed="nothing for 5.01 s, while the control pair was answered 48 times and every other member had it",
        witness=(index(history, SendInv),),
        conns=("c0", "c9", "c10"),
        proof="deadline",
        dial="policy.deadline",
    )
    return failure(finding, plan, history, "delivery", rate=Rate(1, 4), notes=("it fails too rarely to be shrunk",))


# ---- ends of a run ---------------------------------------------------------------------------------------------------

EXERCISE = Tally(
    ops={"open": 4120, "send": 3011, "close": 702, "drop": 688, "stall": 51},
    pairs={"open|open": 1204, "open|send": 811, "send|drop": 640, "close|drop": 33, "stall|drop": 12_345},
    opens={"ok": 3800, "status 429": 300, "status 401": 20},
    skips={"refused": 31, "ended": 2},
    obligations={"HF101": 20_260, "HF103": 14_890, "HF201": 4070, "HF203": 88, "HF302": 0, "HF501": 300},
    deliveries=51_234,
    at_limit=162,
)
NAMES = {
    "HF101": "delivery",
    "HF103": "no-duplicate",
    "HF201": "limit-exceeded",
    "HF203": "slot-leak",
    "HF302": "head-of-line",
    "HF501": "liveness",
}


def result(reason: StopReason, why: str, *failures: Failure, **fields: object) -> Result:
    totals = Totals(plans=300, scenarios=6, executions=339, seconds=30.25, restarts=2, exercise=EXERCISE)
    known = {"totals": totals, "vacuous": ("HF302",), "exercised": True, "seed": 4_479_498, **fields}
    return Result(reason, why, failures=failures, **known)  # type: ignore[arg-type]


def clean() -> Result:
    return result("time", "30 s are over")


def with_failures() -> Result:
    return result("failure-limit", "found 2 failures, the most that was asked for", limit(), loss())


def one_in_two_ways() -> Result:
    """A loss, and another that was taken for it."""
    finding = replace(loss().finding, code="HF102", key="agreement:user", summary="c did not get m0, and b did")
    taken = {"same_as": loss().fingerprint, "same_why": "the same property in another place", "rate": Rate(6, 14)}
    other = failure(finding, loss().plan, loss().history, "agreement", **taken)
    return result("time", "30 s are over", loss(), also=(other,))


def interrupted() -> Result:
    return result("interrupted", "interrupted", loss())


def server_gone() -> Result:
    return result("server-unavailable", "the server accepts no connection any more, and it is not ours to restart")


def vacuous() -> Result:
    tally = Tally(ops={"open": 12}, opens={"status 401": 12}, obligations={"HF101": 0}, skips={"refused": 9})
    totals = Totals(plans=6, scenarios=6, executions=6, seconds=2.0, exercise=tally)
    return result("plans", "6 plans executed, as asked for", totals=totals, vacuous=("HF101",), exercised=False)


# ---- replays ---------------------------------------------------------------------------------------------------------


def seen_again(stored: Failure, failed: int, runs: int) -> Replayed:
    """A replay that failed as the stored failure did."""
    return Replayed(Rate(failed, runs), _attempt(stored) if failed else None)


def seen_otherwise(runs: int) -> Replayed:
    """A replay that failed in other ways, most often by a loss."""
    attempts = [_attempt(other) for other in (loss(), crash())]
    often, once = (Instead(number, it) for number, it in zip((runs - 1, 1), attempts, strict=True))
    instead = {crash().fingerprint: once, loss().fingerprint: often}
    return Replayed(Rate(0, runs), last=attempts[0], undecided=runs, instead=instead)


def _attempt(failed: Failure) -> Attempt:
    verdict = Verdict((Judgement(failed.code, 1, (failed.finding,)),))
    return Attempt(failed.plan, failed.history, verdict, 0.1)
