"""The campaign behind ``hubfuzz run``: target, plans and handlers put together, and what is said at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import trio

from fuzzer.campaign.control import Control
from fuzzer.campaign.engine import run_campaign
from fuzzer.campaign.events import CampaignEvent
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.store import FailureStore, StoreError
from fuzzer.cli.errors import CliError
from fuzzer.cli.interrupt import on_interrupt, ticking
from fuzzer.cli.options import RunOptions
from fuzzer.exit_codes import ExitCode
from fuzzer.invariants import INVARIANTS
from fuzzer.report.case import command_for
from fuzzer.report.json_report import RunInfo, json_report
from fuzzer.report.ndjson import NdjsonReport
from fuzzer.report.screen import Screen
from fuzzer.report.summary import Closing, summarise
from fuzzer.report.terminal import TerminalReport
from fuzzer.report.warnings import nothing_was_exercised, warnings_of
from fuzzer.scenarios import SCENARIOS
from fuzzer.target.model import Target
from fuzzer.target.store import target_to_json

if TYPE_CHECKING:
    from fuzzer.driver.session import Session
    from fuzzer.plan import Plan

Handler = Callable[[CampaignEvent], None]


def explore(target: Target, options: RunOptions, kinds: tuple[str, ...], seed: int) -> ExitCode:
    """Run the campaign, show it, write the reports, and say how it ended."""
    store = prepared_store(options)
    settings = campaign_options(options, seed)
    screen = Screen()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with ExitStack() as stack:
        terminal = stack.enter_context(TerminalReport(screen, verbose=options.verbose))
        handlers: list[Handler] = [terminal]
        reports = []
        if "ndjson" in kinds:
            path = report_path(options, "ndjson")
            ndjson = NdjsonReport(path)
            stack.callback(ndjson.close)
            handlers.append(ndjson)
            reports.append(str(path))
        result = trio.run(_campaign, target, options, settings, store, handlers, terminal.tick)
    code = exit_code(result)
    warnings = tuple(warnings_of(result, target.policy.limit is not None))
    paths = {stored.failure.fingerprint: str(stored.path) for stored in store.all()}
    if "json" in kinds:
        path = report_path(options, "json")
        info = RunInfo(" ".join(["hubfuzz", *sys.argv[1:]]), started, code, target.name, warnings, (), paths)
        path.write_text(json_report(result, info), "utf-8")
        reports.append(str(path))
    screen.say_all(summarise(result, _closing(result, warnings, tuple(reports), paths), screen.width, screen.glyphs))
    return code


def prepared_store(options: RunOptions) -> FailureStore:
    """The folder of failures; raises ``CliError`` if it cannot be written."""
    store = FailureStore(options.failures)
    try:
        store.prepare()
    except StoreError as error:
        raise CliError(f"--failures: {error}") from None
    return store


def report_path(options: RunOptions, kind: str) -> Path:
    """Where a report goes; raises ``CliError`` if the folder cannot be made."""
    try:
        options.report_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CliError(f"--report-dir: {options.report_dir}: {error.strerror}") from None
    return options.report_dir / f"hubfuzz.{kind}"


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
) -> Result:
    from fuzzer.driver.session import open_session

    def emit(event: CampaignEvent) -> None:
        for handler in handlers:
            handler(event)

    control = Control(settings, trio.current_time)
    async with on_interrupt(control.interrupt), open_session(target) as session, trio.open_nursery() as nursery:
        nursery.start_soon(ticking, tick)
        await check_answers(session)
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


async def check_answers(session: Session) -> None:
    """Fuzzing a server that does not speak as the target file says would prove nothing. Raises ``CliError``."""
    for _ in range(3):
        if await session.control_answers():
            return
    raise CliError(
        f"{session.target_name}: {session.control_trouble()}; a message that was published did not come back "
        "(are auth, protocol.publish and protocol.deliver as the server has them?)"
    )


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


def _closing(result: Result, warnings: tuple[str, ...], reports: tuple[str, ...], paths: dict[str, str]) -> Closing:
    lines = tuple(
        (f"{f.fingerprint} {f.name} ({f.rate or 'not measured'})", command_for(paths.get(f.fingerprint, "")))
        for f in result.failures
    )
    return Closing({i.code: i.name for i in INVARIANTS}, lines, warnings, reports)
