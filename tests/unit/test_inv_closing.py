"""HF503 close-code, HF504 close-unanswered, HF505 shutdown: how and when a server ends its connections and itself."""

from __future__ import annotations

import pytest
from histories import H, obligations, says

from fuzzer.history import Restarted, SrvEof, SrvRst
from fuzzer.policy import CloseCodes, Limit, Policy

CODES = Policy(
    max_size=2_000,
    close_codes=CloseCodes(malformed=(1002, 1007), oversize=(1009,), shutdown=(1001, 1012)),
    sessions="takeover",
    limit=Limit(2, "evict-oldest", codes=(4009,)),
)
SILENT_END = Policy(close_codes=CloseCodes(malformed=(1002, 1006)))
STOP = Policy(t_shutdown=2.0)
NOTHING: set[str] = set()
WRONG_CODE = {"HF503 violated"}
UNANSWERED = {"HF504 violated"}
SHUTDOWN = {"HF505 violated"}

# ---- close codes ---------------------------------------------------------------------------------------------------


def garbled(kind: str = "bad-utf8", policy: Policy = CODES) -> H:
    return H(policy).join("a").fault("a", f"malformed:{kind}")


@pytest.mark.parametrize(
    "written",
    [
        garbled().ended("a", 1000),
        garbled().ended("a", SrvEof),
        garbled("oversize").ended("a", 1002),
        H(CODES).join("a").send("m", "a", size=3_000).ended("a", 1000),
        H(CODES).join("a").stop().ended("a", 1000),
        H(CODES).join("a").stop().ended("a", SrvEof).stopped(),
        H(CODES).join("a").stop().wait(0.2).ended("a", SrvEof).stopped(),
    ],
    ids=["malformed", "no-frame", "oversize-frame", "oversize", "shutdown", "shutdown-no-frame", "soon"],
)
def test_another_code_than_the_declared(written: H) -> None:
    assert says(written) == WRONG_CODE
    assert obligations(written, "HF503") == 1


@pytest.mark.parametrize(
    "written",
    [
        garbled().ended("a", 1007),
        garbled().ended("a", SrvRst),  # a reset may have swallowed the frame
        garbled("oversize").ended("a", 1009),
        garbled(policy=SILENT_END).ended("a", SrvEof),
        garbled("oversize", SILENT_END).ended("a", 1000),  # none is declared for it
        garbled(policy=Policy()).ended("a", 1000),
        H(CODES).open("a").ok("a").fault("a", "malformed:bad-utf8").ended("a", 4009),  # it had not joined
        garbled().close_begun("a").ended("a", 1000),
        garbled().fault("a", "stall").ended("a", 1013),
        garbled().open("b", "c").ended("a", 4009),  # it may have been evicted
        H(CODES).join("a", session="s").fault("a", "malformed:not-json").open("b", session="s").ended("a", 4001),
        garbled().stop().ended("a", 1012),
        garbled().lag(1).ended("a", 1011),
        H(CODES).join("a").stop().stopped(None).ended("a", SrvEof),  # killed
        H(CODES).join("a").exit().ended("a", SrvEof),
        H(CODES).join("a").drop("a").ended("a", 1000),
    ],
    ids=["declared", "reset", "oversize", "no-frame", "undeclared", "no-dial", "joining", "ours", "stalled", "evicted",
         "taken-over", "stopped", "own-lag", "killed", "crash", "dropped"],
)  # fmt: skip
def test_codes_that_may_be_right(written: H) -> None:
    assert "HF503" not in {found.split()[0] for found in says(written)}


def test_who_ended_long_after_the_stop_may_have_been_given_up_by_a_hub_that_stood_still() -> None:
    written = H(CODES).join("a").stop().wait(0.6).ended("a", SrvEof).stopped()
    assert says(written) == {"HF503 inconclusive"}
    both = H(CODES).join("a", "b").stop().ended("b", 1000).wait(0.6).ended("a", SrvEof).stopped()
    assert says(both) == {*WRONG_CODE, "HF503 inconclusive"}  # one in doubt hides no other


def test_an_end_without_the_right_frame_proves_nothing_if_the_server_may_have_stood_still() -> None:
    assert says(garbled().wait(0.6).ended("a", SrvEof)) == {"HF503 inconclusive"}
    assert says(garbled().controls(0.2).ended("a", SrvEof)) == WRONG_CODE
    assert says(H(CODES).join("a").close_begun("a").wait(0.6).ended("a", SrvEof)) == {"HF504 inconclusive"}
    assert says(H(CODES).join("a").close_begun("a").controls(0.2).ended("a", SrvEof)) == UNANSWERED


