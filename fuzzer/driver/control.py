"""The control pair: connections of an unrelated user that show whether the server as a whole answers.

A verdict that depends on time counts only while the pair's round trips succeed (SPEC section 3: confirm phase), so a
paused, swapped-out or overloaded server is never accused of losing a message.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable

import trio

from fuzzer.driver import trouble
from fuzzer.driver.answers import answer
from fuzzer.driver.connection import FuzzConn
from fuzzer.driver.patience import Patience
from fuzzer.history import RejectedBy
from fuzzer.payload import filler
from fuzzer.target.model import Target
from fuzzer.target.protocol import Accepted, Message, Other, Subscribed, Welcome

PATIENCE = 1.0


class ControlPair:
    """Two connections of one fresh user (one where slots are few); a round trip publishes and awaits the copy.

    ``openings``: how many there have been, so that one can see whether the pair is still the same. ``before_opening``
    is called before each: where all users share a limit, one more slot may be taken. ``patience``: how long messages
    take with this server.
    """

    def __init__(self, target: Target, port: int | None, nursery: trio.Nursery, nonce: str) -> None:
        self._target = target
        self._port = port
        self._nursery = nursery
        self._nonce = nonce
        self._codec = target.codec()
        self._user = f"{nonce}control"
        self._users = itertools.count(1)
        self._conns: dict[str, FuzzConn] = {}
        self._ready: set[str] = set()
        self._accepted: set[str] = set()
        self._sent: Counter[str] = Counter()
        self._seen: set[tuple[str, str]] = set()
        self._body = filler(target.policy.own_size)
        self._numbers = itertools.count()
        self._lot = trio.lowlevel.ParkingLot()
        self.trouble = trouble.NOT_DELIVERED
        self.patience = Patience()
        self.openings = 0
        self._greeting = 0
        self.opened_at = float("-inf")
        self.before_opening: Callable[[], None] = lambda: None
        self._turned = False
        self.echoes = target.policy.echo == "always"
        self.mark = f"hf-{nonce}"

    @property
    def ready(self) -> bool:
        """Both connections are open and members."""
        return set(self._names()) <= self._ready and all(c.is_open for c in self._conns.values())

    async def round_trip(self) -> bool:
        """Publish on one connection and read it on the other within ``PATIENCE`` seconds."""
        if not await self._open_missing():
            return False
        sender, receiver = self._names()
        real = f"{self.mark}{next(self._numbers)}"
        self.trouble = trouble.NOT_DELIVERED
        conn = self._conns[sender]
        await conn.prepare_text([self._codec.publish(real, self._body, self._room(), self._user)])
        conn.release()
        self._sent[self._payer(sender)] += 1
        arrived = await self._until(lambda: (real, receiver) in self._seen, PATIENCE)
        self.echoes = self.echoes or (arrived and (real, sender) in self._seen)
        self._seen.clear()
        self._turned ^= arrived  # who receives has proved to be a member: by turns both do
        return arrived

    @property
    def size(self) -> int:
        """How many connections it consists of."""
        return len(set(self._names()))

    @property
    def held(self) -> int:
        """How many of them are open."""
        return sum(conn.is_open for conn in self._conns.values())

    @property
    def known(self) -> int:
        """How many of them there are, open or ended without our having noticed."""
        return len(self._conns)

    async def refresh(self) -> None:
        """End what has sent half of what it may (``policy.rate``): a plan must not be without the pair."""
        await self._replace_spent(0.5)

    def move(self, port: int | None) -> None:
        """The server was started again and listens on this port: what was open is gone."""
        self.dispose()
        self._port = port
        self._ready.clear()

    def dispose(self) -> None:
        """Close both sockets."""
        for conn in self._conns.values():
            conn.dispose()
        self._conns.clear()

    def _names(self) -> tuple[str, str]:
        limit = self._target.policy.limit
        if limit is not None and 1 in (limit.max, limit.kept):
            return "control.0", "control.0"
        return ("control.1", "control.0") if self._turned else ("control.0", "control.1")

    def _room(self) -> str | None:
        return f"{self._nonce}room" if self._target.policy.group == "room" else None

    @property
    def _awaits_subscribed(self) -> bool:
        """Does the answer to a subscription prove membership? Of a room hub that gives none, the welcome must do."""
        return self._room() is not None and self._codec.has_subscribed

    async def _open_missing(self) -> bool:
        """Open what is not open; True if the pair is ready."""
        deadline = time.monotonic() + PATIENCE
        await self._replace_spent(1.0)
        for name in sorted(set(self._names())):
            if name not in self._conns or not self._conns[name].is_open:
                await self._open(name)
        left = deadline - time.monotonic()
        return await self._until(lambda: set(self._names()) <= self._ready, left)

    async def _open(self, name: str) -> None:
        stale = self._conns.pop(name, None)
        if stale is not None:
            stale.dispose()
        self._ready.discard(name)
        self._accepted.discard(name)
        self.before_opening()
        self.openings += 1
        self.opened_at = time.monotonic()
        endpoint = self._target.endpoint(self._port, self._user, None, "valid")
        conn = self._conns[name] = await FuzzConn.connect(name, endpoint, self._nursery, self)
        conn.release()
        self._note_opening(name)
        if not await conn.settle(PATIENCE):
            self.trouble = trouble.UNANSWERED
        elif conn.is_open:
            await self._greet(name, conn, endpoint.first_message)

    async def _greet(self, name: str, conn: FuzzConn, first_message: str | None) -> None:
        room = self._room()
        texts = [text for text in (first_message, room and self._codec.subscribe(room, self._user)) if text]
        if first_message is not None and self._codec.has_accepted:
            await self._say(name, conn, texts[:1])
            await self._until(lambda: name in self._accepted or not conn.is_open, PATIENCE)
            texts = texts[1:] if conn.is_open else []
        await self._say(name, conn, texts)
        if self._awaits_subscribed:
            self.trouble = trouble.NOT_SUBSCRIBED
        elif self._codec.has_welcome:
            self.trouble = trouble.NOT_JOINED
        else:
            self._ready.add(name)

    async def _say(self, name: str, conn: FuzzConn, texts: list[str]) -> None:
        if texts:
            await conn.prepare_text(texts)
            conn.release()
            self._sent[self._payer(name)] += len(texts)
            self._greeting += len(texts)

    def _payer(self, name: str) -> str:
        """Whose rate it is that a connection uses up: its own, or its user's."""
        return name if self._target.policy.rate_scope == "connection" else self._user

    def _note_opening(self, name: str) -> None:
        if self._payer(name) == name:
            self._sent[name] = 0  # a new connection has a rate of its own
        self._sent[self._payer(name)] += 1
        self._greeting = 1

    async def _replace_spent(self, share: float) -> None:
        """End those that have sent so much of what they may; where the rate is its user's, another user comes."""
        spent = [name for name in self._conns if self._has_sent(name, share)]
        for name in spent:
            await self._end(name)
        if spent and self._payer("") == self._user:
            self._user = f"{self._nonce}control{next(self._users)}"

    def _has_sent(self, name: str, share: float) -> bool:
        """So much of what it may; of a rate that allows no more than to come nothing is spared.

        Nor of one that everybody shares: there is none to be had by coming again."""
        policy, sent = self._target.policy, self._sent[self._payer(name)]
        if policy.rate is None or policy.rate_scope in ("ip", "global"):
            return False
        greeting = self._greeting * (self.size if policy.rate_scope == "user" else 1)
        return greeting < sent and sent >= share * policy.rate

    async def _end(self, name: str) -> None:
        conn = self._conns.pop(name, None)
        self._ready.discard(name)
        if conn is not None and conn.is_open:
            await conn.prepare_close(1000, "")
            conn.release()
            await conn.finish(PATIENCE)
        elif conn is not None:
            conn.dispose()

    async def _until(self, reached: Callable[[], bool], timeout: float) -> bool:
        with trio.move_on_after(max(timeout, 0)):
            while not reached():
                await self._lot.park()
        return reached()

    # ---- Sink ----------------------------------------------------------------------------------------------------

    def frame(self, conn: str, data: str | bytes) -> None:
        """Note own messages and the frames that prove membership."""
        answer(self._codec, self._conns.get(conn), data)
        for found in self._codec.readings(data):
            self._note(conn, found)
        self._lot.unpark_all()

    def _note(self, conn: str, found: object) -> None:
        if isinstance(found, Accepted):
            self._accepted.add(conn)
        if isinstance(found, Other):
            self.trouble = trouble.other_answer(found.text)
        elif isinstance(found, Message):
            self._seen.add((found.id, conn))
        elif isinstance(found, Subscribed) or (isinstance(found, Welcome) and not self._awaits_subscribed):
            self._ready.add(conn)

    def opened(self, conn: str) -> None:
        """Nothing to note: being open is not being a member."""

    def rejected(self, conn: str, by: RejectedBy, code: int | None, reason: str) -> None:
        """The next round trip tries again."""
        self.trouble = trouble.refused(by, code, reason)

    def pong(self, conn: str, payload: bytes) -> None:
        """No pings are sent here."""

    def server_closed(self, conn: str, code: int, reason: str) -> None:
        """The next round trip opens anew."""
        self.trouble = trouble.closed(code, reason)
        self._lot.unpark_all()

    def server_eof(self, conn: str) -> None:
        """The next round trip opens anew."""

    def server_reset(self, conn: str) -> None:
        """The next round trip opens anew."""

    def server_bad(self, conn: str, detail: str) -> None:
        """The next round trip opens anew."""

    def tcp_closed(self, conn: str) -> None:
        """The next round trip opens anew."""

    def flushed(self, conn: str) -> None:
        """Nothing waits for it."""
