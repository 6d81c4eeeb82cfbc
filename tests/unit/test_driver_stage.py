"""The stage turns what connections tell into history, and knows what a fence may wait for."""

from __future__ import annotations

import trio

from fuzzer.driver.actor import Actor
from fuzzer.driver.cast import Cast
from fuzzer.driver.health import HealthyTime
from fuzzer.driver.stage import Stage
from fuzzer.history import CloseOk, Dlv, Frame, Joined, SendOk, SrvClose, Stray, TcpClosed
from fuzzer.plan import Batch, Open, Plan
from fuzzer.policy import Policy
from fuzzer.target.codecs import JsonCodec
from fuzzer.target.config import JsonProtocol, Match

PLAN = Plan((Batch((Open("a", "u0"),)),), names={"u0": "Ann"})
PROTOCOL = JsonProtocol(
    publish='{"type": "publish", "id": "{id}", "body": "{body}"}',
    deliver=Match(match={"type": "message"}, id="id", body="body"),
    welcome=Match(match={"type": "welcome"}),
    subscribed=Match(match={"type": "subscribed"}, room="room"),
)


def a_stage(policy: Policy | None = None, conns: str = "ab") -> Stage:
    """A stage with opened connections of u0, without sockets."""
    stage = Stage(Cast(PLAN, "n1-"), JsonCodec(PROTOCOL), policy or Policy(), "hf-ctl")
    for name in conns:
        stage.actors[name] = Actor(name, "u0", welcome_expected=True)
        stage.opened(name)
    return stage


def kinds(stage: Stage) -> list[type]:
    return [type(event) for event in stage.record.events]


def frame(real: str, body: str = "") -> str:
    return f'{{"type": "message", "id": "{real}", "body": "{body}"}}'


def test_names_keep_their_ending_and_are_fresh() -> None:
    cast = Cast(PLAN, "n1-")
    assert cast.user("u0") == "n1-Ann"
    assert cast.user("u9") == "n1-u9"
    assert cast.room_symbol(cast.room("r0")) == "r0"
    assert cast.session(None) is None


ALIKE = Plan((Batch((Open("a", "u0"), Open("b", "u1"))),), names={"u0": "Ann", "u1": "ann "})


def test_the_name_of_one_room_begins_that_of_the_others_and_all_are_known_again() -> None:
    cast = Cast(PLAN, "n1-")
    rooms = ["r0", "r1", "r2", "r01", "r0r0"]
    assert len({cast.room(room) for room in rooms}) == len(rooms)
    assert all(cast.room(room).startswith(cast.room("r0")) for room in rooms)
    assert [cast.room_symbol(cast.room(room)) for room in rooms] == rooms
    assert cast.room_symbol("lobby") == "lobby"


def test_names_that_a_hub_may_fold_are_kept_apart_and_known_again() -> None:
    cast = Cast(ALIKE, "n1-", exact=False)
    assert [cast.user("u0"), cast.user("u1"), cast.user("u0")] == ["n1-Ann", "n1-ann -u1", "n1-Ann"]
    assert cast.user_symbol("n1-ANN") == "u0"
    assert cast.spoken_of("n1-ann -U1") == "u1"


def test_names_that_are_exact_stay_as_they_are() -> None:
    cast = Cast(ALIKE, "n1-")
    assert [cast.user("u0"), cast.user("u1")] == ["n1-Ann", "n1-ann "]
    assert cast.user_symbol("n1-ANN") is None


def test_a_delivery_is_recognised_and_its_body_compared() -> None:
    stage = a_stage()
    real, body = stage.cast.publish("m0", 10, "ascii")
    stage.awaited.add(("m0", "b"))
    stage.frame("b", frame(real, body))
    stage.frame("a", frame(real, body + "!"))
    assert stage.record.events[-2:] == [Dlv(stage.record.events[-2].t, "m0", "b", True), stage.record.events[-1]]
    assert isinstance(stage.record.events[-1], Dlv)
    assert not stage.record.events[-1].intact
    assert stage.record.events[-1].differs == "sent 'abcdefghij', got 'abcdefghij!', from character 11 on"
    assert not stage.awaited