# ---- our Close -----------------------------------------------------------------------------------------------------


def waited(written: H, seconds: float = 5.2, ok: bool = True) -> H:
    return written.close_begun("a").controls(seconds, ok).unanswered("a")


def test_a_close_that_is_never_answered() -> None:
    written = waited(H().join("a"))
    assert says(written) == UNANSWERED
    assert obligations(written, "HF504") == 1


def test_an_end_of_the_stream_is_no_answer() -> None:
    assert says(H().join("a").close_begun("a").ended("a", SrvEof)) == UNANSWERED


@pytest.mark.parametrize("written", [
    waited(H().join("a"), 4.0), waited(H().join("a"), 60, ok=False),
    H().join("a").close_begun("a").controls(3).pause(3).controls(1).unanswered("a"),
    H().join("a", "b").send("m", "a").close_begun("a").controls(3).got("m", "b").controls(3).unanswered("a"),
    waited(H(Policy(slow_consumer="lossless")).join("a", "b").fault("b"), 60),
    H().join("a").close_begun("a").lag(1).ended("a", SrvEof),
], ids=["soon", "unhealthy", "paused", "at-work", "lossless", "own-lag"])  # fmt: skip
def test_a_missing_answer_that_is_not_proved(written: H) -> None:
    assert says(written) == {"HF504 inconclusive"}


@pytest.mark.parametrize("written", [
    H().join("a").closed("a"),
    H().join("a").close_begun("a").ended("a", SrvRst),
    waited(H(Policy(answers_close=False)).join("a"), 60),
    waited(H().join("a").fault("a", "malformed:not-json"), 60),
    waited(H().join("a").fault("a", "half-close"), 60),
    waited(H().open("a").ok("a"), 60),
    H().join("a").close_begun("a", 1006).ended("a", SrvEof),
    H().join("a").close_begun("a").stop().ended("a", SrvEof),
    H().join("a").close_begun("a").drop("a"),
], ids=["answered", "reset", "dial", "fault", "half", "joining", "bad-code", "stopped", "we-left"])  # fmt: skip
def test_closes_that_need_no_answer(written: H) -> None:
    assert says(written) == NOTHING


# ---- shutdown ------------------------------------------------------------------------------------------------------


def test_a_process_that_outlives_its_time() -> None:
    written = H(STOP).join("a").stop().ended("a", 1001).wait(5.5).stopped()
    assert says(written) == SHUTDOWN
    assert obligations(written, "HF505") == 1


def test_a_process_that_had_to_be_killed() -> None:
    assert says(H(STOP).join("a").stop().wait(5.5).stopped(None)) == SHUTDOWN


def test_a_connection_that_never_sees_its_server_end() -> None:
    written = H(STOP).join("a").stop().stopped().add(Restarted).controls(5.2)
    assert says(written) == SHUTDOWN


@pytest.mark.parametrize("written", [
    H(STOP).join("a").stop().ended("a", 1001).wait(1.5).stopped(),
    H(STOP).join("a").stop().ended("a", SrvRst).stopped(-15),
    H(STOP).join("a").stop().stopped().add(Restarted).controls(4),
    H(STOP).join("a").stop().stopped().add(Restarted).drop("a").controls(9),
    H(STOP).join("a").fault("a").stop().stopped().add(Restarted).controls(9),
    H(STOP).join("a").stop(),
    H(STOP).join("a").exit(1).wait(9),
    H().join("a").stop().wait(99).stopped(None),
], ids=["in-time", "signal", "soon", "we-left", "stalled", "unfinished", "crash", "dial"])  # fmt: skip
def test_shutdowns_that_may_be_right(written: H) -> None:
    assert "HF505" not in {found.split()[0] for found in says(written)}


@pytest.mark.parametrize("written", [
    H(STOP).stop().lag(1).wait(4.5).stopped(),
    H(STOP).stop().pause(1).wait(4.5).stopped(),
    H(STOP).stop().wait(4).stopped(None),
    H(STOP).stop().wait(4.5).stopped(),
], ids=["own-lag", "paused", "killed-too-soon", "perhaps-held-up"])  # fmt: skip
def test_a_lateness_that_is_not_proved(written: H) -> None:
    assert says(written) == {"HF505 inconclusive"}
