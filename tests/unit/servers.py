"""Sessions with the embedded hub for tests: own port, own process, always ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from fuzzer.driver.session import Session, open_session
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.target import embedded_target

Result = TypeVar("Result")


def with_hub(use: Callable[[Session], Awaitable[Result]], bug: str | None = None, knobs: Knobs | None = None) -> Result:
    """What ``use`` makes of a session with an embedded hub of its own."""

    async def main() -> Result:
        async with open_session(embedded_target(bug, knobs)) as session:
            return await use(session)

    return trio.run(main)