def test_bodies_that_the_hub_may_change_are_not_compared() -> None:
    stage = a_stage(Policy(body="any"))
    real, body = stage.cast.publish("m0", 10, "ascii")
    stage.frame("a", frame(real, body.upper()))
    assert stage.record.events[-1] == Dlv(stage.record.events[-1].t, "m0", "a")


def test_a_marked_id_that_nobody_sent_is_a_stray_and_so_is_the_control_pairs() -> None:
    stage = a_stage()
    stage.frame("a", frame("hf-other-m0"))
    stage.frame("a", frame("hf-ctl7"))
    stage.frame("a", frame("foreign"))
    assert kinds(stage)[-3:] == [Stray, Stray, Frame]


def test_where_all_are_one_group_only_own_unknown_ids_are_strays() -> None:
    stage = a_stage(Policy(group="all"))
    stage.frame("a", frame("foreign"))
    stage.frame("a", frame("hf-ctl7"))  # the control pair's, of which nothing is told
    stage.frame("a", frame("hf-other-m0"))  # history of an earlier plan, say
    stage.frame("a", frame("hf-n1-ghost"))
    assert kinds(stage)[-3:] == [Frame, Frame, Stray]
    assert [e.known for e in stage.record.events if isinstance(e, Frame)] == [True, True]


def test_messages_in_an_answer_are_told_and_what_it_weighs_if_that_is_much() -> None:
    stage = a_stage()
    real, body = stage.cast.publish("m0", 1, "ascii")
    answer = f'{{"type": "subscribed", "room": "{stage.cast.room("r0")}", "recent": %s}}'
    stage.frame("a", answer % "[]")
    stage.frame("a", answer % f'[{{"id": "{real}", "body": "{body}"}}]')
    stage.frame("a", answer % f'["{"x" * 3000}"]')
    frames = [event for event in stage.record.events if isinstance(event, Frame)]
    assert [(e.known, e.holds, e.size > 3000) for e in frames] == [(True, ("m0",), False), (True, (), True)]
    assert kinds(stage).count(Joined) == 3


def test_an_answer_that_nothing_can_be_made_of_is_a_frame_all_the_same() -> None:
    stage = a_stage()
    for room in ("r0", "r1"):
        stage.actors["a"].room_answers.asked_to_join(room)
    stage.frame("a", '{"type": "subscribed"}')
    assert isinstance(stage.record.events[-1], Frame)
    assert stage.record.events[-1].known
    stage.frame("a", '{"type": "error"}')
    assert not stage.record.events[-1].known  # type: ignore[union-attr]


def test_the_welcome_proves_membership() -> None:
    stage = a_stage()
    assert not stage.actors["a"].member
    stage.frame("a", '{"type": "welcome"}')
    assert stage.actors["a"].member
    assert isinstance(stage.record.events[-1], Joined)


def test_a_room_answer_counts_only_while_the_room_is_wanted() -> None:
    stage = a_stage()
    stage.actors["a"].wanted_rooms.add("r0")
    for conn in "ab":
        stage.frame(conn, '{"type": "subscribed", "room": "n1-r0"}')
    assert [a.name for a in stage.members("room:r0")] == ["a"]


def test_our_close_is_complete_after_the_peers_close_and_tcp() -> None:
    stage = a_stage()
    stage.actors["a"].closing = True
    stage.server_closed("a", 1000, "")
    assert CloseOk not in kinds(stage)
    stage.tcp_closed("a")
    assert kinds(stage)[-2:] == [SrvClose, CloseOk]


def test_a_server_side_end_is_not_a_close_of_ours() -> None:
    stage = a_stage()
    stage.server_closed("a", 1001, "")
    stage.tcp_closed("a")
    assert kinds(stage)[-1] is TcpClosed


