"""A room answer that does not say its room is given to nobody where there is a choice."""

from __future__ import annotations

from fuzzer.driver.room_answers import RoomAnswers


def asked(*rooms: str) -> RoomAnswers:
    answers = RoomAnswers()
    for room in rooms:
        answers.asked_to_join(room)
    return answers


def test_the_only_request_gets_it() -> None:
    answers = asked("r0")
    assert answers.nameless("in") == ["r0"]
    assert answers.none_awaited


def test_requests_for_one_room_get_them_one_by_one() -> None:
    answers = asked("r0", "r0")
    assert [answers.nameless("in"), answers.nameless("in")] == [["r0"], ["r0"]]


def test_of_two_rooms_neither_gets_it_before_both_do() -> None:
    answers = asked("r1", "r0")
    assert [answers.nameless("in"), answers.nameless("in")] == [[], ["r1", "r0"]]


def test_mixed_answers_are_nobodys() -> None:
    answers = asked("r1", "r0")
    assert [answers.nameless("refused"), answers.nameless("in")] == [[], []]
    assert answers.none_awaited


def test_a_leaving_is_not_answered_by_what_answers_a_joining() -> None:
    answers = asked("r1")
    answers.asked_to_leave("r0")
    assert answers.nameless("out") == ["r0"]
    assert answers.nameless("out") == []
    assert answers.nameless("in") == ["r1"]


def test_an_answer_with_a_name_leaves_the_others_no_choice() -> None:
    answers = asked("r1", "r0")
    answers.named("r1", "in")
    assert answers.nameless("in") == ["r0"]
