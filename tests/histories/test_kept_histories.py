"""Changed judges are held against yesterday's verdicts on histories of real runs; ``add.py`` adds some."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import pytest
from kept import history_of, names, text_of, verdict_on, verdicts

from fuzzer.cli import main
from fuzzer.history import Dlv, History, history_from_json
from fuzzer.hub.bugs import BUGS
from fuzzer.invariants import judge

KEPT = names()
CONVICTED = [name for name, told in verdicts().items() if told]
ACQUITTED = [name for name, told in verdicts().items() if not told]


def test_every_history_has_a_verdict_and_many_hubs_are_there() -> None:
    assert sorted(verdicts()) == KEPT
    assert len({name.rpartition("-")[0] for name in ACQUITTED}) >= 8
    assert len(CONVICTED) >= 20


@pytest.mark.parametrize("name", KEPT)
def test_the_verdict_is_that_of_the_day_on_which_it_was_kept(name: str) -> None:
    assert verdict_on(history_of(name)) == verdicts()[name]


@pytest.mark.parametrize("name", [name for name in CONVICTED if name.startswith("bug-")])
def test_a_seeded_bug_is_convicted_under_its_right_name(name: str) -> None:
    codes = {fingerprint.partition("-")[0] for fingerprint in verdicts()[name]}
    assert codes & set(BUGS[name.removeprefix("bug-")].family)


@pytest.mark.parametrize(("subscriptions", "accused"), [("counted", True), ("once", True), ("each", False)])
def test_the_seeded_bug_is_one_unless_it_is_what_the_hub_promises(
    subscriptions: Literal["counted", "once", "each"], accused: bool
) -> None:
    """A duplicate on subscribing again (S10), as a run of the embedded hub met it."""
    kept = history_of("bug-S10")
    policy = msgspec.structs.replace(kept.policy, subscriptions=subscriptions)
    found = judge(msgspec.structs.replace(kept, policy=policy)).violations
    assert ("HF103" in {finding.code for finding in found}) is accused


def test_the_command_judges_a_folder_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = [*CONVICTED[:3], *ACQUITTED[:3]]
    for name in some:
        (tmp_path / f"{name}.json").write_bytes(text_of(name))
    with pytest.raises(SystemExit) as ended:
        main(["check", str(tmp_path)])
    said = capsys.readouterr().out
    assert ended.value.code == 1
    told = [line.split() for line in said.splitlines() if line.startswith(("OK ", "VIOLATED "))]
    assert {Path(file.rstrip(":")).stem: word for word, file, *_ in told} == {
        name: "VIOLATED" if name in CONVICTED else "OK" for name in some
    }


def test_a_history_that_is_changed_is_judged_otherwise() -> None:
    """The verdicts are those of the judges, not of the file."""
    name = next(name for name in ACQUITTED if any(isinstance(e, Dlv) for e in history_of(name).events))
    history = history_of(name)
    first = next(i for i, e in enumerate(history.events) if isinstance(e, Dlv))
    broken = msgspec.structs.replace(history.events[first], intact=False)
    changed = History((*history.events[:first], broken, *history.events[first + 1 :]), history.policy, history.plan)
    assert [fingerprint.partition("-")[0] for fingerprint in verdict_on(changed)] == ["HF104"]


@pytest.mark.parametrize("name", KEPT[:3])
def test_what_was_kept_is_read_whole(name: str) -> None:
    assert history_from_json(text_of(name)).events
