"""One fuzzer at a time on a server: what one does would look like the hub's fault to the other.

Servers that hubfuzz starts on a free port are nobody else's. On a fixed port, workers of pytest-xdist wait in turn.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from fuzzer.target.endpoint import address
from fuzzer.target.errors import ServerError
from fuzzer.target.model import Target

PATIENCE = 120.0
PAUSE = 0.05


@asynccontextmanager
async def alone_with(target: Target, patience: float = PATIENCE) -> AsyncIterator[None]:
    """Hold the server for as long as the block runs; wait up to ``patience`` seconds. Raises ``ServerError``."""
    if target.start is not None and "{port}" in target.url:
        yield
        return
    host, port = address(target.url, None)
    handle = os.open(_lock_file(host, port), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        await _acquire(handle, patience, f"{host}:{port}")
        yield
    finally:
        os.close(handle)  # which lets go of the lock, as the end of a killed process does


def _lock_file(host: str, port: int) -> Path:
    name = "".join(c if c.isalnum() else "-" for c in f"{os.getuid()}-{host}-{port}")
    return Path(tempfile.gettempdir()) / f"hubfuzz-{name}.lock"


async def _acquire(handle: int, patience: float, where: str) -> None:
    until = trio.current_time() + patience
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if trio.current_time() >= until:
                raise ServerError(f"{where}: another run of hubfuzz has been using this server for too long") from None
        await trio.sleep(PAUSE)
