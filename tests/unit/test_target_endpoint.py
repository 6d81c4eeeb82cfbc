"""The token stands in its place and nowhere else; names are escaped as their place needs it."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import jwt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzer.target import Endpoint, Target, TargetError
from fuzzer.target.config import EnvRef, JsonProtocol, JwtAuth, Match, NoAuth, Pattern, TextProtocol

SECRET = "a secret that is long enough for this algorithm"
PROTOCOL = JsonProtocol(publish='["{id}", "{body}"]', deliver=Match())
URL = "ws://127.0.0.1:{port}/ws"


def placed(place: str, url: str = URL, message: str | None = None, **more: object) -> Target:
    auth = JwtAuth(secret=SECRET, place=place, message=message)
    return Target(name="x", url=url, protocol=PROTOCOL, auth=auth, **more)  # type: ignore[arg-type]


def user_of(token: str) -> object:
    return jwt.decode(token, SECRET, algorithms=["HS256"])["sub"]


def test_in_the_query() -> None:
    end = placed("query:access token").endpoint(81, "u&0")
    assert (end.host, end.port, end.headers, end.subprotocols) == ("127.0.0.1", 81, (), ())
    assert end.resource.startswith("/ws?access%20token=ey")
    assert user_of(parse_qs(urlsplit(end.resource).query)["access token"][0]) == "u&0"


def test_in_the_query_beside_other_parameters() -> None:
    end = placed("query:token", URL + "?v=2&session={session}").endpoint(81, "u0", "s/1")
    assert list(parse_qs(urlsplit(end.resource).query)) == ["v", "session", "token"]
    assert "session=s%2F1&" in end.resource


def test_in_a_header() -> None:
    end = placed("header:Authorization=Bearer {token}", headers={"Origin": "http://a"}).endpoint(81, "u0")
    assert end.resource == "/ws"
    headers = dict(end.headers)
    assert headers["Origin"] == "http://a"
    kind, _, token = headers["Authorization"].partition(" ")
    assert (kind, user_of(token)) == ("Bearer", "u0")


def test_in_a_cookie() -> None:
    end = placed("cookie:sid").endpoint(81, "u0")
    assert end.headers[0][0] == "Cookie"
    assert user_of(end.headers[0][1].removeprefix("sid=")) == "u0"


def test_in_a_cookie_beside_another() -> None:
    [(name, value)] = placed("cookie:sid", headers={"cookie": "lang=en"}).endpoint(81, "u0").headers
    assert name == "cookie"
    assert value.startswith("lang=en; sid=ey")


def test_in_a_subprotocol() -> None:
    end = placed("subprotocol:jwt,{token}", subprotocols=("chat",)).endpoint(81, "u0")
    assert end.subprotocols[:2] == ("chat", "jwt")
    assert user_of(end.subprotocols[2]) == "u0"
    assert end.headers == ()


def test_in_a_message() -> None:
    target = placed("message", message='{"type": "auth", "token": "{token}", "as": "{user}", "s": "{session}"}')
    end = target.endpoint(81, 'u"0')
    assert (end.resource, end.headers, end.subprotocols) == ("/ws", (), ())
    message = msgspec.json.decode(end.first_message or "")
    assert (user_of(message["token"]), message["as"], message["s"]) == ('u"0', 'u"0', "")
    assert target.has_sessions


@pytest.mark.parametrize(
    ("place", "left"),
    [
        ("query:token", Endpoint("127.0.0.1", 81, "/ws")),
        ("header:Authorization=Bearer {token}", Endpoint("127.0.0.1", 81, "/ws")),
        ("cookie:sid", Endpoint("127.0.0.1", 81, "/ws")),
        ("subprotocol:jwt,{token}", Endpoint("127.0.0.1", 81, "/ws", subprotocols=("jwt",))),
        ("message", Endpoint("127.0.0.1", 81, "/ws")),
    ],
)
def test_without_a_token_nothing_of_it_is_left(place: str, left: Endpoint) -> None:
    assert placed(place, message='["{token}"]').endpoint(81, "u0", token="none") == left


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_name_survives_path_query_and_header(user: str, session: str) -> None:
    url = "ws://127.0.0.1:80/a/{user}/b?s={session}&u={user}"
    target = Target(name="x", url=url, protocol=PROTOCOL, headers={"X-User": "{user}"})
    end = target.endpoint(None, user, session)
    path, query = end.resource.split("?")
    assert [unquote(part) for part in path.split("/")] == ["", "a", user, "b"]
    assert parse_qs(query, keep_blank_values=True) == {"s": [session], "u": [user]}
    assert end.resource.isascii()
    assert unquote(dict(end.headers)["X-User"]) == user
    assert all(value.isascii() and value.isprintable() for _, value in end.headers)


@given(st.text())
def test_any_name_survives_a_json_message(user: str) -> None:
    target = Target(name="x", url="ws://[::1]:80/", protocol=PROTOCOL, auth=NoAuth(message='{"u": "{user}"}'))
    end = target.endpoint(None, user)
    assert end.host == "::1"
    assert msgspec.json.decode(end.first_message or "") == {"u": user}


def test_a_name_that_looks_like_a_placeholder_is_a_name() -> None:
    target = Target(name="x", url="ws://h:1/", protocol=PROTOCOL, auth=NoAuth(message='["{user}", "{session}"]'))
    assert target.endpoint(None, "{session}", "{user}").first_message == '["{session}", "{user}"]'


@pytest.mark.parametrize(
    "message",
    [
        '40{"token":"{token}"}',
        "CONNECT\naccept-version:1.2\nAuthorization:Bearer {token}\n\n\0",
        "{token}",
        "AUTH {token} {session}",
    ],
)
def test_a_first_message_that_is_no_json_gets_the_token_as_it_is(message: str) -> None:
    end = placed("message", message=message).endpoint(81, 'u"0', "s0")
    said = end.first_message or ""
    before, _, after = message.replace("{session}", "s0").partition("{token}")
    assert said.startswith(before)
    assert said.endswith(after)
    assert user_of(said[len(before) : len(said) - len(after)]) == 'u"0'


def test_json_with_the_end_of_a_record_behind_it_is_escaped_as_json() -> None:
    end = placed("message", message='{"token": "{token}", "as": "{user}"}\u001e').endpoint(81, 'u"0')
    assert (end.first_message or "")[-1] == "\u001e"
    assert msgspec.json.decode((end.first_message or "")[:-1])["as"] == 'u"0'


def test_a_text_hub_gets_its_first_message_as_it_is() -> None:
    protocol = TextProtocol(publish="{id} {body}", deliver=Pattern("(?P<id>.) (?P<body>.*)"))
    target = Target(name="x", url="ws://h:1/", protocol=protocol, auth=NoAuth(message='NICK "{user}"'))
    assert target.endpoint(None, 'a"b').first_message == 'NICK "a"b"'


@pytest.mark.parametrize(
    ("url", "without", "with_one"),
    [
        ("ws://h:1/ws?session={session}", "/ws", "/ws?session=s1"),
        ("ws://h:1/ws?a=1&session={session}&b=2", "/ws?a=1&b=2", "/ws?a=1&session=s1&b=2"),
        ("ws://h:1/ws?sid=x-{session}", "/ws?sid=x-", "/ws?sid=x-s1"),
        ("ws://h:1/ws/{session}", "/ws/", "/ws/s1"),
        ("ws://h:1", "/", "/"),
        ("ws://h:1?a=b", "/?a=b", "/?a=b"),
    ],
)
def test_a_parameter_that_is_the_session_is_left_out_without_one(url: str, without: str, with_one: str) -> None:
    target = Target(name="x", url=url, protocol=PROTOCOL)
    assert target.endpoint(None, "u").resource == without
    assert target.endpoint(None, "u", "s1").resource == with_one
    assert target.has_sessions == ("{session}" in url)


def test_a_header_that_is_the_session_is_left_out_without_one() -> None:
    target = Target(name="x", url="ws://h:1/", protocol=PROTOCOL, headers={"X-Session": "{session}"})
    assert target.endpoint(None, "u").headers == ()
    assert target.endpoint(None, "u", "s1").headers == (("X-Session", "s1"),)


def test_a_header_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_KEY", "k1")
    target = Target(name="x", url="ws://h:1/", protocol=PROTOCOL, headers={"X-Key": EnvRef("HF_KEY")})
    assert target.endpoint(None, "u").headers == (("X-Key", "k1"),)


def test_ports() -> None:
    assert Target(name="x", url="ws://h/", protocol=PROTOCOL).endpoint(None, "u").port == 80
    assert Target(name="x", url="ws://h:81/", protocol=PROTOCOL).endpoint(99, "u").port == 81
    with pytest.raises(TargetError, match=r"^target.url: holds \{port\}, which is known only while a server runs"):
        placed("query:t").endpoint(None, "u")


@pytest.mark.parametrize(
    ("lifetime", "kind", "told"),
    [("4s", "valid", True), ("1h", "valid", False), ("1h", "brief", True), ("4s", "wrong-signature", False)],
)
def test_when_a_good_token_ends_is_told_if_a_plan_may_take_as_long(lifetime: str, kind: str, told: bool) -> None:
    auth = JwtAuth(secret=SECRET, place="query:token", lifetime=lifetime)
    target = Target(name="x", url=URL, protocol=PROTOCOL, auth=auth)
    end = target.endpoint(81, "u0", None, kind)  # type: ignore[arg-type]
    token = parse_qs(urlsplit(end.resource).query)["token"][0]
    ends = jwt.decode(token, options={"verify_signature": False, "verify_exp": False})["exp"]
    assert end.expires == (ends if told else None)
