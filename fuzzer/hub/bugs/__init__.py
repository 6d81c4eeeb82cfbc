"""The seeded bugs, one file each."""

from __future__ import annotations

from fuzzer.hub.bugs.model import SeededBug

BUGS: dict[str, SeededBug] = {}
