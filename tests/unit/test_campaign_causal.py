"""Causal pruning: which part of a plan a finding can be about."""

from __future__ import annotations

from campaign_fakes import steps
from histories import H

from fuzzer.campaign.causal import causal_parts, in_company, last_batch, users_of, witnessed_batches
from fuzzer.history import History
from fuzzer.plan import Close, Open, Plan, Send
from fuzzer.plan_rules import problems
from fuzzer.verdict import Finding

PLAN = steps(
    (Open("a", "u0"), Open("b", "u0"), Open("c", "u1")), (Send("a", "m0"), Send("c", "m1")), Close("c"), Close("b")
)


def performed(*late: str) -> History:
    """Four batches with a fence after each, and the phases of the finale."""
    written = H().phase("batch:0").join("a", "b").join("c", user="u1").phase("fence").phase("batch:1")
    written.send("m0", "a").got("m0", "b").phase("fence").quiet().phase("batch:2").closed("c").phase("fence")
    written.phase("batch:3").closed("b").phase("fence")
    for name in late:
        written.phase(name)
    return History(tuple(written.events), written.policy, PLAN)


def finding(*witness: int, conns: tuple[str, ...] = ()) -> Finding:
    return Finding("HF101", "violated", "k", "", "", "", witness, conns)


def index_of(history: History, name: str) -> int:
    return next(i for i, event in enumerate(history.events) if getattr(event, "name", "") == name)


def test_events_belong_to_the_batch_that_was_begun_last() -> None:
    history = performed("drain")
    delivery = next(i for i, event in enumerate(history.events) if type(event).__name__ == "Dlv")
    assert witnessed_batches(finding(delivery), history) == {1}
    assert witnessed_batches(finding(index_of(history, "batch:2") - 1), history) == {1}  # the fence after it
    assert witnessed_batches(finding(2, delivery), history) == {0, 1}
    assert witnessed_batches(finding(len(history.events) - 1), history) == set()  # the finale is no batch
    assert last_batch(finding(2, delivery), history) == 1
    assert last_batch(finding(), history) == last_batch(finding(len(history.events) - 1), history) == 3


def test_the_boldest_guess_first_and_neither_all_nor_nothing() -> None:
    history = performed()
    delivery = next(i for i, event in enumerate(history.events) if type(event).__name__ == "Dlv")
    parts = list(causal_parts(PLAN, finding(delivery, conns=("a",)), history))
    assert parts[0] == steps(Open("a", "u0"), Send("a", "m0"))
    assert parts[1] == steps((Open("a", "u0"), Open("b", "u0")), Send("a", "m0"))
    assert parts[2] == steps((Open("a", "u0"), Open("b", "u0")), Send("a", "m0"), Close("b"))
    assert PLAN not in parts
    assert all(part.batches and problems(part) == () and part.size() < PLAN.size() for part in parts)
    assert len(parts) == len(set(map(str, parts)))


def test_who_sent_what_came_wrongly_belongs_to_it() -> None:
    history = performed()
    delivery = next(i for i, event in enumerate(history.events) if type(event).__name__ == "Dlv")
    parts = list(causal_parts(PLAN, finding(delivery, conns=("b",)), history))
    assert parts[:2] == [steps(Open("a", "u0")), steps(Open("a", "u0"), Close("a"))]  # b alone
    assert parts[2] == steps((Open("a", "u0"), Open("b", "u0")), Send("a", "m0"))


def test_a_finding_that_names_nobody_leaves_only_the_cut() -> None:
    assert list(causal_parts(PLAN, finding(2), performed())) == [
        steps((Open("a", "u0"), Open("b", "u0"), Open("c", "u1")))
    ]
    assert list(causal_parts(PLAN, finding(), performed())) == []


def test_connections_of_the_finale_belong_to_their_users() -> None:
    written = H().join("a").open("slot:u0.0", user="u0", role="slot")
    history = History(tuple(written.events), written.policy, Plan(()))
    assert users_of(finding(conns=("slot:u0.0", "nobody")), history) == {"u0"}


def test_a_finding_that_names_nobody_is_about_whom_the_others_name() -> None:
    others = (finding(conns=("a", "b")), finding(conns=("b", "c")))
    assert in_company(finding(1), others) == finding(1, conns=("a", "b", "c"))
    assert in_company(finding(1, conns=("d",)), others) == finding(1, conns=("d",))
    assert in_company(finding(1), ()) == finding(1)
