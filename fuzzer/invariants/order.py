"""Messages of one connection to one group arrive in the order in which they were sent (SPEC 2.3)."""

from __future__ import annotations

from itertools import pairwise

from fuzzer.facts import Facts, Message
from fuzzer.facts_owed import may_be_a_copy
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement


def fifo(facts: Facts) -> Judgement:
    """m1 before m2 from one sender, both delivered on c: then in this order.

    What may be history, read out to a newcomer after live messages, keeps no order with them; nor does what a server
    that is told to end still passes on.
    """
    findings: dict[str, Finding] = {}
    obligations = 0
    for sent in facts.sent.values():
        for receiver in dict.fromkeys(name for message in sent for name in message.got):
            read = [message for message in sent if receiver in message.got]
            obligations += max(len(read) - 1, 0)
            for earlier, later in pairwise(read):
                if later.got[receiver] < earlier.got[receiver] < _kept_until(facts, earlier, later, receiver):
                    findings.setdefault(receiver, _inverted(facts, earlier, later, receiver))
    return Judgement("HF111", obligations, tuple(findings.values()))


def _kept_until(facts: Facts, earlier: Message, later: Message, receiver: str) -> int:
    """Order is kept unless it is history, and until the server is told to end: queues are flushed then as may be.

    Nor by the answer to who publishes from outside of a room, which need not wait for what is in the queue of it."""
    conn = facts.conns[receiver]
    outside = later.group.startswith("room:") and not facts.is_in(conn, later)
    by_hand = outside and may_be_a_copy(facts, later, conn)
    history = facts.may_be_history(earlier, conn, earlier.got[receiver])
    return -1 if by_hand or history else conn.causes["stop"]


def _inverted(facts: Facts, earlier: Message, later: Message, receiver: str) -> Finding:
    return Finding(
        code="HF111",
        strength="violated",
        key=f"fifo:{earlier.group.split(':')[0]}",
        summary=f"{receiver} got {later.name} before {earlier.name}, though {earlier.conn} sent {earlier.name} first",
        expected=f"{earlier.name} before {later.name} on {receiver}",
        observed=f"{later.name} was read at {facts.t(later.got[receiver]):.3f} s, {earlier.name} at "
        f"{facts.t(earlier.got[receiver]):.3f} s",
        witness=(earlier.inv, later.inv, later.got[receiver], earlier.got[receiver]),
        conns=(earlier.conn, receiver),
        proof="order",
        dial='policy.order = "none"',
    )


INVARIANTS = (
    Invariant(
        "HF111",
        "fifo",
        "broadcast",
        "Each receiver gets the messages of one connection in the order in which they were sent.",
        "Both messages travelled on the same two TCP connections, which keep order; only the hub can invert them. "
        "What comes after the server was told to end is not judged.",
        'policy.order = "none"',
        ("https://github.com/olahol/melody/issues/6", "https://github.com/grafov/bcast/issues/9"),
        fifo,
        lambda policy: policy.order != "none",
    ),
)
