"""Before anything is proved: does the server speak as the target file says?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzzer.campaign.runner import ServerUnavailable

if TYPE_CHECKING:
    from fuzzer.driver.session import Session

TRIES = 3  # round trips of the control pair that may fail before the target is called unusable


async def greet(session: Session) -> None:
    """Raises ``ServerUnavailable`` if no message comes back: running plans would then prove nothing."""
    for _ in range(TRIES):
        if await session.control_answers():
            return
    raise ServerUnavailable(f"{session.target_name}: {session.control_trouble()}")
