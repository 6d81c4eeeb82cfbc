"""Presence says who is connected: nobody who has surely gone, everybody who is surely there (BUGS: I11)."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.facts import Conn, Facts
from fuzzer.facts_lateness import was_given_up
from fuzzer.facts_records import Question
from fuzzer.invariants.registry import Invariant
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement


def presence(facts: Facts) -> Judgement:
    """An answer names a ghost, or leaves out a user with a connection."""
    findings: dict[str, Finding] = {}
    obligations = 0
    for question in answered(facts):
        for user, conns in facts.users.items():
            must = _must_be_listed(facts, conns, question)
            if must is None or (must and _may_be_spelt_otherwise(facts, user)):
                continue
            obligations += 1
            if must != (user in question.users):
                found = _finding(facts, user, conns, question, missing=must)
                findings.setdefault(f"{found.key}|{found.strength}", found)
    return Judgement("HF405", obligations, tuple(findings.values()))


def _may_be_spelt_otherwise(facts: Facts, user: str) -> bool:
    """Has it an odd name by which no answer has ever called it?"""
    asked = (q for questions in facts.answers.values() for q in questions)
    return user in facts.history.plan.names and not any(user in q.users for q in asked)


def answered(facts: Facts) -> Iterator[Question]:
    """Questions with their answers, of whoever has neither sent bytes that may upset their order, nor ceased to read:
    what was told unasked meanwhile would be taken for an answer. Of a hub that tells it unasked none counts.

    Nor does what is told to one that may be a member no more, whatever for: that may be nothing."""
    for name, questions in facts.answers.items() if not facts.presence_is_pushed else ():
        asker = facts.conns.get(name)
        if asker is not None and asker.honest:
            yield from (q for q in questions if not q.mixed and q.answered < _member_until(asker))


def _member_until(asker: Conn) -> int:
    """Who is taken for slow is so only if it is ended; what it does itself comes in order."""
    kept = ("close", "drop", *(() if asker.server_end < asker.close_inv else ("backlog",)))
    return min(index for kind, index in asker.causes.items() if kind not in kept)


def _must_be_listed(facts: Facts, conns: list[Conn], question: Question) -> bool | None:
    """True: it was surely connected all the while. False: it surely was not. None: either answer may be right."""
    if any(_stayed(facts, c, question) for c in conns):
        return True
    known = [c for c in conns if c.open_inv < question.answered]
    at, bound = facts.t(question.inv), facts.policy.t_presence or 0.0
    if known and all(facts.surely_released(c, at, bound) for c in known):
        return False
    return None


def _stayed(facts: Facts, conn: Conn, question: Question) -> bool:
    """A member since t_presence before the question was asked, until after it was answered."""
    if not conn.je < question.inv < question.answered < min(conn.x, conn.server_end):
        return False
    return facts.healthy(facts.t(conn.je), facts.t(question.inv)) >= (facts.policy.t_presence or 0.0)


def _finding(facts: Facts, user: str, conns: list[Conn], question: Question, missing: bool) -> Finding:
    bound = facts.policy.t_presence or 0.0
    mates = tuple(c.name for c in conns if not missing or _stayed(facts, c, question))
    listed = ", ".join(question.users) or "nobody"
    expected = (
        f"{user} is present: {', '.join(mates)} had joined" if missing else f"{user} is not: all its ends are past"
    )
    late = missing and any(facts.may_be_given_up(facts.conns[name], question.answered) for name in mates)
    late = late or was_given_up(facts, facts.conns[question.conn])  # who is told nothing any more
    return Finding(
        code="HF405",
        strength="inconclusive" if late else "violated",
        key="missing" if missing else "ghost",
        summary=f"presence {'leaves out' if missing else 'still names'} user {user}, asked by {question.conn}",
        expected=f"{expected} (t_presence {bound:g} s)",
        observed=f"the answer read at {facts.t(question.answered):.3f} s names {listed}",
        witness=(question.inv, question.answered),
        conns=(*mates, question.conn),
        proof="state",
        dial="policy.t_presence",
    )


def _has_presence(policy: Policy) -> bool:
    return policy.t_presence is not None


INVARIANTS = (
    Invariant(
        "HF405",
        "presence",
        "cleanup",
        "The answer who is present names every user with a connection and no user without one.",
        "The answer covers all users of the hub. Missing: one connection had joined t_presence (in healthy time) "
        "before the question, and had no end cause until the answer was read; and neither hubfuzz nor the server stood "
        "still meanwhile, so that it, or who asked, may have been given up. Ghost: every connection of the user "
        "had surely been released t_presence before the question. Answers belong to questions in their order.",
        "policy.t_presence",
        (
            "https://github.com/laravel/reverb/issues/213",
            "https://github.com/RocketChat/Rocket.Chat/issues/11293",
            "https://github.com/soketi/soketi/pull/19",
        ),
        presence,
        _has_presence,
    ),
)
