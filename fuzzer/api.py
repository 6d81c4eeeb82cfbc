"""The public functions for tests: fuzz a target, run one plan, and the two halves of that."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import trio

from fuzzer.campaign.engine import run_campaign
from fuzzer.campaign.events import CampaignEvent, FailureFound, FailureShrunk
from fuzzer.campaign.once import note_in_files, told_once
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.runner import ServerUnavailable
from fuzzer.campaign.store import DEFAULT_FOLDER, FailureStore, StoreError
from fuzzer.campaign.tally import tally_of
from fuzzer.driver.session import Session
from fuzzer.greeting import greet
from fuzzer.history import History
from fuzzer.hub_failure import Vacuous, failure_of, hub_failure
from fuzzer.invariants import SEVERITY, by_name, judge
from fuzzer.known import active_today
from fuzzer.plan import Plan
from fuzzer.report.warnings import nothing_in, nothing_was_exercised
from fuzzer.scenarios import SCENARIOS
from fuzzer.session_thread import SessionThread
from fuzzer.target.model import Target
from fuzzer.target.store import target_to_json
from fuzzer.verdict import Verdict

SHRINK_SECONDS = 10.0


def fuzz(
    target: Target,
    *,
    seconds: float | None = 4.0,
    plans: int | None = None,
    seed: int | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    scenarios: bool = True,
    failures: str | Path | None = DEFAULT_FOLDER,
    known: str | Path | None = None,
) -> Result:
    """Fuzz for ``seconds`` or ``plans``, whichever ends first, or until the first failure; shrinking has its own time.

    Raises ``HubFailure`` if the hub broke an invariant, ``Vacuous`` if nothing was exercised, ``ServerError``,
    ``ServerUnavailable`` or ``TargetError`` if the server cannot be used, ``ProbeError`` if its counts cannot be read,
    ``ValueError`` for an unknown invariant.
    ``seed`` None: a new one each time. ``only`` and ``skip`` take codes or names of invariants. ``failures``: the
    folder that failure files go to; None: nowhere. ``known``: a file of known failures, which are counted in
    ``totals.met`` and do not fail the test until they expire (``DamagedFile`` if it is none). A server that a fixture
    started is reached by ``target.at(url)``.
    """
    __tracebackhide__ = True  # of pytest: what failed is the hub, and the text says how
    options = Options(
        seconds=seconds,
        plans=plans,
        seed=secrets.randbelow(1_000_000_000) if seed is None else seed,
        only=tuple(by_name(name).code for name in only),
        skip=tuple(by_name(name).code for name in skip),
        max_failures=1,
        shrink_seconds=SHRINK_SECONDS,
        known=() if known is None else active_today(Path(known)),
    )
    named = named_plans(target) if scenarios else []
    folder = None if failures is None else Path(failures)
    with SessionThread(target) as thread:
        return campaign(thread, target, options, drawn_plans(target, options.seed), named, folder)


def run_plan(plan: Plan, target: Target, *, only: Sequence[str] = (), skip: Sequence[str] = ()) -> Verdict:
    """One plan, once: what the invariants say of it. Raises what ``fuzz`` raises; nothing is shrunk or stored."""
    __tracebackhide__ = True
    history = execute(plan, target)
    verdict = judge(history, only=only, skip=skip)
    if verdict.violations:
        raise hub_failure([failure_of(history, verdict.violations, origin="run_plan")])
    if nothing := nothing_in(1, tally_of(plan, history, verdict)):
        raise Vacuous(f"{target.name}: {nothing}, so this proves nothing")
    return verdict


def execute(plan: Plan, target: Target) -> History:
    """What happened in one execution of a plan. Also from within a running event loop, of whatever kind."""
    __tracebackhide__ = True
    with SessionThread(target) as thread:
        return thread.call(lambda session: session.execute(plan))


def campaign(
    thread: SessionThread,
    target: Target,
    options: Options,
    plans: Iterable[Plan],
    scenarios: Sequence[tuple[str, Plan]],
    folder: Path | None,
) -> Result:
    """A campaign on an open session; raises what ``fuzz`` raises."""
    __tracebackhide__ = True
    store = None if folder is None else FailureStore(folder)
    paths: dict[str, str] = {}

    def note(event: CampaignEvent) -> None:
        if isinstance(event, FailureFound | FailureShrunk):
            paths[event.failure.fingerprint] = event.path

    async def work(session: Session) -> Result:
        await greet(session)
        return await run_campaign(
            session,
            options,
            plans=plans,
            scenarios=scenarios,
            store=store,
            emit=note,
            subject=subject_of(target),
            clock=trio.current_time,
        )

    result = _once(thread.call(work), paths)
    _complain(result, paths, target)
    return result


def _once(result: Result, paths: dict[str, str]) -> Result:
    """Each bug told once. What the files say of it is a comfort, and no reason to lose the failure."""
    told = told_once(result)
    with contextlib.suppress(StoreError):
        note_in_files(result, told, paths)
    return told


def _complain(result: Result, paths: dict[str, str], target: Target) -> None:
    __tracebackhide__ = True
    if result.failures:
        worst_first = sorted(result.failures, key=lambda failure: SEVERITY.index(failure.code))
        raise hub_failure(worst_first, {name: _shown(path) for name, path in paths.items()}, result.also)
    if result.stop_reason == "server-unavailable":
        raise ServerUnavailable(f"{target.name}: {result.why}")
    if nothing := nothing_was_exercised(result):
        raise Vacuous(f"{target.name}: {nothing}, so this proves nothing")


def _shown(path: str) -> str:
    """From here, if it is below here: that is what people type."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if path and Path(path).is_relative_to(here) else path


def drawn_plans(target: Target, seed: int) -> Iterable[Plan]:
    """Plans for this target without end."""
    from strategies.draw import draw_plans  # late: it brings Hypothesis along
    from strategies.shape import shape_of_target

    return draw_plans(shape_of_target(target), seed)


def named_plans(target: Target) -> list[tuple[str, Plan]]:
    """The scenarios that this target's policy leaves something to do for."""
    found = ((name, scenario_plan(name, target)) for name in SCENARIOS)
    return [(name, plan) for name, plan in found if plan is not None]


def scenario_plan(name: str, target: Target) -> Plan | None:
    """One scenario for this target; None if its policy leaves nothing to do."""
    return SCENARIOS[name].build_for(target)


def subject_of(target: Target) -> Subject:
    """What was fuzzed, without secrets."""
    return Subject(target.name, msgspec.json.decode(target_to_json(target)))
