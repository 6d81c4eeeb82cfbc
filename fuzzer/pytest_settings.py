"""What pytest's own configuration says of hubs: two settings, and no options."""

from __future__ import annotations

import re
from datetime import date

import pytest

from fuzzer.known import KnownFailure, read_known

ASKED = re.compile(r"say --allow-host (\S+)")


def allowed_hosts(config: pytest.Config) -> tuple[str, ...]:
    """Hosts that are not this machine and may be fuzzed all the same."""
    return tuple(config.getini("hubfuzz_allow_hosts"))


def known_failures(config: pytest.Config) -> dict[str, KnownFailure]:
    """By fingerprint, those that fail no item today. Raises ``DamagedFile``."""
    name = config.getini("hubfuzz_known")
    if not name:
        return {}
    known = read_known((config.inipath.parent if config.inipath else config.rootpath) / name)
    return {entry.fingerprint: entry for entry in known.active(date.today())}


def in_words_of_pytest(line: str) -> str:
    """The same advice, for whom there is no command line of ours."""
    return ASKED.sub(r"name \1 in hubfuzz_allow_hosts, in the configuration of pytest", line)
