"""``hubfuzz run``: fuzz one target for a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click
from rich_click.utils import OptionGroupDict

from fuzzer.cli.options import RunOptions
from fuzzer.exit_codes import ExitCode

GROUPS: list[OptionGroupDict] = [
    {"name": "Target", "options": ["--url", "--allow-host", "--bug"]},
    {"name": "Budget", "options": ["--seconds", "--plans", "--max-failures", "--shrink-seconds"]},
    {"name": "What is tried and judged", "options": ["--seed", "--scenario", "--invariant", "--skip"]},
    {"name": "Output", "options": ["--dry-run", "--verbose", "--report", "--report-dir", "--failures", "--help"]},
]
SECONDS = click.FloatRange(min=0, min_open=True)
COUNT = click.IntRange(min=1)


@click.command()
@click.argument("target", metavar="[TARGET]", required=False, type=click.Path(path_type=Path))
@click.option("--url", metavar="URL", help="Fuzz a server that already runs here, with the target's protocol and auth.")
@click.option("--allow-host", multiple=True, metavar="HOST", help="Allow a host that is not this machine (repeatable).")
@click.option("--bug", metavar="CODE", help="Fuzz the embedded hub with this seeded bug (hubfuzz bugs lists them).")
@click.option("--seconds", type=SECONDS, help="Time for exploring. Default 30, or no bound with --plans.")
@click.option("--plans", type=COUNT, help="Number of plans to explore.")
@click.option("--max-failures", type=COUNT, help="Stop after so many different failures.")
@click.option(
    "--shrink-seconds", type=click.FloatRange(min=0), default=30.0, show_default=True, help="For each failure."
)
@click.option("--seed", type=click.IntRange(min=0), help="Repeat the plans of an earlier run. Default: a new one.")
@click.option(
    "--scenario", multiple=True, metavar="NAME", help="Run this named plan only, or all of them (repeatable)."
)
@click.option("--invariant", multiple=True, metavar="NAME", help="Judge by this one only (code or name; repeatable).")
@click.option("--skip", multiple=True, metavar="NAME", help="Do not judge by this one (repeatable).")
@click.option("--dry-run", is_flag=True, help="Show target, dials, invariants and three plans; connect to nothing.")
@click.option("--verbose", is_flag=True, help="A line for each plan, with refusals and restarts.")
@click.option("--report", metavar="KINDS", help="Write reports: json, ndjson (comma-separated).")
@click.option("--report-dir", type=click.Path(path_type=Path), default=".hubfuzz/reports", show_default=True)
@click.option(
    "--failures", metavar="DIR", type=click.Path(path_type=Path), default=".hubfuzz/failures", show_default=True
)
def run(**given: Any) -> ExitCode:
    """Fuzz TARGET, a hubfuzz.toml (default: the one found from here upwards, else the embedded hub).

    Failures are shrunk, their rate is measured, and each is stored in a file that replays it.
    """
    import secrets

    from fuzzer.cli.choose import choose_target

    options = RunOptions(**given)
    kinds = options.reports
    options.scenario_names()
    target = choose_target(options.target, bug=options.bug, url=options.url, allow_hosts=options.allow_host)
    seed = secrets.randbelow(1_000_000_000) if options.seed is None else options.seed
    if options.dry_run:
        from fuzzer.cli.dry_run import show

        show(target, options, seed)
        return ExitCode.CLEAN
    from fuzzer.cli.campaign import explore

    return explore(target, options, kinds, seed)
