"""``hubfuzz run``: fuzz one target for a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from fuzzer.cli.options import RunOptions
from fuzzer.cli.seconds import Seconds
from fuzzer.exit_codes import ExitCode

SECONDS = Seconds(min=0, min_open=True)
COUNT = click.IntRange(min=1)
SEED = click.IntRange(min=0)


@click.command()
@click.argument("target", metavar="[TARGET]", required=False, type=click.Path(path_type=Path))
@click.option("--url", metavar="URL", help="Fuzz a server that already runs here, with the target's protocol and auth.")
@click.option("--allow-host", multiple=True, metavar="HOST", help="Allow a host that is not this machine (repeatable).")
@click.option(
    "--bug",
    metavar="CODE",
    help="Fuzz the embedded hub with this seeded bug (hubfuzz bugs lists them), or with several: S10,S15.",
)
@click.option("--seconds", type=SECONDS, metavar="S", help="Explore so long. Default: 30, or no bound with --plans.")
@click.option("--plans", type=COUNT, metavar="N", help="Explore so many plans.")
@click.option("--max-failures", type=COUNT, metavar="N", help="Stop after so many different failures.")
@click.option(
    "--shrink-seconds",
    type=Seconds(min=0),
    metavar="S",
    default=30.0,
    show_default="30",
    help="Time to shrink each failure, on top of --seconds.",
)
@click.option(
    "--ceiling",
    type=SECONDS,
    metavar="S",
    help="End everything after so long, shrinking included. Default: --seconds and a fifth of it, at least 300, more.",
)
@click.option(
    "--workers",
    metavar="N|auto",
    help="Processes that explore side by side. Default: target.workers for a minute or more of exploring, else 1.",
)
@click.option("--seed", type=SEED, metavar="N", help="Draw the plans of an earlier run again. Default: a new seed.")
@click.option(
    "--scenario", multiple=True, metavar="NAME", help="Run this named plan only, or all of them (repeatable)."
)
@click.option("--invariant", multiple=True, metavar="NAME", help="Judge by this one only (code or name; repeatable).")
@click.option("--skip", multiple=True, metavar="NAME", help="Do not judge by this one (repeatable).")
@click.option("--dry-run", is_flag=True, help="Show target, dials, invariants and three plans; connect to nothing.")
@click.option("--verbose", is_flag=True, help="A line for each plan, with refusals and restarts.")
@click.option(
    "--report", metavar="KINDS", help="Write reports: json, ndjson, junit, html, md, pytest (comma-separated)."
)
@click.option(
    "--report-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=".hubfuzz/reports",
    show_default=True,
    help="Where reports go.",
)
@click.option(
    "--failures",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=".hubfuzz/failures",
    show_default=True,
    help="Where failures are stored.",
)
@click.option(
    "--known", metavar="FILE", type=click.Path(path_type=Path), help="Known failures do not fail the run (known.json)."
)
@click.option("--prune", is_flag=True, help="Remove stored failures that no longer fail.")
def run(**given: Any) -> ExitCode:
    """Fuzz TARGET, a hubfuzz.toml (default: the one found from here upwards, else the embedded hub).

    Failures are shrunk, their rate is measured, and each is stored in a file that replays it.
    """
    import secrets

    from fuzzer.cli.choose import choose_target

    options = RunOptions(**given)
    options.check()
    target = choose_target(options.target, bug=options.bug, url=options.url, allow_hosts=options.allow_host)
    seed = secrets.randbelow(1_000_000_000) if options.seed is None else options.seed
    if options.dry_run:
        from fuzzer.cli.dry_run import show

        show(target, options, seed)
        return ExitCode.CLEAN
    from fuzzer.cli.campaign import explore

    return explore(target, options, seed)
