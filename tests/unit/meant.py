"""Which policy a history written by hand means."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from fuzzer.history import Event, Joined
from fuzzer.policy import Policy


def meant(policy: Policy, events: Iterable[Event], welcomes_count: bool) -> Policy:
    """Whoever writes down a welcome means one that says who is a member, unless the policy says how else."""
    welcomed = any(isinstance(e, Joined) and not e.group.startswith("room:") for e in events)
    counts = welcomed and welcomes_count and policy.join_evidence == "broadcast"
    return replace(policy, join_evidence="welcome") if counts else policy
