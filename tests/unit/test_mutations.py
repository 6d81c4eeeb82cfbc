"""One wrong step of an otherwise correct hub is convicted, and by the right invariant (SPEC 2)."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import mutations as m
import mutations_in_time as t
import mutations_of_silence as q
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mutations import Mutation
from simulated_dials import policies, ways
from simulated_plans import GAPS, Case, Step, simulate
from simulator import EVICTED, MALFORMED, OVER
from told import faults

from fuzzer.facts import Facts
from fuzzer.history import History
from fuzzer.invariants import INVARIANTS, judge
from fuzzer.policy import CloseCodes, Limit

DRAWN = int(os.environ.get("HUBFUZZ_MUTATIONS", "60"))
ENOUGH = DRAWN // 12
CALM = settings(max_examples=DRAWN, deadline=None, derandomize=True, database=None, phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck))  # fmt: skip
CALM_WAYS = dict.fromkeys(("closes_idle", "closes_old", "minds_talkers", "disconnects_slow"), False)
START = ("open", "open", "open", "open", "fence")
TALK = ("send", "burst", "send", "fence")
REJECT: dict[str, Any] = {"limit": Limit(2, "reject", codes=(OVER,), statuses=(429,)), "t_evict": 0.0}
EVICT: dict[str, Any] = {"limit": Limit(9, "evict-oldest", codes=(EVICTED,)), "sessions": "independent",
                         "join_evidence": "welcome", "t_evict": 0.0}  # fmt: skip
PLAIN: dict[str, Any] = {"group": "user", "limit": None, "sessions": "independent"}
FIFO: dict[str, Any] = {"order": "fifo", "limit": None, "sessions": "independent"}
ONE_COPY: dict[str, Any] = {"task_per_message": False, "sends_twice": False, "replays": False}
SEEN: dict[str, Any] = {"t_presence": 0.3, "order": "fifo", **PLAIN}
WATCH = ("open", "wait", "query", "wait", "query", "fence")

MUTATIONS = (
    Mutation("a delivery removed", ("HF101",), m.remove_delivery, TALK, FIFO, ONE_COPY),
    Mutation("silence", ("HF101",), q.fall_silent, TALK, FIFO, ONE_COPY),
    Mutation("a delivery doubled", ("HF103",), m.double_delivery, TALK, {"delivery": "at-most-once", **FIFO}, ONE_COPY),
    Mutation("two deliveries inverted", ("HF111",), m.invert_deliveries, TALK, FIFO, ONE_COPY),
    Mutation("receivers disagree", ("HF113",), m.disagree, TALK, {**FIFO, "order": "total"},
             {**ONE_COPY, "atomic": True}),
    Mutation("misaddressed", ("HF105",), m.misaddress, TALK, PLAIN, ONE_COPY),
    Mutation("history read out", ("HF105",), m.read_out,
             ("fence", "send", "send", "send", "fence", "open", "open", "fence"), {**FIFO, "replay": "none"},
             {**ONE_COPY, "replays": False}),
    Mutation("a body damaged", ("HF104",), m.damage_body, TALK),
    Mutation("an unknown id", ("HF104",), m.unknown_id, TALK),
    Mutation("a room message after leaving", ("HF106",), m.after_leaving,
             ("sub", "sub", "sub", "fence", "unsub", "unsub", "fence", "room", "room", "room"),
             {**PLAIN, "subscriptions": "once"}, {**ONE_COPY, "counts_joins": False}),
    Mutation("a healthy connection closed", ("HF301", "HF404"), m.close_healthy, ("close", "fence"), PLAIN),
    Mutation("a needless eviction", ("HF204",), m.evict_needlessly, ("close", "fence"),
             EVICT),
    Mutation("the wrong one evicted", ("HF204",), m.evict_wrong_one,
             ("open:0:0", "fence:0:2", "open:0:0", "fence:0:2", "close:-1:0", "fence:0:2"), {**EVICT, "group": "user"}),
    Mutation("refused below the limit", ("HF202",), m.refuse_the_first, (), REJECT),
    Mutation("a Close without an answer", ("HF504",), m.end_without_a_frame, ("close", "fence")),
    Mutation("bytes that RFC 6455 forbids", ("HF701",), m.bad_bytes),
    Mutation("a crash", ("HF502",), m.crash),
    Mutation("an impostor admitted", ("HF601",), m.admit_impostor, ("impostor", "impostor"), {},
             {"refuses_by_close": True}),
    Mutation("another's identity", ("HF602",), m.mistake_identity, (), PLAIN, {"welcomes": True}),
    Mutation("a flood of errors", ("HF303",), m.flood, (), {"storm": 200}),
    Mutation("a wrong close code", ("HF503",), m.wrong_code, ("malformed", "fence"),
             {**PLAIN, "close_codes": CloseCodes(malformed=(MALFORMED,))}, {"ignores_malformed": False}),
    Mutation("a user left out of presence", ("HF405",), t.drop_presence, WATCH, SEEN),
    Mutation("a user kept in presence", ("HF405",), t.keep_presence,
             ("close", "close", "close", "close", "wait", "wait", "open", "open", "fence", "query", "query"), SEEN),
    Mutation("a zombie kept in presence", ("HF403",), t.list_a_zombie,
             ("vanish",) * 4 + ("wait",) * 3 + ("open", "open", "fence", "query", "query"),
             {**SEEN, "t_heartbeat": 1.5}, {"heartbeat": True}),
    Mutation("served after the token", ("HF106",), t.serve_expired,
             ("brief", "brief", "fence", "wait", "wait", "wait", "send", "send", "fence"),
             {**PLAIN, "t_expiry": 0.6}, {"ends_expired": True, "closes_expired": False, "task_per_message": False}),
    Mutation("a process that outlives SIGTERM", ("HF505",), t.outlive_sigterm, ("restart", "restart"),
             {"t_shutdown": 1.0}),
    Mutation("descriptors leaked", ("HF402",), t.leak_descriptors, ("open", "close"), {**PLAIN, "resources": True}),
    Mutation("everybody waits for the deaf one", ("HF302",), q.block_behind_the_deaf, TALK,
             {**FIFO, "slow_consumer": "disconnect-or-lossy"}, ONE_COPY),
    Mutation("a broadcast left half done", ("HF102",), q.stop_half_way, TALK, {**FIFO, "agreement": True}, ONE_COPY),
    Mutation("an answer before what it answers", ("HF112",), q.answer_before_the_question, TALK,
             {**FIFO, "order": "causal"}, {**ONE_COPY, "atomic": True}),
    Mutation("a canary that hears nothing", ("HF501",), q.hush_the_canary, (), PLAIN),
    Mutation("an heir closed", ("HF404",), q.harm_the_heir,
             ("open:0:1", "fence:0:2", "open:0:1", "fence:0:2", "close:-1:0", "fence:0:2"),
             {**PLAIN, "sessions": "takeover"}),
    Mutation("a slot refused when all have left", ("HF203",), q.refuse_a_slot,
             ("close", "close", "close", "close", "wait", "wait"), {**PLAIN, **REJECT}),
    Mutation("a slot kept", ("HF401", "HF203"), t.keep_a_slot, ("close", "fence"), {}, {"bug": "slot kept"}),
    Mutation("one above the limit admitted", ("HF201",), t.admit_one_above, (),
             {**REJECT, "group": "user", "backlog": None},  # a hub that says all twice may be full with the welcomes
             {"bug": "one above", "task_per_message": False}),
)  # fmt: skip


@st.composite
def _step(draw: st.DrawFn, kind: str, who: str = "", what: str = "") -> Step:
    some = draw(st.integers(0, 7)), draw(st.integers(int(kind in ("wait", "fence")), 3))
    return Step(kind, int(who or some[0]), int(what or some[1]), draw(st.sampled_from(GAPS)))


@st.composite
def calm_cases(draw: st.DrawFn, mutation: Mutation) -> Case:
    """Nothing stands still, and the steps (``kind:who:what``, or part of it) lead to where the mutation applies."""
    hub = replace(draw(ways()), **{"bug": "", "queue": 0, "welcomes": True, **CALM_WAYS} | mutation.ways)
    policy = msgspec.structs.replace(draw(policies(hub)), **mutation.dials)
    if policy.join_evidence == "broadcast":  # else its welcome, where many of the wrong steps are put, proves nothing
        policy = msgspec.structs.replace(policy, join_evidence="welcome")
    kinds = (*START, *mutation.kinds, *draw(st.lists(st.sampled_from(("open", *TALK)), max_size=3)))
    cycled = mutation.codes == ("HF402",)
    kinds = mutation.kinds if cycled else kinds
    steps = [draw(_step(*kind.split(":"))) for kind in kinds]
    return Case(policy, hub, draw(st.integers(0, 2**32 - 1)), (), (), tuple(steps), 9 if cycled else 1)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_one_wrong_step_is_convicted_by_the_right_invariant(mutation: Mutation) -> None:
    applied = 0

    @CALM
    @given(calm_cases(mutation))
    def play(case: Case) -> None:
        nonlocal applied
        facts = Facts(simulate(case).history())
        events = mutation.change(facts, Random(case.seed))
        if events is None:
            return
        applied += 1
        mutated = History(tuple(events), case.policy, facts.history.plan)
        verdict = judge(mutated)
        untold = [(f.code, f.key, wrong) for f in verdict.violations for wrong in faults(f, mutated)]
        assert not untold, untold
        said = {finding.code for finding in verdict.violations}
        assert said & set(mutation.codes), (mutation.name, said, verdict.inconclusive)

    play()
    assert applied >= ENOUGH, f"only {applied} of {DRAWN} histories had a place for it"


def test_every_invariant_has_a_wrong_step_that_it_must_see() -> None:
    covered = {mutation.codes[0] for mutation in MUTATIONS}
    assert covered == {invariant.code for invariant in INVARIANTS}
