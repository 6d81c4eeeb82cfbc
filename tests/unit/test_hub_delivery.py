"""The correct hub delivers: to all of the user, to the room, in order, once, whatever the words are."""

from __future__ import annotations

import json

import pytest
import trio
from hub_client import TestHub, hub_test, running, token
from wsproto.events import Ping, TextMessage

from fuzzer.hub.knobs import Knobs
from fuzzer.hub.protocol import BadCommand, NotJson, frame, read_command


@hub_test()
async def test_a_message_reaches_every_connection_of_the_user_and_nobody_else(hub: TestHub) -> None:
    a, b, other = await hub.open("ä\u202e\U0001f600"), await hub.open("ä\u202e\U0001f600"), await hub.open("a")
    await a.publish("m1", body='quote " back \\ nul \x00 é 😀')
    assert (await a.read()) == {"type": "message", "id": "m1", "body": 'quote " back \\ nul \x00 é 😀'}
    assert await b.ids(1) == ["m1"]
    assert await other.seen() == []


@hub_test()
async def test_messages_of_one_sender_keep_their_order(hub: TestHub) -> None:
    a, b = await hub.open(), await hub.open()
    names = [f"m{n}" for n in range(200)]
    await a.publish(*names)
    assert await a.ids(200) == names
    assert await b.ids(200) == names


@hub_test()
async def test_a_room_has_its_subscribers_of_all_users_and_needs_a_subscription(hub: TestHub) -> None:
    a, b, sibling = await hub.open("a"), await hub.open("b"), await hub.open("a")
    for tab in (a, a, b):
        await tab.say("subscribe", room="r")
        assert await tab.read() == {"type": "subscribed", "room": "r"}
    await a.publish("m1", room="r")
    assert await a.read() == {"type": "message", "id": "m1", "body": "", "room": "r"}
    assert await b.ids(1) == ["m1"]
    await sibling.publish("m2", room="r")
    assert (await sibling.read())["type"] == "error"
    assert await a.seen() == await b.seen() == []


@hub_test()
async def test_after_the_answer_to_unsubscribe_nothing_comes(hub: TestHub) -> None:
    a, b = await hub.open("a"), await hub.open("b")
    for tab in (a, b):
        await tab.say("subscribe", room="r")
        await tab.read()
    await a.say("unsubscribe", room="r")
    assert await a.read() == {"type": "unsubscribed", "room": "r"}
    await b.publish("m1", room="r")
    assert await b.ids(1) == ["m1"]
    assert await a.seen() == []


@hub_test()
async def test_large_messages_arrive_whole_though_the_buffers_are_small(hub: TestHub) -> None:
    a, b = await hub.open(), await hub.open()
    body = "x" * 1_000_000
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: a.publish("m1", "m2", body=body))
        for tab in (b, a):
            assert [(await tab.read())["body"] for _ in range(2)] == [body, body]


@hub_test()
async def test_a_fragmented_message_is_one_message(hub: TestHub) -> None:
    a = await hub.open()
    text = json.dumps({"type": "publish", "id": "m1", "body": "é"})
    for part, finished in ((text[:9], False), (text[9:], True)):
        await a.stream.send_all(a.ws.send(TextMessage(part, message_finished=finished)))
        await a.stream.send_all(a.ws.send(Ping(b"between")))
    assert await a.ids(1) == ["m1"]


@hub_test()
async def test_a_frame_glued_to_the_upgrade_request_is_not_lost(hub: TestHub) -> None:
    tab = hub.tab()
    await tab.connect()
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    head = f"GET /ws?token={token()} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n"
    body = b'{"type":"publish","id":"m1","body":""}'
    await tab.stream.send_all(head.encode() + bytes((0x81, 0x80 | len(body), 0, 0, 0, 0)) + body)
    data = b""
    while b'"id":"m1"' not in data:
        data += await tab.stream.receive_some()
    assert data.startswith(b"HTTP/1.1 101")


@pytest.mark.parametrize("text", ['{"type":"x"}', "[]", "1", '{"type":"publish","id":"a"}'])
def test_json_that_is_no_command_is_answered_to_the_offender_alone(text: str) -> None:
    async def run() -> None:
        async with running() as hub:
            a, b = await hub.open(), await hub.open()
            await a.write(text)
            assert (await a.read())["type"] == "error"
            await a.publish("m1")
            assert await a.ids(1) == await b.ids(1) == ["m1"]

    trio.run(run)


@pytest.mark.parametrize(
    "text", ['{"type":"publish","id":"a","body":1}', '{"type":"publish","id":1,"body":""}', "null"]
)
def test_a_wrong_command_is_told_from_broken_json(text: str) -> None:
    with pytest.raises(BadCommand):
        read_command(text)
    with pytest.raises(NotJson):
        read_command(text[:-1])


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_frames_are_what_rfc_6455_says(size: int) -> None:
    from wsproto import ConnectionType
    from wsproto.connection import Connection

    client = Connection(ConnectionType.CLIENT)
    client.receive_data(frame(b"x" * size))
    assert [event.data for event in client.events() if isinstance(event, TextMessage)] == ["x" * size]


@hub_test(Knobs(join_delay=0.01))
async def test_what_is_sent_before_the_registration_is_handled_after_it(hub: TestHub) -> None:
    tab = hub.tab()
    await tab.ask()
    await tab.answer()
    await tab.publish("m1")
    assert (await tab.read())["type"] == "welcome"
    assert await tab.ids(1) == ["m1"]
