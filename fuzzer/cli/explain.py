"""``hubfuzz explain``: what an invariant means, what it relies on, what silences it, and where it really happened."""

from __future__ import annotations

import rich_click as click

from fuzzer.cli.names import invariant_code


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
    screen.say_all(explanation(by_name(invariant_code(_code_of(name))), screen.width))


def _code_of(name: str) -> str:
    """A fingerprint names its invariant too."""
    head, _, tail = name.partition("-")
    return head if head.upper().startswith("HF") and tail else name
