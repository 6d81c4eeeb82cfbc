"""The public functions for tests: fuzz a target, run one plan, and the two halves of that."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

import trio

from fuzzer.campaign.engine import run_campaign
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.runner import ServerUnavailable
from fuzzer.campaign.store import FailureStore
from fuzzer.driver.session import Session
from fuzzer.driver.session import execute as execute
from fuzzer.hub_failure import Vacuous, hub_failure
from fuzzer.plan import Plan
from fuzzer.report.warnings import nothing_was_exercised
from fuzzer.scenarios import SCENARIOS
from fuzzer.session_thread import SessionThread
from fuzzer.target.model import Target

DEFAULT_FOLDER = Path(".hubfuzz/failures")


def fuzz(
    target: Target,
    *,
    seconds: float | None = 4.0,
    plans: int | None = None,
    seed: int | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    scenarios: bool = True,
    failures: Path | None = DEFAULT_FOLDER,
) -> Result:
    """Fuzz for ``seconds`` or ``plans``, whichever ends first; shrinking has its own time.

    Raises ``HubFailure`` if the hub broke an invariant, ``Vacuous`` if nothing was exercised, ``ServerError`` or
    ``TargetError`` if the server cannot be used. ``failures``: where failure files go; None: nowhere.
    """
    chosen = secrets.randbelow(1_000_000_000) if seed is None else seed
    options = Options(
        seconds=seconds, plans=plans, seed=chosen, only=codes(only), skip=codes(skip), shrink_seconds=10.0
    )
    named = named_plans(target) if scenarios else []
    with SessionThread(target) as thread:
        return campaign(thread, target, options, drawn_plans(target, chosen), named, failures)


def run_plan(plan: Plan, target: Target) -> None:
    """One plan, once; raises ``HubFailure`` if it fails."""
    with SessionThread(target) as thread:
        campaign(thread, target, Options(seconds=None, plans=1, shrink_seconds=0), [plan], [], None)


def campaign(
    thread: SessionThread,
    target: Target,
    options: Options,
    plans: Iterable[Plan],
    scenarios: Sequence[tuple[str, Plan]],
    folder: Path | None,
) -> Result:
    """A campaign on an open session; raises what ``fuzz`` raises."""
    store = None if folder is None else FailureStore(folder)

    async def work(session: Session) -> Result:
        if not await session.control_answers():
            raise ServerUnavailable(f"{target.name}: {session.control_trouble()}")
        subject = subject_of(target)
        return await run_campaign(
            session, options, plans=plans, scenarios=scenarios, store=store, subject=subject, clock=trio.current_time
        )

    result = thread.call(work)
    if result.failures:
        stored = () if store is None else store.all()
        raise hub_failure(result.failures, {s.failure.fingerprint: str(s.path) for s in stored})
    if result.stop_reason == "server-unavailable":
        raise ServerUnavailable(result.why)
    nothing = nothing_was_exercised(result)
    if nothing:
        raise Vacuous(f"{target.name}: {nothing}, so this proves nothing")
    return result


def codes(names: Sequence[str]) -> tuple[str, ...]:
    """Codes of invariants given by code or name; ``ValueError`` for one that there is not."""
    from fuzzer.invariants import by_name

    return tuple(by_name(name).code for name in names)


def drawn_plans(target: Target, seed: int) -> Iterable[Plan]:
    """Plans for this target without end."""
    from strategies.draw import draw_plans
    from strategies.shape import shape_of_target

    return draw_plans(shape_of_target(target), seed)


def named_plans(target: Target) -> list[tuple[str, Plan]]:
    """The scenarios that this target's policy leaves something to do for."""
    found = ((name, scenario_plan(name, target)) for name in SCENARIOS)
    return [(name, plan) for name, plan in found if plan is not None]


def scenario_plan(name: str, target: Target) -> Plan | None:
    """One scenario for this target; None if its policy leaves nothing to do."""
    return SCENARIOS[name].build(
        target.policy, rooms=target.has_rooms, sessions=target.has_sessions, tokens=target.has_tokens
    )


def subject_of(target: Target) -> Subject:
    """What was fuzzed, without secrets."""
    import msgspec

    from fuzzer.target.store import target_to_json

    return Subject(target.name, msgspec.json.decode(target_to_json(target)))
