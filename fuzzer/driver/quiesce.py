"""Waiting until the hub is quiet, by fences and never by sleeping; and the confirm phase when it is not.

A fence is one more broadcast of every live sender. Under fifo order, when c has read the fence of s, every earlier
message of s has been written to c or is lost. A green plan waits for nothing but round trips; only a true silence
pays the deadline, and it is paid in *healthy* time: while round trips of an unrelated control pair succeed.
Source: SPEC section 3 (procedure, soft and hard deadline, confirm phase).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import trio

from fuzzer.driver import frames
from fuzzer.driver.actor import Actor
from fuzzer.driver.control import ControlPair
from fuzzer.driver.health import Health, HealthyTime
from fuzzer.driver.openings import OPEN_TIMEOUT
from fuzzer.driver.patience import MOST
from fuzzer.driver.perform import Performer
from fuzzer.driver.requests import may_stand_behind
from fuzzer.driver.stage import Stage
from fuzzer.history import Abort, Phase, Quiet
from fuzzer.plan import Send

Stream = tuple[str, str]
"""A sender, and the room that it sends to, if any."""
Awaited = tuple[Stream, str]
LINGER = 0.002
CONTROL_PAUSE = 0.03
UNANSWERED_MOST = 8.0
SHOWN = 3  # missing fences that are named
OVERTAKEN_WAIT = 0.1


class Quiescence:
    """Fences on one stage."""

    def __init__(
        self,
        stage: Stage,
        performer: Performer,
        control: ControlPair,
        dead: Callable[[], bool],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stage = stage
        self._performer = performer
        self._control = control
        self.health = Health(stage, control, stopped)
        self._server_is_dead = dead
        self._rounds = itertools.count()
        self._turns = itertools.count()
        self._first_round = 0
        self._fences: dict[str, tuple[Stream, int]] = {}
        self._patience = control.patience
        self.aborted = False

    @property
    def _soft(self) -> float:
        return self._patience.seconds

    async def fence(self, senders: frozenset[str] | None = None) -> bool:
        """Wait until quiet. False: the deadline passed in silence, and nothing more can be proved by going on.

        ``senders`` None: every live member sends a fence.
        """
        self._stage.record(Phase, "fence")
        await self._settle()
        return await self._conclude(senders)

    async def short_fence(self) -> bool:
        """As ``fence``, but only of those who have sent since their last one, and of one more in each group by turns.

        Nothing of the others is on its way; the one more gives every member life evidence.
        """
        self._stage.record(Phase, "fence")
        await self._settle()
        return await self._conclude(self._needed_senders())

    def _needed_senders(self) -> frozenset[str]:
        turn = next(self._turns)
        live = [actor for actor in self._stage.live() if actor.dependable]
        groups: dict[str, list[str]] = {}
        for actor in live:
            for group in actor.groups:
                groups.setdefault(group, []).append(actor.name)
        by_turns = {names[turn % len(names)] for names in groups.values()}
        return frozenset(by_turns | {actor.name for actor in live if actor.unfenced})

    async def _conclude(self, senders: frozenset[str] | None) -> bool:
        why = await self._round(senders) or await self._agreement()
        complete = not why
        self._stage.record(Quiet, complete, why)
        if not complete:
            self.abort("a fence did not come back within the deadline")
        return complete

    def abort(self, why: str) -> None:
        """Leave out the rest of the plan."""
        if not self.aborted:
            self.aborted = True
            self._stage.record(Abort, why)

    # ---- what was begun is finished ------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Openings decided, closings done, subscriptions and questions answered; each is bounded by itself."""
        actors = self._stage.actors
        await self._stage.until(lambda: all(a.decided or a.held for a in actors.values()), OPEN_TIMEOUT + 1)
        await self.closed(list(actors.values()))
        await self._stage.until(lambda: not any(a.questions for a in actors.values() if a.dependable), self._soft)
        if not await self._stage.until(self._answered, self._soft) and not await self._confirm(
            self._answered, resend=False
        ):
            self._give_up_on_silent()

    async def closed(self, actors: list[Actor]) -> None:
        """Closings done. While one takes its time, the control pair shows whether the server answers anything."""

        def done() -> bool:
            return not any(a.being_closed for a in actors)

        if not await self._stage.until(done, self._soft):
            await self._watched(done, self._stage.record.now() + self._performer.closer.longest)

    async def pass_time(self, seconds: float) -> None:
        """Let so much time pass, and have the control pair show how much of it the server was well."""
        await self._watched(self._server_is_dead, self._stage.record.now() + seconds)

    async def _watched(self, reached: Callable[[], bool], end: float) -> None:
        healthy = HealthyTime()
        while not reached() and (left := end - self._stage.record.now()) > 0:
            await self.health.check(healthy)
            await self._stage.until(reached, min(CONTROL_PAUSE, left))

    def _give_up_on_silent(self) -> None:
        """Who was never welcomed is no member: later fences do not wait for it again."""
        for actor in self._stage.actors.values():
            if actor.dependable and (actor.welcome_expected or actor.awaited_rooms):
                actor.tainted = True

    def _answered(self) -> bool:
        members = [a for a in self._stage.actors.values() if a.dependable]
        return not any(a.welcome_expected or a.awaited_rooms for a in members)

    # ---- a round of fences ---------------------------------------------------------------------------------------

    async def _round(self, senders: frozenset[str] | None) -> str:
        """Fences until all have come; else why not all have."""
        since = self._stage.record.now()
        self._first_round, pairs = await self._send_fences(senders)
        done = await self._arrived(self._soft)
        if not done:
            done = await self._confirm(lambda: not self._open_pairs(pairs), resend=True, senders=senders)
        if done and pairs:
            self._patience.note(self._stage.record.now() - since)
        why = "" if done else self._missing(pairs)
        self._stage.awaited.clear()
        await self._let_stragglers_in()
        return why

    def _missing(self, pairs: set[Awaited]) -> str:
        if self._server_is_dead():
            return "the server has ended"
        missing = [f"{stream[0]} to {receiver}" for stream, receiver in sorted(self._open_pairs(pairs))]
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        return f"no fence came from {', '.join(missing[:SHOWN])}{more}"

    async def _let_stragglers_in(self) -> None:
        """What was overtaken may be late and not lost: only by waiting, once, is an inversion told from a gap."""
        if self._stage.policy.order != "none":
            await self._stage.until(lambda: not self._stage.overtaken(), OVERTAKEN_WAIT)
            self._stage.give_up_on_overtaken()

    async def linger(self) -> None:
        """Let second copies and leaks arrive that nothing waits for; too short costs misses, never false alarms."""
        await trio.sleep(LINGER)

    async def _arrived(self, patience: float) -> bool:
        """Wait in steps as long as fences keep arriving: a large backlog is progress, not silence."""
        while True:
            before = len(self._stage.awaited)
            if await self._stage.until(lambda: not self._stage.awaited, patience):
                return True
            if len(self._stage.awaited) == before:
                return False

    def _open_pairs(self, pairs: set[Awaited]) -> set[Awaited]:
        """(stream, receiver) pairs, both still dependable, of which no fence of this call has arrived."""
        fences = ((self._fences[msg], conn) for msg, conn in self._stage.delivered if msg in self._fences)
        arrived = {(stream, conn) for (stream, number), conn in fences if number >= self._first_round}
        actors = self._stage.actors
        return {(s, c) for s, c in pairs if (s, c) not in arrived and self._both_there(actors, s, c)}

    def _both_there(self, actors: dict[str, Actor], sender: Stream, receiver: str) -> bool:
        return actors[sender[0]].dependable and actors[receiver].dependable

    async def _send_fences(self, senders: frozenset[str] | None) -> tuple[int, set[Awaited]]:
        """One fence from every sender to each of its groups; its number and the (stream, receiver) pairs."""
        number = next(self._rounds)
        pairs: set[Awaited] = set()
        for actor in [a for a in self._stage.live() if a.dependable]:
            if senders is None or actor.name in senders:
                pairs |= await self._fence_from(actor, number)
        return number, pairs

    async def _fence_from(self, actor: Actor, number: int) -> set[Awaited]:
        pairs: set[Awaited] = set()
        messages: list[tuple[str, Send]] = []
        for group in sorted(actor.groups):
            receivers = self._receivers(actor, group)
            if not receivers or (self._stage.policy.group == "room" and not group.startswith("room:")):
                continue
            room = group.removeprefix("room:") if group.startswith("room:") else None
            stream, name = (actor.name, room or ""), f"~{actor.name}@{room or ''}~{number}"
            self._fences[name] = stream, number
            messages.append((name, Send(actor.name, name, size=self._stage.policy.own_size, room=room)))
            self._stage.awaited |= {(name, c) for c in receivers}
            pairs |= {(stream, c) for c in receivers}
        if messages and actor.conn is not None and actor.live:
            (await self._performer.prepare_messages(actor, actor.conn, messages))()
            actor.unfenced = False
        return pairs

    def _receivers(self, sender: Actor, group: str) -> list[str]:
        """Members that should read it; the sender itself only where the hub is known to echo."""
        names = [a.name for a in self._stage.members(group)]
        return names if self._control.echoes else [n for n in names if n != sender.name]

    # ---- messages of senders that are gone -----------------------------------------------------------------------

    async def _agreement(self) -> str:
        """A message of a dropped sender that reached some must be on its way to the others (SPEC 2.4); else why not."""

        def agreed() -> bool:
            return not self._stage.split_messages()

        if await self._stage.until(agreed, self._soft) or await self._confirm(agreed, resend=True):
            return ""
        return "a message of one who has left came to some and not to others"

    # ---- the confirm phase ---------------------------------------------------------------------------------------

    async def _confirm(self, reached: Callable[[], bool], resend: bool, senders: frozenset[str] | None = None) -> bool:
        """Keep asking, with fresh fences and the control pair, until reached or the deadline passed healthily."""
        healthy = HealthyTime()
        started = self._stage.record.now()
        next_fence, gap = started, self._soft
        bound = self._bound()
        while not reached() and healthy.seconds < bound:
            now = self._stage.record.now()
            if self._server_is_dead() or now - started > bound * 2 + UNANSWERED_MOST:
                return False
            if resend and now >= next_fence:
                await self._send_fences(senders)
                gap = min(gap * 2, MOST)
                next_fence = now + gap
            self._ping_silent()
            await self.health.check(healthy)
            await self._stage.until(reached, CONTROL_PAUSE)
        return reached()

    def _bound(self) -> float:
        """Healthy seconds after which silence proves something, as the judge will say."""
        behind = may_stand_behind(self._stage.record.events, {msg for msg, _ in self._stage.awaited})
        return self._stage.policy.deadline * (2 if behind else 1)

    def _ping_silent(self) -> None:
        if self._stage.policy.rate is not None:
            return  # they might count
        silent = {conn for _, conn in self._stage.awaited}
        for name in sorted(silent):
            conn = self._stage.actors[name].conn
            payload = frames.ping_payload(len(self._stage.record.events), name)
            if conn is not None and conn.is_open and conn.ping(payload):
                self._stage.expect_pong(payload)

    @property
    def kept(self) -> int:
        """How many slots of the plan's limit the control pair holds now."""
        limit = self._stage.policy.limit
        return self._control.held if limit is not None and limit.shared else 0

    async def prove_control(self) -> None:
        """Have each of the control pair receive once, where it shares the limit: then it was a member."""
        for _ in range(self._control.size if self.kept else 0):
            await self.health.check(HealthyTime())
