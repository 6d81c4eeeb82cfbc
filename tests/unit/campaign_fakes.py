"""A campaign without a server: a runner whose histories are written by hand, scripted bugs, and a clock that is told.

The histories are judged by the real judges, so that fingerprints are those of real failures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

import trio
from histories import H

from fuzzer.campaign import Clock, Options, Result, run_campaign
from fuzzer.campaign.events import CampaignEvent
from fuzzer.history import History
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Close, Drop, Op, Open, Plan, Send
from fuzzer.plan_rules import problems

Strikes = Callable[[Plan], bool]
Symptom = Callable[[H], H]


class FakeClock:
    """Stands still unless told; ``tick`` is added at each reading."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now = 1000.0
        self.tick = tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds


@dataclass
class Bug:
    """Strikes plans with probability ``p``; the symptom is written at the end of the history.

    ``only_hurried``: shows only with scaled time bounds, as what is no bug at all does.
    """

    strikes: Strikes
    symptom: Symptom
    p: float = 1.0
    only_hurried: bool = False


def doubled(history: H) -> H:
    """A message twice: HF103."""
    history = history.join("x0", "x1", user="x")
    return history.send("xm", "x0").got("xm", "x1", "x1")


def logged(history: H) -> H:
    """A line in the server's log: HF502."""
    return history.log("Traceback (most recent call last)")


def strayed(history: H) -> H:
    """An id that nobody sent: HF104."""
    return history.join("y0", user="y").stray("y0")


def leaked(history: H) -> H:
    """A stranger's message: HF105."""
    return history.join("z0", user="z").join("w0", user="w").send("zm", "z0").got("zm", "w0")


def of(symptom: Symptom) -> str:
    """The fingerprint by which this symptom is known."""
    return next(finding.fingerprint for finding in judge(symptom(H()).history()).violations)


@dataclass
class FakeHub:
    """The Runner. An execution costs ``seconds`` on the clock; ``meanwhile`` hears of each plan before it is run."""

    bugs: tuple[Bug, ...] = ()
    clock: FakeClock = field(default_factory=FakeClock)
    seconds: float = 0.0
    own: bool = True
    seed: int = 0
    meanwhile: Callable[[FakeHub, Plan], object] = lambda hub, plan: None
    down: bool = False
    error: Exception | None = None
    target_name: str = "fake hub"

    def __post_init__(self) -> None:
        self.executed: list[Plan] = []
        self.hurries: list[float] = []
        self.restores = 0
        self._random = Random(self.seed)

    async def execute(self, plan: Plan, hurry: float = 1.0) -> History:
        """Perform it by the book, and show every bug that strikes."""
        assert problems(plan) == (), "only plans that make sense may be executed"
        self.executed.append(plan)
        self.hurries.append(hurry)
        self.meanwhile(self, plan)
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        self.clock.advance(self.seconds * hurry)
        return self._unanswered(plan) if self.down else self._history(plan, hurry)

    async def restore(self) -> bool:
        """Heals a hub of our own."""
        self.restores += 1
        if self.own:
            self.down = False
        return self.own

    def _unanswered(self, plan: Plan) -> History:
        return H(None, *plan.ops()).open("a").refused("a", None, "timeout").history()

    def _history(self, plan: Plan, hurry: float) -> History:
        history = by_the_book(plan)
        for bug in self.bugs:
            struck = bug.strikes(plan) and self._random.random() < bug.p
            if struck and (hurry < 1 or not bug.only_hurried):
                history = bug.symptom(history)
        return History(history.history().events, history.policy, plan)


def by_the_book(plan: Plan) -> H:
    """What a correct hub without a limit does; every op has its whole effect before the next one."""
    history = H().join("canary", "canary.1", user="canary").send("~canary", "canary").got("~canary", "canary.1")
    tabs: dict[str, str] = {}
    for op in plan.ops():
        _perform(history, tabs, op)
    return history


def _perform(history: H, tabs: dict[str, str], op: Op) -> None:
    match op:
        case Open(conn=conn, user=user, token="valid", abandon=None):
            history.join(conn, user=user)
            tabs[conn] = user
        case Send(conn=conn, msg=msg, room=None) if conn in tabs:
            others = [tab for tab, user in tabs.items() if tab != conn and user == tabs[conn]]
            history.send(msg, conn).got(msg, *others)
        case Close(conn=conn) if conn in tabs:
            history.closed(conn)
            del tabs[conn]
        case Drop(conn=conn, how=how) if conn in tabs:
            history.drop(conn, how)
            del tabs[conn]
        case _:
            pass


# ---- plans and what strikes them ---------------------------------------------------------------------------------


def steps(*batches: Iterable[Op] | Op) -> Plan:
    """A plan of these batches, with fences between."""
    return Plan(tuple(Batch((ops,) if isinstance(ops, Op) else tuple(ops)) for ops in batches))


QUIET = steps(Open("a", "u0"), Send("a", "m0"))
TWO_TABS = steps((Open("a", "u0"), Open("b", "u0")))
CROWD = steps(
    (Open("a", "u0"), Open("b", "u1"), Open("c", "u2")),
    (Send("a", "m0", size=40, count=3), Open("d", "u1")),
    (Open("e", "u1"), Open("f", "u1"), Send("b", "m1"), Send("c", "m2")),
    (Close("e"), Drop("f"), Send("d", "m3", size=9, fill="markup")),
    (Open("g", "u2"), Send("a", "m4")),
)


def two_opens_at_once(plan: Plan) -> bool:
    """Two opens of one user in one batch."""
    users = [[op.user for op in batch.ops if isinstance(op, Open)] for batch in plan.batches]
    return any(len(opened) != len(set(opened)) for opened in users)


def has(kind: type[Op]) -> Strikes:
    """Any op of this kind."""
    return lambda plan: any(isinstance(op, kind) for op in plan.ops())


def always(plan: Plan) -> bool:
    """Every plan."""
    return True


RACE = Bug(two_opens_at_once, doubled)


# ---- running ------------------------------------------------------------------------------------------------------


@dataclass
class Ran:
    """A campaign that has ended, and everything that it said."""

    result: Result
    events: list[CampaignEvent]
    hub: FakeHub

    def told(self, kind: type[CampaignEvent]) -> list[CampaignEvent]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


def campaign(hub: FakeHub, plans: Iterable[Plan], options: Options | None = None, **more: object) -> Ran:
    """Run one to its end, on the clock of the hub."""
    events: list[CampaignEvent] = []
    clock: Clock = hub.clock

    async def main() -> Result:
        return await run_campaign(
            hub, options or Options(seconds=None), plans=plans, emit=events.append, clock=clock, **more
        )

    return Ran(trio.run(main), events, hub)
