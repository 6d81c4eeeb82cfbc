"""Before anything is proved: does the server speak as the target file says, and can its counts be read?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from fuzzer.campaign.runner import ServerUnavailable
from fuzzer.target.errors import ProbeError

if TYPE_CHECKING:
    from fuzzer.driver.session import Session

TRIES = 3  # round trips of the control pair that may fail before the target is called unusable
PATIENCE = 4.0  # seconds in which a server that is just up must come to tell its counts
PAUSE = 0.1


async def greet(session: Session) -> None:
    """Raises ``ServerUnavailable`` if no message comes back: running plans would then prove nothing.

    And ``ProbeError`` if a count of ``[probe]`` cannot be read: its leaks would stay unseen, and nobody would know.
    """
    for _ in range(TRIES):
        if await session.control_answers():
            return await _see_counts(session)
    raise ServerUnavailable(f"{session.target_name}: {session.control_trouble()}")


async def _see_counts(session: Session) -> None:
    until = trio.current_time() + PATIENCE
    while True:
        try:
            await session.see_counts()
            return
        except ProbeError:
            if trio.current_time() >= until:
                raise
        await trio.sleep(PAUSE)
