"""Histories of real runs with the verdicts of the day on which they were kept: where they lie, how they are read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgspec

from fuzzer.history import History, history_from_json, history_to_json
from fuzzer.invariants import judge

HERE = Path(__file__).parent
VERDICTS = HERE / "verdicts.json"
ENDING = ".json.gz"


def names() -> list[str]:
    """All that were kept."""
    return sorted(path.name.removesuffix(ENDING) for path in HERE.glob(f"*{ENDING}"))


def text_of(name: str) -> bytes:
    """The JSON of a history, as ``hubfuzz check`` reads it."""
    return gzip.decompress((HERE / f"{name}{ENDING}").read_bytes())


def history_of(name: str) -> History:
    """A kept history."""
    return history_from_json(text_of(name), name)


def verdicts() -> dict[str, list[str]]:
    """By name, the fingerprints of the violations; none: acquitted."""
    told: dict[str, list[str]] = json.loads(VERDICTS.read_text())
    return told


def verdict_on(history: History) -> list[str]:
    """The fingerprints of all violations, each once."""
    return sorted({finding.fingerprint for finding in judge(history).violations})


def keep(name: str, history: History) -> int:
    """Store a history and its verdict of today; says how many bytes it takes. One of this name is replaced.

    The policy is written out in full, so that a changed default changes no verdict on an old history.
    """
    data = gzip.compress(_in_full(history), mtime=0)
    (HERE / f"{name}{ENDING}").write_bytes(data)
    told = verdicts() if VERDICTS.exists() else {}
    told[name] = verdict_on(history)
    VERDICTS.write_text(json.dumps(dict(sorted(told.items())), indent=1) + "\n")
    return len(data)


def _in_full(history: History) -> bytes:
    tree = msgspec.json.decode(history_to_json(history))
    policy = history.policy
    tree["policy"] = {name: msgspec.to_builtins(getattr(policy, name)) for name in policy.__struct_fields__}
    return msgspec.json.encode(tree)
