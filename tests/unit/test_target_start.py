"""Starting a server, or finding one that runs: when it is ready, and what is said when it never is."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from target_servers import PROTOCOL, SERVER, failure, run, script

from fuzzer.target import ServerError, Target
from fuzzer.target.config import EnvRef
from fuzzer.target.process import Server


def test_ready_is_asked_by_url() -> None:
    async def look(server: Server) -> None:
        assert server.exit_status() is None

    run(script(ready="http://127.0.0.1:{port}/health"), look)


def test_never_ready_by_url() -> None:
    target = script(ready="http://127.0.0.1:{port}/health", ready_timeout=1.0, env={"STATUS": "503"})
    line = str(failure(target))
    assert line.startswith("chat: the server was not ready within 1 s (GET http://127.0.0.1:")
    assert line.endswith("/health gave no 2xx); it said: listening")


def test_never_listening() -> None:
    line = str(failure(script("import time; time.sleep(600)", ready_timeout=0.5)))
    assert line.startswith("chat: the server was not ready within 0.5 s (nothing listens on port ")
    assert line.endswith("); it said nothing")


def test_a_server_that_dies_at_once() -> None:
    error = failure(script("print('one'); print('ValueError: no database'); print(); raise SystemExit(3)"))
    assert str(error) == ("chat: the server ended with status 3 before it answered; it said: ValueError: no database")
    assert error.log == "one\nValueError: no database\n"


def test_a_command_that_is_not_there() -> None:
    target = Target(name="x", url="ws://127.0.0.1:{port}/", protocol=PROTOCOL, start=("hf-no-such-command", "x"))
    assert str(failure(target)) == "target.start: command not found: 'hf-no-such-command'"


def test_a_command_that_may_not_run(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    target = Target(name="x", url="ws://127.0.0.1:{port}/", protocol=PROTOCOL, start=(str(plain),))
    assert str(failure(target)) == f"target.start: cannot start '{plain}': permission denied"


@pytest.mark.parametrize("env", [{"A=B": "1"}, {"A": "\0"}])
def test_variables_that_cannot_be_given(env: dict[str, str]) -> None:
    """Of a target that was made in Python: a target file is refused when it is read."""
    assert str(failure(script(env=env))).startswith("target.start or target.env: cannot start ")


def test_the_environment_and_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_SECRET", "s3")
    env = {"A": "on {port}", "B": EnvRef("HF_SECRET")}
    code = "import os\nprint(os.environ['A'], os.environ['B'], os.getcwd())\nraise SystemExit(1)"
    said = failure(script(code, env=env, cwd=str(tmp_path))).log
    words = said.split()
    assert (words[0], words[2:]) == ("on", ["s3", str(tmp_path)])
    assert words[1].isdigit()


def test_commands_beside_our_python_are_found() -> None:
    beside = Path(sys.executable).parent
    error = failure(
        script(f"import os\nprint({str(beside)!r} in os.environ['PATH'].split(os.pathsep))\nraise SystemExit(1)")
    )
    assert error.log == "True"


def test_another_port_is_tried_when_somebody_was_faster(tmp_path: Path) -> None:
    flag = tmp_path / "tried"
    code = f"""
import pathlib
if not pathlib.Path({str(flag)!r}).exists():
    pathlib.Path({str(flag)!r}).touch()
    raise OSError(98, "Address already in use")
{SERVER}"""

    async def look(server: Server) -> None:
        assert server.tail(1) == "listening"

    run(script(code), look)


def test_a_server_that_was_left_running_is_not_taken_for_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        target = Target(name="x", url=f"ws://127.0.0.1:{port}/", protocol=PROTOCOL, start=("{python}", "-c", "1"))
        assert str(failure(target)) == (
            f"target.url: something listens on port {port} already; stop it, or let hubfuzz choose by {{port}}"
        )


def test_a_server_that_runs_already() -> None:
    async def look(server: Server) -> None:
        assert (server.port, server.pid, server.exit_status(), server.new_errors()) == (port, None, None, ())
        assert (server.tail(), server.resources(), server.is_alive()) == ("", {}, True)
        with pytest.raises(ServerError, match=r"^cannot restart a server that hubfuzz did not start"):
            await server.restart()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        run(Target(name="x", url=f"ws://127.0.0.1:{port}/", protocol=PROTOCOL), look)


def test_a_server_that_does_not_run() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        line = str(failure(Target(name="x", url=f"ws://127.0.0.1:{port}/", protocol=PROTOCOL)))
    assert line == (f"x: nothing answers at 127.0.0.1:{port}; start the server, or let hubfuzz do it by target.start")
