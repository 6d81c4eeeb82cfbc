"""Which declared times are longer than any drawn plan waits, so that a promise is next to never put to the test."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.policy import MOST_PATIENCE
from strategies.shape import TargetLike

PROMISES = {
    "t_heartbeat": "that a peer which answers nothing is given up (HF403)",
    "t_presence": "that presence says who is there (HF405)",
    "t_expiry": "that a connection whose token has expired gets nothing more (HF106)",
    "t_evict": "that a user above the limit loses a connection (HF201)",
}
ENDS = ("t_release", "t_detect")
FORGOTTEN = "that presence forgets who has left (HF405)"


def untried(target: TargetLike) -> Iterator[str]:
    """One line for each dial that is too long, with what is hardly tried because of it."""
    policy = target.policy
    for name, promise in PROMISES.items():
        if (getattr(policy, name) or 0.0) > MOST_PATIENCE:
            yield _line(name, getattr(policy, name), promise)
    if policy.t_presence is not None and policy.t_presence <= MOST_PATIENCE:
        for name in ENDS:
            if getattr(policy, name) > MOST_PATIENCE:
                yield _line(name, getattr(policy, name), FORGOTTEN)


def _line(name: str, bound: float, promise: str) -> str:
    return (
        f"policy.{name} = {bound:g} is longer than a drawn plan waits ({MOST_PATIENCE:g} s): {promise} "
        "is hardly tried; fuzz the hub with a shorter one"
    )
