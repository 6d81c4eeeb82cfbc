"""A campaign in the terminal: the live line, appended lines where there is none, and what is left to the summary."""

from __future__ import annotations

import io

import msgspec
import pytest
from histories import H
from msgspec.structs import replace

from fuzzer.campaign.doubts import warnings_about
from fuzzer.campaign.events import FailureFound, FailureShrunk, Finished, PlanExecuted, ShrinkStep, Started, Warned
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.options import Options, Result, Subject, Totals
from fuzzer.campaign.tally import Tally
from fuzzer.plan import Batch, Open, Plan
from fuzzer.report.screen import Screen
from fuzzer.report.terminal import LINE_EVERY, TerminalReport, plan_line
from fuzzer.report.warnings import nothing_was_exercised, warnings_of
from fuzzer.verdict import Finding

PLAN = Plan((Batch((Open(conn="a", user="u0"),)),))
FINDING = Finding("HF301", "violated", "k", "the server ended a\x1b[31m, which gave it no cause " * 3, "", "")
FAILURE = Failure(FINDING.fingerprint, "HF301", PLAN, PLAN, H().history(), FINDING, "collateral-close")
TALLY = Tally(ops={"open": 7}, opens={"ok": 6, "status 429": 1}, obligations={"HF101": 5})


class Terminal:
    """A report on a screen of 80 columns, with a clock that only the test moves."""

    def __init__(self, verbose: bool = False) -> None:
        self.out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        self.now = 0.0
        self.report = TerminalReport(Screen(self.out, 80), verbose=verbose, clock=lambda: self.now)

    @property
    def text(self) -> str:
        self.out.flush()
        return self.out.buffer.getvalue().decode()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("options", "budget"),
    [
        (Options(seconds=30.0), "30 s"),
        (Options(seconds=None, plans=1), "1 plan"),
        (Options(seconds=2.5, plans=20), "2.5 s or 20 plans"),
        (Options(seconds=None), "as long as it takes"),
    ],
)
def test_the_first_line_says_what_is_fuzzed_and_how_long(options: Options, budget: str) -> None:
    terminal = Terminal()
    terminal.report(Started(Subject("chat"), options))
    assert terminal.text == f"hubfuzz: fuzzing chat for {budget}, seed 0\n"


def test_without_a_terminal_a_line_is_appended_every_few_seconds() -> None:
    terminal = Terminal()
    with terminal.report as report:
        for number in range(100):
            terminal.now = number * LINE_EVERY / 25
            report(PlanExecuted(number + 1, f"plan {number + 1}", 7, 0.1, terminal.now, TALLY))
            report.tick()
    lines = terminal.text.splitlines()
    assert len(lines) == 3
    assert lines[0] == "5 s, 26 plans (5/s), 182 ops, 130 checks, no failures yet"


def test_the_status_says_how_long_ago_the_last_failure_was_and_what_is_done_now() -> None:
    terminal = Terminal()
    terminal.report(PlanExecuted(1, "plan 1", 7, 0.1, 0.1, TALLY))
    terminal.now = 4.0
    terminal.report(FailureFound(FAILURE))
    terminal.report(ShrinkStep(FAILURE.fingerprint, PLAN, 1, 3, 0.2, "drop ops"))
    terminal.now = 4.9
    assert terminal.report.status() == (
        f"5 s, 1 plan (0/s), 7 ops, 5 checks, 1 failure, last new one 1 s ago, shrinking {FAILURE.fingerprint}: 1 op"
    )


def test_a_failure_is_told_at_once_in_lines_that_fit_and_move_nothing() -> None:
    terminal = Terminal()
    terminal.report(FailureFound(FAILURE))
    lines = terminal.text.splitlines()
    assert lines[0].startswith(f"✗ {FAILURE.fingerprint} collateral-close: the server ended")
    assert lines[-1] == "  1 op; to be shrunk"
    assert len(lines) > 2
    assert all(len(line) <= 80 for line in lines)
    assert "\x1b" not in terminal.text


