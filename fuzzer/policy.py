"""The dials: how a correct hub may legitimately differ. Defaults accuse nobody.

Each field is a dial of the same name in the ``[policy]`` table of the target file. Times are in seconds and count
only while the server demonstrably answers.
"""

from __future__ import annotations

from typing import Literal

from fuzzer.values import Value


class Limit(Value):
    """How many connections one user may have, and what happens to the one above (``over``).

    ``codes`` are the close codes and ``statuses`` the HTTP statuses that mean "because of the limit".
    """

    max: int
    over: Literal["reject", "evict-oldest"] = "reject"
    codes: tuple[int, ...] = ()
    statuses: tuple[int, ...] = ()


class Policy(Value):
    """What the hub promises, and within which times."""

    group: Literal["user", "room", "all"] = "user"
    echo: Literal["either", "always", "never"] = "either"
    join_evidence: Literal["broadcast", "welcome", "handshake"] = "broadcast"
    order: Literal["fifo", "none"] = "fifo"
    delivery: Literal["at-most-once", "at-least-once"] = "at-most-once"
    send_then_close: Literal["may", "must"] = "may"
    agreement: bool = True
    slow_consumer: Literal["disconnect-or-lossy", "lossless"] = "disconnect-or-lossy"
    sessions: Literal["independent", "takeover"] = "independent"
    limit: Limit | None = None
    deadline: float = 5.0
    t_join: float = 0.0
    t_release: float = 2.0
    t_detect: float = 5.0
    t_heartbeat: float | None = None
    max_size: int | None = None
    stall_bytes: int = 6_000_000
    refuse_tokens: tuple[str, ...] = (
        "expired",
        "not-yet-valid",
        "wrong-signature",
        "alg-none",
        "truncated",
        "none",
    )
