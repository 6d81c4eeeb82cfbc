"""The rules that look right and are not (SPEC 2.9): each has a history that a naive judge convicts and ours acquits.

The naive judges are written here as anybody would write them at first; every history is one that a correct hub makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from histories import H, says

from fuzzer.history import Dlv, Joined, OpenInv, OpenOk, OpenRej, PingInv, Pong, SendInv, SendOk, SrvClose
from fuzzer.policy import Limit, Policy

REJECT = Policy(limit=Limit(1, codes=(1008,), statuses=(429,)))
EVICT = Policy(limit=Limit(1, "evict-oldest", codes=(4009,)))
NOTHING: set[str] = set()


def every(written: H, kind: type) -> Iterator[tuple[int, Any]]:
    return ((i, e) for i, e in enumerate(written.events) if isinstance(e, kind))


def first(written: H, kind: type, **fields: str) -> int:
    """The index of the first such event; beyond all events if there is none."""
    found = (i for i, e in every(written, kind) if all(getattr(e, k) == v for k, v in fields.items()))
    return next(found, len(written.events))


# ---- naive judges: True convicts -----------------------------------------------------------------------------------


def an_open_connection_is_a_member(written: H) -> bool:
    opened = [(i, e.conn) for i, e in every(written, OpenOk)]
    sent = [(i, e) for i, e in every(written, SendInv)]
    return any(i < s and first(written, Dlv, msg=m.msg, conn=c) >= len(written.events)
               for i, c in opened for s, m in sent if m.conn != c)  # fmt: skip


def a_close_that_was_answered_frees_the_slot(written: H) -> bool:
    opens, ends = [i for i, _ in every(written, OpenOk)], [i for i, _ in every(written, SrvClose)]
    return any(sum(i < r for i in opens) - sum(i < r for i in ends) < 1 for r, _ in every(written, OpenRej))


def what_was_sent_arrives(written: H) -> bool:
    return any(first(written, Dlv, msg=e.msg) >= len(written.events) for _, e in every(written, SendOk))


def a_pong_comes_behind_all_that_was_sent_before(written: H) -> bool:
    ping, pong = first(written, PingInv), first(written, Pong)
    return any(i < ping and first(written, Dlv, msg=e.msg) > pong for i, e in every(written, SendInv))


def a_fence_of_anybody_comes_behind_all_that_was_sent_before(written: H) -> bool:
    sent, read = first(written, SendInv, msg="~c"), first(written, Dlv, msg="~c")
    return any(i < sent and first(written, Dlv, msg=e.msg) > read for i, e in every(written, SendInv))


def what_takes_more_than_100_ms_is_lost(written: H) -> bool:
    sent = {e.msg: e.t for _, e in every(written, SendInv)}
    return any(e.t - sent[e.msg] > 0.1 for _, e in every(written, Dlv))


def a_refusal_below_the_limit_is_a_bug(written: H) -> bool:
    joined = [i for i, _ in every(written, Joined)]
    return any(not any(i < refused for i in joined) for refused, _ in every(written, OpenRej))


def more_welcomes_than_the_limit_without_a_close_are_too_many(written: H) -> bool:
    most = written.policy.limit.max if written.policy.limit else 9
    joined = [i for i, _ in every(written, Joined)]
    return len(joined) > most and first(written, SrvClose) > joined[most]


def who_joined_by_the_clock_when_it_was_sent_is_owed_it(written: H) -> bool:
    joined = [(e.conn, e.t) for _, e in every(written, Joined)]
    return any(t <= m.t and c != m.conn and first(written, Dlv, msg=m.msg, conn=c) >= len(written.events)
               for c, t in joined for _, m in every(written, SendInv))  # fmt: skip


# ---- histories of correct hubs -------------------------------------------------------------------------------------


def registers_later_than_its_101() -> H:
    return H().join("a").open("b").ok("b").send("m0", "a").welcome("b").send("m1", "a").got("m1", "b")


def frees_the_slot_when_tcp_is_closed() -> H:
    written = H(REJECT).join("a").close_begun("a").ended("a", 1000, tcp=False)
    return written.open("b").refused("b")


def is_reset_before_it_has_read_all() -> H:
    written = H().join("a", "b").send("m0", "a").send("m1", "a").send("m2", "a").drop("a")
    return written.got("m0", "b").got("m1", "b").controls(9).quiet()


def answers_pings_while_a_handler_is_at_work() -> H:
    written = H().join("a", "b").send("m", "a").add(PingInv, conn="a")
    return written.add(Pong, conn="a", since=written.now - 0.001).got("m", "b").quiet()


def fans_out_several_messages_at_once() -> H:
    return H().join("a", "b", "c").send("m", "a").send("~c", "c").got("~c", "b").got("m", "b").got("m", "c").quiet()


def collects_its_garbage() -> H:
    return H().join("a", "b").send("m", "a").wait(0.3).got("m", "b").quiet()


def counts_attempts_before_it_decides() -> H:
    return H(REJECT).open("a", "b").refused("b").refused("a")


def tells_the_new_one_before_the_old_one_reads_it() -> H:
    written = H(EVICT).join("a").join("b").ended("a", 4009)
    return written.send("m", "b").got("m", "b")


def does_both_within_one_tick_of_the_clock() -> H:
    written = H().join("a").open("b").ok("b").send("m0", "a", flushed=False)
    written.events.append(Joined(written.now, "b", "user:u0"))
    return written.send("m1", "a").got("m1", "b")


RULES: tuple[tuple[Callable[[H], bool], Callable[[], H]], ...] = (
    (an_open_connection_is_a_member, registers_later_than_its_101),
    (a_close_that_was_answered_frees_the_slot, frees_the_slot_when_tcp_is_closed),
    (what_was_sent_arrives, is_reset_before_it_has_read_all),
    (a_pong_comes_behind_all_that_was_sent_before, answers_pings_while_a_handler_is_at_work),
    (a_fence_of_anybody_comes_behind_all_that_was_sent_before, fans_out_several_messages_at_once),
    (what_takes_more_than_100_ms_is_lost, collects_its_garbage),
    (a_refusal_below_the_limit_is_a_bug, counts_attempts_before_it_decides),
    (more_welcomes_than_the_limit_without_a_close_are_too_many, tells_the_new_one_before_the_old_one_reads_it),
    (who_joined_by_the_clock_when_it_was_sent_is_owed_it, does_both_within_one_tick_of_the_clock),
)


@pytest.mark.parametrize(("naive", "correct"), RULES, ids=lambda function: function.__name__)
def test_a_naive_judge_accuses_a_correct_hub_and_ours_does_not(
    naive: Callable[[H], bool], correct: Callable[[], H]
) -> None:
    written = correct()
    assert naive(written)
    assert says(written) == NOTHING


@pytest.mark.parametrize("naive", [naive for naive, _ in RULES], ids=lambda function: function.__name__)
def test_a_naive_judge_does_not_accuse_everybody(naive: Callable[[H], bool]) -> None:
    calm = H().join("a", "b").send("m", "a").got("m", "a", "b").add(OpenInv, conn="x", user="u9")
    assert not naive(calm)
