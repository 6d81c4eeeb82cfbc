"""What passes through the queue of a reader besides the messages of the plan: the control pair's, and answers to pings.
And in what form the messages themselves pass: in fragments, with what filler, and whether a hub must take that.

A hub may answer a ping through the queue of its reader (``tx.try_send(Pong(p))`` in Rust), where the pong takes a place
that a message would need.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from fuzzer.facts_records import NEVER, Conn, Message
from fuzzer.history import Control, History, PingInv, Pong
from fuzzer.payload import is_plain
from fuzzer.plan import Fill, Send

if TYPE_CHECKING:
    from fuzzer.facts import Facts

Span = tuple[int, int]


class Passing:
    """Since when each waited at the earliest, and until when at the latest, as indices of events."""

    def __init__(self, facts: Facts, controls: list[Control]) -> None:
        self._facts = facts
        self._cut = cut_messages(facts.history)
        self._fills = {op.msg: op.fill for op in facts.history.plan.ops() if isinstance(op, Send)}
        self.controls = _until_one_came(facts, controls) if facts.policy.group == "all" else []
        self._pongs: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for i, event in enumerate(facts.events):
            if isinstance(event, Pong):
                self._pongs[event.conn].append((event.since, i))
        self._sent: dict[str, list[Message]] = defaultdict(list)
        for message in facts.messages.values():
            self._sent[message.conn].append(message)

    def in_fragments(self, message: Message) -> bool:
        """Is it sent in several frames?"""
        return is_cut(message.name, self._cut)

    def may_be_refused(self, message: Message) -> bool:
        """Is it too large, perhaps, or of a form that the hub need not take? Or has the hub said so itself?"""
        refused = message.name in self.not_published
        return refused or self._facts.may_be_oversize(message) or self.is_unwanted(message)

    @cached_property
    def not_published(self) -> frozenset[str]:
        """What the hub has told the sender that it did not publish. An answer that names no message may be to any
        that was sent before it and that nobody got."""
        named = {e.msg for _, e in self._facts.not_published if e.msg}
        nameless = [(i, e.conn) for i, e in self._facts.not_published if not e.msg]
        lost = (m for m in self._facts.messages.values() if not m.got)
        return frozenset(named | {m.name for m in lost if any(m.conn == c and m.inv < i for i, c in nameless)})

    def is_unwanted(self, message: Message) -> bool:
        """Is it of a form that the hub need not take, in several frames or with a body that is not plain?"""
        return self.in_unwanted_fragments(message) or (
            self._facts.policy.body == "plain" and not self.is_plain(message)
        )

    def in_unwanted_fragments(self, message: Message) -> bool:
        """Is it sent in several frames to a hub that need not take such?"""
        return not self._facts.policy.fragments and self.in_fragments(message)

    def fill(self, message: Message) -> Fill | None:
        """The filler of a fence, or of a message of the plan; None if it is not there."""
        return "ascii" if message.fence else self._fills.get(message.name) or self._fills.get(_burst(message.name))

    def is_plain(self, message: Message) -> bool:
        """Is its body surely plain text?"""
        fill = self.fill(message)
        return not message.size or (fill is not None and is_plain(message.size, fill))

    def pongs(self, conn: Conn) -> list[Span]:
        """The answers to its pings, those that hubfuzz sends between fragments as well."""
        facts, came = self._facts, self._pongs[conn.name]
        pings = [i for i in conn.spoke if isinstance(facts.events[i], PingInv)]
        spans = [(i, next((j for _, j in came if j > i), NEVER)) for i in pings]
        spans += [(facts.index_at(since), j) for since, j in came]
        between = (m for m in self._sent[conn.name] if is_cut(m.name, self._cut))
        return spans + [(m.inv, min(m.got.values(), default=NEVER)) for m in between]


def _until_one_came(facts: Facts, controls: list[Control]) -> list[Span]:
    """A message of the pair that was given up may be passed on later; the next that comes in time is behind it."""
    spans: list[Span] = []
    done = NEVER
    for control in reversed(controls):
        done = facts.index_at(control.t) if control.ok else done
        spans.append((facts.index_at(control.since), done))
    return spans[::-1]


def cut_messages(history: History) -> frozenset[str]:
    """The names in the plan of what is sent in fragments."""
    return frozenset(op.msg for op in history.plan.ops() if isinstance(op, Send) and op.wire == "fragments")


def is_cut(message: str, cut: frozenset[str]) -> bool:
    """Is it, or is the burst that it belongs to, among those?"""
    return message in cut or _burst(message) in cut


def _burst(message: str) -> str:
    return message.rpartition(".")[0]
