"""Judges that are wrong on purpose: three rules that look right, each of which accuses a correct hub.

``soundness.py --unsound NAME`` fuzzes with one of them, and so shows that it would notice. Source of all three:
SPEC, 2.9 and 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from fuzzer.facts import NEVER, Conn, Facts, Message
from fuzzer.history import History, SrvClose
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.target import embedded_target
from fuzzer.invariants import INVARIANTS, judge
from fuzzer.target import Target
from fuzzer.verdict import Finding, Judgement, Verdict


def by_the_wall_clock(history: History) -> Verdict:
    """Whatever has not come within the deadline is lost, whether or not the server answered anybody meanwhile."""
    facts = Facts(history)
    late = [_late(message, conn) for message, conn in facts.owed if _is_late(facts, message, conn)]
    return Verdict((Judgement("HF101", len(facts.owed), tuple(late)),))


def _is_late(facts: Facts, message: Message, conn: Conn) -> bool:
    sender = facts.conns[message.conn]
    end = min(c for some in (conn, sender) for c in (some.x, some.server_end, facts.drain))
    waited = facts.t(min(message.got.get(conn.name, NEVER), end)) - facts.t(message.ok)
    return message.ok < end and facts.policy.deadline < waited < float("inf")


def _late(message: Message, conn: Conn) -> Finding:
    return Finding(
        code="HF101",
        strength="violated",
        key="wall-clock",
        summary=f"{conn.name} did not get {message.name} in time",
        expected="within the deadline",
        observed="later, or not at all",
        witness=(message.inv,),
        conns=(message.conn, conn.name),
        proof="deadline",
    )


class CloseReplyFrees(Facts):
    """Takes a slot for free as soon as the answer to our Close was read."""

    def surely_released(self, conn: Conn, at: float, since: float = 0.0) -> bool:
        """At once, if it was told so."""
        replied = conn.close_inv < conn.server_end < NEVER and isinstance(self.events[conn.server_end], SrvClose)
        free = replied and self.t(conn.server_end) <= at and self.healthy(self.t(conn.server_end), at) >= since
        return free or super().surely_released(conn, at, since)


def by_close_replies(history: History) -> Verdict:
    """The answer to a Close frees the slot, at once."""
    facts = CloseReplyFrees(history)
    return Verdict(tuple(i.check(facts) for i in INVARIANTS if i.applies(history.policy)))


def by_handshakes(history: History) -> Verdict:
    """Whoever has read the 101 is a member."""
    policy = msgspec.structs.replace(history.policy, join_evidence="handshake", t_join=0.0)
    return judge(msgspec.structs.replace(history, policy=policy))


@dataclass(frozen=True)
class Unsound:
    """A wrong judge, and where it goes wrong: on which correct hub, and whether the server must be paused."""

    rule: str
    judge: Callable[[History], Verdict]
    hub: str
    target: Callable[[], Target]
    pause: bool = False


UNSOUND: dict[str, Unsound] = {
    "wall-clock": Unsound(
        "deadline without control pair",
        by_the_wall_clock,
        "embedded, paused",
        embedded_target,
        pause=True,
    ),
    "close-reply": Unsound(
        "reply to Close taken as slot free",
        by_close_replies,
        "embedded, limit 1, slots released 0.3 s after the end",
        lambda: embedded_target(knobs=Knobs(limit=1, release_delay=0.3)),
    ),
    "handshake": Unsound(
        "handshake taken as membership",
        by_handshakes,
        "embedded, members 20 ms after the handshake",
        lambda: embedded_target(knobs=Knobs(join_delay=0.02)),
    ),
}
