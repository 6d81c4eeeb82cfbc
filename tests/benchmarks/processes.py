"""Server processes of the benchmarks: started, waited for, always ended."""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 15.0


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process (``-m module ...`` or ``-c code``) that is ended in any case."""
    process = subprocess.Popen([sys.executable, *command])
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def listening(module: str) -> Iterator[int]:
    """A server process of that module, started with ``--port``; yields its port once it accepts."""
    port = free_port()
    with started("-m", module, "--port", str(port)) as process:
        wait_until_it_accepts(process, port)
        yield port


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_it_accepts(process: subprocess.Popen[bytes], port: int) -> None:
    """Return once the port accepts; ``SystemExit`` if the process ends or takes too long."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"the server did not come up: {process.args!r}")


def port_of_command_line() -> int:
    """What a server module was told by ``--port``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    return int(parser.parse_args().port)
