"""Fences, and what follows every simulated plan: heal, drain, counts, slots, canary."""

from __future__ import annotations

from simulated_driver import CLOSE_TIMEOUT, Driver
from simulated_tab import Tab
from simulated_world import Task

from fuzzer.history import Phase, Probe, Quiet

Awaited = dict[tuple[str, str | None, str], set[str]]


def fence(driver: Driver, patience: float) -> Task:
    """Live members send, again and again; after ``patience`` the fence has failed, even if much too soon."""
    driver.record(Phase, name="fence")
    awaited: Awaited = {}
    end = driver.world.now + patience
    while True:
        _send_fences(driver, awaited)
        yield from driver.wait(lambda: _complete(driver, awaited), 0.25)
        if _complete(driver, awaited) or driver.world.now >= end:
            break
    driver.record(Quiet, complete=_complete(driver, awaited))


def _send_fences(driver: Driver, awaited: Awaited) -> None:
    members = [t for t in driver.tabs.values() if t.live and not t.tainted and t.joined]
    for tab in members:
        for room in (None, *sorted(tab.rooms)):
            if (room is None and driver.policy.group == "room") or not driver.may_speak(tab, room):
                continue
            msg = driver.send(tab, room, "~")
            for mate in members:
                if mate is not tab and (room in mate.rooms if room else mate.user == tab.user):
                    awaited.setdefault((tab.name, room, mate.name), set()).add(msg)


def _complete(driver: Driver, awaited: Awaited) -> bool:
    here = (pair for pair in awaited if driver.tabs[pair[0]].live and driver.tabs[pair[2]].live)
    return all(any((msg, pair[2]) in driver.arrived for msg in awaited[pair]) for pair in here)


def finale(driver: Driver) -> Task:
    """Heal, drain, count, slots, canary."""
    for tab in [t for t in driver.tabs.values() if t.deaf and not t.gone]:
        driver.resume(tab)
    yield from fence(driver, 0.5)
    yield from driver.wait(lambda: all(t.decided for t in driver.tabs.values()), 4.0)
    driver.record(Phase, name="drain")
    yield from drain(driver)
    yield from _count(driver)
    limit = driver.policy.limit
    users = list(dict.fromkeys(t.user for t in list(driver.tabs.values())))
    for user in users[:1] if limit is not None and limit.shared else users:
        yield from _slots(driver, user)
    yield from _canary(driver)


def drain(driver: Driver) -> Task:
    """End every connection."""
    yield from _close_all(driver, [t for t in driver.tabs.values() if t.live])
    for tab in driver.tabs.values():
        if tab.half:
            tab.let_go()
    for tab in [t for t in driver.tabs.values() if t.vanished]:
        tab.vanished = False
        driver.drop(tab, "reset")


def _close_all(driver: Driver, tabs: list[Tab]) -> Task:
    for tab in tabs:
        if tab.live:
            driver.close(tab)
    yield from driver.wait(lambda: all(t.gone for t in tabs), CLOSE_TIMEOUT + 1)


def _count(driver: Driver) -> Task:
    driver.record(Phase, name="probe")
    for pause in (0.0, 0.05, 0.3, bound(driver)):
        yield pause
        driver.record(Probe, name="connections", value=driver.hub.handlers, when="after")
        if not driver.hub.handlers:
            return


def bound(driver: Driver) -> float:
    """After so long everything is released, unless somebody stood still."""
    return (max(driver.policy.t_release, driver.policy.t_detect) + driver.policy.deadline) * 1.3


def _slots(driver: Driver, user: str) -> Task:
    if driver.policy.limit is None:
        return
    driver.record(Phase, name=f"slots:{user}")
    opened: list[Tab] = []
    free = driver.policy.limit.free
    for number in range(free + 1):
        for pause in (0.0, 0.04, bound(driver)):
            yield pause
            tab = Tab(driver, f"slot:{user}.{number}.{len(driver.tabs)}", user, role="slot")
            yield from _open_and_wait(driver, [tab])
            if tab.live or number == free:
                break
        opened += [tab] if tab.live else []
    yield from fence(driver, 0.5)
    yield from _close_all(driver, opened)


def _canary(driver: Driver) -> Task:
    driver.record(Phase, name="canary")
    limit = driver.policy.limit
    count = 2 if not limit or limit.free > 1 else 1
    tabs = [Tab(driver, f"canary.{i}", "canary", role="canary") for i in range(count)]
    yield from _open_and_wait(driver, tabs)
    for tab in tabs if driver.policy.group == "room" else ():
        if tab.live:
            driver.subscribe(tab, "canary")
    yield from fence(driver, 2.0)
    yield from _close_all(driver, tabs)


def _open_and_wait(driver: Driver, tabs: list[Tab]) -> Task:
    for tab in tabs:
        driver.open(tab)
    yield from driver.wait(lambda: all(t.decided for t in tabs), 4.0)
    yield from driver.wait(lambda: all(t.joined or not t.live for t in tabs), 1.0)
