"""Doubts that more time would not have settled: they are the hub's, or the target file's, and not a busy machine's."""

from __future__ import annotations

from fuzzer.campaign.turned_away import ended
from fuzzer.facts import NEVER, Facts
from fuzzer.history import History
from fuzzer.verdict import Finding, Verdict

REFUSED = frozenset({("HF202", "refused-below-limit"), ("HF203", "slot"), ("HF501", "refused")})
"""Somebody who had to be let in was refused, for a reason that the policy does not speak of."""


def unsettled(history: History, verdict: Verdict) -> bool:
    """Has it such a doubt? Refusals count only if nobody had stood still so long that a hub may have lost patience."""
    doubts = verdict.inconclusive
    if any(_unread(doubt) for doubt in doubts):
        return True
    refused = [doubt.conns[0] for doubt in doubts if (doubt.code, doubt.key) in REFUSED and doubt.conns]
    if not refused:
        return False
    facts = Facts(history)
    return any(not _late(facts, name) for name in refused)


def _unread(doubt: Finding) -> bool:
    """Frames came that nothing says how to read: those of a canary, or of a member of the plan."""
    return doubt.key.startswith("unread:") or (doubt.code, doubt.key) == ("HF501", "canary")


def _late(facts: Facts, name: str) -> bool:
    conn = facts.conns.get(name)
    if conn is None or (at := ended(conn)) == NEVER:
        return True
    return facts.may_have_stood_still(conn.open_inv, at) or facts.may_be_given_up(conn, at)
