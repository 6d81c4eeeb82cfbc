"""Each seeded bug shows in a script of its own, and the same script finds nothing on the correct hub."""

from __future__ import annotations

from importlib import import_module

import msgspec
import pytest
import trio
from hub_client import eventually, running
from hub_scripts import ALSO, Script
from hub_scripts import SCRIPTS as FIRST_SCRIPTS
from hub_scripts_more import MORE_SCRIPTS

from fuzzer.hub.bugs import BUGS
from fuzzer.hub.hub import Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.invariants import INVARIANTS
from fuzzer.plan_rules import problems

SCRIPTS = {**FIRST_SCRIPTS, **MORE_SCRIPTS}
LONGER = 10
MUCH_LONGER = 50  # a park is of milliseconds, and all of a script has to be done within it
TRIES = 5  # a busy machine may miss a window that the bug itself opens for milliseconds


def _patient(knobs: Knobs) -> Knobs:
    """A longer window where the script has to meet one, so that a busy machine does not miss it."""
    windows = {name: LONGER * getattr(knobs, name) for name in ("leave_delay", "auth_delay", "join_delay")}
    return msgspec.structs.replace(knobs, **windows)


async def _shows(code: str, pieces: Pieces | None, scripts: dict[str, Script] = SCRIPTS) -> bool:
    async with running(_patient(BUGS[code].knobs), pieces) as hub:
        return await scripts[code](hub)


def test_every_bug_has_a_script() -> None:
    assert set(SCRIPTS) == set(BUGS)


@pytest.fixture
def long_parking(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """The wait that some bugs have in the middle of a step lasts longer."""
    for name in _modules_of(code):
        module = import_module(name)
        if hasattr(module, "PARK"):
            monkeypatch.setattr(module, "PARK", MUCH_LONGER * module.PARK)


def _modules_of(code: str) -> set[str]:
    correct, pieces = Pieces(), BUGS[code].pieces
    changed = [name for name in Pieces.__struct_fields__ if getattr(pieces, name) is not getattr(correct, name)]
    return {getattr(pieces, name).__module__ for name in changed}


@pytest.mark.usefixtures("long_parking")
@pytest.mark.parametrize("code", SCRIPTS)
def test_the_bug_shows(code: str) -> None:
    assert any(trio.run(_shows, code, BUGS[code].pieces) for _ in range(TRIES))


@pytest.mark.parametrize("code", ALSO)
def test_the_bug_shows_in_another_way_too(code: str) -> None:
    assert trio.run(_shows, code, BUGS[code].pieces, ALSO)
    assert not trio.run(_shows, code, None, ALSO)


@pytest.mark.parametrize("code", SCRIPTS)
def test_the_correct_hub_with_the_same_knobs_shows_nothing(code: str) -> None:
    assert not trio.run(_shows, code, None)


@pytest.mark.parametrize("code", BUGS)
def test_apart_from_its_defect_the_hub_works(code: str) -> None:
    async def run() -> None:
        async with running(BUGS[code].knobs, BUGS[code].pieces) as hub:
            for _ in range(3):
                tab = await hub.open()
                await hub.until(connections=1)
                for name in ("m1", "m2"):
                    await tab.publish(name)
                    assert await tab.ids(1) == [name]
                await tab.close()
                await hub.until(connections=0, slots=0)
                await eventually(lambda: not hub.hub.peers)

    trio.run(run)


@pytest.mark.parametrize("code", BUGS)
def test_each_bug_replaces_one_piece_or_two_of_its_own_file_and_cites_its_reports(code: str) -> None:
    bug = BUGS[code]
    correct = Pieces()
    pieces = [(getattr(bug.pieces, name), getattr(correct, name)) for name in Pieces.__struct_fields__]
    (module,) = _modules_of(code)
    assert 1 <= sum(piece is not usual for piece, usual in pieces) <= 2
    assert all(issubclass(piece, usual) for piece, usual in pieces)
    assert str(import_module(module).__doc__).startswith(f"{code}: {bug.title}.")
    assert bug.code == code
    assert bug.reports
    assert len(set(bug.reports)) == len(bug.reports)
    assert all(report.startswith("https://github.com/") for report in bug.reports)
    assert set(bug.family) <= {invariant.code for invariant in INVARIANTS}
    assert not problems(bug.least)
