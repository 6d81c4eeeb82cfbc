"""When a hub with a bounded queue for each reader may take one for slow, though it reads (SPEC 2.8, slow_consumer).

What waits for a reader at one instant was sent before it and read after it. So the messages that are on their way in
this sense bound the hub's queue from above, whatever the hub and the network do in between. A message that is never
read is over at the latest when the reader reads something that was sent after a later message of the same sender had
come out anywhere: by then its own copies had been queued, and queues are in order. Where senders keep no order
(``policy.order = "none"``) it may wait for ever. History may be read out to whoever subscribes, and a hub that
delivers at least once is taken to have two copies of everything on the way, the second of which may be read later.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import accumulate
from typing import TYPE_CHECKING

from fuzzer.facts_records import NEVER, Conn, Message
from fuzzer.history import Frame
from fuzzer.payload import ENVELOPE, ESCAPED

if TYPE_CHECKING:
    from fuzzer.facts import Facts

Span = tuple[int, int]


def frame_bytes(facts: Facts, message: Message) -> int:
    """The most that its frame can weigh; what a copy of it was seen to weigh, if that is more."""
    return max(message.size * max(ESCAPED, facts.width(message)) + ENVELOPE, message.heaviest)


def _besides(facts: Facts, conn: Conn) -> list[tuple[int, int]]:
    """What else it read: when, and the most that it can have weighed."""
    sizes = ((i, facts.events[i]) for i in conn.besides)
    return [(i, max(ENVELOPE, e.size) if isinstance(e, Frame) else ENVELOPE) for i, e in sizes]


class Backlog:
    """The messages of one history that the hub may have taken, by group, and when each was surely handled."""

    def __init__(self, facts: Facts) -> None:
        policy = facts.policy
        self._facts = facts
        self._copies = 2 if policy.delivery == "at-least-once" else 1
        self._readings = _readings(facts) if self._copies > 1 or policy.subscriptions == "each" else {}
        largest = NEVER if policy.max_size is None else policy.max_size
        self._groups: dict[str, list[Message]] = defaultdict(list)
        self._handled: dict[str, int] = {}
        for (_, group), messages in facts.sent.items():
            self._groups[group] += (m for m in messages if m.size <= largest)
            if policy.order != "none":
                self._handled.update(_handled(messages))
        weights = {group: sum(frame_bytes(facts, m) for m in some) for group, some in self._groups.items()}
        self._weights = weights

    def crowded(self, conn: Conn, groups: Set[str], most: int, passing: Sequence[Span]) -> tuple[Span, ...]:
        """The spans ``[start, end)`` of indices in which more than ``most`` bytes may have waited for ``conn``.

        ``groups``: those that it may be in. What else it has read waited in the same queue. ``passing``: when messages
        were sent to its group, and had surely been taken, of which it keeps no note. Messages to other groups take a
        place each: there may be one queue for all, in which each reader passes over what is not its own (a broadcast
        channel of tokio, say).
        """
        foreign = [m for group, some in self._groups.items() if group not in groups for m in some]
        times = {group: self._copies * _subscriptions(self._facts, conn, group) for group in groups}
        own = sum(self._weights.get(group, 0) * (times[group] + self._copies * _asked(conn)) for group in groups)
        besides = _besides(self._facts, conn)
        if own + sum(weight for _, weight in besides) + ENVELOPE * (len(passing) + self._copies * len(foreign)) <= most:
            return ()
        messages = [m for group in groups for m in self._groups.get(group, ())]
        waiting = _Waiting(conn, messages, self._handled)
        further = self._readings.get(conn.name, {})
        copies = [(waiting.spans(waiting.read), 0), *((waiting.again(), 0) for _ in range(self._copies))]
        for number in range(1, max(times.values(), default=1)):
            copies.append((waiting.spans({m: at[number] for m, at in further.items() if number < len(at)}), number))
        spans = [(frame_bytes(self._facts, m), a, b) for some, n in copies for m, a, b in some if n < times[m.group]]
        spans += waiting.others(besides)
        spans += [(ENVELOPE, start, end) for start, end in waiting.passed(passing)]
        taken = ((m.inv, min(m.got.values(), default=self._handled.get(m.name, NEVER))) for m in foreign)
        spans += [(ENVELOPE * self._copies, start, end) for start, end in waiting.passed(taken)]
        steps = [step for weight, start, end in spans for step in ((start, weight), (end, -weight))]
        return tuple(_above(sorted(steps), most))


class _Waiting:
    """When each message may wait for one reader: from its sending on, and again as history from a subscription on."""

    def __init__(self, conn: Conn, messages: list[Message], handled: Mapping[str, int]) -> None:
        self._conn, self._messages, self._handled = conn, messages, handled
        self.read = {m.name: m.got[conn.name] for m in messages if conn.name in m.got}
        self._readings = sorted((self.read[m.name], m.inv) for m in messages if m.name in self.read)
        self._latest = list(accumulate((inv for _, inv in self._readings), max))

    def spans(self, read: Mapping[str, int]) -> Iterator[tuple[Message, int, int]]:
        """One copy of each, which was read then."""
        conn = self._conn
        for message in self._messages:
            start, end = max(message.inv, conn.open_inv), read.get(message.name, NEVER)
            if end == NEVER:
                end = self._over(self._handled.get(message.name, NEVER))
            if start < end:
                yield message, start, end

    def again(self) -> Iterator[tuple[Message, int, int]]:
        """What may be read out to each subscription, as history."""
        for message in self._messages:
            for again in self._conn.subscriptions.get(message.group, ()):
                if message.inv < again.answered:
                    yield message, max(message.inv, again.inv), self._over(again.answered)

    def others(self, besides: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
        """A frame was queued after what was read before it: its weight, and since when and until when it may wait."""
        for read, weight in besides:
            before = bisect_left(self._readings, (read, 0))
            yield weight, self._readings[before - 1][1] if before else self._conn.open_inv, read

    def passed(self, passing: Iterable[Span]) -> Iterator[Span]:
        """What passes is over as a message is."""
        for sent, taken in passing:
            start, end = max(sent, self._conn.open_inv), self._over(taken)
            if start < end:
                yield start, end

    def _over(self, index: int) -> int:
        """When something was read that had been sent after ``index``: what was queued before it has gone."""
        number = bisect_left(self._latest, index)
        return self._readings[number][0] if number < len(self._readings) else NEVER


def _readings(facts: Facts) -> dict[str, dict[str, list[int]]]:
    """By connection and message: whenever it was read."""
    read: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, e in facts.deliveries:
        read[e.conn][e.msg].append(i)
    return read


def _handled(messages: list[Message]) -> Iterator[tuple[str, int]]:
    """For each message when a later one of the same sender to the same group was first read by anybody."""
    first = NEVER
    for message in reversed(messages):
        if first != NEVER:
            yield message.name, first
        first = min(first, *message.got.values()) if message.got else first


def _asked(conn: Conn) -> int:
    """How often the history of one room may come to it."""
    return max(map(len, conn.subscriptions.values()), default=0)


def _subscriptions(facts: Facts, conn: Conn, group: str) -> int:
    """How many copies of one message it may get because it has asked so often; one in most hubs."""
    if facts.policy.subscriptions != "each":
        return 1
    return max(1, sum(len(mate.subscriptions.get(group, ())) for mate in facts.session_of(conn)))


def _above(steps: Iterable[tuple[int, int]], most: int) -> Iterator[Span]:
    waiting, since = 0, NEVER
    for index, change in steps:
        waiting += change
        if waiting > most and since == NEVER:
            since = index
        elif waiting <= most and since != NEVER:
            yield since, index
            since = NEVER
    if since != NEVER:
        yield since, NEVER
