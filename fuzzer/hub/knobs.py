"""Every number of the embedded hub that a test or a seeded bug may want to turn."""

from __future__ import annotations

from typing import Literal

from fuzzer.values import Value


class Knobs(Value):
    """Times are seconds (0 switches a pause or the heartbeat off), sizes are bytes unless said otherwise.

    ``limit``: connections of one user, or (``scope``) of all users together. ``over``: what happens to the one above
    it; ``max_rooms``: rooms of one connection; ``reject_by``: HTTP 429 or a Close frame 4429 after the upgrade.
    ``echo``: whether a sender gets its own messages. The ``*_delay`` knobs stand for the awaits of real hubs, and so
    hold the windows of races open: before the upgrade is granted, between the upgrade and the registration, between
    noticing an unclean end and unregistering it, between the answer to a Close and giving the slot back, and before a
    room is left. ``grace``: for so long after an unclean end a user with a session is still said to be present.
    ``backlog``: what may wait for one slow reader before it is closed with 1013. ``max_size``: characters of one
    message. ``sndbuf``: SO_SNDBUF of accepted sockets (the kernel doubles it), small so that a reader that stalls is
    felt after a few hundred kilobytes.
    """

    limit: int = 5
    scope: Literal["user", "global"] = "user"
    max_rooms: int = 1000
    over: Literal["reject", "evict-oldest"] = "reject"
    reject_by: Literal["status", "close"] = "status"
    echo: Literal["always", "never"] = "always"
    auth_delay: float = 0.0
    join_delay: float = 0.0
    leave_delay: float = 0.0
    release_delay: float = 0.0
    unsubscribe_delay: float = 0.0
    grace: float = 0.0
    heartbeat: float = 20.0
    heartbeat_timeout: float = 20.0
    handshake_timeout: float = 10.0
    close_timeout: float = 1.0
    shutdown_timeout: float = 0.5
    backlog: int = 16 * 1024 * 1024
    max_size: int = 4 * 1024 * 1024
    sndbuf: int = 32 * 1024
