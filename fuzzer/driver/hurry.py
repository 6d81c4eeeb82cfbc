"""Shorter time bounds, for shrinking alone."""

from __future__ import annotations

import msgspec

from fuzzer.policy import Policy

LEAST_BOUND = 0.15


def hurried(policy: Policy, hurry: float) -> Policy:
    """The policy with its time bounds scaled down, for shrinking; conviction is repeated with the real ones."""
    if hurry >= 1.0:
        return policy
    bounds = {name: getattr(policy, name) for name in ("deadline", "t_release", "t_detect", "t_shutdown", "t_held_up")}
    scaled = {name: min(v, max(LEAST_BOUND, v * hurry)) for name, v in bounds.items() if v is not None}
    return msgspec.structs.replace(policy, **scaled)
