"""What the driver knows of one connection of the plan, as far as it steers what comes next. It judges nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fuzzer.history import Role

if TYPE_CHECKING:
    from fuzzer.driver.connection import FuzzConn


@dataclass
class Actor:
    """One connection and its state as seen from the client."""

    name: str
    user: str
    role: Role = "plan"
    welcome_expected: bool = False
    conn: FuzzConn | None = None
    decided: bool = False
    opened: bool = False
    impostor: bool = False
    tainted: bool = False
    stalled: bool = False
    unfenced: bool = False
    closing: bool = False
    gone: bool = False
    vanished: bool = False
    server_closed: bool = False
    server_ended: bool = False
    groups: set[str] = field(default_factory=set)
    first_message: str | None = None
    awaited_rooms: set[str] = field(default_factory=set)
    wanted_rooms: set[str] = field(default_factory=set)
    unflushed: list[str] = field(default_factory=list)

    @property
    def live(self) -> bool:
        """Open, its first message (if any) sent, and nobody has begun to end it."""
        return self.opened and self.decided and not self.closing and not self.gone and not self.server_closed

    @property
    def being_closed(self) -> bool:
        """A closing handshake is under way that can come to its end: a stalled connection cannot read the answer."""
        return self.closing and not self.gone and not self.stalled

    @property
    def dependable(self) -> bool:
        """Live, entitled to be a member, and never faulty: what a fence may wait for."""
        return self.live and not self.impostor and not self.tainted

    @property
    def member(self) -> bool:
        """Dependable, and every frame that it waits for to be a member has come."""
        return self.dependable and not self.welcome_expected
