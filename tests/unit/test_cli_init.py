"""``hubfuzz init``: the file, and the first look at live hubs of several kinds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import command
import pytest
from command import hubfuzz, refusal

from fuzzer.init.template import Wanted, quoted, target_file

TARGETS = Path(__file__).parents[1] / "targets"
SECRET = "a secret for tests alone, of 32 bytes or more"
FASTAPI = f"{{python}} -m uvicorn --app-dir {TARGETS} fastapi_hub:app --port {{port}} --log-level warning"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(command.ENVIRONMENT, "JWT_SECRET", SECRET)
    monkeypatch.setenv("JWT_SECRET", SECRET)


def steps(said: str) -> dict[str, str]:
    """The outcome of each step."""
    words = [line.split() for line in said.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    return {line[0]: line[1] for line in words}


def test_the_file_is_read_back_as_what_was_given(tmp_path: Path) -> None:
    arguments = ("--start", "run 'my hub' --port {port}", "--auth", "none", "--publish", """{"it's": "{id} {body}"}""")
    done = hubfuzz("init", *arguments, "--url", "ws://127.0.0.1:{port}/x?user={user}", "--no-try", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    tables = tomllib.loads((tmp_path / "hubfuzz.toml").read_text())
    assert tables["target"]["start"] == ["run", "my hub", "--port", "{port}"]
    assert tables["target"]["url"] == "ws://127.0.0.1:{port}/x?user={user}"
    assert tables["auth"] == {"kind": "none"}
    assert tables["protocol"]["publish"] == """{"it's": "{id} {body}"}"""


@pytest.mark.parametrize("text", ["plain", 'with "quotes"', 'it\'s "both"', "new\nline", "\x7f", "ü", "C:\\x"])
def test_any_text_survives_toml(text: str) -> None:
    assert tomllib.loads(f"x = {quoted(text)}") == {"x": text}


def test_every_setting_in_the_comments_is_one_that_exists() -> None:
    """What stands behind # works as it is, once the # is taken away."""
    from fuzzer.target.load import target_of

    _, _, tables = target_file(Wanted(start=("x",))).partition("[target]")
    settings = re.findall(r"^# (\w+) = ", tables, re.MULTILINE)
    assert len(settings) > 10
    whole = tomllib.loads("[target]" + re.sub(r"^# (\w+ = )", r"\1", tables, flags=re.MULTILINE))
    assert all(any(name in table for table in whole.values()) for name in settings)
    target = target_of(whole, Path("hubfuzz.toml"))
    assert target.policy.limit is not None
    assert target.has_rooms


@pytest.mark.parametrize(
    ("line", "is_error"),
    [
        ("ERROR:    Exception in ASGI application", True),  # uvicorn, of what the handler raised
        ("Unhandled exception", True),  # aiohttp
        ("Task exception was never retrieved", True),  # asyncio
        ("ERROR:    data transfer failed", False),  # websockets under uvicorn, of a text frame that is not UTF-8
        ("Traceback (most recent call last):", False),
        ("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte", False),
        ("ERROR:    opening handshake failed", False),
    ],
)
def test_the_log_errors_that_are_proposed_are_of_handlers_and_not_of_what_libraries_handle(
    line: str, is_error: bool
) -> None:
    proposed = next(text for text in target_file(Wanted()).splitlines() if text.startswith("# log_errors"))
    patterns = tomllib.loads(proposed.removeprefix("# "))["log_errors"]
    assert any(pattern in line for pattern in patterns) is is_error


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "hubfuzz.toml").write_text("mine")
    assert "--force" in refusal("init", "--no-try", cwd=tmp_path)
    assert (tmp_path / "hubfuzz.toml").read_text() == "mine"
    assert hubfuzz("init", "--no-try", "--force", cwd=tmp_path).returncode == 0
    assert "[target]" in (tmp_path / "hubfuzz.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--url", "ws://127.0.0.1:{port}/ws"), "--start"),
        (("--start", "it's"), "--start"),
        (("--url", "http://127.0.0.1/x"), "target.url"),
        (("--url", "ws://192.0.2.1/ws"), "--allow-host"),
        (("--url", "ws://127.0.0.1:1/ws"), "127.0.0.1:1"),
        (("nowhere/hubfuzz.toml",), "nowhere"),
        (("--start", "no-such-command-at-all"), "no-such-command-at-all"),
    ],
)
def test_one_line_for_what_cannot_be(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    assert said in refusal("init", *arguments, cwd=tmp_path)


def test_a_fastapi_hub_is_looked_at_and_can_be_fuzzed(tmp_path: Path) -> None:
    done = hubfuzz("init", "--start", FASTAPI, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = steps(done.stdout)
    assert found == {
        "connect": "ok",
        "token": "ok",
        "join": "hint",
        "publish": "hint",
        "limit": "hint",
        "probe": "skipped",
    }
    said = " ".join(done.stdout.split())
    assert 'policy.limit = {max = 5, over = "reject", codes = [4429]}' in said
    assert 'policy.echo = "always"' in said
    assert 'protocol.welcome = {match = {type = "welcome"}}' in said
    assert "Next: hubfuzz run" in said
    assert SECRET not in done.stdout + (tmp_path / "hubfuzz.toml").read_text()
    run = hubfuzz("run", "--plans", "12", "--seed", "1", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_wrong_protocol_is_told_with_the_right_one(tmp_path: Path) -> None:
    from fuzzer.init import template

    other = template.TEMPLATE.replace('id = "id", body = "body"}}   #', 'id = "nr", body = "body"}}   #')
    assert other != template.TEMPLATE
    done = _init_with(other, tmp_path)
    assert done.returncode == 2, done.stdout
    assert steps(done.stdout)["publish"] == "change"
    assert 'protocol.deliver = {match = {type = "message"}, id = "id", body = "body"}' in " ".join(done.stdout.split())
    assert "does not fit the hub yet (publish)" in done.stderr
    file = tmp_path / "hubfuzz.toml"
    file.write_text(file.read_text().replace('id = "nr"', 'id = "id"'))
    again = hubfuzz("init", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "stays as it is" in again.stdout
    assert 'id = "id", body = "body"}   #' in file.read_text()


def _init_with(template: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command with another template."""
    code = (
        "from fuzzer.init import template; import sys; template.TEMPLATE = sys.argv.pop(1)\n"
        "from fuzzer.cli import main; main()"
    )
    words = [sys.executable, "-c", code, template, "init", "--force", "--start", FASTAPI]
    return subprocess.run(words, cwd=folder, env=command.ENVIRONMENT, capture_output=True, text=True, check=False)


def test_a_wrong_secret_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(command.ENVIRONMENT, "OTHER", "another secret, which the hub does not know, 32+")
    done = hubfuzz("init", "--start", FASTAPI, "--secret-env", "OTHER", cwd=tmp_path)
    assert done.returncode == 2
    assert steps(done.stdout) == {"connect": "change"}
    assert "auth.secret" in done.stdout


def test_a_secret_that_is_not_set_is_told(tmp_path: Path) -> None:
    assert "NO_SUCH_SECRET" not in os.environ
    assert "NO_SUCH_SECRET" in refusal("init", "--start", FASTAPI, "--secret-env", "NO_SUCH_SECRET", cwd=tmp_path)
