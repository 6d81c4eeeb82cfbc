"""Bad requests: one line each, that says what is wrong and where, and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from outputs import Run
from samples import TARGET
from syrupy.assertion import SnapshotAssertion

WORDED_BY_CLICK = {
    "unknown-command": (("fly",), "'fly' (see hubfuzz --help)"),
    "unknown-option": (("run", "--fast"), "--fast"),
    "negative-seconds": (("run", "--seconds", "-1"), "'--seconds': -1.0 is not in the range"),
    "no-plans": (("run", "--plans", "0"), "'--plans': 0 is not in the range"),
    "no-number": (("run", "--seed", "x"), "'--seed': 'x' is not a valid integer"),
    "no-argument": (("replay",), "FILE|FOLDER|CODE"),
    "one-too-many": (("check", "a", "b"), "(b) (see hubfuzz check --help)"),
}
BAD: dict[str, tuple[str, ...]] = {
    "no-such-target": ("run", "nowhere.toml"),
    "broken-toml": ("run", "broken.toml"),
    "unknown-key": ("run", "misspelled.toml"),
    "unknown-bug": ("run", "--bug", "S99"),
    "bug-and-target": ("run", "broken.toml", "--bug", "S15"),
    "unknown-scenario": ("run", "--scenario", "six-tabs"),
    "unknown-invariant": ("run", "--invariant", "HF999"),
    "unknown-skip": ("run", "--skip", "delivary"),
    "misspelled-invariant": ("check", "failures", "--invariant", "slot-leek"),
    "unknown-report": ("run", "--report", "json,pdf"),
    "elsewhere": ("run", "--url", "ws://192.0.2.1/ws"),
    "url-with-a-hole": ("run", "--url", "ws://127.0.0.1:{port}/ws"),
    "not-a-ws-url": ("run", "--url", "http://127.0.0.1:8000/"),
    "failures-is-a-file": ("run", "--failures", "broken.toml"),
    "reports-is-a-file": ("run", "--report", "json", "--report-dir", "broken.toml"),
    "replay-of-nothing": ("replay", "HF101-ffffff"),
    "replay-of-an-empty-folder": ("replay", "empty"),
    "replay-prunes-elsewhere": ("replay", "failures", "--prune", "--bug", "none"),
    "replay-with-an-unknown-bug": ("replay", "failures", "--bug", "S99"),
    "check-of-nothing": ("check", "nowhere.json"),
    "explain-nothing": ("explain", "HF999"),
    "bugs-nothing": ("bugs", "S99"),
    "hub-with-an-unknown-bug": ("hub", "--bug", "S99"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.usefixtures("stored")
def test_a_bad_request(what: str, hubfuzz: Run, shown: SnapshotAssertion) -> None:
    Path("empty").mkdir()
    Path("broken.toml").write_text("[target")
    Path("misspelled.toml").write_text(TARGET.replace("name =", "nmae ="))
    said = hubfuzz(*BAD[what])
    assert "exit code 2" in said
    assert "Traceback" not in said
    assert said == shown


@pytest.mark.parametrize("what", WORDED_BY_CLICK)
def test_a_bad_command_line(what: str, hubfuzz: Run) -> None:
    arguments, expected = WORDED_BY_CLICK[what]
    said = hubfuzz(*arguments)
    assert expected in said
    assert said.count("\n") == 4, "the command, one line on standard error, and the code"
    assert said.endswith("exit code 2\n")


def test_no_command_at_all_shows_help_and_is_no_pass(hubfuzz: Run) -> None:
    said = hubfuzz()
    assert "explain" in said
    assert said.endswith("exit code 2\n")
