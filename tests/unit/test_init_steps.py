"""The steps of ``hubfuzz init`` on small hubs with one trait each."""

from __future__ import annotations

from typing import Literal

import pytest
from init_hub import init_hub
from msgspec.structs import replace
from test_init_shared_limit import looked

from fuzzer.hub.knobs import Knobs
from fuzzer.hub.target import embedded_target
from fuzzer.init import limits
from fuzzer.policy import Limit, Policy
from fuzzer.target.config import JwtAuth, Match


@pytest.fixture(autouse=True)
def _no_long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of these hubs lets anybody in because of it."""
    monkeypatch.setattr(limits, "WHILE", 0.1)


def test_a_message_within_a_list_is_read_as_a_run_reads_it() -> None:
    step = looked(init_hub("array"))["publish"]
    assert (step.outcome, step.saw.partition(";")[0]) == ("hint", "the message came")


def test_where_in_a_list_a_message_is_found_is_said_of_its_elements() -> None:
    target = init_hub("array")
    wrong = replace(target.protocol, deliver=Match(match={"type": "other"}))
    said = 'protocol.deliver = {match = {type = "message"}, id = "id", body = "body"}'
    assert looked(replace(target, protocol=wrong))["publish"].change == said


LOGIN = '{"token": "{token}"}'
LIMIT = 'max = {}, over = "reject", {}'


@pytest.mark.parametrize(
    ("modes", "suggested"),
    [
        (["ip=6"], LIMIT.format(6, 'statuses = [429], scope = "global"')),
        (["full=6"], LIMIT.format(6, 'codes = [1013], scope = "global"')),
        (["own=3"], LIMIT.format(3, "statuses = [429]")),
        (["own=3", "ip=9"], LIMIT.format(3, "statuses = [429]")),
        (["tabs=3", "rate=5"], LIMIT.format(3, "codes = [4429]")),
        (["tabs=3", "code=1000"], LIMIT.format(3, "codes = []")),
        (["tabs=6", "rate=7"], LIMIT.format(6, "codes = [4429]")),
        (["full=6", "rate=7"], LIMIT.format(6, 'codes = [1013], scope = "global"')),
    ],
)
def test_a_limit_is_told_with_who_shares_it(modes: list[str], suggested: str) -> None:
    step = looked(init_hub(*modes))["limit"]
    assert step.outcome == "hint"
    assert step.change == f"policy.limit = {{{suggested}}}, if the hub promises it"
    assert ("all share the limit" in step.saw) == ("scope" in suggested)


def test_openings_per_second_are_no_limit_of_connections() -> None:
    step = looked(init_hub("rate=8"))["limit"]
    assert (step.outcome, step.saw) == ("ok", "24 tabs of one user were let in; policy.limit is not set")


@pytest.mark.parametrize("modes", [["grudge=3"], []])
def test_nor_are_openings_in_a_longer_time(monkeypatch: pytest.MonkeyPatch, modes: list[str]) -> None:
    """Whether that passes meanwhile, and lets one in, or not: who leaves has made no room."""
    monkeypatch.setattr(limits, "LEFT", (0.05, 0.1))
    step = looked(init_hub("rate=14", "window=60", *modes))["limit"]
    assert step.outcome == "hint"
    assert "one more was refused with status 429, and whether others had left made no difference" in step.saw
    assert step.change == "if openings are limited in number and time: switch that off while you fuzz"


@pytest.mark.parametrize(("scope", "outcome"), [("global", "ok"), ("ip", "ok"), ("user", "change")])
def test_a_declared_scope_is_looked_at(scope: Literal["user", "ip", "global"], outcome: str) -> None:
    policy = Policy(limit=Limit(6, statuses=(429,), scope=scope))
    assert looked(init_hub("ip=6", policy=policy))["limit"].outcome == outcome


@pytest.mark.parametrize(("scope", "outcome"), [("user", "ok"), ("global", "change")])
def test_a_limit_of_each_user_that_is_declared_as_shared_is_told(
    scope: Literal["user", "global"], outcome: str
) -> None:
    step = looked(init_hub("tabs=3", policy=Policy(limit=Limit(3, codes=(4429,), scope=scope))))["limit"]
    assert step.outcome == outcome
    assert ("another user was let in" in step.saw) == (outcome == "change")
    assert "scope" not in step.change


def test_a_code_that_says_nothing_need_not_be_declared() -> None:
    """Nor is it asked for again and again: a hub may close so for anything."""
    step = looked(init_hub("tabs=3", "code=1000", policy=Policy(limit=Limit(3))))["limit"]
    assert (step.outcome, step.saw) == ("ok", "3 tabs of one user; one more was closed with 1000")


def test_who_is_refused_for_another_reason_shows_nothing_of_who_shares_a_limit() -> None:
    policy = Policy(limit=Limit(3, codes=(4429,), scope="global"))
    step = looked(init_hub("tabs=3", "users=1", policy=policy))["limit"]
    assert (step.outcome, step.saw) == ("ok", "3 tabs of one user; one more was closed with 4429")


def test_slots_that_come_back_late_are_waited_for() -> None:
    """Those of the earlier steps are held until then: the maximum is that of a hub where nobody else is."""
    target = embedded_target(knobs=Knobs(limit=6, scope="global", release_delay=0.4, leave_delay=0.0))
    target = replace(target, policy=replace(target.policy, limit=None))
    assert "max = 6" in looked(target)["limit"].change


@pytest.mark.parametrize(("scope", "named"), [("global", True), ("user", False)])
def test_who_makes_room_shows_who_shares_it(scope: Literal["user", "ip", "global"], named: bool) -> None:
    target = embedded_target(knobs=Knobs(limit=4, scope=scope, over="evict-oldest"))
    target = replace(target, policy=replace(target.policy, limit=None))
    change = looked(target)["limit"].change
    assert 'max = 4, over = "evict-oldest"' in change
    assert ('scope = "global"' in change) == named


def test_who_sends_no_token_though_it_is_the_first_message_is_not_let_in() -> None:
    """This hub looks at no token at all: with bad ones it lets people in, and who sends none has said nothing yet."""
    login = JwtAuth("a secret for tests alone, of 32 bytes or more", place="message", message=LOGIN)
    step = looked(replace(init_hub(), auth=login))["token"]
    assert step.outcome == "hint"
    assert "expired" in step.saw
    assert "none" not in step.saw
    assert '"none"' in step.change
