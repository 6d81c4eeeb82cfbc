"""A good target file is read as it is meant, wherever it stands; protocols may be text, or a class beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from target_files import DELIVER, GOOD, PUBLISH, changed, complaint, write

from fuzzer.policy import Limit
from fuzzer.target import find_target, load_target
from fuzzer.target.config import ClassProtocol, Count, EnvRef, JwtAuth, NoAuth, TextProtocol


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TEST_SECRET", "some secret text of good length")
    monkeypatch.delenv("HF_NOT_SET", raising=False)


def test_a_good_file_is_read_as_it_is_meant(tmp_path: Path) -> None:
    target = load_target(write(tmp_path, GOOD))
    assert target.name == "chat"
    assert target.start == ("{python}", "-m", "chat", "--port", "{port}")
    assert isinstance(target.auth, JwtAuth)
    assert target.auth.secret == EnvRef("HF_TEST_SECRET")
    assert target.auth.claims == {"sub": "{user}", "admin": False, "level": 3}
    assert target.policy.limit == Limit(max=5, codes=(4429,), statuses=(403, 429))
    assert target.probe.counts == {"connections": Count("http://127.0.0.1:{port}/stats", "connections")}
    assert target.probe.log_errors == ("Traceback",)
    assert (target.has_users, target.has_tokens, target.has_rooms, target.has_sessions) == (True, True, False, False)
    assert target.source == str(tmp_path.resolve() / "hubfuzz.toml")
    assert Path(target.cwd) == tmp_path.resolve()


def test_the_least_file_is_enough(tmp_path: Path) -> None:
    target = load_target(
        write(
            tmp_path,
            """
            target.url = "ws://localhost:8000/ws/{user}"
            protocol.publish = '{"id": "{id}", "body": "{body}"}'
            protocol.deliver = {}
            """,
        )
    )
    assert target.name == tmp_path.name
    assert target.auth == NoAuth()
    assert target.start is None
    assert target.endpoint(None, "é").resource == "/ws/%C3%A9"


def test_a_pyproject_holds_the_same_tables(tmp_path: Path) -> None:
    text = GOOD.replace("[target]", "[tool.hubfuzz.target]").replace("[auth]", "[tool.hubfuzz.auth]")
    text = text.replace("[protocol]", "[tool.hubfuzz.protocol]").replace("[policy]", "[tool.hubfuzz.policy]")
    text = text.replace("[probe]", "[tool.hubfuzz.probe]")
    assert load_target(write(tmp_path, text, "pyproject.toml")).name == "chat"
    broken = write(tmp_path, text.replace("deadline = 5", "deadlin = 5"), "pyproject.toml")
    assert complaint(broken) == "tool.hubfuzz.policy.deadlin: unknown key; did you mean 'deadline'?"


def test_a_pyproject_without_the_section_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, "[project]\nname = 'x'\n", "pyproject.toml")
    assert complaint(path) == "tool.hubfuzz: missing; expected the tables of a target file under it"


def test_find_target_looks_upwards_and_prefers_its_own_file(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    write(tmp_path, "[tool.hubfuzz.target]\nurl = 'x'\n", "pyproject.toml")
    assert find_target(deep) == tmp_path.resolve() / "pyproject.toml"
    write(deep.parent, "[project]\nname = 'no section'\n", "pyproject.toml")
    assert find_target(deep) == tmp_path.resolve() / "pyproject.toml"
    write(deep.parent, "[broken", "pyproject.toml")
    assert find_target(deep) == tmp_path.resolve() / "pyproject.toml"
    write(tmp_path, GOOD)
    assert find_target(deep) == tmp_path.resolve() / "hubfuzz.toml"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert complaint(tmp_path / "no.toml") == "no such file; expected a target file, hubfuzz.toml or pyproject.toml"
    assert complaint(tmp_path) == "cannot be read: is a directory"
    (tmp_path / "bytes.toml").write_bytes(b"a = '\xff'")
    assert complaint(tmp_path / "bytes.toml") == "is not UTF-8 text (byte 5)"
    broken = write(tmp_path, "[target]\nurl ws\n")
    assert complaint(broken) == "broken TOML: Expected '=' after a key in a key/value pair (at line 2, column 5)"


def test_text_protocols_need_groups_and_a_regular_expression(tmp_path: Path) -> None:
    text = changed(PUBLISH, "kind = 'text'\npublish = '{id} {body}'").replace(
        'welcome = {match = {type = "welcome"}}', ""
    )
    good = text.replace(DELIVER, r"deliver = {regex = '(?P<id>\S+) (?P<body>.*)'}")
    assert isinstance(load_target(write(tmp_path, good)).protocol, TextProtocol)
    lacking = text.replace(DELIVER, r"deliver = {regex = '(?P<id>\S+) .*'}")
    assert complaint(write(tmp_path, lacking)) == "protocol.deliver.regex: lacks the group (?P<body>...)"
    broken = text.replace(DELIVER, "deliver = {regex = '(?P<id>'}")
    assert complaint(write(tmp_path, broken)) == (
        "protocol.deliver.regex: found '(?P<id>', which is no regular expression: missing ), unterminated subpattern "
        "at position 0"
    )


CODEC = """
from fuzzer.target import Codec, Other
class Mine(Codec):
    has_welcome = True
    def publish(self, msg_id, body, room=None, user=""): return msg_id + body
    def read(self, frame): return Other(str(frame))
class NoCodec: pass
"""


def test_a_protocol_may_be_a_class_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "hf_test_codec.py").write_text(CODEC)
    start = GOOD.index("[protocol]")
    text = GOOD[:start] + '[protocol]\nclass = "hf_test_codec:Mine"\n' + GOOD[GOOD.index("[policy]") :]
    target = load_target(write(tmp_path, text))
    assert isinstance(target.protocol, ClassProtocol)
    assert target.codec().publish("a", "b") == "ab"
    assert (target.has_rooms, target.codec().has_welcome) == (False, True)
    nothing = write(tmp_path, text.replace(":Mine", ":Yours"))
    assert complaint(nothing) == (
        "protocol.class: cannot use 'hf_test_codec:Yours': AttributeError: module 'hf_test_codec' has no attribute "
        "'Yours'"
    )
    other = write(tmp_path, text.replace(":Mine", ":NoCodec"))
    assert complaint(other) == "protocol.class: 'hf_test_codec:NoCodec' is not a subclass of fuzzer.target.Codec"
    absent = write(tmp_path, text.replace("hf_test_codec:Mine", "hf_absent:Mine"))
    assert complaint(absent) == (
        "protocol.class: cannot use 'hf_absent:Mine': ModuleNotFoundError: No module named 'hf_absent'"
    )
    half = write(tmp_path, text.replace("hf_test_codec:Mine", "hf_test_codec"))
    assert complaint(half) == "protocol.class: found 'hf_test_codec', expected 'module:Name'"
