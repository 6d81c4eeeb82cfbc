"""The parent of the workers: hands out shares, hears what happens, gives the work of who dies to others."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import trio

from fuzzer.campaign import events as e
from fuzzer.campaign.control import Control
from fuzzer.campaign.doubts import warnings_about
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.runner import ServerUnavailable
from fuzzer.campaign.store import FailureStore, Stored
from fuzzer.campaign.stored import LONGEST
from fuzzer.target.model import Target
from fuzzer.target.watchdog import Watchdog
from fuzzer.workers.hand import GRACE, Hand
from fuzzer.workers.merge import Merged, about_itself
from fuzzer.workers.messages import Alive, Answer, Asks, Broken, Enough, Job, News, Said, Stop, Wants
from fuzzer.workers.shares import Shares

MOST_LOSSES = 3  # of workers in one place; then it is left empty
AHEAD = 2  # shares that a worker has, so that it never waits for one
LOOK_EVERY = 0.05


class Crew:
    """One campaign of ``options.workers`` processes. ``interrupt`` may be called at any time."""

    def __init__(
        self,
        target: Target,
        options: Options,
        *,
        subject: Subject,
        scenarios: Sequence[str] = (),
        drawn: bool = True,
        stored: Sequence[Stored] = (),
        store: FailureStore | None = None,
        emit: e.Emit = e.ignore,
    ) -> None:
        self._target, self._options, self._subject = target, options, subject
        self._scenarios = len(scenarios)
        self._emit = emit
        self._control = Control(options, trio.current_time)
        self._merged = Merged(options, self._control, store, emit, stored)
        self._shares = Shares(scenarios, plans=options.plans, drawn=drawn)
        self._stored = deque(stored)
        self._hands: list[Hand] = []
        self._owners: dict[str, Hand] = {}
        self._watchdog: Watchdog | None = None
        self._began = self._enough = self._stopped = False
        self._last_trouble = ""

    def interrupt(self) -> None:
        """The user wants to stop: now, in order."""
        self._control.interrupt()

    async def run(self) -> Result:
        """Everything, to its end. Raises ``ServerUnavailable`` if no worker ever came to execute a plan."""
        self._emit(e.Started(self._subject, self._options, self._scenarios))
        began = trio.current_time()
        with contextlib.closing(Watchdog()) as self._watchdog:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, nursery.cancel_scope)
                async with trio.open_nursery() as places:
                    for number in range(1, self._options.workers + 1):
                        places.start_soon(self._place, number)
                nursery.cancel_scope.cancel()
        return self._ended(trio.current_time() - began)

    def _ended(self, seconds: float) -> Result:
        interrupted = (self._control.stopped() or ("", ""))[0] == "interrupted"
        if not self._merged.plans and self._last_trouble and not interrupted:
            raise ServerUnavailable(self._last_trouble)
        if not self._enough and not self._stopped:
            self._control.server_unavailable(f"no worker is left; the last one {self._last_trouble}")
        elif not self._control.stopped():
            self._control.plans_exhausted()
        if self._stored:
            self._merged.warn(f"not run again or not shrunk, for want of a worker: {_names(self._stored)}")
        result = self._merged.result(seconds)
        for text in warnings_about(result):
            self._emit(e.Warned(text))
        self._emit(e.Finished(result))
        return result

    # ---- budgets -----------------------------------------------------------------------------------------------------

    async def _watch(self, everything: trio.CancelScope) -> None:
        """Look at the budgets, and tell the workers when one is spent."""
        looked = trio.current_time()
        while self._control.may_shrink:
            if not self._enough and self._is_enough():
                self._tell_enough()
            await trio.sleep(LOOK_EVERY)
            looked, before = trio.current_time(), looked
            if not self._somebody_explores():
                self._control.exclude(looked - before)
        self._stopped = True
        for hand in self._hands:
            hand.tell(Stop())
        await trio.sleep(GRACE)
        everything.cancel()  # which ends whoever did not end by itself

    def _somebody_explores(self) -> bool:
        """Time in which all shrink is no time of exploration; nor is that before the first worker is there."""
        return any(hand.ready and not hand.shrinking for hand in self._hands)

    def _is_enough(self) -> bool:
        return self._began and (self._all_done() or not self._control.may_explore)

    def _all_done(self) -> bool:
        return self._shares.exhausted and not self._stored and not any(hand.stored for hand in self._hands)

    def _tell_enough(self) -> None:
        self._enough = True
        for hand in self._hands:
            hand.tell(Enough())

    # ---- places of workers -------------------------------------------------------------------------------------------

    async def _place(self, number: int) -> None:
        """One worker after the other, for as long as there is something to do and they do not die too often."""
        for _ in range(MOST_LOSSES):
            hand = Hand(number, self._job())
            hand.late = self._enough
            for stored in hand.stored:
                self._owners[stored.failure.fingerprint] = hand
            self._hands.append(hand)
            assert self._watchdog is not None
            try:
                await hand.work(self._watchdog, self._hear)
            finally:
                self._hands.remove(hand)
            if not self._is_lost(hand):
                return
            self._give_back(hand)
            hopeless = hand.broken and not hand.ready  # a server that does not come will not come for another
            if self._stopped or hopeless or (self._enough and not self._stored):
                return

    def _job(self) -> Job:
        places = self._options.workers - len(self._hands)
        mine = [self._stored.popleft() for _ in range(math.ceil(len(self._stored) / max(1, places)))]
        # Of a worker that died: found in this run, and to be shrunk whatever the time.
        owed = sum(item.failure.fingerprint in self._merged.failures for item in mine)
        options = self._options_of_one(max(self._control.for_stored, owed * LONGEST))
        return Job(self._target, options, self._subject, tuple(mine))

    def _options_of_one(self, stored_seconds: float) -> Options:
        """Budgets are the parent's; what is left is how to judge and how to shrink."""
        options = self._options
        return Options(
            seconds=None,
            seed=options.seed,
            only=options.only,
            skip=options.skip,
            known=options.known,
            shrink_seconds=options.shrink_seconds,
            replay_times=options.replay_times,
            hurry=options.hurry,
            stored_seconds=stored_seconds,
        )

    def _is_lost(self, hand: Hand) -> bool:
        """It ended although nobody had told it to, or before it was done."""
        if hand.result is None:
            return not self._stopped
        reason = hand.result.stop_reason
        if reason == "server-unavailable":
            hand.trouble = hand.result.why
            return True
        if reason == "interrupted" and not self._stopped:
            hand.trouble = "was told to end by a signal"
            return True
        return False

    def _give_back(self, hand: Hand) -> None:
        """Its shares, its stored failures, and the failures that it was shrinking are others' now."""
        self._last_trouble = hand.trouble
        fatal = ""
        for place, share in enumerate(hand.shares):
            begun = place == 0 and not hand.stored
            fatal = self._shares.lost(share, hand.executed if place == 0 else 0, begun) or fatal
        self._stored.extend(hand.stored)
        for fingerprint, owner in list(self._owners.items()):
            if owner is hand:
                del self._owners[fingerprint]
                self._stored.extendleft(self._unshrunk(fingerprint))
        if hand.result is None:
            self._merged.broken_off(hand.met)
        what = f"worker {hand.number}{':' if hand.broken else ''} {hand.trouble}"
        self._merged.warn(f"{what}; what {'else ' if fatal else ''}it had to do goes to another")
        if fatal:
            self._merged.left_out(fatal)
        for other in self._hands:
            self._feed(other)

    def _unshrunk(self, fingerprint: str) -> list[Stored]:
        failure, path = self._merged.failures.get(fingerprint), self._merged.paths.get(fingerprint, "")
        return [Stored(Path(path), failure)] if failure is not None and path and not failure.shrunk else []

    # ---- news --------------------------------------------------------------------------------------------------------

    def _hear(self, hand: Hand, news: News) -> None:
        match news:
            case Said():
                self._heard(hand, news.event)
            case Wants():
                self._shares.done(hand.shares.popleft(), hand.executed)
                hand.executed = 0
                self._feed(hand)
            case Asks():
                free = not self._merged.enough_shrunk
                mine = free and self._owners.setdefault(news.fingerprint, hand) is hand
                hand.shrinking = mine
                hand.tell(Answer(news.fingerprint, mine))
            case Broken():
                hand.trouble, hand.broken = news.why, True
            case Alive():
                pass

    def _heard(self, hand: Hand, event: e.CampaignEvent) -> None:
        match event:
            case e.Started():
                self._ready(hand)
                return
            case e.Finished():
                self._finished(hand, event.result)
                return
            case e.Warned():
                hand.warned.append(event.text)
                return
            case e.PlanExecuted():
                hand.shrinking = False
                hand.executed += 1
                hand.plans += 1
                hand.met.update(event.violated)
            case e.FailureFound():
                self._owners.setdefault(event.failure.fingerprint, hand)
            case e.StoredReplayed():
                self._replayed(hand, event)
            case e.StoredLeft():
                self._left(hand, event)
        self._merged.hear(event)

    def _ready(self, hand: Hand) -> None:
        self._began = hand.ready = True
        self._feed(hand)
        if self._enough and not hand.stored:
            hand.tell(Enough())

    def _replayed(self, hand: Hand, event: e.StoredReplayed) -> None:
        if hand.stored and hand.stored[0].failure.fingerprint == event.fingerprint:
            hand.stored.popleft()
        if not event.rate.failed:
            self._owners.pop(event.fingerprint, None)
        if hand.late and not hand.stored:
            hand.tell(Enough())

    def _left(self, hand: Hand, event: e.StoredLeft) -> None:
        """For want of time: whoever meets one of them may shrink it."""
        hand.stored.clear()
        for fingerprint in event.fingerprints:
            self._owners.pop(fingerprint, None)
        if hand.late:
            hand.tell(Enough())

    def _finished(self, hand: Hand, result: Result) -> None:
        hand.result = result
        self._merged.finished(result, hand.plans)
        for text in about_itself(result, hand.warned):
            self._merged.warn(text)

    def _feed(self, hand: Hand) -> None:
        """Let it have two shares, if there are as many."""
        while hand.ready and not self._enough and len(hand.shares) < AHEAD and (share := self._shares.take()):
            hand.shares.append(share)
            hand.tell(share)


def _names(stored: Iterable[Stored]) -> str:
    return ", ".join(dict.fromkeys(item.failure.fingerprint for item in stored))
