"""The hub as its own process: command line, stats, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from hub_client import SECRET, token
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from fuzzer.hub.__main__ import knob_flags, main
from fuzzer.hub.bugs import BUGS
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.server import listening_socket
from fuzzer.hub.target import embedded_target
from fuzzer.target.protocol import Message, Other, Subscribed, Unsubscribed, Welcome


@contextmanager
def hub_process(*flags: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    environment = {**os.environ, "HUBFUZZ_SECRET": SECRET}
    command = [sys.executable, "-m", "fuzzer.hub", *flags]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("listening on 127.0.0.1:")
            yield process, int(line.rsplit(":", 1)[1])
        finally:
            process.kill()


def stats(port: int) -> dict[str, int]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats", timeout=10) as answer:
        content: dict[str, int] = json.load(answer)
        return content


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_closes_everybody_with_1001_and_ends_the_process(name: str) -> None:
    with hub_process("--port", "0", "--limit", "3") as (process, port):
        url = f"ws://127.0.0.1:{port}/ws?token={token('ü')}"
        with connect(url) as first, connect(url) as second:
            assert json.loads(first.recv()) == json.loads(second.recv()) == {"type": "welcome", "user": "ü"}
            here = {"connections": 2, "users": 1, "rooms": 0, "slots": 2, "sessions": 0, "present": 1, "outbox": 0}
            assert stats(port) == here
            process.send_signal(getattr(signal, name))
            with pytest.raises(ConnectionClosed) as closed:
                second.recv(timeout=10)
            assert closed.value.rcvd
            assert closed.value.rcvd.code == 1001
        assert process.wait(10) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_a_signal_ends_the_process_though_a_peer_never_answers() -> None:
    with hub_process("--shutdown-timeout", "0.1") as (process, port):
        from socket import create_connection

        with create_connection(("127.0.0.1", port)) as half:
            half.sendall(b"GET /ws HTTP/1.1\r\n")
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def test_the_knobs_of_a_bug_are_defaults_that_can_be_turned() -> None:
    knobs = msgspec.structs.replace(BUGS["S15"].knobs, limit=3)
    flags = knob_flags(knobs, BUGS["S15"].knobs)
    assert flags == ("--limit", "3")
    with hub_process("--bug", "S15", *flags) as (_, port):
        url = f"ws://127.0.0.1:{port}/ws?token={token()}"
        with connect(url) as first, connect(url) as second:
            assert first.recv() == second.recv()


def test_bad_arguments_get_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBFUZZ_SECRET", SECRET)
    assert main(["--bug", "S99"]) == 2
    with listening_socket(0) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 2
    monkeypatch.delenv("HUBFUZZ_SECRET")
    assert main([]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0].split(" ")[0] for line in lines] == ["--bug", "cannot", "HUBFUZZ_SECRET"]


def test_the_target_speaks_as_the_hub_does() -> None:
    codec = embedded_target().codec()
    assert codec.read('{"type":"message","id":"i","body":"b"}') == Message("i", "b")
    assert codec.read('{"type":"message","id":"i","body":"b","room":"r"}') == Message("i", "b", "r")
    assert codec.read('{"type":"welcome"}') == Welcome()
    assert codec.read('{"type":"subscribed","room":"r"}') == Subscribed("r")
    assert codec.read('{"type":"unsubscribed","room":"r"}') == Unsubscribed("r")
    assert isinstance(codec.read('{"type":"error","reason":"not JSON"}'), Other)


@pytest.mark.parametrize("code", BUGS)
def test_every_bug_has_a_target_with_its_own_knobs(code: str) -> None:
    target = embedded_target(code)
    assert target.start
    assert ("--bug", code) == target.start[-2:]
    assert target.policy.limit
    assert target.policy.limit.max == BUGS[code].knobs.limit


@pytest.mark.parametrize(
    ("knobs", "codes", "statuses"),
    [
        (Knobs(), (), (429,)),
        (Knobs(reject_by="close"), (4429,), ()),
        (Knobs(over="evict-oldest"), (4408,), ()),
    ],
)
def test_the_policy_says_what_the_knobs_do(knobs: Knobs, codes: tuple[int, ...], statuses: tuple[int, ...]) -> None:
    limit = embedded_target(knobs=knobs).policy.limit
    assert limit
    assert (limit.over, limit.codes, limit.statuses) == (knobs.over, codes, statuses)


def test_an_unknown_bug_is_named() -> None:
    with pytest.raises(ValueError, match="no seeded bug 'S99'"):
        embedded_target("S99")
