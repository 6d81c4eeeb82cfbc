"""From a stored failure to what a replay needs: a plan that can be executed, and a target that may be touched.

Failure files are handed around, so nothing in one is taken on trust: a damaged plan would prove nothing and look fixed.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from fuzzer.campaign.failure import Failure
from fuzzer.invariants import INVARIANTS
from fuzzer.plan import Plan
from fuzzer.plan_rules import problems
from fuzzer.target.check_url import hosts_of
from fuzzer.target.errors import TargetError
from fuzzer.target.model import Target
from fuzzer.target.store import restored, target_from_json
from fuzzer.values import DamagedFile


def plan_of(failure: Failure) -> Plan:
    """Its plan; raises ``DamagedFile`` if that cannot be executed as it stands."""
    found = problems(failure.plan) if failure.plan.size() else ("no op in it",)
    if found:
        raise DamagedFile(f"damaged plan: {found[0]}")
    return failure.plan


def target_of(
    failure: Failure, *, bug: str | None = None, allow_hosts: Collection[str] = (), moving: bool = False
) -> Target:
    """The embedded hub as it was (with ``bug`` in place of the stored one; ``none``: without), or the stored target.

    ``moving``: only its protocol and promises are wanted, for a server elsewhere, so its own hosts do not matter.
    Raises ``DamagedFile`` or ``TargetError``.
    """
    if failure.hub:
        return _embedded(failure, bug)
    if bug is not None:
        raise TargetError("--bug is for failures of the embedded hub, and this is one of another target")
    if not failure.target:
        raise TargetError("no target is stored with it; give its target file (--target FILE)")
    target = target_from_json(msgspec.json.encode(failure.target), "its stored target")
    return restored(target, allow_hosts=(*allow_hosts, *(hosts_of(target) if moving else ())))


def check_is_judged(failure: Failure, target: Target) -> None:
    """Raises ``TargetError`` if no run on this target could fail in this way: ``FIXED`` would then mean nothing."""
    invariant = next((invariant for invariant in INVARIANTS if invariant.code == failure.code), None)
    if invariant is None:
        raise TargetError(f"this version knows no invariant {failure.code}")
    if not invariant.applies(target.policy):
        dial = f" (see {invariant.dial})" if invariant.dial else ""
        raise TargetError(f"{failure.code} {invariant.name} is switched off by the policy of {target.name}{dial}")


def _embedded(failure: Failure, bug: str | None) -> Target:
    """The hub with the knobs that the failure was found with."""
    from fuzzer.hub.knobs import Knobs
    from fuzzer.hub.target import embedded_target

    code = failure.hub.get("bug") if bug is None else None if bug.lower() == "none" else bug.upper()
    if not isinstance(code, str | None):
        raise DamagedFile(f"hub.bug: found {code!r}, expected a code like S15, or null")
    try:
        return embedded_target(code, msgspec.convert(failure.hub.get("knobs", {}), Knobs))
    except msgspec.ValidationError as error:
        raise DamagedFile(f"hub.knobs: {error}") from None
    except (ValueError, TypeError) as error:
        raise DamagedFile(f"hub.bug: {error}") if bug is None else TargetError(f"--bug: {error}") from None
