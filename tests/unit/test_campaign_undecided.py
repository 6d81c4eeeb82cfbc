"""What no run could decide is not fixed, and what nobody watches is not checked."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from campaign_fakes import TWO_TABS, Bug, FakeHub, always
from histories import H
from msgspec.structs import replace
from recording import record

from fuzzer.campaign import replay
from fuzzer.campaign.failure import Rate
from fuzzer.campaign.reproduce import Replayed
from fuzzer.campaign.store import FailureStore, Stored
from fuzzer.cli.campaign import fit_for
from fuzzer.cli.errors import CliError
from fuzzer.cli.replay import _fixed, _unsure
from fuzzer.history import History
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.target import embedded_target
from fuzzer.hub_failure import failure_of
from fuzzer.invariants import judge
from fuzzer.plan import Batch, Open, Plan
from fuzzer.report.screen import Screen
from fuzzer.verdict import Finding


def undecided(written: H) -> H:
    """Closed without a cause, but hubfuzz itself was late: HF301 is inconclusive."""
    return written.join("x", user="x").send("own", "x").got("own", "x").lag(3.0).ended("x", 1011)


def joined(written: H) -> H:
    """No bug: HF301 has something to check."""
    return written.join("x", user="x").send("own", "x").got("own", "x")


class Refusing(FakeHub):
    """Serves a newcomer, and refuses all that the plan opens: what failed in the plan is not tried at all."""

    def _history(self, plan: Plan, hurry: float) -> History:
        written = H(None, *plan.ops()).open("a").refused("a", 401).open("b").refused("b", 401)
        written.phase("canary").join("canary", user="canary", role="canary")
        return History(written.history().events, written.policy, plan)


def replayed(hub: FakeHub, fingerprint: str) -> Replayed:
    async def main() -> Replayed:
        return await replay(hub, TWO_TABS, fingerprint, 20, clock=hub.clock)

    return trio.run(main)


def test_runs_that_were_inconclusive_say_nothing() -> None:
    (finding,) = judge(undecided(H()).history()).inconclusive
    seen = replayed(FakeHub((Bug(always, undecided),)), finding.fingerprint)
    assert (seen.outcome, seen.rate, seen.decided) == ("ERROR", Rate(0, 20), 0)
    assert "no run could decide it" in seen.trouble


@pytest.mark.parametrize(
    ("hub", "code", "outcome"), [(Refusing(), "HF103", "ERROR"), (FakeHub((Bug(always, joined),)), "HF301", "FIXED")]
)
def test_nor_do_runs_in_which_the_invariant_had_nothing_to_check(hub: FakeHub, code: str, outcome: str) -> None:
    assert replayed(hub, Finding(code, "violated", "closed", "", "", "").fingerprint).outcome == outcome


@pytest.mark.parametrize(("decided", "kept"), [(0, True), (20, False)])
def test_prune_keeps_the_file_of_what_no_run_decided(tmp_path: Path, decided: int, kept: bool) -> None:
    bad = H(None, *TWO_TABS.ops()).join("x", user="x").ended("x", 1011).history()
    store = FailureStore(tmp_path)
    store.prepare()
    store.write(replace(failure_of(bad, judge(bad).violations, "test"), plan=TWO_TABS, rate=Rate(20, 20)))
    (stored,) = store.all()
    _fixed(Screen(), stored, Replayed(Rate(0, 20), undecided=20 - decided), prune=True)
    assert stored.path.exists() == kept


def test_how_many_runs_would_tell_where_some_decide_nothing(tmp_path: Path) -> None:
    bad = H(None, *TWO_TABS.ops()).join("x", user="x").ended("x", 1011).history()
    failure = replace(failure_of(bad, judge(bad).violations, "test"), plan=TWO_TABS, rate=Rate(9, 20))
    line = _unsure(Stored(tmp_path, failure), Replayed(Rate(0, 10), undecided=8), needed=6)
    assert line == "too few runs to be sure (8 of 10 decided nothing): it failed 9/20 before; --times 30 would tell"


def test_workers_cannot_share_a_server_with_one_limit_for_all() -> None:
    target = replace(embedded_target(None, Knobs(scope="global")), start=None, url="ws://127.0.0.1:9/ws")
    with pytest.raises(CliError, match=r'--workers 2: with policy.limit.scope = "global"'):
        fit_for(target, 2)
    assert fit_for(target, 1) == target
    assert fit_for(replace(target, policy=replace(target.policy, limit=None)), 2).policy.limit is None


def test_a_crash_cannot_be_checked_of_a_server_that_is_not_ours() -> None:
    history, _ = record(Plan((Batch((Open("a", "u0"),)),)))
    assert not history.ours
    assert [judgement.obligations for judgement in judge(history).judgements if judgement.code == "HF502"] == [0]
    ours = replace(history, ours=True)
    assert [judgement.obligations for judgement in judge(ours).judgements if judgement.code == "HF502"] == [1]
