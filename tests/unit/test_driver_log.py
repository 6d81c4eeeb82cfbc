"""The log of a started server is kept with the history of a plan."""

from __future__ import annotations

import msgspec
import pytest
import trio

from fuzzer.driver.session import LINE_LENGTH, open_session
from fuzzer.history import History
from fuzzer.hub.target import embedded_target
from fuzzer.plan import Batch, Open, Plan
from fuzzer.target.log import LONGEST_LINE, RECENT_LINES, last_line_of

TABS = Plan((Batch(tuple(Open(name, "u0") for name in "abc")),))
TALKATIVE = """
import sys, threading, time
from fuzzer.hub.__main__ import main
def talk():
    while True:
        print("GET /ws?token=eyJh.eyJs.bbbb " + 300 * "x", flush=True)
        time.sleep(0.002)
threading.Thread(target=talk, daemon=True).start()
sys.exit(main(sys.argv[1:]))
"""


def test_what_the_server_said_meanwhile_is_kept_without_tokens() -> None:
    target = embedded_target()
    talkative = msgspec.structs.replace(target, start=("{python}", "-c", TALKATIVE, *target.start[3:]))  # type: ignore[index]

    async def use() -> tuple[History, History]:
        async with open_session(talkative) as session:
            return await session.execute(TABS), await session.execute(TABS)

    for history in trio.run(use):
        assert 1 <= len(history.log) <= RECENT_LINES
        assert all(line.startswith("GET /ws?token=") and len(line) == LINE_LENGTH for line in history.log)
        assert "bbbb" not in "".join(history.log)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("ValueError: no database\n\n  \n", "ValueError: no database"),
        ("first\n" + 40 * "words " + "\n", 32 * "words " + "words ..."),
        (300 * "x", LONGEST_LINE * "x" + " ..."),
    ],
)
def test_the_last_line_ends_with_a_whole_word(text: str, line: str) -> None:
    assert last_line_of(text) == line
