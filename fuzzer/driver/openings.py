"""Opening connections: whole, abandoned on the way, or held back by their last byte."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from fuzzer.driver.actor import Actor
from fuzzer.driver.connection import FuzzConn
from fuzzer.driver.stage import Stage
from fuzzer.history import DropInv, OpenInv, Role
from fuzzer.plan import Open
from fuzzer.target.model import Target

if TYPE_CHECKING:
    from fuzzer.target.model import Endpoint

OPEN_TIMEOUT = 10.0
# Seconds by which a hub may take a token for expired too early: it may count in whole seconds, and round (RFC 7519, 2).
EXPIRY_GRAIN = 1.0

Release = Callable[[], None]


class Opener:
    """Opens the connections of one stage. ``port`` changes when the server is started again."""

    def __init__(self, stage: Stage, target: Target, port: int | None, nursery: trio.Nursery) -> None:
        self.port = port
        self.slow: frozenset[str] = frozenset()
        self._patience = min(OPEN_TIMEOUT, target.policy.deadline)
        self._stage = stage
        self._target = target
        self._nursery = nursery

    async def prepare(self, op: Open, role: Role = "plan") -> Release:
        """Connect; the upgrade request waits for its last byte."""
        actor = self._new_actor(op, role)
        endpoint = self._target.endpoint(
            self.port, self._stage.cast.user(op.user), self._stage.cast.session(op.session), op.token
        )
        actor.first_message = endpoint.first_message
        self._record(op, role, actor, endpoint)
        actor.conn = conn = await FuzzConn.connect(
            op.conn,
            endpoint,
            self._nursery,
            self._stage,
            small_buffers=op.conn in self.slow,
            abandon=op.abandon,
            how=op.how,
        )
        if op.abandon is not None:
            return lambda: self._abandon(op, actor, conn)
        if op.held:
            actor.held = not actor.decided
            return lambda: None
        self._nursery.start_soon(self._watch, actor, conn)
        return conn.release

    def finish(self, actor: Actor) -> None:
        """Send the last byte of a held opening. No effect on one that is decided already."""
        if actor.held and actor.conn is not None:
            actor.held = False
            self._nursery.start_soon(self._watch, actor, actor.conn)
            actor.conn.release()

    def _new_actor(self, op: Open, role: Role) -> Actor:
        actor = Actor(op.conn, op.user, role, impostor=op.token not in ("valid", "brief"))
        actor.welcome_expected = self._stage.codec.has_welcome and not actor.impostor
        actor.yes_expected = self._stage.codec.has_accepted and not actor.impostor
        self._stage.actors[op.conn] = actor
        return actor

    def _record(self, op: Open, role: Role, actor: Actor, endpoint: Endpoint) -> None:
        expires = None
        if endpoint.expires is not None:
            left = endpoint.expires - time.time()
            expires = round(self._stage.record.now() + left, 6)
            if self._stage.policy.t_expiry is not None:
                actor.doubtful_from = time.monotonic() + left - EXPIRY_GRAIN
        self._stage.record(OpenInv, op.conn, op.user, role, op.session, op.token, op.abandon, expires)

    def _abandon(self, op: Open, actor: Actor, conn: FuzzConn) -> None:
        self._stage.record(DropInv, actor.name, op.how)
        actor.gone = actor.decided = True
        conn.release()

    async def _watch(self, actor: Actor, conn: FuzzConn) -> None:
        """Decide every opening within bounds, and send the token where the hub wants it as first message.

        Where a good one is answered (``auth.accepted``), nothing more is said before: some protocols forbid it, such as
        graphql-transport-ws, which closes with 4401.
        """
        if not await conn.settle(OPEN_TIMEOUT) and not actor.decided:
            self._stage.rejected(actor.name, "timeout", None, f"no answer within {OPEN_TIMEOUT:g} s")
            conn.dispose()
        elif actor.opened and actor.first_message is not None:
            if conn.is_open:
                await conn.prepare_text([actor.first_message])
                conn.release()
                await self._stage.until(lambda: not actor.yes_expected or not conn.is_open, self._patience)
            actor.decided = True
            self._stage.wake()
