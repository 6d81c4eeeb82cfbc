"""Codecs: what is sent is what the hub's own parser reads, and any frame whatsoever is read without an error."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzer.target import Accepted, Message, NotSubscribed, Other, Subscribed, TargetError, Unsubscribed, Welcome
from fuzzer.target.codecs import JsonCodec, TextCodec, codec_for
from fuzzer.target.config import JsonProtocol, Match, Pattern, TextProtocol
from fuzzer.target.protocol import NotPublished

CHAT = JsonProtocol(
    publish='{"type": "publish", "id": "{id}", "body": "{body}", "as": "{user}"}',
    publish_room='{"type":"publish","id":"{id}","body":"{body}","room":"{room}"}',
    subscribe='{"type":"subscribe","room":"{room}"}',
    unsubscribe='{"type":"unsubscribe","room":"{room}"}',
    deliver=Match({"type": "message"}, id="data.id", body="data.body", room="data.room"),
    welcome=Match({"type": "welcome"}),
    subscribed=Match({"type": "subscribed"}, room="room"),
    not_subscribed=Match({"type": "not-subscribed"}, room="room"),
    unsubscribed=Match({"type": "unsubscribed"}, room="room"),
)
CODEC = JsonCodec(CHAT)
BARE = JsonProtocol(publish='["{id}", "{body}"]', deliver=Match(id="0", body="1"))

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(["type", "data", "id", "body", "room"]), inner, max_size=4)
    ),
)


def frame(tree: object) -> str:
    return msgspec.json.encode(tree).decode()


@given(st.text(), st.text(), st.text(), st.text())
def test_what_is_sent_is_json_with_the_very_values(msg_id: str, body: str, room: str, user: str) -> None:
    sent = msgspec.json.decode(CODEC.publish(msg_id, body, None, user))
    assert sent == {"type": "publish", "id": msg_id, "body": body, "as": user}
    sent = msgspec.json.decode(CODEC.publish(msg_id, body, room))
    assert sent == {"type": "publish", "id": msg_id, "body": body, "room": room}
    assert msgspec.json.decode(CODEC.subscribe(room)) == {"type": "subscribe", "room": room}
    assert msgspec.json.decode(CODEC.unsubscribe(room)) == {"type": "unsubscribe", "room": room}


@given(st.text(), st.text(), st.none() | st.text(), st.booleans())
def test_a_delivery_is_read_as_it_was_sent(msg_id: str, body: str, room: str | None, as_bytes: bool) -> None:
    data = {"id": msg_id, "body": body} | ({} if room is None else {"room": room})
    text = frame({"type": "message", "data": data})
    assert CODEC.read(text.encode() if as_bytes else text) == Message(msg_id, body, room)


@given(st.text(), st.text())
def test_a_hub_that_echoes_the_frame_is_read_back(msg_id: str, body: str) -> None:
    codec = JsonCodec(BARE)
    assert codec.read(codec.publish(msg_id, body)) == Message(msg_id, body)


def test_the_other_kinds_of_frames() -> None:
    assert CODEC.read('{"type":"welcome","more":1}') == Welcome()
    assert CODEC.read('{"type":"subscribed","room":"r1"}') == Subscribed("r1")
    assert CODEC.read('{"type":"subscribed"}') == Subscribed(None)
    assert CODEC.read('{"type":"unsubscribed","room":"r1"}') == Unsubscribed("r1")
    assert CODEC.read('{"type":"not-subscribed","room":"r1"}') == NotSubscribed("r1")
    assert CODEC.read('{"type":"error"}') == Other('{"type":"error"}')


@pytest.mark.parametrize("data", [{}, {"body": "b"}, {"id": None, "body": "b"}, [], "text", None, 3])
def test_a_delivery_without_an_id_is_no_message(data: object) -> None:
    assert isinstance(CODEC.read(frame({"type": "message", "data": data})), Other)


def test_values_of_another_type_are_not_the_text_that_was_sent() -> None:
    assert CODEC.read('{"type":"message","data":{"id":7,"body":{"a":[1]}}}') == Message("7", '{"a":[1]}')
    assert CODEC.read('{"type":"message","data":{"id":"7","body":""}}') == Message("7", "")


def test_a_receipt_that_has_the_id_but_no_body_is_no_message() -> None:
    assert isinstance(CODEC.read('{"type":"message","data":{"id":"7"}}'), Other)
    assert isinstance(CODEC.read('{"type":"message","data":{"id":"7","body":null}}'), Other)
    nameless = JsonProtocol(publish="{id}", deliver=Match(match={"type": "message"}, id="id"))
    assert codec_for(nameless).read('{"type":"message","id":"7"}') == Message("7", "")


@given(json_values)
def test_any_json_is_read_without_an_error(tree: object) -> None:
    assert isinstance(CODEC.read(frame(tree)), Message | Welcome | Subscribed | Unsubscribed | Other)


@given(st.text() | st.binary())
def test_any_frame_is_read_without_an_error(data: str | bytes) -> None:
    assert isinstance(CODEC.read(data), Other)


@pytest.mark.parametrize(
    "data",
    [
        "[" * 200_000,
        '{"type":' * 100_000,
        '{"type":"message","data":' + "[" * 500 + "]" * 500 + "}",
        '{"type":"message","data":{"id":1e999}}',
        '{"type":"message","data":{"id":' + "9" * 5000 + "}}",
        '{"type":"\\ud800"}',
        '{"type":"welcome","type":"error"}',
        "NaN",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"",
        "",
    ],
    ids=range(12),
)
def test_hostile_frames_are_other_frames(data: str | bytes) -> None:
    reading = CODEC.read(data)
    assert isinstance(reading, Other)
    assert len(reading.text) <= 200


def test_a_deep_body_is_still_shown() -> None:
    deep = "[" * 300 + "]" * 300
    assert CODEC.read('{"type":"message","data":{"id":"a","body":' + deep + "}}") == Message("a", deep)


def test_the_kind_with_the_most_conditions_counts() -> None:
    spec = JsonProtocol(
        publish='["{id}", "{body}"]',
        deliver=Match(id="id", body="body"),
        welcome=Match({"type": "hello", "data.member": True}),
    )
    codec = JsonCodec(spec)
    assert codec.read('{"type":"hello","id":"x","body":"","data":{"member":true}}') == Welcome()
    assert codec.read('{"type":"hello","id":"x","body":"","data":{"member":false}}') == Message("x", "")


def test_a_nested_match_may_be_written_as_toml_reads_dotted_keys() -> None:
    codec = JsonCodec(msgspec.structs.replace(BARE, welcome=Match({"data": {"member": True}})))
    assert codec.read('{"data":{"member":true}}') == Welcome()


def test_true_is_not_one() -> None:
    codec = JsonCodec(msgspec.structs.replace(BARE, welcome=Match({"ok": True})))
    assert codec.read('{"ok":1}') == Other('{"ok":1}')
    assert codec.read('{"ok":true}') == Welcome()


def test_lists_are_walked_by_number() -> None:
    spec = JsonProtocol(publish='["{id}", "{body}"]', deliver=Match({"3": "shout"}, id="4.id", body="4.body", room="2"))
    codec = JsonCodec(spec)
    assert codec.read('[null,null,"room:1","shout",{"id":"a","body":"b"}]') == Message("a", "b", "room:1")
    assert isinstance(codec.read('[null,null,"room:1"]'), Other)


def test_the_answer_to_a_token_is_no_membership() -> None:
    codec = JsonCodec(BARE, accepted=Match({"type": "auth_ok"}))
    assert codec.read('{"type":"auth_ok"}') == Accepted('{"type":"auth_ok"}')
    assert not isinstance(codec.read('{"type":"auth_ok"}'), Welcome)


def test_flags_say_what_the_hub_confirms() -> None:
    flags = (CODEC.has_rooms, CODEC.has_welcome, CODEC.has_subscribed, CODEC.has_unsubscribed)
    assert flags == (True, True, True, True)
    bare = JsonCodec(BARE)
    assert (bare.has_rooms, bare.has_welcome, bare.has_subscribed, bare.has_unsubscribed) == (False,) * 4


def test_a_hub_without_rooms_says_so() -> None:
    bare = JsonCodec(BARE)
    for ask in (lambda: bare.subscribe("r"), lambda: bare.unsubscribe("r"), lambda: bare.publish("i", "b", "r")):
        with pytest.raises(TargetError, match=r"^protocol\.\w+: missing, so this target has no rooms$"):
            ask()


TUTORIAL = TextCodec(
    TextProtocol(
        publish="{id} {body}",
        deliver=Pattern(r"Client #\S+ says: (?P<id>\S+) (?P<body>.*)"),
        welcome=Pattern("welcome.*"),
        publish_room="/say {room} {id} {body}",
        subscribe="/join {room}",
        unsubscribe="/part {room}",
        subscribed=Pattern(r"joined (?P<room>\S+)"),
        not_subscribed=Pattern(r"(?P<room>\S+) is full"),
        unsubscribed=Pattern("parted"),
    )
)


@given(st.from_regex(r"[a-z0-9-]+", fullmatch=True), st.text())
def test_text_hubs(msg_id: str, body: str) -> None:
    assert TUTORIAL.read(f"Client #7 says: {TUTORIAL.publish(msg_id, body)}") == Message(msg_id, body)


def test_text_hubs_have_the_other_kinds_too() -> None:
    assert TUTORIAL.publish("i", "b", "r1") == "/say r1 i b"
    assert (TUTORIAL.subscribe("r1"), TUTORIAL.unsubscribe("r1")) == ("/join r1", "/part r1")
    assert TUTORIAL.read("welcome, u0\nof many") == Welcome()
    assert TUTORIAL.read("joined r1") == Subscribed("r1")
    assert TUTORIAL.read("r1 is full") == NotSubscribed("r1")
    assert TUTORIAL.read("parted") == Unsubscribed(None)
    assert TUTORIAL.read("he said: parted") == Other("he said: parted")
    assert TUTORIAL.read(b"parted") == Other("parted")


WITHIN = TextCodec(
    TextProtocol(
        publish='42["say",{"id":"{id}","body":"{body}"}]',
        deliver=Pattern(r'42\["say",\{"id":"(?P<id>[^"]+)","body":"(?P<body>(?:[^"\\]|\\.)*)"\}\]'),
        publish_room='42["say",{"room":"{room}","id":"{id}","body":"{body}"}]',
        subscribe='42["join","{room}"]',
        subscribed=Pattern(r'42\["joined","(?P<room>(?:[^"\\]|\\.)+)"\]'),
        not_published=Pattern(r'42\["no","(?P<id>[^"]*)"\]'),
        escape="json",
    )
)


@given(st.from_regex(r"[a-z0-9-]+", fullmatch=True), st.text())
def test_what_stands_in_json_within_text_is_escaped_and_read_back(msg_id: str, body: str) -> None:
    """As socket.io has it, behind the number of its packet."""
    assert WITHIN.read(WITHIN.publish(msg_id, body)) == Message(msg_id, body)
    told = json.dumps(["say", {"id": msg_id, "body": body}], separators=(",", ":"))
    assert WITHIN.read(f"42{told}") == Message(msg_id, body), "nor do others escape as we do"


def test_so_are_its_rooms_and_refusals() -> None:
    assert WITHIN.subscribe('a"b') == '42["join","a\\"b"]'
    assert WITHIN.read('42["joined","a\\"b"]') == Subscribed('a"b')
    assert WITHIN.read('42["no","i1"]') == NotPublished("i1")
    assert WITHIN.read('42["say",{"id":"i","body":"\\x"}]') == Message("i", "\\x"), "what is no JSON stays as it is"


MESSAGE = '{"type":"message","id":"%s","body":""}'


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (f"{MESSAGE % 1}\n{MESSAGE % 2}", ["Message", "Message"]),
        (f"{MESSAGE % 1}\r\n{MESSAGE % 2}\n".encode(), ["Message", "Message"]),
        (MESSAGE % 1, ["Message"]),
        (f"{MESSAGE % 1}\n", ["Message"]),
        (f"{MESSAGE % 1}\n{{}}", ["Message", "Other"]),
        (f"{MESSAGE % 1}\nbroken", ["Message", "Other"]),
        (f"[{MESSAGE % 1}, {MESSAGE % 2}, {{}}, 3]", ["Message", "Message", "Other", "Other"]),
        (f"[{MESSAGE % 1}]".encode(), ["Message"]),
        (f'["sent", {MESSAGE % 1}]', ["Other"]),  # a tag and its payload are one thing
        ("[{}, []]", ["Other"]),
        ("[]", ["Other"]),
        ("{}\n", ["Other"]),
        ("", ["Other"]),
    ],
)
def test_a_writer_may_put_all_that_waits_into_one_frame(frame: str | bytes, found: list[str]) -> None:
    protocol = JsonProtocol(publish="{id}", deliver=Match(match={"type": "message"}, id="id", body="body"))
    assert [type(reading).__name__ for reading in codec_for(protocol).readings(frame)] == found


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        ("hf-1 a\nhf-2 b", [Message("hf-1", "a"), Message("hf-2", "b")]),
        ("hf-1 a\nb c\nhf-2 d", [Message("hf-1", "a\nb c"), Message("hf-2", "d")]),  # a body of two lines
        ("hello\nhf-1 a", [Welcome(), Message("hf-1", "a")]),
        ("hf-1 a\nhello", [Message("hf-1", "a"), Welcome()]),
        ("? \nhf-1 a", [Other("? "), Message("hf-1", "a")]),
        ("7 a\n8 b", [Message("7", "a\n8 b")]),  # of others
    ],
)
def test_a_writer_of_text_may_put_all_that_waits_into_one_frame(frame: str, found: list[object]) -> None:
    """As in the chat example of gorilla/websocket: a line each."""
    protocol = TextProtocol(
        publish="{id} {body}", deliver=Pattern(r"(?P<id>\S+) (?P<body>.+)"), welcome=Pattern("hello")
    )
    assert list(codec_for(protocol).readings(frame)) == found


def test_what_is_nested_as_deep_as_can_be_is_read_without_an_error() -> None:
    """The decoder takes a little more than the encoder."""
    codec = codec_for(JsonProtocol(publish="{id}", deliver=Match(match={}, id="id", body="body")))
    for depth in range(800, 1100):
        assert codec.readings(f'[{{"id": {"[" * depth}{"]" * depth}, "body": 1}}]')
        assert codec.readings(f'{{"id": {"[" * depth}{"]" * depth}, "body": 1}}')
