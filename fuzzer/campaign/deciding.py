"""Does one run say whether a failure is there? Not if it broke otherwise, nor if it never got as far."""

from __future__ import annotations

from collections import Counter

from fuzzer.campaign.trials import Attempt
from fuzzer.campaign.turned_away import ended, entitled, excused, turned_away
from fuzzer.facts import NEVER, Facts
from fuzzer.history import History, OpenInv, OpenOk, Phase, ServerExit, Skip


def decides(attempt: Attempt, fingerprint: str, recorded: History | None = None) -> bool:
    """Not if its invariant had nothing to check, or could not decide, nor if anything else is broken: that may be the
    same defect, seen otherwise. ``recorded``: the history that showed the failure, which this run must be like."""
    if attempt.finding(fingerprint):
        return True
    code, verdict, history = fingerprint.partition("-")[0], attempt.verdict, attempt.history
    if verdict.violations or any(isinstance(event, ServerExit) for event in history.events):
        return False
    mine = [judgement for judgement in verdict.judgements if judgement.code == code]
    if not any(j.obligations for j in mine) or any(f.code == code for f in verdict.inconclusive):
        return False
    return anybody_came(history) and (recorded is None or _is_like(history, recorded))


def anybody_came(history: History) -> bool:
    """Was any opening of the plan granted, if there was one that had to be?"""
    asked = {event.conn for event in history.events if isinstance(event, OpenInv) and entitled(event)}
    return not asked or any(isinstance(event, OpenOk) and event.conn in asked for event in history.events)


def _is_like(history: History, recorded: History) -> bool:
    """Is everybody let in who was a member then, and done what was done then, but for what a correct hub may keep from
    being done?"""
    if recorded.plan != history.plan:
        return True  # nothing says what was done
    away = turned_away(history)
    if away and any(conn.name in away and conn.je != NEVER for conn in Facts(recorded).conns.values()):
        return False
    missing = _skipped_now(history, recorded)
    facts = Facts(history) if missing else None
    return facts is None or all(_rightly_gone(facts, name) for name in missing)


def _rightly_gone(facts: Facts, name: str) -> bool:
    conn = facts.conns.get(name)
    if conn is None:
        return False
    at = ended(conn)
    return at == NEVER or excused(facts, conn, at)


def _skipped_now(history: History, recorded: History) -> set[str]:
    """The connections of ops that were performed in ``recorded``. What came after a plan was broken off never was."""
    now, then = _skips(history), _skips(recorded)
    return {conn for batch in now.keys() & then.keys() for conn, _ in now[batch] - then[batch]}


def _skips(history: History) -> dict[str, Counter[tuple[str, str]]]:
    """Connection and kind of the skipped ops, by batch; a batch that was never begun has no entry."""
    batch = ""
    found: dict[str, Counter[tuple[str, str]]] = {batch: Counter()}
    for event in history.events:
        if isinstance(event, Phase) and event.name.startswith("batch:"):
            batch = event.name
            found.setdefault(batch, Counter())
        elif isinstance(event, Skip):
            found[batch][event.conn, event.op] += 1
    return found
