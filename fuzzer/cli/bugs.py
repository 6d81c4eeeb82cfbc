"""``hubfuzz bugs``: the defects that can be switched on in the embedded hub."""

from __future__ import annotations

import rich_click as click

from fuzzer.cli.errors import CliError


@click.command()
@click.argument("code", metavar="[CODE]", required=False)
def bugs(code: str | None) -> None:
    """List the seeded bugs, or show one of them (S15) with its least plan and the real reports behind it."""
    from fuzzer.hub.bugs import BUGS
    from fuzzer.report.explain import bug_explanation, bug_overview
    from fuzzer.report.screen import Screen

    screen = Screen()
    if code is None:
        screen.say_all(bug_overview(BUGS.values(), screen.width))
        return
    bug = BUGS.get(code.upper())
    if bug is None:
        raise CliError(f"there is no seeded bug {code!r}; there are {', '.join(BUGS)}")
    screen.say_all(bug_explanation(bug, screen.width, screen.glyphs))
