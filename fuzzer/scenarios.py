"""The six scenarios of the specification as plans written by hand, fitted to what a target promises.

They run before anything drawn, and by themselves on request. A change of what a scenario does raises its version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Final, NamedTuple

from fuzzer.payload import ENVELOPE
from fuzzer.plan import (
    Batch,
    Close,
    Drop,
    Malformed,
    Op,
    Open,
    Plan,
    Query,
    Resume,
    Send,
    Separator,
    Stall,
    Subscribe,
    TokenKind,
)
from fuzzer.plan_ranges import at_least
from fuzzer.plan_rules import connection_symbol
from fuzzer.policy import MOST_PATIENCE, Policy

MOST_TABS: Final = 6
MOST_LIMIT: Final = 30  # a fence costs one message from each tab to each: above this, a plan would take seconds
BIG: Final = 65_536


class Scenario(NamedTuple):
    """A named plan. ``family`` is what reports group it under; ``meaning`` one sentence for people."""

    name: str
    version: int
    family: str
    meaning: str
    compose: Callable[[Script], None]
    refusal: Callable[[Policy], str]

    def reason(self, policy: Policy) -> str:
        """Why there is no such plan for this policy, in one line; empty if there is one."""
        return self.refusal(policy)

    def build(
        self, policy: Policy, *, rooms: bool, sessions: bool, tokens: bool, presence: bool = False
    ) -> Plan | None:
        """The plan for a target with this policy; None if the policy leaves nothing to do (see ``reason``)."""
        if self.reason(policy):
            return None
        script = Script(policy, rooms, sessions, tokens, presence)
        self.compose(script)
        return at_least(script.plan(), policy.min_size)


@dataclass(slots=True)
class Script:
    """Writes one plan: fresh symbols, batches, and the room that everybody enters where groups are rooms."""

    policy: Policy
    rooms: bool
    sessions: bool
    tokens: bool
    presence: bool = False
    batches: list[Batch] = field(default_factory=list)
    symbols: Iterator[str] = field(default_factory=lambda: map(connection_symbol, count()))
    messages: Iterator[str] = field(default_factory=lambda: map("m{}".format, count()))
    sessions_used: Iterator[str] = field(default_factory=lambda: map("s{}".format, count()))

    @property
    def limit(self) -> int:
        """Tabs that one user, here alone, may have; without a declared limit more than any scenario needs."""
        return self.policy.limit.free if self.policy.limit else 1_000

    @property
    def room(self) -> str | None:
        """The room of every message: none where the hub's groups are not rooms."""
        return "r0" if self.policy.group == "room" and self.rooms else None

    def plan(self) -> Plan:
        """What was written."""
        return Plan(batches=tuple(self.batches))

    def together(self, *ops: Op, after: Separator = "fence") -> None:
        """One batch."""
        self.batches.extend([Batch(ops=ops, after=after)] if ops else [])

    def opens(self, number: int, user: str = "u0", token: TokenKind = "valid") -> list[Open]:
        """Opens of new tabs, not yet in any batch."""
        names = [next(self.symbols) for _ in range(number)]
        return [Open(conn=name, user=user, session=self._session(), token=token) for name in names]

    def enter(self, number: int, user: str = "u0") -> list[str]:
        """Open tabs in one batch, let them into the room, and say who they are."""
        opens = self.opens(number, user)
        self.together(*opens)
        self.join(opens)
        return [op.conn for op in opens]

    def join(self, opens: list[Open]) -> None:
        """Let opened tabs into the room, if groups are rooms."""
        if self.room is not None:
            self.together(*(Subscribe(conn=op.conn, room=self.room) for op in opens))

    def reload(self, conn: str) -> str:
        """The session of an open tab, on a new connection."""
        old = next(op for batch in self.batches for op in batch.ops if isinstance(op, Open) and op.conn == conn)
        new = Open(conn=next(self.symbols), user=old.user, session=old.session)
        self.together(new)
        self.join([new])
        return new.conn

    def say(self, conn: str, size: int = 20, burst: int = 1) -> Send:
        """A message to the group, not yet in any batch."""
        return Send(conn=conn, msg=next(self.messages), size=size, count=burst, room=self.room)

    def ask(self, conn: str, gone: bool = False) -> None:
        """Ask who is present when that must be right; ``gone``: also of those that have left. Not if it takes long."""
        bound = self.policy.t_presence
        ended = max(self.policy.t_release, self.policy.t_detect) if gone else 0.0
        if self.presence and bound is not None and max(bound, ended) <= MOST_PATIENCE:
            self.batches.append(Batch(ops=(Query(conn=conn),), wait=round((bound + ended) * 1.2 + 0.1, 3)))

    def flood(self, conn: str) -> Send:
        """More than the buffers on the way to a stalled tab hold; a small burst if frames must stay tiny."""
        size = min(BIG, (self.policy.max_size or BIG + ENVELOPE) - ENVELOPE)
        burst = -(-self.policy.stall_bytes // size) if size > 0 else 0
        return self.say(conn, size, burst) if 0 < burst <= 1_500 else self.say(conn, 20, 8)

    def _session(self) -> str | None:
        return next(self.sessions_used) if self.sessions else None


def _five_tabs(script: Script) -> None:
    """All tabs open in one batch; then each proves that it is alive by a message, alone and with all others."""
    tabs = script.enter(min(script.limit, MOST_TABS))
    for tab in tabs:
        script.together(script.say(tab))
    script.together(*(script.say(tab) for tab in tabs))


def _broadcast(script: Script) -> None:
    """Each tab in turn sends to all; then all at once; then bursts, beside a single message and alone."""
    tabs = script.enter(min(script.limit, 5))
    for tab in tabs:
        script.together(script.say(tab, size=200), after="instant")
    script.together(*(script.say(tab) for tab in reversed(tabs)))
    script.together(script.say(tabs[0], burst=8), *(script.say(tab) for tab in tabs[1:2]))
    script.together(*(script.say(tab, burst=4) for tab in tabs))
    script.together(script.say(tabs[-1], size=5_000, burst=2))


def _limit(script: Script) -> None:
    """Limit and one above in one batch; one above alone; then one leaves and one enters, who can be heard.

    Before that, one who is in asks who is present: refused ones must not have counted the user off."""
    crowd = script.opens(script.limit + 1)
    script.together(*crowd)
    script.join(crowd)
    above = script.opens(1)
    script.together(*above)
    evicts = script.policy.limit is not None and script.policy.limit.over == "evict-oldest"
    leaver = above[0].conn if evicts else crowd[0].conn  # the one that is surely in
    script.ask(leaver)
    script.together(Close(conn=leaver))
    (newest,) = script.enter(1)
    script.together(script.say(newest))


def _lifecycle(script: Script) -> None:
    """A window of tabs moves on: one enters while all others send, the oldest leaves while the newest sends.

    Where a session takes over, the newest tab is then loaded again: same session, new connection, which speaks.
    It asks who is present: the user is, whoever has left."""
    ways: tuple[Callable[[str], Op], ...] = (
        lambda c: Close(conn=c),
        lambda c: Drop(conn=c, how="fin"),
        lambda c: Close(conn=c, code=1001),
    )
    ends = cycle(ways)
    window = min(script.limit, 3)
    here: list[str] = []
    for _ in range(6):
        newcomer = script.opens(1)
        script.together(*newcomer, *(script.say(tab) for tab in here))
        script.join(newcomer)
        here.append(newcomer[0].conn)
        if len(here) == window:
            leaver = here.pop(0)
            script.together(next(ends)(leaver), *(script.say(tab) for tab in here[-1:]))
    if script.sessions and script.policy.sessions == "takeover":
        here[-1:] = [script.reload(tab) for tab in here[-1:]]
    script.together(*(script.say(tab) for tab in here))
    for tab in here[-1:]:
        script.ask(tab)


def _failure_isolation(script: Script) -> None:
    """One after the other fails in its own way, each while a survivor sends; then the survivors talk."""
    shared = script.policy.limit is not None and script.policy.limit.shared
    user = "u0" if script.limit > 1 or shared else "u1"
    survivors = script.enter(min(max(1, script.limit - 1), 2), user)
    failures: tuple[Callable[[str], Op], ...] = (
        lambda c: Drop(conn=c, how="reset"),
        lambda c: Drop(conn=c, how="fin"),
        lambda c: Malformed(conn=c, kind="not-json"),
        lambda c: Malformed(conn=c, kind="unmasked"),
    )
    for fail in failures:
        (victim,) = script.enter(1)
        script.together(fail(victim), script.say(survivors[0]))
        script.together(*(script.say(tab) for tab in survivors))
        script.together(*_farewell(fail(victim)))
    _stalls(script, survivors)
    (victim,) = script.enter(1)
    script.together(Drop(conn=victim, how="vanish"), script.say(survivors[0]))
    script.together(*(script.say(tab) for tab in survivors))


def _farewell(failure: Op) -> tuple[Op, ...]:
    """A hub may forgive a malformed message: then that tab still has to leave, for the next victim's slot."""
    return (Close(conn=failure.conn),) if isinstance(failure, Malformed) else ()


def _stalls(script: Script, survivors: list[str]) -> None:
    (victim,) = script.enter(1)
    script.together(Stall(conn=victim))
    script.together(script.flood(survivors[0]))
    script.together(script.say(survivors[-1]))
    script.together(Resume(conn=victim))
    script.together(Close(conn=victim))


def _cleanup(script: Script) -> None:
    """Every way to end, for all tabs at once; then another user asks who is present.

    All enter again and are heard; last of all, two vanish."""
    tabs = min(script.limit, 3)
    ends: tuple[Callable[[str], Op], ...] = (
        lambda c: Close(conn=c),
        lambda c: Close(conn=c, code=4000, reason="bye"),
        lambda c: Drop(conn=c, how="reset"),
        lambda c: Drop(conn=c, how="fin"),
    )
    for end in ends:
        script.together(*(end(tab) for tab in script.enter(tabs)))
    if script.presence:
        (witness,) = script.enter(1, "u1")
        script.ask(witness, gone=True)
        script.together(Close(conn=witness))
    _unfinished(script)
    again = script.enter(tabs)
    script.together(*(script.say(tab) for tab in again))
    script.together(*(Drop(conn=tab, how="vanish") for tab in again[-2:]))


def _unfinished(script: Script) -> None:
    """Connections that never come to be: left in the handshake, or with a token that must be refused."""
    for place in ("half-request", "before-101", "after-101"):
        for how in ("reset", "fin"):
            name = next(script.symbols)
            script.together(Open(conn=name, user="u0", abandon=place, how=how), after="turn")
    if script.tokens and "expired" in script.policy.refuse_tokens:
        script.together(*script.opens(1, token="expired"))


def _always(_policy: Policy) -> str:
    return ""


def _needs_two(policy: Policy) -> str:
    limit = policy.limit
    small = limit is not None and limit.free < 2
    return f"needs two tabs of one user, and policy.limit.max is {limit.max}" if limit is not None and small else ""


def _needs_limit(policy: Policy) -> str:
    if policy.limit is None:
        return "the target file declares no policy.limit"
    too_high = policy.limit.max > MOST_LIMIT
    return f"policy.limit.max is {policy.limit.max}; this plan fills limits up to {MOST_LIMIT}" if too_high else ""


_ALL: Final = (
    Scenario("five-tabs", 1, "concurrent tabs", "Tabs of one user at once: each is alive.", _five_tabs, _needs_two),
    Scenario("broadcast", 1, "broadcast", "Every tab gets what any tab sends.", _broadcast, _needs_two),
    Scenario("limit", 2, "limit", "The limit holds, and a freed slot can be used again.", _limit, _needs_limit),
    Scenario("lifecycle", 3, "lifecycle", "Tabs come and go while messages flow.", _lifecycle, _always),
    Scenario(
        "failure-isolation",
        1,
        "failure isolation",
        "A tab that fails leaves the others as they were.",
        _failure_isolation,
        _always,
    ),
    Scenario("cleanup", 2, "cleanup", "Nothing is left, however a connection ended.", _cleanup, _always),
)
SCENARIOS: Final[dict[str, Scenario]] = {scenario.name: scenario for scenario in _ALL}
