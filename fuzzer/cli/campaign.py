"""The campaign behind ``hubfuzz run``: target, plans and handlers put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import trio

from fuzzer.campaign.control import Control
from fuzzer.campaign.engine import run_campaign
from fuzzer.campaign.events import CampaignEvent, Finished
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.store import FailureStore, Stored, StoreError
from fuzzer.cli.earlier import Earlier, in_turn
from fuzzer.cli.errors import CliError, Interrupted, complain
from fuzzer.cli.interrupt import Ending, on_interrupt, ticking
from fuzzer.cli.options import RunOptions
from fuzzer.cli.reports import Reports
from fuzzer.cli.tell import tell
from fuzzer.exit_codes import ExitCode
from fuzzer.greeting import greet
from fuzzer.report.screen import Screen
from fuzzer.report.terminal import TerminalReport
from fuzzer.scenarios import SCENARIOS
from fuzzer.target.model import Target
from fuzzer.target.store import target_to_json

if TYPE_CHECKING:
    from fuzzer.plan import Plan

Handler = Callable[[CampaignEvent], None]


def explore(target: Target, options: RunOptions, seed: int) -> ExitCode:
    """Run the campaign, show it, write the reports, and say how it ended."""
    store = prepared_store(options)
    earlier = Earlier(options, target, store)
    settings = campaign_options(options, seed, earlier.known, options.workers_for(target))
    target = fit_for(target, settings.workers)
    reports = Reports(options, target)
    screen = Screen()
    ending, kept = Ending(), Kept()
    try:
        with TerminalReport(screen, verbose=options.verbose) as terminal:
            handlers = (reports, earlier, terminal, kept)
            stored = in_turn(earlier.stored, seed)
            work = Work(target, options, settings, store, stored, handlers, terminal.tick, ending.note)
            result = trio.run(side_by_side if settings.workers > 1 else _campaign, work)
    except* KeyboardInterrupt:  # between the last look at signals within trio, and the first one after it
        ending.note()
        result = kept.result
    if result is None:
        raise Interrupted
    with ending:
        code = tell(result, target, earlier, reports, screen)
    if ending.interrupted and code != ExitCode.INTERRUPTED:
        complain("interrupted after the end of the campaign: all of it is told")
        return ExitCode.INTERRUPTED
    return code


def prepared_store(options: RunOptions) -> FailureStore:
    """The folder of failures; raises ``CliError`` if it cannot be written."""
    store = FailureStore(options.failures)
    try:
        store.prepare()
    except StoreError as error:
        raise CliError(f"--failures: {error}") from None
    return store


def campaign_options(options: RunOptions, seed: int, known: tuple[str, ...] = (), workers: int = 1) -> Options:
    """The campaign's options; only named scenarios: then these and nothing drawn."""
    return Options(
        seconds=None if options.scenario and options.seconds is None else options.budget,
        plans=options.plans,
        seed=seed,
        max_failures=options.max_failures,
        only=options.codes(options.invariant, "--invariant"),
        skip=options.codes(options.skip, "--skip"),
        known=known,
        shrink_seconds=options.shrink_seconds,
        ceiling=options.end,
        workers=workers,
    )


class Kept:
    """Handler of campaign events: the result, as soon as there is one."""

    result: Result | None = None

    def __call__(self, event: CampaignEvent) -> None:
        if isinstance(event, Finished):
            self.result = event.result


@dataclass(frozen=True)
class Work:
    """Everything that one campaign needs; ``emit`` tells all handlers; ``asked`` hears that the user wants to stop."""

    target: Target
    options: RunOptions
    settings: Options
    store: FailureStore
    stored: tuple[Stored, ...]
    handlers: tuple[Handler, ...]
    tick: Callable[[], None]
    asked: Callable[[], None] = lambda: None

    def emit(self, event: CampaignEvent) -> None:
        for handler in self.handlers:
            handler(event)


