"""What ``auth.message`` may be: JSON, or any other text in which nothing needs an escape."""

from __future__ import annotations

from pathlib import Path

import pytest
from target_files import changed, complaint, write

from fuzzer.target import load_target
from fuzzer.target.protocol import Codec, Other, Reading


class Engine(Codec):
    """Of a hub whose frames are no JSON."""

    def publish(self, msg_id: str, body: str, room: str | None = None, user: str = "") -> str:
        return f'42["{msg_id}","{body}"]'

    def read(self, frame: str | bytes) -> Reading:
        return Other(str(frame))


IN_PYTHON = f'kind = "class"\nclass = "{__name__}:Engine"'


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TEST_SECRET", "some secret text of good length")


def target(message: str, protocol: str = "", names: str = "folded") -> str:
    """The good target with this first message, written as TOML has it."""
    escaped = message.replace('"', '\\"')
    text = changed('place = "query:token"', f'place = "message"\nmessage = "{escaped}"')
    text = text.replace("deadline = 5", f'deadline = 5\nnames = "{names}"')
    if not protocol:
        return text
    return f"{text.partition('[protocol]')[0]}[protocol]\n{protocol}\n\n[policy]{text.partition('[policy]')[2]}"


@pytest.mark.parametrize("protocol", ["", IN_PYTHON])
@pytest.mark.parametrize(
    "message",
    [
        '{"token": "{token}"}',
        '{"token": "{token}", "as": "{user}"}',
        '{"token": "{token}", "as": "{user}"}\\u001e',
        '40{"token":"{token}"}',
        "CONNECT\\nlogin:x\\npasscode:{token}\\n\\n\\u0000",
        "AUTH {token} {session}",
        "{token}",
    ],
)
def test_json_and_any_text_that_needs_no_escapes(tmp_path: Path, protocol: str, message: str) -> None:
    loaded = load_target(write(tmp_path, target(message, protocol)))
    said = loaded.endpoint(81, 'u"0').first_message or ""
    assert "ey" in said
    assert not {"{user}", "{token}", "{session}"} & {*said.replace('"', " ").split()}


@pytest.mark.parametrize("protocol", ["", IN_PYTHON])
@pytest.mark.parametrize(
    ("message", "said"),
    [
        ('{"token": {token}}', "which is not JSON; placeholders stand within quotes"),
        ('{"token": "{token}"', "which is not JSON; placeholders stand within quotes"),
        ('["{token}"', "which is not JSON; placeholders stand within quotes"),
        ('40{"token":"{tokn}"}', "unknown placeholder {tokn}; did you mean {token}?"),
        ("40 hello", "must hold {token}, for example "),
        ("AUTH {user} {token}", 'names cannot be escaped; {user} needs policy.names = "plain" there'),
    ],
)
def test_one_line_for_what_is_neither(tmp_path: Path, protocol: str, message: str, said: str) -> None:
    line = complaint(write(tmp_path, target(message, protocol)))
    assert line.startswith("auth.message: ")
    assert said in line
    assert "\n" not in line


def test_plain_names_need_no_escapes(tmp_path: Path) -> None:
    loaded = load_target(write(tmp_path, target("AUTH {user} {token}", names="plain")))
    assert (loaded.endpoint(81, "u0").first_message or "").startswith("AUTH u0 ey")
