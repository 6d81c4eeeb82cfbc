"""An answer never comes before what it answers (SPEC 2.3, causal).

m1 precedes m2 if their sender is the same connection and sent m1 first, or if m1 was read on the connection that sent
m2, before it did; and so on (Lamport's happened-before, within one group). Each message carries the set of those that
precede it as a bit mask; one pass over the sendings and readings of a group builds them all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from fuzzer.facts import NEVER, Conn, Facts, Message
from fuzzer.facts_owed import is_its_own
from fuzzer.invariants.delivery import one_stay
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement


def causal(facts: Facts) -> Judgement:
    """A message was read before another that precedes it, or without it."""
    findings: dict[str, Finding] = {}
    obligations = 0
    owed = _owed(facts)
    for messages in _groups(facts).values():
        before = _predecessors(facts, messages)
        for name in dict.fromkeys(name for m in messages for name in m.got):
            pairs = _Reader(facts, facts.conns[name], messages, before, owed)
            obligations += pairs.count()
            for earlier, later in pairs.broken():
                findings.setdefault(name, _finding(facts, earlier, later, name))
    return Judgement("HF112", obligations, tuple(findings.values()))


def _groups(facts: Facts) -> dict[str, list[Message]]:
    """The messages of each group in the order of sending."""
    groups: dict[str, list[Message]] = defaultdict(list)
    for message in facts.messages.values():
        groups[message.group].append(message)
    return groups


def _owed(facts: Facts) -> dict[str, set[str]]:
    owed: dict[str, set[str]] = defaultdict(set)
    for message, conn in facts.owed:
        owed[conn.name].add(message.name)
    return owed


def _predecessors(facts: Facts, messages: list[Message]) -> list[int]:
    """For each message the mask of those that precede it. What was read out of a store need not have been broadcast,
    nor what was the answer to who published it."""
    steps = [(m.inv, number, m.conn, True) for number, m in enumerate(messages)]
    readings = ((m, number, facts.live_readers[m.name].items()) for number, m in enumerate(messages))
    steps += [
        (at, number, name, False)
        for message, number, readers in readings
        for name, at in readers
        if not is_its_own(facts, message, facts.conns[name])
    ]
    known: dict[str, int] = defaultdict(int)  # what has been sent or read on each connection, and its predecessors
    before = [0] * len(messages)
    for _, number, name, sending in sorted(steps):
        if sending:
            before[number] = known[name]
        known[name] |= before[number] | 1 << number
    return before


class _Reader:
    """What one connection read of one group, held against the predecessors."""

    def __init__(self, facts: Facts, conn: Conn, messages: list[Message], before: list[int], owed: dict[str, set[str]]):
        self.facts, self.conn, self.messages, self.before, self.owed = facts, conn, messages, before, owed
        read = ((m.got[conn.name], n) for n, m in enumerate(messages) if conn.name in m.got)
        self.read = sorted((at, n) for at, n in read if at < conn.causes["stop"])  # a server that ends keeps no order
        self.due = sum(1 << n for n, m in enumerate(messages) if self._due(m))

    def _due(self, message: Message) -> bool:
        """Its own messages it knows already, whenever a copy comes back."""
        came = self.conn.name in message.got or message.name in self.owed[self.conn.name]
        return came and not is_its_own(self.facts, message, self.conn)

    def count(self) -> int:
        """How many readings had a predecessor of another sender that was due here."""
        return sum(1 for _, n in self.read if next(self._others(self.before[n] & self.due, n), None) is not None)

    def broken(self) -> Iterator[tuple[Message, Message]]:
        """(earlier, later): ``later`` was read while ``earlier`` had not been, though nothing excuses it."""
        seen = 0
        for at, n in self.read:
            for number in self._others(self.before[n] & self.due & ~seen, n):
                if self._inverted(self.messages[number], self.messages[n], at):
                    yield self.messages[number], self.messages[n]
            seen |= 1 << n

    def _others(self, mask: int, number: int) -> Iterator[int]:
        """The bits of ``mask``, without the messages of the same sender: those are the business of HF111 and HF101."""
        while mask:
            low = mask & -mask
            mask ^= low
            if self.messages[low.bit_length() - 1].conn != self.messages[number].conn:
                yield low.bit_length() - 1

    def _inverted(self, earlier: Message, later: Message, at: int) -> bool:
        came = earlier.got.get(self.conn.name, NEVER)
        if came == NEVER:
            return self._promised(earlier) and one_stay(self.facts, self.conn, earlier, at)
        live = not self.facts.may_be_history(earlier, self.conn, came)
        return live and not self.facts.may_be_history(later, self.conn, at)

    def _promised(self, message: Message) -> bool:
        """Must it reach all whom it must reach, although its sender may have gone while it was on its way?"""
        sender = self.facts.conns[message.conn]
        return self.facts.policy.agreement or min(sender.owed_until, sender.server_end) >= self.facts.drain


def _finding(facts: Facts, earlier: Message, later: Message, name: str) -> Finding:
    at, came = later.got[name], earlier.got.get(name, NEVER)
    when = f"at {facts.t(came):.3f} s" if came != NEVER else "never"
    return Finding(
        code="HF112",
        strength="violated",
        key=f"causal:{earlier.group.split(':')[0]}",
        summary=f"{name} got {later.name} before {earlier.name}, which {later.conn} knew when it sent {later.name}",
        expected=f"{earlier.name} of {earlier.conn} before {later.name} of {later.conn} on {name}",
        observed=f"{later.name} was read at {facts.t(at):.3f} s, {earlier.name} {when}",
        witness=tuple(i for i in (earlier.inv, later.inv, at, came) if i != NEVER),
        conns=(earlier.conn, later.conn, name),
        proof="order",
        dial='policy.order = "fifo"',
    )


INVARIANTS = (
    Invariant(
        "HF112",
        "causal",
        "broadcast",
        "A message is never read before one that its sender had read or sent when it sent it.",
        "Readings and sendings of one connection are in the order of this history; both messages went to the same "
        "group; what may be history, own copies, and order between rooms are not judged.",
        'policy.order = "fifo"',
        ("https://github.com/auntiepickle/totalmix-osc-bridge/issues/32", "https://github.com/olahol/melody/issues/6"),
        causal,
        lambda policy: policy.order == "causal",
    ),
)
