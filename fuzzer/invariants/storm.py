"""Nobody is flooded with frames that it did not ask for, least of all about the faults of others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import NamedTuple

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.facts_lateness import ALWAYS
from fuzzer.history import (
    CloseInv,
    Control,
    DropInv,
    FaultInv,
    OpenInv,
    PingInv,
    QueryInv,
    SendInv,
    SrvClose,
    SrvEof,
    SrvRst,
    SubInv,
    UnsubInv,
)
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement

# Whatever anybody does, a hub may tell everybody once: presence, typing, a farewell. A receipt comes from each reader.
FASTEST_TICK = 250.0
"""Frames in a second that a server may send all the time, whoever does what: few tick more than 128 times."""
PAIR = 2
SPARE = 5
"""Frames at least that must be missing from the time before a flood."""
_TOLD = (
    *(OpenInv, CloseInv, DropInv, FaultInv, PingInv, QueryInv, SendInv, SubInv, UnsubInv),
    *(SrvClose, SrvEof, SrvRst),
)


def error_storm(facts: Facts) -> Judgement:
    """More than ``storm`` frames within the deadline, not counting what everything that anybody had done may bring."""
    frames: dict[str, list[int]] = defaultdict(list)
    for i, e in facts.frames:
        if not e.known:
            frames[e.conn].append(i)
    innocent = [conn for conn in facts.conns.values() if conn.honest and min(conn.open_ok, conn.je) < conn.owed_until]
    done = _told(facts) if frames else []
    found = (_flood(facts, conn, [i for i in frames[conn.name] if i < conn.owed_until], done) for conn in innocent)
    return Judgement("HF303", len(innocent), tuple(f for f in found if f is not None)[:1])


class _Deed(NamedTuple):
    """Something that may be told. Until ``settled`` it may stand behind what its connection had sent before."""

    began: int
    settled: int


def _told(facts: Facts) -> list[_Deed]:
    """What may be told to everybody, once for each time that it may be told."""
    everybody = facts.policy.group == "all"  # then the control pair reads, and its messages go to all, too
    opened, done = PAIR if everybody else 0, []
    for i, e in enumerate(facts.events):
        opened += isinstance(e, OpenInv)
        if isinstance(e, _TOLD):
            done += [_Deed(i, _settled(facts, e.conn, i))] * (opened if isinstance(e, SendInv) else 1)
        elif isinstance(e, Control) and everybody:
            done += [_Deed(i, i if e.ok else NEVER)] * opened
    return done


def _settled(facts: Facts, conn: str, index: int) -> int:
    return NEVER if conn in facts.unseen else max(index, facts.heard.get(conn, -1))


def _asked(facts: Facts, conn: Conn) -> list[_Deed]:
    """What history, say, or a list may answer, in many frames; where all are one group, coming is enough."""
    asked = [_Deed(*request) for request in facts.requests[conn.name]]
    asked = [deed for deed in asked if isinstance(facts.events[deed.began], SubInv | QueryInv)]
    by_coming = facts.policy.group == "all" or len(facts.session_of(conn)) > 1
    return [_Deed(conn.open_inv, conn.je), *asked] if by_coming else asked


def _flood(facts: Facts, conn: Conn, frames: list[int], done: list[_Deed]) -> Finding | None:
    times = [facts.t(i) for i in frames]
    doubtful = None
    asked = _asked(facts, conn)
    for start, first in enumerate(frames):
        count = bisect_right(times, times[start] + facts.policy.deadline) - start
        last = frames[start + count - 1]
        if count > facts.policy.storm and count > _allowed(facts, first, last, asked, done):
            ticks = _ticks(times, start, count, _watched(facts, conn, asked, first))
            found = _finding(facts, conn, first, last, count, ticks)
            if found.strength == "violated":
                return found
            doubtful = doubtful or found
    return doubtful


def _allowed(facts: Facts, first: int, last: int, asked: list[_Deed], done: list[_Deed]) -> int:
    """How many frames what had been done and asked until ``last`` may bring, if it was not told long before."""
    within, at = _told_within(facts), facts.t(first)
    since = bisect_left(range(first), -within, key=lambda i: -facts.healthy(facts.t(i), at))
    answers = sum(deed.began < last and deed.settled >= since for deed in asked)
    news = sum(deed.began < last and deed.settled >= since for deed in done)
    return facts.policy.storm * (1 + answers) + news


def _told_within(facts: Facts) -> float:
    """Healthy seconds after which nothing is told any more: that a peer has gone may be noticed late."""
    policy = facts.policy
    noticed = (policy.t_release, policy.t_detect, policy.t_evict, policy.t_heartbeat or 0.0, policy.t_presence or 0.0)
    return policy.deadline + max(noticed)


def _watched(facts: Facts, conn: Conn, asked: list[_Deed], first: int) -> float:
    """The seconds before ``first`` in which it would have been ticked to: a member, or in its latest room; and the
    server ran."""
    joined = conn.je if conn.je < first else -1
    came = (i for i, e in enumerate(facts.events[:first]) if isinstance(e, OpenInv | SubInv))  # a game may begin then
    begin = facts.t(max(min(conn.open_ok, conn.je), joined, *(i for i, _ in asked if i < first), *came))
    end = facts.t(first)
    return end - begin - sum(max(min(b, end) - max(a, begin), 0.0) for a, b in facts.clock.standstills)


def _ticks(times: list[float], start: int, count: int, watched: float) -> bool:
    """Did it come at such a pace all the time, as from a game server that ticks, and no faster than one does?"""
    pace = count / max(times[start + count - 1] - times[start], 0.001)
    return pace < FASTEST_TICK and pace * watched < max(SPARE, 2 * start)


def _finding(facts: Facts, conn: Conn, first: int, last: int, count: int, ticks: bool) -> Finding:
    seconds = facts.policy.deadline
    since, until = facts.t(first) - seconds, facts.t(last)  # what had gathered meanwhile is read at once, afterwards
    still = max(facts.clock.worst_lag(since, until), facts.clock.slowest_round_trip(since, until))
    late = still >= ALWAYS or facts.we_were_late(first, last)
    return Finding(
        code="HF303",
        strength="inconclusive" if late or ticks else "violated",
        key="storm",
        summary=f"{conn.name} (user {conn.inv.user}), which did nothing wrong, was flooded with {count} frames",
        expected=f"at most {facts.policy.storm} frames in {seconds:g} s that nobody asked for",
        observed=f"{count} frames in {seconds:g} s, the first of them: {getattr(facts.events[first], 'text', '')!r}",
        witness=(first, last),
        conns=(conn.name,),
        proof="count",
        dial="policy.storm",
    )


INVARIANTS = (
    Invariant(
        "HF303",
        "error-storm",
        "failure isolation",
        "A connection that did nothing wrong is not flooded with frames that nobody asked for.",
        "Only data frames that the target file does not name are counted, within one deadline; one more is allowed "
        "for everything that any client had done until then (presence, typing, farewells), the control pair as well "
        "where all are one group, and for each message one for every connection opened by then (receipts); and as "
        "many as are no flood for each subscription and question of its own (and where all are one group, or with a "
        "session, its coming), which history or a list may answer. What was handled longer ago than the deadline and "
        "the longest time that an end may go unnoticed counts no more. "
        "Messages of others, such as history, are not counted. Fewer than 250 in a second convict only if frames came "
        "at less than half of that pace before, since the last connection or subscription of anybody: a server may "
        "tick. What gathered while hubfuzz or the server stood still proves nothing.",
        "policy.storm",
        (
            "https://github.com/home-assistant/core/issues/81293",
            "https://github.com/kubeshark/kubeshark/pull/449",
        ),
        error_storm,
    ),
)