def test_a_further_hunt_that_led_to_nothing_better_is_one_line() -> None:
    terminal = Terminal()
    shrunk = msgspec.structs.replace(FAILURE, shrunk=True, rate=Rate(1, 20))
    terminal.report(FailureShrunk(shrunk))
    before = terminal.text
    terminal.report(FailureShrunk(msgspec.structs.replace(shrunk, hunts=2)))
    said = terminal.text.removeprefix(before)
    line = f"{FAILURE.fingerprint} collateral-close was met in another plan, which shows it no better"
    assert " ".join(said.split()) == line
    smaller = msgspec.structs.replace(shrunk, plan=Plan((Batch((Open(conn="a", user="u0"),), wait=0.1),)))
    terminal.report(FailureShrunk(smaller))
    assert "hubfuzz explain HF301" in terminal.text.removeprefix(before + said)


def test_a_verbose_run_has_a_line_for_each_plan_and_no_others() -> None:
    terminal = Terminal(verbose=True)
    for number in range(3):
        terminal.now += 2 * LINE_EVERY
        terminal.report(PlanExecuted(number + 1, "plan 1", 7, 0.1, 0.1, TALLY))
        terminal.report.tick()
    assert terminal.text.splitlines() == [
        f"plan {number}: 7 ops, 0.100 s, ok, refused: 1 status 429" for number in (1, 2, 3)
    ]


def test_a_plan_in_one_line() -> None:
    tally = Tally(opens={"ok": 1}, skips={"refused": 2}, aborts={"a fence did not come back": 1})
    event = PlanExecuted(3, "scenario limit", 7, 0.1, 0.1, tally, ("HF201-3461cc",), ("HF501",))
    assert plan_line(event) == (
        "plan 3: 7 ops, 0.100 s, violated HF201-3461cc, 2 skipped, broken off: a fence did not come back "
        "(scenario limit)"
    )


def test_warnings_are_told_once_and_what_concerns_the_result_by_the_summary() -> None:
    result = Result("time", "over", Totals(plans=1, exercise=TALLY), vacuous=("HF302",), exercised=True)
    about_the_result = list(warnings_about(result))
    assert about_the_result
    terminal = Terminal()
    terminal.report(Warned("the disk is full"))
    assert terminal.text == "", "it may yet turn out to be about the result"
    terminal.report(PlanExecuted(1, "plan 1", 7, 0.1, 0.1, TALLY))
    assert terminal.text == "warning: the disk is full\n"
    for text in about_the_result:
        terminal.report(Warned(text))
    terminal.report(Warned("and full again"))
    terminal.report(Finished(result))
    assert terminal.text == "warning: the disk is full\nwarning: and full again\n"


# ---- warnings --------------------------------------------------------------------------------------------------------


def ended(tally: Tally, plans: int = 10, exercised: bool = True) -> Result:
    return Result("time", "over", Totals(plans=plans, exercise=tally), exercised=exercised)


GOOD = Tally(
    ops={"open": 10, "send": 10}, pairs={"send|send": 3}, opens={"ok": 10}, deliveries=20, at_limit=1, obligations={}
)


