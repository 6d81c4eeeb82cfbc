"""The scenario on hubfuzz's own connections, in the two phases that its executor uses: prepare all, release all."""

from __future__ import annotations

import trio

from fuzzer.driver.connection import FuzzConn
from fuzzer.history import RejectedBy
from fuzzer.target import Endpoint
from tests.benchmarks.scenario import BROADCASTS, CONNECTIONS, DROPS, PATIENCE, TEXTS, Slice, Stopwatch, fresh_path

NAMES = tuple(f"c{number}" for number in range(CONNECTIONS))


class Deliveries:
    """A sink that counts messages; anything but what the scenario expects is an error."""

    def __init__(self) -> None:
        self.missing = BROADCASTS * (CONNECTIONS - 1)
        self.complete = trio.Event()

    def frame(self, conn: str, data: str | bytes) -> None:
        self.missing -= 1
        if not self.missing:
            self.complete.set()

    def rejected(self, conn: str, by: RejectedBy, code: int | None, reason: str) -> None:
        raise RuntimeError(f"{conn} was rejected: {by} {code} {reason}")

    def server_eof(self, conn: str) -> None:
        raise RuntimeError(f"{conn}: the server closed without a Close frame")

    def server_reset(self, conn: str) -> None:
        raise RuntimeError(f"{conn}: reset by the server")

    def server_bad(self, conn: str, detail: str) -> None:
        raise RuntimeError(f"{conn}: {detail}")

    def opened(self, conn: str) -> None:
        """As expected."""

    def pong(self, conn: str, payload: bytes) -> None:
        """Nobody asked."""

    def server_closed(self, conn: str, code: int, reason: str) -> None:
        """The answer to our Close."""

    def tcp_closed(self, conn: str) -> None:
        """As expected."""

    def flushed(self, conn: str) -> None:
        """As expected."""


async def scenario(port: int, nursery: trio.Nursery) -> None:
    sink = Deliveries()
    endpoint = Endpoint("127.0.0.1", port, fresh_path())
    with trio.fail_after(PATIENCE):
        conns = [await FuzzConn.connect(name, endpoint, nursery, sink) for name in NAMES]
        for conn in conns:
            conn.release()
        for conn in conns:
            await conn.settle(PATIENCE)
        await conns[0].prepare_text(TEXTS)
        conns[0].release()
        await sink.complete.wait()
        for conn in conns[-DROPS:]:
            conn.drop("reset")
        leaving = conns[:-DROPS]
        for conn in leaving:
            await conn.prepare_close(1000, "")
        for conn in leaving:
            conn.release()
        for conn in leaving:
            await conn.finish(PATIENCE)


def run(port: int, seconds: float) -> Slice:
    """hubfuzz's connections in one long-lived loop and nursery."""

    async def main() -> Slice:
        async with trio.open_nursery() as nursery:
            watch = Stopwatch(seconds)
            while watch.goes_on():
                await scenario(port, nursery)
                watch.lap()
            nursery.cancel_scope.cancel()
        return watch.slice

    return trio.run(main)
