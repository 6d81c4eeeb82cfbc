"""The six scenarios of the specification as plans written by hand, fitted to what a target promises.

They run before anything drawn, and by themselves on request. A change of what a scenario does raises its version.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Final, NamedTuple

from fuzzer.plan import (
    Close,
    Drop,
    Malformed,
    Op,
    Open,
    Plan,
    Resume,
    Stall,
)
from fuzzer.plan_ranges import at_least
from fuzzer.policy import Policy
from fuzzer.scenario_script import Abilities, Script
from fuzzer.target import Target

MOST_TABS: Final = 6
MOST_LIMIT: Final = 30  # a fence costs one message from each tab to each: above this, a plan would take seconds


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

    def build_for(self, target: Target) -> Plan | None:
        """The plan for this target; None if its policy leaves nothing to do (see ``reason``)."""
        can = Abilities(target.has_rooms, target.has_sessions, target.has_tokens, target.has_presence)
        return self.build(target.policy, can)

    def build(self, policy: Policy, can: Abilities) -> Plan | None:
        """The same for a policy and for what its hub can be asked."""
        if self.reason(policy):
            return None
        script = Script(policy, can)
        self.compose(script)
        return at_least(script.plan(), policy.min_size)


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
    if script.can.sessions and script.policy.sessions == "takeover":
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
    if script.may_ask(gone=True):
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
    if script.can.tokens and "expired" in script.policy.refuse_tokens:
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
    Scenario("cleanup", 3, "cleanup", "Nothing is left, however a connection ended.", _cleanup, _always),
)
SCENARIOS: Final[dict[str, Scenario]] = {scenario.name: scenario for scenario in _ALL}
