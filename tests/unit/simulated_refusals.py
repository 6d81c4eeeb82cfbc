"""What the simulated hub does not take of its members: too much, too big, of a form of its own, or for no reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from simulated_world import Item, Peer, Ways, World

from fuzzer.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

TOO_BIG, NOT_PLAIN, UNINVITED, OVER_RATE = 1009, 1003, 4403, 1013
AT_WILL = 0.1  # of all messages: somebody has said that before, or a word is forbidden


class Refusals:
    """The part of the hub that says no, or nothing."""

    world: World
    policy: Policy
    ways: Ways
    _said: Counter[str]
    _write: Callable[[Peer, Item], None]
    kick: Callable[[Peer, int], None]

    def _talks_too_much(self, peer: Peer, kind: str, said: list[str]) -> bool:
        """What it says beyond the rate is ignored, or the connection is closed."""
        counted = kind in ("msg", "sub", "unsub", "query")
        whose = {"connection": f"{peer.name} {id(peer)}", "user": peer.user}.get(self.policy.rate_scope, "")
        self._said[whose] += counted
        if self.policy.rate is None or self._said[whose] <= self.policy.rate or not counted:
            return False
        if self.ways.disconnects_slow and peer.registered:
            self.kick(peer, OVER_RATE)
        ignored = self.world.rng.random() < 0.5
        if ignored and kind == "msg":
            self._say_no(peer, said[0])
        return ignored

    def _turns_down(self, sender: Peer, msg: str, size: int, inside: bool) -> bool:
        """Of what is too big, or not plain, nothing or only a part is passed on, or the connection is closed; so it may
        be for speaking to a room that it is not in."""
        big = self.policy.max_size is not None and size > self.policy.max_size
        odd = self.ways.plain_only and size > 0
        if (big or odd) and self.ways.disconnects_slow:
            self.kick(sender, TOO_BIG if big else NOT_PLAIN)
        elif not inside and self.ways.shuts_out:
            self.kick(sender, UNINVITED)
        refused = (big and (self.ways.disconnects_slow or not self.ways.cuts_big)) or odd or self._will_not()
        if refused:
            self._say_no(sender, msg)
        return refused

    def _will_not(self) -> bool:
        return self.ways.says_no and self.world.rng.random() < AT_WILL

    def _say_no(self, sender: Peer, msg: str) -> None:
        """Which message that was, or only that there was one."""
        if self.ways.says_no:
            self._write(sender, ("not_published", msg if self.ways.names_refused else ""))
