"""A plain hub with at most one defect, for any server of asyncio: the eight defects that are reported most (BUGS).

``BUG`` in the environment switches one of them on; without it the hub is correct. What the server brings is a ``Tab``
of its own, which reads, writes and closes one connection.
"""

from __future__ import annotations

import abc
import asyncio
import json
import os
from collections import Counter

from hub_parts import Outbox, read_object, texts

BUG = os.environ.get("BUG", "")
TABS_PER_USER = 2
BACKLOG = 32 * 1024 * 1024
"""Characters that may wait for one tab."""
PARK = 0.01
"""Seconds: the waits of real hubs, which hold the windows of races open."""
NOTICE = 0.02
"""Seconds from the end of a connection to its unregistering, where that is part of the defect."""
TOO_MANY, TAKEN_OVER, TOO_SLOW, OFFENDED = 4429, 4409, 1013, 1008


class Gone(Exception):
    """The peer has left."""


class Tab(abc.ABC):
    """One connection. ``clean``: it ended with a Close frame. ``over``: nothing more can be written."""

    def __init__(self, user: str, session: str) -> None:
        self.user, self.session = user, session
        self.clean = self.over = False
        self.outbox = Outbox()
        self.expelled: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @abc.abstractmethod
    async def read(self) -> str | None:
        """The next text; None when the connection is over, and ``clean`` says how."""

    @abc.abstractmethod
    async def write(self, text: str) -> None:
        """Write, and wait until the kernel has room for it. Raises ``Gone``."""

    @abc.abstractmethod
    async def close(self, code: int) -> None:
        """End the connection."""

    def tell(self, text: str) -> None:
        """Let the text be written; whoever does not read for too long is cut off."""
        self.outbox.put(text)
        if self.outbox.size > BACKLOG:
            self.expel(TOO_SLOW)

    def expel(self, code: int) -> None:
        """End the connection soon."""
        if not self.expelled.done():
            self.expelled.set_result(code)

    async def drain(self) -> None:
        """Write what waits until the peer is gone."""
        try:
            while True:
                await self.write(await self.outbox.take())
        except Gone:
            return


class Hub:
    """All tabs of all users, each user's in the order of their coming."""

    def __init__(self) -> None:
        self.tabs: dict[str, list[Tab]] = {}
        self.slots: Counter[str] = Counter()
        self.sessions: dict[tuple[str, str], Tab] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._published = 0

    def counts(self) -> dict[str, int]:
        """How many connections, users and slots are registered."""
        connections = sum(map(len, self.tabs.values()))
        return {"connections": connections, "users": len(self.tabs), "slots": self.slots.total()}

    async def serve(self, tab: Tab) -> None:
        """One connection from its upgrade to its end."""
        if not await self.join(tab):
            await tab.close(TOO_MANY)
            return
        tasks = [asyncio.create_task(self._listen(tab)), asyncio.create_task(tab.drain())]
        try:
            await asyncio.wait({tasks[0], tab.expelled}, return_when=asyncio.FIRST_COMPLETED)
            tab.over = True
            if tab.expelled.done():
                tab.clean = True
                await tab.close(tab.expelled.result())
            elif BUG == "dead-peer-aborts":
                await asyncio.sleep(NOTICE)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.leave(tab)

    async def join(self, tab: Tab) -> bool:
        """Take the session over, and a slot if there is one."""
        older = self.sessions.get((tab.user, tab.session))
        self.sessions[tab.user, tab.session] = tab
        if older is not None:
            older.expel(TAKEN_OVER)
            self.leave(older)
        free = self.slots[tab.user] < TABS_PER_USER
        if BUG == "check-then-act":
            await asyncio.sleep(PARK)
        if free:
            self.slots[tab.user] += 1
            self.tabs.setdefault(tab.user, []).append(tab)
            tab.tell('{"type": "welcome"}')
        return free

    def leave(self, tab: Tab) -> None:
        """Forget the tab everywhere; nothing happens the second time."""
        if self.sessions.get((tab.user, tab.session)) is tab:
            del self.sessions[tab.user, tab.session]
        mates = self.tabs.get(tab.user, [])
        gone = [tab]
        if BUG == "old-end":
            gone = [mate for mate in mates if mate.session == tab.session]
        for mate in gone:
            if mate in mates:
                mates.remove(mate)
                self._release(mate)
        if not mates:
            self.tabs.pop(tab.user, None)

    def _release(self, tab: Tab) -> None:
        if BUG == "slot-leak" and not tab.clean:
            return
        self.slots[tab.user] -= 1
        if not self.slots[tab.user]:
            del self.slots[tab.user]

    async def _listen(self, tab: Tab) -> None:
        while (text := await tab.read()) is not None:
            message = texts(read_object(text), "broadcast", "id", "body")
            if message is not None:
                await self.publish(tab.user, json.dumps({"type": "message", **message}))
            else:
                self.offended(tab)

    def offended(self, tab: Tab) -> None:
        """What a tab said is no message."""
        tab.expel(OFFENDED)
        for mate in self.tabs.get(tab.user, ()) if BUG == "bad-peer" else ():
            mate.expel(OFFENDED)

    async def publish(self, user: str, text: str) -> None:
        """To every tab of the user."""
        tabs = self.tabs.get(user, [])
        if BUG == "live-list":
            await _park_at_each(tabs, text)
        elif BUG == "dead-peer-aborts":
            await _until_one_is_gone(tabs, text)
        elif BUG == "sequential-sends":
            await _one_after_the_other(tabs, text)
        elif BUG == "task-per-message":
            self._published += 1
            task = asyncio.create_task(_later(tabs, text, PARK * (self._published % 2)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            for tab in tabs:
                tab.tell(text)


async def _park_at_each(tabs: list[Tab], text: str) -> None:
    for tab in tabs:  # the live list
        await asyncio.sleep(PARK)
        tab.tell(text)


async def _until_one_is_gone(tabs: list[Tab], text: str) -> None:
    try:
        for tab in tuple(tabs):
            if tab.over:
                raise Gone
            tab.tell(text)
    except Gone:
        return


async def _one_after_the_other(tabs: list[Tab], text: str) -> None:
    for tab in tuple(tabs):
        try:
            await tab.write(text)
        except Gone:
            continue


async def _later(tabs: list[Tab], text: str, pause: float) -> None:
    await asyncio.sleep(pause)
    for tab in tabs:
        tab.tell(text)
