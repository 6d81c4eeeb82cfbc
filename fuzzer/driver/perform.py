"""Performing one batch: everything is prepared first, then released in the drawn order with no checkpoint between.

All but the last byte of each op is written beforehand; the last bytes follow in one tight loop, which makes the
drawn order the order of arrival (measured: see ARCHITECTURE.md). An op that cannot be done is skipped and counted.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from fuzzer.driver import frames
from fuzzer.driver.actor import Actor
from fuzzer.driver.connection import FuzzConn
from fuzzer.driver.stage import Stage
from fuzzer.history import (
    CloseInv,
    DropInv,
    FaultEnd,
    FaultInv,
    OpenInv,
    Role,
    SendInv,
    Skip,
    SubInv,
    UnsubInv,
)
from fuzzer.plan import (
    Batch,
    Close,
    Drop,
    Malformed,
    Mute,
    Op,
    Open,
    Plan,
    Resume,
    Send,
    Stall,
    Subscribe,
    Unsubscribe,
)
from fuzzer.target.model import Target

OPEN_TIMEOUT = 10.0
CLOSE_TIMEOUT = 3.0

Release = Callable[[], None]


class Performer:
    """Turns ops into bytes on the connections of one stage."""

    def __init__(self, stage: Stage, target: Target, port: int | None, nursery: trio.Nursery) -> None:
        self._stage = stage
        self._target = target
        self._port = port
        self._nursery = nursery
        self._slow: frozenset[str] = frozenset()

    def study(self, plan: Plan) -> None:
        """Connections that will stall get small buffers at their opening: later is too late."""
        self._slow = frozenset(op.conn for op in plan.ops() if isinstance(op, Stall))

    async def batch(self, batch: Batch) -> None:
        """Prepare every op in order, then release them in the same order."""
        releases = [release for op in batch.ops if (release := await self._prepare(op)) is not None]
        for release in releases:
            release()

    # ---- opening -------------------------------------------------------------------------------------------------

    async def prepare_open(self, op: Open, role: Role = "plan") -> Release | None:
        """Connect; the upgrade request waits for its last byte."""
        actor = self._new_actor(op, role)
        endpoint = self._target.endpoint(
            self._port, self._stage.cast.user(op.user), self._stage.cast.session(op.session), op.token
        )
        actor.first_message = endpoint.first_message
        self._stage.record(OpenInv, op.conn, op.user, role, op.session, op.token, op.abandon)
        actor.conn = conn = await FuzzConn.connect(
            op.conn,
            endpoint,
            self._nursery,
            self._stage,
            small_buffers=op.conn in self._slow,
            abandon=op.abandon,
            how=op.how,
        )
        if op.abandon is not None:
            return lambda: self._abandon(op, actor, conn)
        self._nursery.start_soon(self._watch_opening, actor, conn)
        return conn.release

    def _new_actor(self, op: Open, role: Role) -> Actor:
        actor = Actor(op.conn, op.user, role, impostor=op.token != "valid")
        actor.welcome_expected = self._stage.codec.has_welcome and not actor.impostor
        self._stage.actors[op.conn] = actor
        return actor

    def _abandon(self, op: Open, actor: Actor, conn: FuzzConn) -> None:
        self._stage.record(DropInv, actor.name, op.how)
        actor.gone = actor.decided = True
        conn.release()

    async def _watch_opening(self, actor: Actor, conn: FuzzConn) -> None:
        """Decide every opening within bounds, and send the token where the hub wants it as first message."""
        if not await conn.settle(OPEN_TIMEOUT) and not actor.decided:
            self._stage.rejected(actor.name, "timeout", None, f"no answer within {OPEN_TIMEOUT:g} s")
            conn.dispose()
        elif actor.opened and actor.first_message is not None:
            if conn.is_open:
                await conn.prepare_text([actor.first_message])
                conn.release()
            actor.decided = True
            self._stage.wake()

    # ---- everything else -----------------------------------------------------------------------------------------

    async def _prepare(self, op: Op) -> Release | None:
        if isinstance(op, Open):
            return await self.prepare_open(op)
        actor = self._stage.actors.get(op.conn)
        if actor is not None and not actor.decided:
            await self._stage.until(lambda: actor.decided, OPEN_TIMEOUT)
        why = _why_not(op, actor)
        if why or actor is None or actor.conn is None:
            self._stage.record(Skip, op.conn, op.__struct_config__.tag, why or "never opened")
            return None
        return await self._prepare_on(op, actor, actor.conn)

    async def _prepare_on(self, op: Op, actor: Actor, conn: FuzzConn) -> Release | None:
        match op:
            case Send():
                return await self._send(op, actor, conn)
            case Close():
                return await self.prepare_close(actor, op.code, op.reason)
            case Malformed():
                return await self._malformed(op, actor, conn)
            case Subscribe():
                return await self._subscribe(op, actor, conn)
            case Unsubscribe():
                return await self._unsubscribe(op, actor, conn)
            case Drop():
                return lambda: self.drop(actor, op)
            case _:
                return lambda: self._behave(op, actor, conn)

    async def _send(self, op: Send, actor: Actor, conn: FuzzConn) -> Release:
        actor.unfenced = True
        names = [op.msg] if op.count == 1 else [f"{op.msg}.{i}" for i in range(op.count)]
        return await self.prepare_messages(actor, conn, [(name, op) for name in names])

    async def prepare_messages(self, actor: Actor, conn: FuzzConn, messages: list[tuple[str, Send]]) -> Release:
        """Publish messages of ``actor`` back to back; a room given in a message decides its group."""
        texts = []
        user = self._stage.cast.user(actor.user)
        for name, op in messages:
            group = self._stage.group_of(actor, op.room)
            self._stage.record(SendInv, name, actor.name, group, op.size, name.startswith("~"))
            real, body = self._stage.cast.publish(name, op.size, op.fill)
            texts.append(self._stage.codec.publish(real, body, self._real_room(op.room), user))
            actor.unflushed.append(name)
            self._stage.published(name, actor, group)
        await conn.prepare_text(texts)
        return conn.release

    def _real_room(self, room: str | None) -> str | None:
        return None if room is None else self._stage.cast.room(room)

    async def prepare_close(self, actor: Actor, code: int, reason: str) -> Release | None:
        """Our Close frame; the rest of the closing handshake goes on by itself, within bounds."""
        conn = actor.conn
        assert conn is not None
        self._stage.record(CloseInv, actor.name, code)
        actor.closing = True
        self._stage.forget(actor.name)
        await conn.prepare_close(code, reason)

        def go() -> None:
            conn.release()
            self._nursery.start_soon(self._finish_close, actor, conn)

        return go

    async def _finish_close(self, actor: Actor, conn: FuzzConn) -> None:
        if not await self._stage.until(lambda: actor.gone, CLOSE_TIMEOUT):
            self._stage.record(DropInv, actor.name, "reset")
            actor.gone = True
            conn.drop("reset")
            self._stage.wake()

    async def _malformed(self, op: Malformed, actor: Actor, conn: FuzzConn) -> Release | None:
        max_size = self._stage.policy.max_size
        if op.kind == "oversize" and max_size is None:
            self._stage.record(Skip, op.conn, "malformed", "no max_size is declared")
            return None
        self._stage.record(FaultInv, actor.name, f"malformed:{op.kind}")
        actor.tainted = True
        self._stage.forget(actor.name)
        await conn.prepare_raw(frames.malformed_frame(op.kind, max_size or 0))
        return conn.release

    async def _subscribe(self, op: Subscribe, actor: Actor, conn: FuzzConn) -> Release:
        self._stage.record(SubInv, actor.name, op.room)
        actor.wanted_rooms.add(op.room)
        if self._stage.codec.has_subscribed:
            actor.awaited_rooms.add(op.room)
        else:
            actor.groups.add(f"room:{op.room}")
        await conn.prepare_text(
            [self._stage.codec.subscribe(self._stage.cast.room(op.room), self._stage.cast.user(actor.user))]
        )
        return conn.release

    async def _unsubscribe(self, op: Unsubscribe, actor: Actor, conn: FuzzConn) -> Release:
        self._stage.record(UnsubInv, actor.name, op.room)
        actor.wanted_rooms.discard(op.room)
        actor.groups.discard(f"room:{op.room}")
        await conn.prepare_text(
            [self._stage.codec.unsubscribe(self._stage.cast.room(op.room), self._stage.cast.user(actor.user))]
        )
        return conn.release

    def drop(self, actor: Actor, op: Drop) -> None:
        """Leave without a Close frame."""
        assert actor.conn is not None
        self._stage.record(DropInv, actor.name, op.how)
        actor.gone = True
        actor.vanished = op.how == "vanish"
        self._stage.forget(actor.name)
        actor.conn.drop(op.how)

    def _behave(self, op: Op, actor: Actor, conn: FuzzConn) -> None:
        if isinstance(op, Stall):
            self._fault(actor, "stall")
            actor.stalled = True
            conn.stall()
        elif isinstance(op, Resume):
            self.resume(actor)
        elif isinstance(op, Mute):
            self._fault(actor, "mute")
            conn.mute()

    def _fault(self, actor: Actor, kind: str) -> None:
        self._stage.record(FaultInv, actor.name, kind)
        actor.tainted = True
        self._stage.forget(actor.name)

    def resume(self, actor: Actor) -> None:
        """Read again."""
        assert actor.conn is not None
        actor.conn.resume()
        actor.stalled = False
        self._stage.record(FaultEnd, actor.name, "stall")


def _why_not(op: Op, actor: Actor | None) -> str:
    """Why this op cannot be done on this connection; empty if it can."""
    if actor is None:
        return "never opened"
    if not actor.live:
        return "refused" if not actor.opened else "ended"
    if isinstance(op, Resume) and not actor.stalled:
        return "not stalled"
    if isinstance(op, Stall) and actor.stalled:
        return "stalled already"
    return ""
