"""Names that users give, and what they probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from fuzzer.cli.errors import CliError


def invariant_code(name: str) -> str:
    """The code of an invariant given by code or name, in any case. Raises ``CliError``."""
    from fuzzer.invariants import INVARIANTS

    wanted = name.lower()
    for invariant in INVARIANTS:
        if wanted in (invariant.code.lower(), invariant.name):
            return invariant.code
    known = {word: f"{i.code} {i.name}" for i in INVARIANTS for word in (i.code.lower(), i.name)}
    meant = [known[word] for word in difflib.get_close_matches(wanted, known, 2)]
    raise CliError(f"there is no invariant {name!r}; {_did_you_mean(meant)}hubfuzz explain lists them")


def _did_you_mean(meant: Iterable[str]) -> str:
    said = " or ".join(dict.fromkeys(meant))
    return f"did you mean {said}? " if said else ""
