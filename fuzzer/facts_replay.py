"""Which broadcasts were surely over when somebody began to join: what of them comes to the newcomer was read out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING

from fuzzer.facts_records import NEVER, Conn, Message

if TYPE_CHECKING:
    from fuzzer.facts import Facts


class Replay:
    """The ends of the broadcasts of one history."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def over_before(self, message: Message, begin: int) -> bool:
        """Was this broadcast surely over at ``begin``? All that may have been in the group had read a later one of its
        sender.

        Not only all whom it had reached: where each connection has a lock of its own, one that reads nothing holds up
        the broadcast for those behind it, while others get the next one. The sender alone shows nothing: it may have
        been answered with a copy while the message still stands in a queue of the group.
        """
        reached = [name for name, i in message.got.items() if i < begin]
        policy = self._facts.policy
        if policy.order == "none" or policy.group == "all":  # the control pair is in it, too
            return False
        if not any(name != message.conn for name in reached):
            return False
        later = (m for m in self._facts.sent[message.conn, message.group] if message.inv < m.inv < begin)
        if not any(all(m.got.get(name, NEVER) < begin for name in reached) for m in later):
            return False
        waiting = self._there(message.group, begin).difference(reached)
        return waiting <= self._without_echo(message.conn, message.group)

    @cached_property
    def _without_echo(self) -> Callable[[str, str], frozenset[str]]:
        """The sender, if it reads all the time and yet no message of its own came back from the group."""
        stalled = {conn.name for conn in self._facts.conns.values() if _ever_deaf(conn)}

        @cache
        def without(sender: str, group: str) -> frozenset[str]:
            echoed = sender in stalled or any(sender in m.got for m in self._facts.sent[sender, group])
            return frozenset() if echoed and self._facts.policy.echo != "never" else frozenset({sender})

        return without

    @cached_property
    def _there(self) -> Callable[[str, int], frozenset[str]]:
        """Who may be in the group just before an index, as far as the server has not shown their end by itself."""

        @cache
        def there(group: str, begin: int) -> frozenset[str]:
            ends = ((c, c.server_end) for c in self._facts.conns.values())
            conns = (c for c, end in ends if end >= begin or c.causes["stop"] < end)  # an outbox may outlive a process
            mates = ((c.name, mate) for c in conns for mate in self._facts.session_of(c))
            stays = ((name, stay) for name, mate in mates for stay in mate.episodes.get(group, ()))
            return frozenset(name for name, stay in stays if stay.begin < begin)

        return there


def _ever_deaf(conn: Conn) -> bool:
    """Did it at any time leave unread what was sent to it?"""
    return any(kind == "stall" for _, _, kind in conn.faults) or any(drop.how == "vanish" for _, drop in conn.drops)
