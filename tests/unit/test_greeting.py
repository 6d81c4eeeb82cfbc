"""Before the first plan: counts that can never be read end everything, those of a server just up are waited for."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from command import refusal
from init_hub import init_hub
from msgspec.structs import replace

from fuzzer import fuzz, greeting
from fuzzer.driver import session
from fuzzer.driver.session import open_session
from fuzzer.greeting import greet
from fuzzer.target import ProbeError, Target
from fuzzer.target.config import Count, Probe

STATS = "http://127.0.0.1:{port}/stats"


def counting(url: str = STATS, path: str = "connections") -> Target:
    return replace(init_hub(), probe=Probe({"mine": Count(url, path)}))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (counting(path="conections"), "nothing lies at path 'conections'"),
        (counting(path="connections.0"), "nothing lies at path 'connections.0'"),
        (counting(STATS + "x"), "status 404, expected 200"),
        (counting("http://127.0.0.1:1/"), "the connection was refused"),
    ],
)
def test_counts_that_cannot_be_read(target: Target, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greeting, "PATIENCE", 0.3)
    with pytest.raises(ProbeError, match=r"^probe\.mine: GET http://127.0.0.1:\d+/") as caught:
        fuzz(target, plans=2, seconds=None, failures=None)
    assert str(caught.value).endswith(said)


def test_a_server_that_needs_a_moment_is_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = session.read_counts, []

    async def late(target: Target, port: int | None) -> dict[str, int]:
        asked.append(trio.current_time())
        if asked[-1] < asked[0] + 0.5:
            raise ProbeError("probe.mine: not yet")
        return await real(target, port)

    async def main() -> None:
        async with open_session(counting()) as hub:
            await greet(hub)

    monkeypatch.setattr(session, "read_counts", late)
    trio.run(main)
    assert len(asked) > 2


def test_a_run_ends_with_one_line(tmp_path: Path) -> None:
    start = str(list(init_hub().start or ())).replace("'", '"')
    (tmp_path / "hubfuzz.toml").write_text(f"""
[target]
url = "ws://127.0.0.1:{{port}}/?user={{user}}"
start = {start}
[auth]
kind = "none"
[protocol]
publish = '{{"id": "{{id}}", "body": "{{body}}"}}'
deliver = {{match = {{type = "message"}}, id = "id", body = "body"}}
[probe]
mine = {{url = "{STATS}", path = "conections"}}
""")
    line = refusal("run", "--plans", "1", cwd=tmp_path)
    assert line.startswith("hubfuzz: probe.mine: GET http://127.0.0.1:")
    assert line.endswith("/stats: nothing lies at path 'conections'")
    workers = refusal("run", "--plans", "2", "--workers", "2", cwd=tmp_path)
    assert "probe.mine: GET" in workers
    assert workers.endswith("/stats: nothing lies at path 'conections'")
