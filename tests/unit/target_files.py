"""A good target file for tests, and what a bad one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzzer.target import TargetError, load_target

GOOD = """
[target]
name = "chat"
url = "ws://127.0.0.1:{port}/ws"
start = ["{python}", "-m", "chat", "--port", "{port}"]
ready = "http://127.0.0.1:{port}/health"
env = {MODE = "test", KEY = {env = "HF_TEST_SECRET"}}
headers = {Origin = "http://localhost"}

[auth]
kind = "jwt"
algorithm = "HS256"
secret = {env = "HF_TEST_SECRET"}
claims = {sub = "{user}", admin = false, level = 3}
lifetime = "15m"
place = "query:token"

[protocol]
publish = '{"type": "broadcast", "id": "{id}", "body": "{body}"}'
deliver = {match = {type = "broadcast"}, id = "id", body = "body"}
welcome = {match = {type = "welcome"}}

[policy]
group = "user"
deadline = 5
limit = {max = 5, over = "reject", codes = [4429], statuses = [403, 429]}

[probe]
connections = {url = "http://127.0.0.1:{port}/stats", path = "connections"}
process = true
log_errors = ["Traceback"]
"""


URL = 'url = "ws://127.0.0.1:{port}/ws"'
START = 'start = ["{python}", "-m", "chat", "--port", "{port}"]'
PUBLISH = """publish = '{"type": "broadcast", "id": "{id}", "body": "{body}"}'"""
DELIVER = 'deliver = {match = {type = "broadcast"}, id = "id", body = "body"}'
SECRET = 'secret = {env = "HF_TEST_SECRET"}\nclaims'
PLACES = "query:NAME, header:NAME=VALUE with {token}, cookie:NAME, subprotocol:a,{token}, message"
WS = 'expected for example "ws://127.0.0.1:8000/ws"'


def write(folder: Path, text: str, name: str = "hubfuzz.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def complaint(path: Path) -> str:
    with pytest.raises(TargetError) as caught:
        load_target(path)
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix(f"{path}: ")


def changed(old: str, new: str) -> str:
    assert old in GOOD, f"the good file does not hold {old!r}"
    return GOOD.replace(old, new)
