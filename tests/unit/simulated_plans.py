"""Which hub is simulated and what is done to it, drawn by Hypothesis; and the history that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from histories import H
from hypothesis import strategies as st
from simulated_dials import wider_policies, wider_ways
from simulated_driver import Driver
from simulated_finale import bound, drain, fence, finale
from simulated_tab import Tab
from simulated_world import Task, Ways, World
from simulator import Hub

from fuzzer.history import Probe
from fuzzer.policy import Policy

KINDS = (
    "open", "open", "open", "open", "send", "send", "send", "burst", "room", "sub", "sub", "unsub", "close", "half",
    "reset", "fin", "vanish", "stall", "stall", "resume", "mute", "malformed", "fence", "fence", "fence", "wait",
    "impostor", "abandon", "brief", "held", "query", "query", "pause", "restart", "big", "odd", "ping", "ping", "kill",
)  # fmt: skip
GAPS = (0.0, 0.0, 0.001, 0.03, 0.3)
PATIENCE = (0.02, 0.3, 2.0)
PAUSES = (0.02, 0.4, 1.0, 3.0)
BIG = 40_000  # characters: more than the smallest buffers hold
ODD = 30  # of a body that may hold anything
ABANDONS = ("half-request", "before-101", "after-101")


class Step(NamedTuple):
    """One thing to do, to the ``who``-th connection, and the pause after it."""

    kind: str
    who: int
    what: int
    gap: float


class Case(NamedTuple):
    """A hub, its dials, the seed of all delays, spans in which the server or the driver stands still, and the steps."""

    policy: Policy
    ways: Ways
    seed: int
    pauses: tuple[tuple[float, float], ...]
    freezes: tuple[tuple[float, float], ...]
    steps: tuple[Step, ...]
    cycles: int = 1


# Shorter standstills would count as healthy: the control pair is asked only so often.
# And two in a row would be one of more than 3 s, which is more than a server that ends is given.
SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(6, 30)), max_size=2).map(
    lambda spans: tuple((9 * n + start / 10, 9 * n + (start + length) / 10) for n, (start, length) in enumerate(spans))
)
STEP = st.builds(Step, st.sampled_from(KINDS), st.integers(0, 7), st.integers(0, 3), st.sampled_from(GAPS))
# What bare chance rarely puts together.
THEMES = (
    ("open", "open", "fence", "vanish", "wait", "wait", "query", "open"),
    ("open", "open", "fence", "mute", "wait", "wait", "query", "send"),
    ("open", "open", "wait", "query", "close", "wait", "query", "fence"),
    ("open", "open", "fence", "malformed", "fence"),
    ("open", "open", "fence", "restart", "open", "open", "send", "fence"),
    ("open", "open", "sub", "sub", "fence", "unsub", "fence", "room", "room"),
    ("open", "open", "sub", "sub", "sub", "sub", "fence", "unsub", "unsub", "fence", "room", "room", "room", "fence"),
    ("open", "open", "open", "burst", "burst", "send", "fence", "burst", "burst", "fence"),
    ("open", "open", "fence", "kill", "open", "open", "query", "fence"),
    ("open", "open", "query", "close", "kill", "open", "query", "wait", "wait", "query", "open", "fence"),
    ("open", "open", "open", "open", "open", "fence", "open", "send", "send", "open", "fence", "send", "fence"),
    (
        "open",
        "sub",
        "sub",
        "open",
        "open",
        "sub",
        "sub",
        "send",
        "fence",
        "room",
        "room",
        "unsub",
        "room",
        "sub",
        "room",
        "fence",
    ),
    ("open", "sub", "fence", "open", "room", "open", "room", "unsub", "room", "fence", "sub", "room", "fence", "room"),
    ("open", "brief", "fence", "wait", "wait", "send", "send", "fence"),
    ("open", "open", "fence", "open", "send", "send", "send", "send", "send", "send", "fence"),
    ("open", "open", "open", "open", "fence", "stall", "big", "big", "send", "send", "fence"),
)


def _themed(kinds: tuple[str, ...]) -> st.SearchStrategy[list[Step]]:
    return st.tuples(*(st.builds(Step, st.just(kind), st.integers(0, 7), st.integers(0, 3), st.sampled_from(GAPS))
                       for kind in kinds)).map(list)  # fmt: skip


STEPS = st.one_of(
    st.lists(STEP, max_size=40),
    st.builds(
        lambda start, theme, end: start + theme + end,
        st.lists(STEP, max_size=6),
        st.sampled_from(THEMES).flatmap(_themed),
        st.lists(STEP, max_size=12),
    ),
).map(tuple)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Everything."""
    hub = draw(wider_ways())
    seed = draw(st.integers(0, 2**32 - 1))
    policy, pauses, freezes, steps = draw(wider_policies(hub)), draw(SPANS), draw(SPANS), draw(STEPS)
    cycles = 9 if len(steps) <= 6 and draw(st.booleans()) else 1
    return Case(policy, hub, seed, pauses, freezes, steps, cycles)


