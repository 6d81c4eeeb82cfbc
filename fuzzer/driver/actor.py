"""What the driver knows of one connection of the plan, as far as it steers what comes next. It judges nothing."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fuzzer.driver.room_answers import RoomAnswers
from fuzzer.history import Role

if TYPE_CHECKING:
    from fuzzer.driver.connection import FuzzConn


@dataclass
class Actor:
    """One connection and its state as seen from the client.

    ``held``: in its opening handshake, of which we keep the last byte. ``half``: closed, but our end of TCP stays
    open. ``yes_expected``: its first message, with the token, is not answered yet. ``doubtful_from``: from this
    monotonic time on the hub may take its token for expired. ``questions``: how many of its questions who is present
    are not answered yet.
    """

    name: str
    user: str
    role: Role = "plan"
    welcome_expected: bool = False
    yes_expected: bool = False
    conn: FuzzConn | None = None
    held: bool = False
    decided: bool = False
    opened: bool = False
    impostor: bool = False
    tainted: bool = False
    stalled: bool = False
    unfenced: bool = False
    closing: bool = False
    half: bool = False
    gone: bool = False
    vanished: bool = False
    server_closed: bool = False
    server_ended: bool = False
    doubtful_from: float = math.inf
    questions: int = 0
    groups: set[str] = field(default_factory=set)
    first_message: str | None = None
    awaited_rooms: set[str] = field(default_factory=set)
    wanted_rooms: set[str] = field(default_factory=set)
    rooms_being_left: set[str] = field(default_factory=set)
    room_answers: RoomAnswers = field(default_factory=RoomAnswers)
    unflushed: list[str] = field(default_factory=list)

    @property
    def live(self) -> bool:
        """Open, its first message (if any) sent, and nobody has begun to end it."""
        return self.opened and self.decided and not self.closing and not self.gone and not self.server_closed

    @property
    def being_closed(self) -> bool:
        """A closing handshake is under way that can come to its end: a stalled connection cannot read the answer."""
        return self.closing and not self.gone and not self.stalled and not self.left_half

    @property
    def left_half(self) -> bool:
        """Its Close was answered (or the server ended it otherwise), and our end of TCP stays open on purpose."""
        return self.half and self.server_ended

    @property
    def dependable(self) -> bool:
        """Live, entitled to be a member, and never faulty: what a fence may wait for."""
        return self.live and not self.impostor and not self.tainted and time.monotonic() < self.doubtful_from

    @property
    def member(self) -> bool:
        """Dependable, and every frame that it waits for to be a member has come."""
        return self.dependable and not self.welcome_expected
