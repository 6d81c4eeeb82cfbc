"""What follows every plan, unasked: heal, fence, drain, and the conservation check (counts, slots, canary).

Leaks and ghosts show nowhere else. "Server still accepts but delivers nothing" is a common end state of real bugs
(BUGS, section 6), hence the canary.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fuzzer.driver.actor import Actor
from fuzzer.driver.closings import MARGIN
from fuzzer.driver.health import HealthyTime
from fuzzer.driver.openings import OPEN_TIMEOUT
from fuzzer.driver.perform import Performer
from fuzzer.driver.quiesce import Quiescence
from fuzzer.driver.stage import Stage
from fuzzer.history import Phase, Probe, Role
from fuzzer.plan import Batch, Drop, Open, Plan, Subscribe, Unsubscribe
from fuzzer.policy import MOST_PATIENCE

CANARY_ROOM = "canary"
RETRY_PAUSES = (0.04, 0.2)
PROMPT = 3  # looks at the counts, a few milliseconds apart
PROBE_PAUSES = (0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256)

Counts = Callable[[], Awaitable[dict[str, int]]]


class Finale:
    """Brings one stage to its end."""

    def __init__(self, stage: Stage, performer: Performer, quiescence: Quiescence, counts: Counts) -> None:
        self._stage = stage
        self._performer = performer
        self._quiescence = quiescence
        self._health = quiescence.health
        self._counts = counts
        self._prompt = False  # the hub counted everybody off as soon as they had left
        self._due = False  # so long has been waited for its counts that everybody must be off

    async def heal(self) -> None:
        """Every stalled connection reads again, every held one opens; then the hub must come to rest once more."""
        stalled = [actor for actor in self._stage.actors.values() if actor.stalled and not actor.gone]
        if stalled or any(actor.held for actor in self._stage.actors.values()):
            self._stage.record(Phase, "heal")
            self._performer.finish_held()
            for actor in stalled:
                self._performer.resume(actor)
            if not self._quiescence.aborted:
                await self._quiescence.fence()
        await self._quiescence.linger()

    async def drain(self) -> None:
        """End every connection: those that we can, by closing; vanished ones by letting go of their sockets."""
        self._stage.record(Phase, "drain")
        # Who never came to rest is not waited for once more.
        self._performer.closer.patient = not self._quiescence.aborted
        await self._close_all(self._stage.live())
        for actor in self._stage.actors.values():
            if actor.vanished:
                self._performer.drop(actor, Drop(actor.name, "reset"))
        let_go(self._stage)

    async def _close_all(self, actors: list[Actor]) -> None:
        releases = [await self._performer.prepare_close(a, 1000, "") for a in actors if a.live]
        for release in releases:
            release()
        await self._quiescence.closed(actors)

    # ---- the server's own counts ---------------------------------------------------------------------------------

    async def probe(self, before: dict[str, int]) -> None:
        """Read the server's counts until they are back at ``before``; for the last time when every release was due."""
        if not before:
            return
        self._stage.record(Phase, "probe")
        last: dict[str, int] = {}
        left, healthy = self._health.release_bound(), HealthyTime()
        for look, pause in enumerate((0.0, *PROBE_PAUSES, left)):
            left -= await self._health.wait(min(pause, left), healthy)
            counts = await self._counts()
            gone = all(counts.get(name, 0) <= value for name, value in before.items())
            self._prompt = gone and look < PROMPT
            self._due = left <= 0
            done = gone or self._due
            self._write({name: n for name, n in counts.items() if done or last.get(name) != n})
            last = counts
            if done:
                return

    async def probe_again(self, before: dict[str, int]) -> None:
        """Has a ghost come meanwhile, or stayed of slots and canary? Only asked where the answer takes no time."""
        if self._prompt and not self._quiescence.aborted:
            await self.probe(before)

    def _write(self, counts: dict[str, int]) -> None:
        """What has changed; of the last reading everything: only what is there when all is released proves a leak."""
        for name, value in counts.items():
            self._stage.record(Probe, name, value, "after")

    # ---- slots ---------------------------------------------------------------------------------------------------

    def eventful(self, users: tuple[str, ...]) -> tuple[str, ...]:
        """Users of whom some connection did not just open and stay: their slots are counted; the first one's always."""
        odd = {a.user for a in self._stage.actors.values() if not (a.member and a.live)}
        if self._shared:
            return users[:1]  # all others have the same slots
        return tuple(user for user in users if user in odd or user == users[0])

    @property
    def _shared(self) -> bool:
        limit = self._stage.policy.limit
        return limit is not None and limit.shared

    async def slots(self, user: str) -> None:
        """Exactly the limit can be opened again, one after the other, and not one more."""
        limit = self._stage.policy.limit
        if limit is None or self._quiescence.aborted:
            return
        self._stage.record(Phase, f"slots:{user}")
        opened: list[Actor] = []
        free = limit.max - self._quiescence.kept
        for number in range(free):
            actor = await self._open_slot(f"slot:{user}.{number}", user)
            if actor is None:
                break
            opened.append(actor)
        if len(opened) == free:
            await self._one_above(user, opened)
        await self._close_all(opened)

    async def _one_above(self, user: str, opened: list[Actor]) -> None:
        above = await self._open_once(f"slot:{user}.above", user)
        if above.live:
            opened.append(above)
        if self._stage.policy.t_evict <= MOST_PATIENCE:
            await self._health.wait(self._stage.policy.t_evict * MARGIN, HealthyTime())  # for so long it may stay
        last = [a.name for a in opened if a.live][-2:]  # each gets the other's, where nobody gets its own
        await self._quiescence.fence(frozenset(last))
        await self._quiescence.prove_control()

    async def _open_slot(self, name: str, user: str, role: Role = "slot") -> Actor | None:
        """Try until accepted; the last time after every earlier occupant, refused attempts too, must be released."""
        bound, healthy = self._health.release_bound(), HealthyTime()
        later = () if self._due and not self._shared else (*(pause for pause in RETRY_PAUSES if pause < bound), bound)
        for attempt, pause in enumerate((0.0, *later)):
            await self._health.wait(pause, healthy)
            actor = await self._open_once(f"{name}.{attempt}" if attempt else name, user, role)
            if actor.live:
                return actor
            if self._quiescence.aborted:
                break
        return None

    async def _open_once(self, name: str, user: str, role: Role = "slot") -> Actor:
        release = await self._performer.prepare_open(Open(name, user), role=role)
        actor = self._stage.actors[name]
        release()
        await self._stage.until(lambda: actor.decided, OPEN_TIMEOUT + 1)
        await self._confirm_join(actor)
        return actor

    async def _confirm_join(self, actor: Actor) -> None:
        """101 is not membership: wait for the welcome, or else for a fence of its own to come round."""
        if self._stage.codec.has_welcome:
            await self._stage.until(lambda: not actor.welcome_expected or not actor.live, self._stage.policy.deadline)
        elif actor.live:
            await self._quiescence.fence(frozenset([actor.name]))

    # ---- canary --------------------------------------------------------------------------------------------------

    async def canary(self) -> None:
        """A fresh user opens, sends and receives: does the server still do its job?"""
        self._stage.record(Phase, "canary")
        limit = self._stage.policy.limit
        count = 1 if limit is not None and limit.max - self._quiescence.kept == 1 else 2
        names = [f"canary.{i}" for i in range(count)]
        self._quiescence.aborted, self._performer.closer.patient = False, True
        actors = await (self._queue_up(names) if self._shared else self._all_at_once(names))
        await self._meet(actors)
        await self._quiescence.fence()
        await self._close_all(actors)

    async def _meet(self, actors: list[Actor]) -> None:
        """Where groups are rooms, nobody hears of anybody outside of one."""
        if self._stage.policy.group != "room":
            return
        await self._quiescence.fence()  # welcomed, where that is done
        joins = tuple(Subscribe(actor.name, CANARY_ROOM) for actor in actors if actor.live)
        for release in await self._performer.prepare_batch(Batch(joins)):
            release()

    async def _all_at_once(self, names: list[str]) -> list[Actor]:
        releases = [await self._performer.prepare_open(Open(n, "canary"), role="canary") for n in names]
        for release in releases:
            release()
        return [self._stage.actors[n] for n in names]

    async def _queue_up(self, names: list[str]) -> list[Actor]:
        """One after the other, until slots that all users share are free again."""
        found = [await self._open_slot(name, "canary", "canary") for name in names]
        return [actor for actor in found if actor is not None]


def let_go(stage: Stage) -> None:
    """Close every socket of this stage, whatever state it is in."""
    for actor in stage.actors.values():
        if actor.conn is not None:
            actor.conn.dispose()


def fences_at_the_end(plan: Plan) -> int:
    """One, and one more where somebody has just unsubscribed: the first may have been sent before the answer."""
    last = plan.batches[-1].ops if plan.batches else ()
    return 1 + any(isinstance(op, Unsubscribe) for op in last)
