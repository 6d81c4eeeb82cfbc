"""The groups in which ``--help`` shows commands and options."""

from __future__ import annotations

from rich_click.utils import CommandGroupDict, OptionGroupDict

COMMANDS: dict[str, list[CommandGroupDict]] = {
    "hubfuzz": [
        {"name": "Fuzz", "commands": ["run", "replay", "check"]},
        {"name": "Learn", "commands": ["explain", "bugs", "hub"]},
    ]
}
OPTIONS: dict[str, list[OptionGroupDict]] = {
    "hubfuzz run": [
        {"name": "Target", "options": ["--url", "--allow-host", "--bug"]},
        {"name": "Budget", "options": ["--seconds", "--plans", "--max-failures", "--shrink-seconds"]},
        {"name": "What is tried and judged", "options": ["--seed", "--scenario", "--invariant", "--skip"]},
        {"name": "Output", "options": ["--dry-run", "--verbose", "--report", "--report-dir", "--failures", "--help"]},
    ],
    "hubfuzz replay": [
        {"name": "How", "options": ["--times", "--trace"]},
        {"name": "Against what", "options": ["--target", "--url", "--bug", "--allow-host"]},
        {"name": "Where", "options": ["--failures", "--help"]},
    ],
    "hubfuzz hub": [
        {"name": "Hub", "options": ["--bug", "--port", "--help"]},
        {"name": "Limit", "options": ["--limit", "--over", "--reject-by"]},
        {"name": "Pauses and times (seconds)", "options": ["--*-delay", "--heartbeat", "--*-timeout"]},
    ],
}