DOUBTED = replace(GOOD, doubtful=5, inconclusive={"HF501 refused": 5})
SILENT = "messages were sent and none was ever delivered"
NO_LARGE = (
    "none of 10 messages of 2,000 characters and more was ever delivered: "
    "declare policy.max_size, or a policy.backlog that they surely fit into"
)
SHUT = "of the openings were turned away, neither by a declared limit nor for a bad token"
BROKEN = replace(GOOD, broken_off=8, aborts={"it was late": 1, "a fence was lost": 8})
LOST = "plans were broken off, most often because a fence was lost"
LEFT_OUT = (
    "of the plans was left out, because short messages that hubfuzz sends in between did not come to all: does the hub "
    "send nothing to some open connections (those that it evicts must be closed), or refuse messages (the same body "
    "again, short ones)?"
)
UNDECIDED = "could not be decided, most often because of HF501 refused"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        (
            {"deliveries": 0},
            [
                "messages were sent and none was ever delivered: this run proves nothing",
                "no message was ever delivered",
            ],
        ),
        ({"deliveries": 0, "ops": {"open": 20}}, ["no message was ever delivered"]),
        ({"pairs": {}, "opens": {"ok": 1}}, ["no message ever had two live members to go to"]),
        ({"large": 9}, []),
        ({"large": 99, "large_delivered": 1}, []),
        (
            {"large": 10},
            [NO_LARGE],
        ),
        ({"at_limit": 0}, ["no user ever reached the limit"]),
        ({"skips": {"refused": 6}}, []),
        (
            {"skips": {"refused": 7}},
            ["35% of the ops were skipped because their connections were refused or had ended"],
        ),
        (
            {"opens": {"ok": 1, "status 401": 9}},
            ["90% of the openings were refused: check auth and limit of the target"],
        ),
        ({"doubtful": 1}, []),
        ({"broken_off": 1, "aborts": {"a fence was lost": 1}}, []),
        ({"broken_off": 0, "aborts": {"a fence was lost": 10}}, []),
        ({"broken_off": 2, "aborts": {"a fence was lost": 2}}, [f"the rest of 20% {LEFT_OUT}"]),
        (
            {"broken_off": 10, "aborts": {"a fence was lost": 10}},
            [f"10 of 10 {LOST}: this run proves nothing", f"the rest of 100% {LEFT_OUT}"],
        ),
        (
            {"doubtful": 2, "inconclusive": {"HF504 tcp": 1, "HF501 refused": 2}},
            ["20% of the plans could not be decided in some point, most often because of HF501 refused"],
        ),
    ],
)
def test_each_warning_has_its_trigger(change: dict[str, object], said: list[str]) -> None:
    fields = {name: getattr(GOOD, name) for name in Tally.__struct_fields__} | change
    assert warnings_of(ended(Tally(**fields)), True) == said  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (ended(GOOD), ""),
        (ended(GOOD, plans=0), "no plan was executed"),
        (ended(Tally(opens={"status 401": 3})), "no connection was ever opened"),
        (ended(GOOD, exercised=False), "no invariant had anything to check"),
        (ended(DOUBTED), ""),
        (ended(replace(DOUBTED, doubtful=6)), f"6 of 10 plans {UNDECIDED}"),
        (ended(replace(DOUBTED, doubtful=9), plans=9), ""),
        (ended(replace(DOUBTED, doubtful=1, deliveries=0), plans=1), f"1 of 1 plans {UNDECIDED}"),
        (ended(replace(GOOD, deliveries=0)), SILENT),
        (ended(replace(GOOD, deliveries=0), plans=9), ""),
        (ended(replace(GOOD, deliveries=0, ops={"open": 3})), ""),
        (ended(replace(DOUBTED, doubtful=1, unsettled=1), plans=1), f"1 of 1 plans {UNDECIDED}"),
        (ended(replace(DOUBTED, doubtful=9, unsettled=9), plans=9), f"9 of 9 plans {UNDECIDED}"),
        (ended(replace(DOUBTED, doubtful=9, unsettled=8), plans=9), ""),
        (ended(BROKEN), ""),
        (ended(replace(BROKEN, broken_off=9)), f"9 of 10 {LOST}"),
        (ended(replace(BROKEN, broken_off=6), plans=7), ""),
        (ended(replace(BROKEN, broken_off=7), plans=7), f"7 of 7 {LOST}"),
        (ended(replace(BROKEN, broken_off=1), plans=1), f"1 of 1 {LOST}"),
        (ended(replace(GOOD, entitled=100, turned_away=81)), f"81% {SHUT}"),
        (ended(replace(GOOD, entitled=100, turned_away=80)), ""),
        (ended(replace(GOOD, entitled=100, turned_away=98), plans=9), ""),
        (ended(replace(GOOD, opens={"ok": 10, "status 429": 90}, entitled=10)), ""),
    ],
)
def test_a_run_that_proves_nothing_is_known_as_such(result: Result, why: str) -> None:
    assert nothing_was_exercised(result) == why
    assert [f"{why}: this run proves nothing"] == warnings_of(result, False)[:1] or not why
