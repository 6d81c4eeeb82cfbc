"""``hubfuzz explain``: what an invariant means, what it relies on, what silences it, and where it really happened."""

from __future__ import annotations

import rich_click as click

from fuzzer.cli.errors import CliError


@click.command()
@click.argument("name", metavar="[CODE|NAME]", required=False)
def explain(name: str | None) -> None:
    """Say what an invariant means (HF203, slot-leak, or a failure's HF203-3f9a2c); without a name list all."""
    from fuzzer.invariants import INVARIANTS, by_name
    from fuzzer.report.explain import explanation, overview
    from fuzzer.report.screen import Screen

    screen = Screen()
    if name is None:
        screen.say_all(overview(INVARIANTS, screen.width))
        return
    try:
        invariant = by_name(_code_of(name))
    except ValueError as error:
        raise CliError(str(error)) from None
    screen.say_all(explanation(invariant, screen.width))


def _code_of(name: str) -> str:
    """A fingerprint names its invariant too."""
    head, _, tail = name.partition("-")
    return head if head.upper().startswith("HF") and tail else name
