"""Targets in failure files: whole enough to replay, without a secret; and the schema of the file."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from fuzzer.target import Target, TargetError, load_target, redacted, restored, target_from_json, target_to_json
from fuzzer.target.check_url import hosts_of
from fuzzer.target.config import Count, EnvRef, JsonProtocol, JwtAuth, Match, NoAuth, Pattern, Probe, TextProtocol
from fuzzer.target.schema import target_schema
from fuzzer.target.store import is_redacted
from fuzzer.values import DamagedFile

PROTOCOL = JsonProtocol(publish='["{id}", "{body}"]', deliver=Match({"a": 1}, id="0"))
PLAIN = Target(
    name="chat",
    url="ws://127.0.0.1:{port}/ws",
    protocol=PROTOCOL,
    start=("{python}", "-m", "chat"),
    auth=JwtAuth(secret=EnvRef("JWT_SECRET"), claims={"sub": "{user}", "n": [1, True]}),
    probe=Probe({"connections": Count("http://127.0.0.1:{port}/", "c")}),
    headers={"Origin": "http://a"},
)
SECRETIVE = msgspec.structs.replace(
    PLAIN,
    auth=JwtAuth(secret="very-secret-1"),
    env={"KEY": "very-secret-2", "FROM": EnvRef("ELSEWHERE")},
    headers={"Origin": "http://a", "X-Api": "very-secret-3"},
    start=("chat", "--secret=very-secret-1"),
)


def test_a_target_comes_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "a secret of at least thirty-two bytes")
    assert target_from_json(target_to_json(PLAIN)) == PLAIN
    assert not is_redacted(PLAIN)
    assert restored(PLAIN) is PLAIN


def test_other_kinds_of_auth_and_protocol_come_back() -> None:
    text = TextProtocol(publish="{id} {body}", deliver=Pattern(r"(?P<id>\S+) (?P<body>.*)"))
    other = Target(name="x", url="ws://h:1/", protocol=text, auth=NoAuth(message="hi {user}"))
    assert target_from_json(target_to_json(other)) == other


def test_no_secret_is_written() -> None:
    data = target_to_json(SECRETIVE)
    assert b"very-secret" not in data
    saved = target_from_json(data)
    assert saved == redacted(SECRETIVE)
    assert is_redacted(saved)
    assert isinstance(saved.auth, JwtAuth)
    assert saved.auth.secret == "***"
    assert saved.env == {"KEY": "***", "FROM": EnvRef("ELSEWHERE")}
    assert saved.headers == {"Origin": "http://a", "X-Api": "***"}
    assert saved.start == ("chat", "--secret=***")


def test_the_environment_does_not_reach_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "very-secret-4")
    assert b"very-secret" not in target_to_json(PLAIN)


def test_what_was_left_out_is_never_used_as_if_it_were_the_secret() -> None:
    with pytest.raises(TargetError, match=r"^auth.secret: was left out when this target was saved; give the target"):
        redacted(msgspec.structs.replace(SECRETIVE, headers={})).endpoint(80, "u")


FILE = """
[target]
name = "chat"
url = "ws://127.0.0.1:8000/ws"
[auth]
kind = "jwt"
secret = "a literal secret of some length, in a file"
[protocol]
publish = '["{id}", "{body}"]'
deliver = {match = {a = 1}, id = "0"}
[policy.limit]
max = 3
"""


def test_secrets_are_restored_from_the_target_file(tmp_path: Path) -> None:
    path = tmp_path / "hubfuzz.toml"
    path.write_text(FILE)
    target = load_target(path)
    saved = target_from_json(target_to_json(target))
    assert saved != target
    assert restored(saved) == target
    path.write_text(FILE.replace("max = 3", "max = 4"))
    with pytest.raises(TargetError) as caught:
        restored(saved)
    assert str(caught.value) == (
        f"{path}: has changed since the failure was saved; give the one that it needs (--target FILE)"
    )
    path.unlink()
    with pytest.raises(TargetError, match="no such file"):
        restored(saved)


def test_without_a_file_nothing_can_be_restored() -> None:
    with pytest.raises(TargetError, match=r"^chat: its secrets were left out when it was saved; give its target file"):
        restored(redacted(SECRETIVE))


ELSEWHERE = Target(
    name="far", url="ws://192.0.2.7:9/{user}", protocol=PROTOCOL, probe=Probe({"n": Count("http://192.0.2.8/", "c")})
)


def test_a_saved_target_on_another_machine_is_refused_unless_it_is_allowed() -> None:
    saved = target_from_json(target_to_json(ELSEWHERE))
    with pytest.raises(TargetError, match=r"^target.url: 192.0.2.7 is not this machine; .*--allow-host 192.0.2.7$"):
        restored(saved)
    with pytest.raises(TargetError, match=r"^probe.n.url: 192.0.2.8 is not this machine"):
        restored(saved, allow_hosts=["192.0.2.7"])
    assert restored(saved, allow_hosts=["192.0.2.7", "192.0.2.8"]) == ELSEWHERE
    assert hosts_of(saved) == {"192.0.2.7", "192.0.2.8"}


def test_a_target_file_on_another_machine_is_refused_also_where_only_the_secret_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "hubfuzz.toml"
    path.write_text(FILE.replace("ws://127.0.0.1:8000/ws", "ws://192.0.2.7:9/ws"))
    saved = target_from_json(target_to_json(load_target(path, allow_hosts=["192.0.2.7"])))
    assert is_redacted(saved)
    with pytest.raises(TargetError, match=r"192.0.2.7 is not this machine"):
        restored(saved)
    assert restored(saved, allow_hosts=["192.0.2.7"]).url == "ws://192.0.2.7:9/ws"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"{", "f.json: not JSON: Input data was truncated"),
        (b"{}", "f.json: format is None, this version of hubfuzz reads 'hubfuzz-target/1'"),
        (
            target_to_json(PLAIN).replace(b'"url"', b'"ulr"'),
            "f.json: not a hubfuzz-target/1 file: Object contains unknown field `ulr`",
        ),
    ],
)
def test_a_damaged_target_gives_one_line(data: bytes, line: str) -> None:
    with pytest.raises(DamagedFile) as caught:
        target_from_json(data, "f.json")
    assert str(caught.value) == line


def test_the_schema_names_every_key_of_the_file() -> None:
    schema = target_schema()
    tables = schema["$defs"]
    json.dumps(schema)
    assert set(tables["TargetFile"]["properties"]) == {"target", "auth", "protocol", "policy", "probe"}
    assert {"url", "start", "ready", "env"} <= set(tables["TargetTable"]["properties"])
    assert {"group", "limit", "deadline"} <= set(tables["Policy"]["properties"])
    assert tables["JsonProtocol"]["required"] == ["publish", "deliver"]
    assert "class" in tables["ClassProtocol"]["properties"]
    assert tables["Probe"]["additionalProperties"] == {"$ref": "#/$defs/Count"}
    assert "counts" not in tables["Probe"]["properties"]
    assert all(table["additionalProperties"] is False for name, table in tables.items() if name != "Probe")


def test_the_schema_lets_no_reference_dangle() -> None:
    schema = target_schema()
    text = json.dumps(schema)
    names = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert names <= set(schema["$defs"])
    assert {"JwtAuth", "Limit", "Pattern"} <= names
