"""Nobody is flooded with frames that it did not ask for, least of all about the faults of others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict

from fuzzer.facts import Conn, Facts
from fuzzer.history import CloseInv, Control, DropInv, FaultInv, OpenInv, PingInv, QueryInv, SendInv, SubInv, UnsubInv
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement

# Whatever anybody does, a hub may tell everybody once: presence, typing, a farewell. A receipt comes from each reader.
FASTEST_TICK = 250.0
"""Frames in a second that a server may send all the time, whoever does what: few tick more than 128 times."""
SPARE = 5
"""Frames at least that must be missing from the time before a flood."""
_TOLD = (OpenInv, CloseInv, DropInv, FaultInv, PingInv, QueryInv, SendInv, SubInv, UnsubInv)


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


def _told(facts: Facts) -> list[int]:
    """Where something happened that may be told to everybody, once for each time that it may be told."""
    told = (*_TOLD, Control) if facts.policy.group == "all" else _TOLD  # the control pair's messages go to all, too
    opened, done = 0, []
    for i, e in enumerate(facts.events):
        opened += isinstance(e, OpenInv)
        if isinstance(e, told):
            done += [i] * (opened if isinstance(e, SendInv) else 1)
    return done


def _flood(facts: Facts, conn: Conn, frames: list[int], done: list[int]) -> Finding | None:
    if len(frames) <= facts.policy.storm:
        return None
    times = [facts.t(i) for i in frames]
    doubtful = None
    asked = [i for i, e in enumerate(facts.events) if isinstance(e, SubInv | QueryInv) and e.conn == conn.name]
    for start, first in enumerate(frames):
        count = bisect_right(times, times[start] + facts.policy.deadline) - start
        last = frames[start + count - 1]
        answers = facts.policy.storm * bisect_left(asked, last)  # history, say, or who is there, in as many frames
        if count > facts.policy.storm + answers + bisect_left(done, last):
            ticks = _ticks(times, start, count, _watched(facts, conn, asked, first))
            found = _finding(facts, conn, first, last, count, ticks)
            if found.strength == "violated":
                return found
            doubtful = doubtful or found
    return doubtful


def _watched(facts: Facts, conn: Conn, asked: list[int], first: int) -> float:
    """The seconds before ``first`` in which it would have been ticked to: a member, or in its latest room; and the
    server ran."""
    joined = conn.je if conn.je < first else -1
    begin = facts.t(max(min(conn.open_ok, conn.je), joined, *(i for i in asked if i < first)))
    end = facts.t(first)
    return end - begin - sum(max(min(b, end) - max(a, begin), 0.0) for a, b in facts.clock.standstills)


def _ticks(times: list[float], start: int, count: int, watched: float) -> bool:
    """Did it come at such a pace all the time, as from a game server that ticks, and no faster than one does?"""
    pace = count / max(times[start + count - 1] - times[start], 0.001)
    return pace < FASTEST_TICK and pace * watched < max(SPARE, 2 * start)


def _finding(facts: Facts, conn: Conn, first: int, last: int, count: int, ticks: bool) -> Finding:
    seconds = facts.policy.deadline
    late = facts.we_were_late(first, last)  # then all that had gathered meanwhile is read at once
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
        "many as are no flood for each subscription and question of its own, which history or a list may answer. "
        "Messages of others, such as history, are not counted. Fewer than 250 in a second convict only if frames came "
        "at less than half of that pace before: a server may tick.",
        "policy.storm",
        (
            "https://github.com/home-assistant/core/issues/81293",
            "https://github.com/kubeshark/kubeshark/pull/449",
        ),
        error_storm,
    ),
)