def test_our_own_drop_leaves_no_trace_of_the_server() -> None:
    stage = a_stage()
    stage.actors["a"].gone = True
    before = len(stage.record.events)
    stage.tcp_closed("a")
    assert len(stage.record.events) == before


def test_who_is_gone_is_no_longer_awaited() -> None:
    stage = a_stage()
    stage.awaited = {("~a@~0", "b"), ("~b@~0", "a")}
    stage.server_reset("a")
    assert stage.awaited == {("~a@~0", "b")}
    assert [actor.name for actor in stage.live()] == ["b"]


def test_flushing_completes_the_sends() -> None:
    stage = a_stage()
    stage.actors["a"].unflushed += ["m0", "m1"]
    stage.flushed("a")
    assert [e.msg for e in stage.record.events if isinstance(e, SendOk)] == ["m0", "m1"]


def test_a_message_of_a_gone_sender_that_reached_one_is_awaited_at_the_other() -> None:
    stage = a_stage(conns="abc")
    for name in "abc":
        stage.frame(name, '{"type": "welcome"}')
    stage.published("m0", stage.actors["a"], "user:u0")
    stage.published("m1", stage.actors["a"], "user:u0")
    stage.delivered.add(("m0", "b"))
    assert not stage.split_messages(), "the sender is alive: its fence will tell"
    stage.actors["a"].gone = True
    assert stage.split_messages()
    stage.delivered |= {("m1", "c"), ("m1", "b")}
    assert not stage.split_messages(), "a later message is there: the hole is a loss, waiting proves nothing more"


def test_a_later_message_already_there_means_that_an_earlier_one_was_overtaken() -> None:
    stage = a_stage(conns="abc")
    for actor in stage.actors.values():
        actor.welcome_expected = False
    for msg in ("m0", "m1"):
        stage.published(msg, stage.actors["a"], "user:u0")
    (first, body), (second, later) = stage.cast.publish("m0", 0, "ascii"), stage.cast.publish("m1", 0, "ascii")
    stage.frame("b", frame(first, body))
    assert not stage.overtaken()  # only late: nothing passed it
    stage.frame("c", frame(second, later))
    assert stage.overtaken() == {("m0", "c")}
    stage.frame("c", frame(first, body))
    assert not stage.overtaken()


def test_what_was_overtaken_is_waited_for_once() -> None:
    stage = a_stage(conns="abc")
    for actor in stage.actors.values():
        actor.welcome_expected = False
    for msg in ("m0", "m1", "m2"):
        stage.published(msg, stage.actors["a"], "user:u0")
    stage.frame("c", frame(*stage.cast.publish("m1", 0, "ascii")))
    stage.give_up_on_overtaken()
    assert not stage.overtaken()
    stage.frame("b", frame(*stage.cast.publish("m2", 0, "ascii")))
    assert stage.overtaken() == {("m0", "b"), ("m1", "b")}


def test_until_wakes_on_what_happens_and_gives_up_in_time() -> None:
    stage = a_stage()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, lambda: None)
            assert not await stage.until(lambda: False, 0.01)
            nursery.start_soon(_later, stage)
            assert await stage.until(lambda: not stage.actors["a"].live, 5)

    async def _later(stage: Stage) -> None:
        await trio.lowlevel.checkpoint()
        stage.server_eof("a")

    trio.run(main)


def test_healthy_time_counts_only_close_answers() -> None:
    healthy = HealthyTime()
    for ok, since, now in [(True, 0.0, 0.1), (True, 0.2, 0.3), (False, 0.4, 1.4), (True, 1.4, 1.5), (True, 3.0, 3.1)]:
        healthy.note(ok, since, now)
    assert round(healthy.seconds, 6) == 0.2


def test_a_slow_answer_is_not_healthy() -> None:
    healthy = HealthyTime()
    healthy.note(True, 0.0, 0.1)
    healthy.note(True, 0.1, 0.9)
    assert healthy.seconds == 0.0
