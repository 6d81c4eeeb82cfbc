"""Who else takes slots of a limit that all users share: the control connection, and what earlier plans left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulated_world import NET, Item, Peer, Task

from fuzzer.history import Outsiders

if TYPE_CHECKING:
    from simulated_driver import Driver

PAUSE = 0.3


class Outsider:
    """One connection of hubfuzz that is not of the plan. ``stays``: the control connection, which comes back."""

    deaf = False

    def __init__(self, driver: Driver, stays: bool) -> None:
        self.driver, self.stays = driver, stays
        self.peer: Peer | None = None

    def enter(self) -> None:
        """The hub takes it on, if there is room."""
        hub = self.driver.hub
        self.peer = peer = Peer("outsider", "outsider", None, "valid", self, process=hub.process)
        hub.peers.append(peer)
        if not hub._takes_slot(peer):
            hub._spawn(self._give_back(peer, 0.0))
            self._lost()
            return
        peer.registered = True
        peer.since = hub.world.now
        hub.members.append(peer)
        hub._evict(peer.user, peer)
        if not self.stays:
            hub._spawn(self._leave(peer))

    def receive(self, item: Item) -> None:
        """It reads nothing but its end."""
        if item[0] in ("close", "cut") and self.peer is not None:
            if item[0] == "close":
                self.driver.hub._spawn(self._give_back(self.peer, NET))
            self._lost()

    def _lost(self) -> None:
        self.peer = None
        if self.stays:
            self.driver.world.spawn(self._again(), self.driver.world.driver)

    def _leave(self, peer: Peer) -> Task:
        """It was closed before the plan began: noticed, and free, sooner or later."""
        yield self.driver.world.rng.random() * self.driver.policy.t_release * 0.8
        self.driver.hub._deregister(peer)
        yield from self._give_back(peer, 0.0)

    def _give_back(self, peer: Peer, after: float) -> Task:
        yield after
        if peer.slot:
            peer.slot = False
            self.driver.hub.slots[self.driver.hub.whose(peer.user)] -= 1

    def _again(self) -> Task:
        """The control connection is opened anew, which is told before."""
        yield self.driver.world.rng.random() * PAUSE
        while not self.driver.hub.up:
            yield PAUSE
        if not self.driver.done:
            self.driver.outsiders += 1
            self.driver.record(Outsiders, held=self.driver.outsiders, pair=1, earlier=self.driver.earlier)
            self.driver.world.at(self.driver.world.now + self.driver.world.some(NET), self.enter)


def bring_outsiders(driver: Driver) -> Outsider | None:
    """Before the plan: the control connection is a member, and now and then somebody is not yet gone."""
    limit = driver.policy.limit
    if limit is None or not limit.shared:
        return None
    left = driver.world.rng.randint(0, limit.max - 1)
    driver.earlier, driver.outsiders = bool(left), 1
    for _ in range(left):
        Outsider(driver, stays=False).enter()
    driver.record(Outsiders, held=1, pair=1, earlier=driver.earlier)
    control = Outsider(driver, stays=True)
    control.enter()
    return control
