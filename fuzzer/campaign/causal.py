"""Causal pruning: what of a plan can have led to a finding (the ``target_clock`` of Shuttle, CONCURRENCY.md 4.3).

A guess at what mattered, tried first because it can take away most of a plan in one execution. Nothing rests on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from fuzzer.campaign.changes import conns_of, keep, with_batches
from fuzzer.campaign.symbols import tidy
from fuzzer.history import History, OpenInv, Phase
from fuzzer.plan import Plan, Send
from fuzzer.verdict import Finding

BATCH = "batch:"


def causal_parts(plan: Plan, finding: Finding, history: History) -> Iterator[Plan]:
    """Parts of the plan, the boldest first: the ops of whom the finding is about, also with those of who sent what the
    witness events tell of, and all those of their users; each up to the last batch that these know of, and then whole.
    Each once; neither nothing nor everything."""
    users = users_of(finding, history)
    cut = with_batches(plan, plan.batches[: last_batch(finding, history) + 1])
    told: list[Plan] = [tidy(plan)]
    about, senders = set(finding.conns), senders_of(plan, finding, history)
    everybody = {op.conn for op in plan.ops()}
    for conns in (about, about and about | senders, conns_of(plan, users), everybody):
        for whole in (cut, plan):
            part = tidy(keep(whole, lambda place, op, conns=conns: op.conn in conns))  # type: ignore[misc]
            if part.batches and part not in told:
                told.append(part)
                yield part


def in_company(finding: Finding, others: Iterable[Finding]) -> Finding:
    """A finding that names nobody, as that of a crash, about whom the others of the same execution are."""
    if finding.conns:
        return finding
    return msgspec.structs.replace(finding, conns=tuple(dict.fromkeys(conn for f in others for conn in f.conns)))


def users_of(finding: Finding, history: History) -> set[str]:
    """The users of the connections that the finding concerns."""
    owners = {event.conn: event.user for event in history.events if isinstance(event, OpenInv)}
    return {owners[conn] for conn in finding.conns if conn in owners}


def senders_of(plan: Plan, finding: Finding, history: History) -> set[str]:
    """Who sent the messages of the witness events."""
    told = {getattr(history.events[index], "msg", "").partition(".")[0] for index in finding.witness}
    return {op.conn for op in plan.ops() if isinstance(op, Send) and op.msg in told}


def witnessed_batches(finding: Finding, history: History) -> set[int]:
    """The batches during which the witness events happened; none if they are of the finale, or there are none."""
    numbers = (_batch_at(index, history) for index in finding.witness)
    return {number for number in numbers if number is not None}


def last_batch(finding: Finding, history: History) -> int:
    """The last of them; the last of all if there are none."""
    return max(witnessed_batches(finding, history), default=len(history.plan.batches) - 1)


def _batch_at(index: int, history: History) -> int | None:
    phases = [event.name for event in history.events[: index + 1] if isinstance(event, Phase)]
    begun = [name for name in phases if name != "fence"][-1:]
    return int(begun[0].removeprefix(BATCH)) if begun and begun[0].startswith(BATCH) else None