async def side_by_side(work: Work) -> Result | None:
    """The campaign of several workers. None: interrupted before the first plan."""
    from fuzzer.workers.crew import Crew

    crew = Crew(
        work.target,
        work.settings,
        subject=subject_of(work.target, work.options.bug),
        scenarios=[name for name, _ in scenarios_of(work.target, work.options)],
        drawn=not work.options.scenario,
        stored=work.stored,
        store=work.store,
        emit=work.emit,
    )

    def interrupt() -> None:
        work.asked()
        crew.interrupt()

    async with on_interrupt(interrupt), trio.open_nursery() as nursery:
        nursery.start_soon(ticking, work.tick)
        result = await crew.run()
        nursery.cancel_scope.cancel()
    return None if result.stop_reason == "interrupted" and not result.totals.plans else result


def fit_for(target: Target, workers: int) -> Target:
    """The target as several workers may use it side by side. Raises ``CliError`` if they may not.

    On one server, its own counts are everybody's, so they prove nothing about any plan.
    """
    if workers == 1:
        return target
    if target.start is not None:
        if "{port}" not in target.url:
            raise CliError(
                f"--workers {workers}: each worker starts a server of its own, and target.url has a fixed port: "
                "write {port} in its place"
            )
        return target
    if target.policy.group == "all":
        raise CliError(
            f'--workers {workers}: with policy.group = "all" each worker would get what the others send; '
            "leave --workers out, or let hubfuzz start a server for each by target.start"
        )
    if target.policy.limit is not None and target.policy.limit.shared:
        raise CliError(
            f'--workers {workers}: with policy.limit.scope = "{target.policy.limit.scope}" the workers would take each '
            "other's slots; leave --workers out, or let hubfuzz start a server for each by target.start"
        )
    return msgspec.structs.replace(target, probe=msgspec.structs.replace(target.probe, counts={}))


async def _campaign(work: Work) -> Result | None:
    """None: interrupted before the first plan."""
    from fuzzer.driver.session import open_session

    target, options, settings = work.target, work.options, work.settings

    def interrupt() -> None:
        work.asked()
        control.interrupt()
        if not begun:
            beginning.cancel()  # a server that takes its time to start must not hold who wants to stop

    begun = False
    control = Control(settings, trio.current_time)
    with trio.CancelScope() as beginning:
        async with on_interrupt(interrupt), open_session(target) as session, trio.open_nursery() as nursery:
            nursery.start_soon(ticking, work.tick)
            await greet(session)
            begun = True
            result = await run_campaign(
                session,
                settings,
                plans=drawn(target, options, settings.seed),
                scenarios=scenarios_of(target, options),
                stored=work.stored,
                store=work.store,
                emit=work.emit,
                subject=subject_of(target, options.bug),
                control=control,
            )
            nursery.cancel_scope.cancel()
        return result
    return None


def drawn(target: Target, options: RunOptions, seed: int) -> Iterable[Plan]:
    """Plans without end; none if only scenarios were asked for."""
    from strategies import draw_plans, shape_of_target

    return () if options.scenario else draw_plans(shape_of_target(target), seed)


def scenarios_of(target: Target, options: RunOptions) -> list[tuple[str, Plan]]:
    """The named ones, or all that this policy has; raises ``CliError`` if a named one cannot be."""
    names = options.scenario_names()
    found = []
    for name in names or tuple(SCENARIOS):
        scenario = SCENARIOS[name]
        plan = scenario.build_for(target)
        if plan is not None:
            found.append((name, plan))
        elif name in options.scenario:
            raise CliError(f"--scenario {name}: {scenario.reason(target.policy)}")
    return found


def subject_of(target: Target, bug: str | None) -> Subject:
    """The target without its secrets, and what makes the embedded hub again."""
    from fuzzer.cli.choose import seeded_code
    from fuzzer.hub.bugs.combine import seeded
    from fuzzer.hub.knobs import Knobs

    hub = {}
    if target.name.startswith("embedded hub") and target.start is not None:
        code = seeded_code(bug)
        knobs = seeded(code).knobs if code else Knobs()
        hub = {"bug": code, "knobs": msgspec.to_builtins(knobs)}
    return Subject(target.name, msgspec.json.decode(target_to_json(target)), hub)
