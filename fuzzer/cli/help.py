"""The groups in which ``--help`` shows commands and options."""

from __future__ import annotations

import rich_click as click
from rich_click.utils import CommandGroupDict, OptionGroupDict

from fuzzer.hub.knobs import Knobs

COMMANDS: dict[str, list[CommandGroupDict]] = {
    "hubfuzz": [
        {"name": "Fuzz", "commands": ["init", "run", "replay", "check", "failures"]},
        {"name": "Learn", "commands": ["explain", "schema", "bugs", "hub"]},
    ]
}
PROMISES = ("limit", "scope", "over", "reject_by", "echo")
OPTIONS: dict[str, list[OptionGroupDict]] = {
    "hubfuzz run": [
        {"name": "Target", "options": ["--url", "--allow-host", "--bug"]},
        {"name": "Budget", "options": ["--seconds", "--plans", "--max-failures", "--shrink-seconds", "--ceiling"]},
        {"name": "Earlier failures", "options": ["--failures", "--known", "--prune"]},
        {"name": "What is tried and judged", "options": ["--seed", "--workers", "--scenario", "--invariant", "--skip"]},
        {"name": "Output", "options": ["--dry-run", "--verbose", "--report", "--report-dir", "--help"]},
    ],
    "hubfuzz replay": [
        {"name": "How", "options": ["--times", "--trace", "--prune", "--report", "--report-dir"]},
        {"name": "Against what", "options": ["--target", "--url", "--bug", "--allow-host"]},
        {"name": "Where", "options": ["--failures", "--help"]},
    ],
}


def flag_of(knob: str) -> str:
    """``--reject-by`` for ``reject_by``."""
    return f"--{knob.replace('_', '-')}"


def set_groups() -> None:
    """Tell rich-click."""
    rest = [flag_of(knob) for knob in Knobs.__struct_fields__ if knob not in PROMISES]
    of_hub: list[OptionGroupDict] = [
        {"name": "Hub", "options": ["--bug", "--port", "--help"]},
        {"name": "What it promises", "options": [flag_of(knob) for knob in PROMISES]},
        {"name": "Times and sizes", "options": rest},
    ]
    click.rich_click.COMMAND_GROUPS = COMMANDS
    click.rich_click.OPTION_GROUPS = OPTIONS | {"hubfuzz hub": of_hub}
