"""Performing one batch: everything is prepared first, then released in the drawn order with no checkpoint between.

All but the last byte of each op is written beforehand; the last bytes follow in one tight loop, which makes the
drawn order the order of arrival (see ARCHITECTURE.md). An op that cannot be done is skipped and counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from fuzzer.driver import frames
from fuzzer.driver.actor import Actor
from fuzzer.driver.closings import Closer
from fuzzer.driver.connection import FuzzConn
from fuzzer.driver.openings import OPEN_TIMEOUT, Opener, Release
from fuzzer.driver.stage import Stage
from fuzzer.history import (
    DropInv,
    FaultEnd,
    FaultInv,
    PingInv,
    QueryInv,
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
    Finish,
    Malformed,
    Mute,
    Op,
    Open,
    Ping,
    Plan,
    Query,
    Resume,
    Send,
    Stall,
    Subscribe,
    Unsubscribe,
    Wire,
)
from fuzzer.target.model import Target


class Performer:
    """Turns ops into bytes on the connections of one stage."""

    def __init__(self, stage: Stage, target: Target, port: int | None, nursery: trio.Nursery) -> None:
        self._stage = stage
        self._nursery = nursery
        self._opener = Opener(stage, target, port, nursery)
        self.closer = Closer(stage, nursery)
        self._once_at_a_time = target.policy.subscriptions == "single"
        self._writers: dict[type, Callable[..., Awaitable[Release | None]]] = {
            Send: self._send,
            Close: self._close,
            Malformed: self._malformed,
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            Ping: self._ping,
            Query: self._query,
        }

    def study(self, plan: Plan) -> None:
        """Connections that will stall get small buffers at their opening: later is too late."""
        self._opener.slow = frozenset(op.conn for op in plan.ops() if isinstance(op, Stall))

    async def prepare_batch(self, batch: Batch) -> list[Release]:
        """The releases of all ops, in their order, to be called with no checkpoint between. What takes its time is
        prepared first: behind a frame that waits for its last byte no ping is answered."""
        for op in batch.ops:
            await self._decided(self._stage.actors.get(op.conn))
        opened = {op.conn: await self.prepare_open(op) for op in batch.ops if isinstance(op, Open)}
        found = [opened[op.conn] if isinstance(op, Open) else await self._prepare(op) for op in batch.ops]
        return [release for release in found if release is not None]

    async def _decided(self, actor: Actor | None) -> None:
        if actor is not None and not actor.held:
            await self._stage.until(lambda: actor.decided, OPEN_TIMEOUT)

    # ---- opening -------------------------------------------------------------------------------------------------

    async def prepare_open(self, op: Open, role: Role = "plan") -> Release:
        """Connect; the upgrade request waits for its last byte."""
        return await self._opener.prepare(op, role)

    def finish_held(self) -> None:
        """Send the last byte of every opening that is still held."""
        held = [actor for actor in self._stage.actors.values() if actor.held]
        for actor in held:
            self._opener.finish(actor)

    def moved(self, port: int | None) -> None:
        """The server was started again, and listens on this port."""
        self._opener.port = port

    # ---- everything else -----------------------------------------------------------------------------------------

    async def _prepare(self, op: Op) -> Release | None:
        actor = self._stage.actors.get(op.conn)
        if isinstance(op, Finish):
            return self._finish(op, actor)
        await self._decided(actor)
        why = _why_not(op, actor) or self._why_not_yet(op, actor)
        if why or actor is None or actor.conn is None:
            self._stage.record(Skip, op.conn, op.__struct_config__.tag, why or "never opened")
            return None
        return await self._prepare_on(op, actor, actor.conn)

    def _finish(self, op: Finish, actor: Actor | None) -> Release | None:
        if actor is None or not actor.held:
            self._stage.record(Skip, op.conn, "finish", "never opened" if actor is None else "refused")
            return None
        return lambda: self._opener.finish(actor)

    def _why_not_yet(self, op: Op, actor: Actor | None) -> str:
        return out_of_turn(op, self._stage.who_leave(actor)) if self._once_at_a_time and actor is not None else ""

    async def _prepare_on(self, op: Op, actor: Actor, conn: FuzzConn) -> Release | None:
        prepare = self._writers.get(type(op))
        if prepare is not None:
            return await prepare(op, actor, conn)
        return lambda: self._behave(op, actor, conn)

    async def _close(self, op: Close, actor: Actor, conn: FuzzConn) -> Release:
        return await self.prepare_close(actor, op.code, op.reason, half=op.half)

    async def _send(self, op: Send, actor: Actor, conn: FuzzConn) -> Release:
        actor.unfenced = True
        names = [op.msg] if op.count == 1 else [f"{op.msg}.{i}" for i in range(op.count)]
        return await self.prepare_messages(actor, conn, [(name, op) for name in names], op.wire)

    async def prepare_messages(
        self, actor: Actor, conn: FuzzConn, messages: list[tuple[str, Send]], wire: Wire = "frames"
    ) -> Release:
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
        await conn.prepare_text(texts, wire)
        return conn.release

    def _real_room(self, room: str | None) -> str | None:
        return None if room is None else self._stage.cast.room(room)

    async def prepare_close(self, actor: Actor, code: int, reason: str, *, half: bool = False) -> Release:
        """Our Close frame; the rest of the closing handshake goes on by itself, within bounds."""
        return await self.closer.prepare(actor, code, reason, half=half)

    async def _ping(self, _: Ping, actor: Actor, conn: FuzzConn) -> Release:
        payload = frames.ping_payload(len(self._stage.record.events), actor.name)
        self._stage.record(PingInv, actor.name)
        self._stage.expect_pong(payload)
        await conn.prepare_raw(frames.frame(frames.PING, payload))
        return conn.release

    async def _query(self, _: Query, actor: Actor, conn: FuzzConn) -> Release | None:
        if not self._stage.codec.has_presence:
            self._stage.record(Skip, actor.name, "query", "no presence in this protocol")
            return None
        self._stage.record(QueryInv, actor.name)
        actor.questions += 1
        await conn.prepare_text([self._stage.codec.query(self._stage.cast.user(actor.user))])
        return conn.release

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
        actor.room_answers.asked_to_join(op.room)
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
        actor.room_answers.asked_to_leave(op.room)
        actor.rooms_being_left.add(op.room)
        for one in self._stage.who_leave(actor):
            one.wanted_rooms.discard(op.room)
            one.groups.discard(f"room:{op.room}")
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
        if isinstance(op, Drop):
            self.drop(actor, op)
        elif isinstance(op, Stall):
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


def out_of_turn(op: Op, theirs: list[Actor]) -> str:
    """Why a hub that takes one request for a room at a time may close who does this; empty if it may not. ``theirs``:
    the actors that are in rooms together with the one that does it."""
    room = op.room if isinstance(op, Subscribe | Unsubscribe | Send) else None
    if room is None:
        return ""
    if any(room in one.awaited_rooms for one in theirs):
        return "not answered yet"
    if isinstance(op, Subscribe) and any(room in one.rooms_being_left for one in theirs):
        return "not known to have left the room"
    here = isinstance(op, Subscribe) and any(room in one.wanted_rooms for one in theirs)
    return "in the room already" if here else ""


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
