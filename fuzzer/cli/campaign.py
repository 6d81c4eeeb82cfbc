"""The campaign behind ``hubfuzz run``: target, plans and handlers put together, and what is said at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec
import trio

from fuzzer.campaign.control import Control
from fuzzer.campaign.engine import run_campaign
from fuzzer.campaign.events import CampaignEvent
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.store import FailureStore, StoreError
from fuzzer.cli.errors import CliError, Interrupted
from fuzzer.cli.interrupt import on_interrupt, ticking
from fuzzer.cli.options import RunOptions
from fuzzer.cli.reports import Reports
from fuzzer.exit_codes import ExitCode
from fuzzer.greeting import greet
from fuzzer.invariants import INVARIANTS
from fuzzer.report.case import command_for
from fuzzer.report.screen import Screen
from fuzzer.report.summary import Closing, summarise
from fuzzer.report.terminal import TerminalReport
from fuzzer.report.warnings import nothing_was_exercised, warnings_of
from fuzzer.scenarios import SCENARIOS
from fuzzer.target.model import Target
from fuzzer.target.store import target_to_json

if TYPE_CHECKING:
    from fuzzer.plan import Plan

Handler = Callable[[CampaignEvent], None]


def explore(target: Target, options: RunOptions, seed: int) -> ExitCode:
    """Run the campaign, show it, write the reports, and say how it ended."""
    settings = campaign_options(options, seed)
    store = prepared_store(options)
    reports = Reports(options, target)
    screen = Screen()
    with TerminalReport(screen, verbose=options.verbose) as terminal:
        handlers: list[Handler] = [reports, terminal]
        result = trio.run(_campaign, target, options, settings, store, handlers, terminal.tick)
    if result is None:
        raise Interrupted
    code = exit_code(result)
    warnings = tuple(warnings_of(result, target.policy.limit is not None))
    reports.finish(result, code, warnings)
    closing = closing_of(result, warnings, reports.written, reports.paths)
    screen.say_all(summarise(result, closing, screen.width, screen.glyphs))
    return code


def prepared_store(options: RunOptions) -> FailureStore:
    """The folder of failures; raises ``CliError`` if it cannot be written."""
    store = FailureStore(options.failures)
    try:
        store.prepare()
    except StoreError as error:
        raise CliError(f"--failures: {error}") from None
    return store


def campaign_options(options: RunOptions, seed: int) -> Options:
    """The campaign's options; only named scenarios: then these and nothing drawn."""
    return Options(
        seconds=None if options.scenario and options.seconds is None else options.budget,
        plans=options.plans,
        seed=seed,
        max_failures=options.max_failures,
        only=options.codes(options.invariant, "--invariant"),
        skip=options.codes(options.skip, "--skip"),
        shrink_seconds=options.shrink_seconds,
    )


async def _campaign(
    target: Target,
    options: RunOptions,
    settings: Options,
    store: FailureStore,
    handlers: list[Handler],
    tick: Callable[[], None],
) -> Result | None:
    """None: interrupted before the first plan."""
    from fuzzer.driver.session import open_session

    def emit(event: CampaignEvent) -> None:
        for handler in handlers:
            handler(event)

    def interrupt() -> None:
        control.interrupt()
        if not begun:
            beginning.cancel()  # a server that takes its time to start must not hold who wants to stop

    begun = False
    control = Control(settings, trio.current_time)
    with trio.CancelScope() as beginning:
        async with on_interrupt(interrupt), open_session(target) as session, trio.open_nursery() as nursery:
            nursery.start_soon(ticking, tick)
            await greet(session)
            begun = True
            result = await run_campaign(
                session,
                settings,
                plans=drawn(target, options, settings.seed),
                scenarios=scenarios_of(target, options),
                store=store,
                emit=emit,
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
        plan = scenario.build(
            target.policy, rooms=target.has_rooms, sessions=target.has_sessions, tokens=target.has_tokens
        )
        if plan is not None:
            found.append((name, plan))
        elif name in options.scenario:
            raise CliError(f"--scenario {name}: {scenario.reason(target.policy)}")
    return found


def subject_of(target: Target, bug: str | None) -> Subject:
    """The target without its secrets, and what makes the embedded hub again."""
    from fuzzer.cli.choose import seeded_code
    from fuzzer.hub.bugs import BUGS
    from fuzzer.hub.knobs import Knobs

    hub = {}
    if target.name.startswith("embedded hub") and target.start is not None:
        code = seeded_code(bug)
        knobs = BUGS[code].knobs if code else Knobs()
        hub = {"bug": code, "knobs": msgspec.to_builtins(knobs)}
    return Subject(target.name, msgspec.json.decode(target_to_json(target)), hub)


def exit_code(result: Result) -> ExitCode:
    """Failures count more than an interruption that came later: they are what the user must see."""
    if result.stop_reason == "interrupted":
        return ExitCode.INTERRUPTED
    if result.failures:
        return ExitCode.FAILURES
    if result.stop_reason == "server-unavailable" or nothing_was_exercised(result):
        return ExitCode.ERROR
    return ExitCode.CLEAN


def closing_of(result: Result, warnings: tuple[str, ...], reports: tuple[str, ...], paths: dict[str, str]) -> Closing:
    lines = tuple(
        (f"{f.fingerprint} {f.name} ({f.rate or 'not measured'})", command_for(paths.get(f.fingerprint, "")))
        for f in result.failures
    )
    return Closing({i.code: i.name for i in INVARIANTS}, lines, warnings, reports)