def simulate(case: Case) -> H:
    """Play the case; the history as the driver would have written it."""
    world = World(Random(case.seed))
    world.pauses, world.freezes = list(case.pauses), list(case.freezes)
    hub = Hub(world, case.policy, case.ways)
    return Driver(world, hub, case.policy).run(lambda driver: _script(driver, case))


def _script(driver: Driver, case: Case) -> Task:
    driver.record(Probe, name="connections", value=0, when="before")
    for number in range(case.cycles):
        for step in case.steps:
            yield from _perform(driver, step)
            yield step.gap
        if case.cycles > 1:
            yield from _read_cycle(driver, number, last=number == case.cycles - 1)
    yield from finale(driver)


def _read_cycle(driver: Driver, number: int, last: bool) -> Task:
    """Everybody leaves; descriptors, and threads of a pool that fills up, are counted."""
    yield from driver.wait(lambda: all(t.decided for t in driver.tabs.values()), 4.0)
    yield from drain(driver)
    yield bound(driver) if last else 0.0
    held = driver.hub.handlers + driver.world.rng.randint(0, 1) + min(number, driver.policy.resources_slack)
    driver.record(Probe, name="process.fds", value=10 + held, when="cycle")
    driver.record(Probe, name="process.threads", value=min(len(driver.tabs), 4), when="cycle")


def _perform(driver: Driver, step: Step) -> Task:
    if step.kind == "fence":
        yield from fence(driver, PATIENCE[step.what % 3])
    elif step.kind == "wait":
        yield 0.5 * (1 + step.what)
    elif step.kind == "pause":
        yield from driver.pause(PAUSES[step.what])
    elif step.kind == "kill":
        yield from (
            driver.kill((None, -15)[step.what])
            if step.what < 2 and not driver.policy.close_codes.shutdown
            else iter(())
        )
    elif step.kind == "restart":
        yield from driver.restart() if step.what < 2 else iter(())
    elif step.kind in ("open", "impostor", "abandon", "brief", "held"):
        _open(driver, step)
    else:
        live = [tab for tab in driver.tabs.values() if tab.live]
        if live:
            _ACTS[step.kind](driver, live[step.who % len(live)], step)


def _open(driver: Driver, step: Step) -> None:
    token = {"impostor": "expired", "brief": "brief"}.get(step.kind, "valid")
    session = f"s{step.what % 2}" if step.what else None
    tab = Tab(driver, f"c{len(driver.tabs)}", f"u{step.who % 2}", session, token)
    tab.expires = driver.world.now + 0.3 + step.what if token == "brief" else None
    abandon = ABANDONS[step.what % 3] if step.kind == "abandon" else None
    driver.open(tab, abandon, held=0.4 * step.what if step.kind == "held" else 0.0)


def _burst(driver: Driver, tab: Tab, step: Step) -> None:
    for _ in range(2 + step.what % 2):
        driver.send(tab)


def _speak(driver: Driver, tab: Tab, step: Step) -> None:
    if driver.may_speak(tab, f"r{step.what % 2}"):
        driver.send(tab, f"r{step.what % 2}")


def _stall(driver: Driver, tab: Tab, step: Step) -> None:
    if tab.deaf:
        driver.resume(tab)
    else:
        driver.fault(tab, "stall")


def _resume(driver: Driver, tab: Tab, step: Step) -> None:
    deaf = [t for t in driver.tabs.values() if t.deaf and t.live]
    for one in deaf[:1]:
        driver.resume(one)


_ACTS: dict[str, Callable[[Driver, Tab, Step], object]] = {
    "send": lambda driver, tab, step: driver.send(tab),
    "burst": _burst,
    "big": lambda driver, tab, step: driver.send(tab, size=BIG),
    "odd": lambda driver, tab, step: driver.send(tab, size=ODD),
    "room": _speak,
    "sub": lambda driver, tab, step: driver.subscribe(tab, f"r{step.what % 2}"),
    "unsub": lambda driver, tab, step: driver.subscribe(tab, f"r{step.what % 2}", leave=True),
    "ping": lambda driver, tab, step: driver.ping(tab),
    "query": lambda driver, tab, step: driver.query(tab),
    "close": lambda driver, tab, step: driver.close(tab),
    "half": lambda driver, tab, step: driver.close(tab, half=True),
    "reset": lambda driver, tab, step: driver.drop(tab, "reset"),
    "fin": lambda driver, tab, step: driver.drop(tab, "fin"),
    "vanish": lambda driver, tab, step: driver.drop(tab, "vanish"),
    "stall": _stall,
    "resume": _resume,
    "mute": lambda driver, tab, step: driver.fault(tab, "mute"),
    "malformed": lambda driver, tab, step: driver.fault(tab, "malformed:not-json"),
}
