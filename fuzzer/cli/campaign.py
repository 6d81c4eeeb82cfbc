"""The campaign behind ``hubfuzz run``: target, plans and handlers put together, and what is said at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import trio

from fuzzer.campaign.control import Control
from fuzzer.campaign.engine import run_campaign
from fuzzer.campaign.events import CampaignEvent, Finished
from fuzzer.campaign.failure import Failure
from fuzzer.campaign.once import note_in_files, told_once
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.store import FailureStore, Stored, StoreError
from fuzzer.cli.earlier import Earlier
from fuzzer.cli.errors import CliError, Interrupted, complain
from fuzzer.cli.interrupt import Ending, on_interrupt, ticking
from fuzzer.cli.options import RunOptions
from fuzzer.cli.reports import Reports
from fuzzer.exit_codes import ExitCode
from fuzzer.greeting import greet
from fuzzer.invariants import INVARIANTS
from fuzzer.report.also import also_of
from fuzzer.report.case import command_for
from fuzzer.report.screen import Screen
from fuzzer.report.summary import Closing, Told, summarise
from fuzzer.report.terminal import TerminalReport
from fuzzer.report.warnings import nothing_was_exercised, warnings_of
from fuzzer.scenarios import SCENARIOS
from fuzzer.target.model import Target
from fuzzer.target.store import target_to_json
from strategies.untried import untried

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
            work = Work(target, options, settings, store, earlier.stored, handlers, terminal.tick, ending.note)
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


def tell(result: Result, target: Target, earlier: Earlier, reports: Reports, screen: Screen) -> ExitCode:
    """Everything that is left to do at the end: files, reports and summary. Raises ``CliError``."""
    result = once(result, reports.paths)
    code = exit_code(result)
    weaker = (*warnings_of(result, target.policy.limit is not None), *untried(target))
    warnings = (*weaker, *earlier.closing_lines(result))
    earlier.note_seen(result)
    reports.finish(result, code, warnings, earlier.fixed(result))
    closing = closing_of(result, warnings, reports.written, reports.paths)
    screen.say_all(summarise(result, closing, screen.width, screen.glyphs))
    return code


def once(result: Result, paths: dict[str, str]) -> Result:
    """Each bug told once, also by the files. Raises ``CliError``."""
    told = told_once(result)
    try:
        note_in_files(result, told, paths)
    except StoreError as error:
        raise CliError(f"--failures: {error}") from None
    return told


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


def exit_code(result: Result) -> ExitCode:
    """An interruption counts more than failures: the run is not over, whatever it has found up to then. Failures count
    more than an error: they are what the user must see."""
    if result.stop_reason == "interrupted":
        return ExitCode.INTERRUPTED
    if result.failures:
        return ExitCode.FAILURES
    if result.stop_reason == "server-unavailable" or nothing_was_exercised(result):
        return ExitCode.ERROR
    return ExitCode.CLEAN


def closing_of(result: Result, warnings: tuple[str, ...], reports: tuple[str, ...], paths: dict[str, str]) -> Closing:
    told = tuple(_told(failure, result, paths) for failure in result.failures)
    return Closing({i.code: i.name for i in INVARIANTS}, told, warnings, reports)


def _told(failure: Failure, result: Result, paths: dict[str, str]) -> Told:
    line = f"{failure.fingerprint} {failure.name} ({failure.rate or 'not measured'})"
    also = tuple((str(other), other.reproduce) for other in also_of(failure, result.also, paths))
    return Told(line, command_for(paths.get(failure.fingerprint, "")), also)
