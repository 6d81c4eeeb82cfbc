"""Which hub is simulated and what is done to it, drawn by Hypothesis; and the history that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from histories import H
from hypothesis import strategies as st
from simulated_driver import Driver, Tab
from simulator import EVICTED, OVER, Hub, Task, Ways, World

from fuzzer.history import Probe
from fuzzer.policy import Limit, Policy

KINDS = (
    "open", "open", "open", "send", "send", "send", "burst", "room", "sub", "sub", "unsub", "close", "reset", "fin",
    "vanish", "stall", "stall", "resume", "mute", "malformed", "fence", "fence", "wait", "impostor", "abandon",
)  # fmt: skip
GAPS = (0.0, 0.0, 0.001, 0.03, 0.3)
PATIENCE = (0.02, 0.3, 2.0)
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


LIMITS = st.one_of(
    st.none(),
    st.builds(lambda n: Limit(n, "reject", codes=(OVER,), statuses=(429,)), st.integers(1, 3)),
    st.builds(lambda n: Limit(n, "evict-oldest", codes=(EVICTED,)), st.integers(1, 3)),
)
# Shorter standstills would count as healthy: the control pair is asked only so often.
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(6, 30)), max_size=2).map(
    lambda spans: tuple((start / 10, (start + length) / 10) for start, length in spans)
)
STEPS = st.lists(
    st.builds(Step, st.sampled_from(KINDS), st.integers(0, 7), st.integers(0, 3), st.sampled_from(GAPS)), max_size=40
).map(tuple)


@st.composite
def ways(draw: st.DrawFn) -> Ways:
    """Any allowed way to be a hub."""
    flags = {name: draw(st.booleans()) for name in Ways.__dataclass_fields__ if name != "bug"}
    return Ways(**flags)


@st.composite
def policies(draw: st.DrawFn, hub: Ways) -> Policy:
    """Dials that this hub keeps: never stricter than it is, sometimes milder."""
    evidence = draw(st.sampled_from(("broadcast", "welcome", "handshake")))
    return Policy(
        group=draw(st.sampled_from(("user", "user", "all"))),
        echo=draw(st.sampled_from(("either", "always" if hub.echoes else "never"))),
        join_evidence=evidence,
        t_join=0.0 if hub.joins_before_101 else 0.3,
        order="none" if hub.task_per_message else "fifo",
        delivery="at-least-once" if hub.sends_twice else "at-most-once",
        agreement=draw(st.booleans()),
        slow_consumer=draw(st.sampled_from(("disconnect-or-lossy", "lossless"))),
        send_then_close=draw(st.sampled_from(("may", "must"))),
        sessions=draw(st.sampled_from(("independent", "takeover"))),
        t_heartbeat=draw(st.sampled_from((None, 1.5))),
        limit=draw(LIMITS),
        deadline=1.0,
        t_release=0.6,
        t_detect=0.8,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Everything."""
    hub = draw(ways())
    seed = draw(st.integers(0, 2**32 - 1))
    return Case(draw(policies(hub)), hub, seed, draw(SPANS), draw(SPANS), draw(STEPS))


def simulate(case: Case) -> H:
    """Play the case; the history as the driver would have written it."""
    world = World(Random(case.seed))
    world.pauses, world.freezes = list(case.pauses), list(case.freezes)
    hub = Hub(world, case.policy, case.ways)
    return Driver(world, hub, case.policy).run(lambda driver: _script(driver, case.steps))


def _script(driver: Driver, steps: tuple[Step, ...]) -> Task:
    driver.record(Probe, name="connections", value=0, when="before")
    for step in steps:
        yield from _perform(driver, step)
        yield step.gap
    yield from driver.finale()


def _perform(driver: Driver, step: Step) -> Task:
    if step.kind == "fence":
        yield from driver.fence(PATIENCE[step.what % 3])
    elif step.kind == "wait":
        yield 0.5 * (1 + step.what)
    elif step.kind in ("open", "impostor", "abandon"):
        _open(driver, step)
    else:
        live = [tab for tab in driver.tabs.values() if tab.live]
        if live:
            _ACTS[step.kind](driver, live[step.who % len(live)], step)


def _open(driver: Driver, step: Step) -> None:
    token = "expired" if step.kind == "impostor" else "valid"
    session = f"s{step.what % 2}" if step.what else None
    tab = Tab(driver, f"c{len(driver.tabs)}", f"u{step.who % 2}", session, token)
    driver.open(tab, ABANDONS[step.what % 3] if step.kind == "abandon" else None)


def _burst(driver: Driver, tab: Tab, step: Step) -> None:
    for _ in range(2 + step.what % 2):
        driver.send(tab)


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
    "room": lambda driver, tab, step: driver.send(tab, f"r{step.what % 2}"),
    "sub": lambda driver, tab, step: driver.subscribe(tab, f"r{step.what % 2}"),
    "unsub": lambda driver, tab, step: driver.subscribe(tab, f"r{step.what % 2}", leave=True),
    "close": lambda driver, tab, step: driver.close(tab),
    "reset": lambda driver, tab, step: driver.drop(tab, "reset"),
    "fin": lambda driver, tab, step: driver.drop(tab, "fin"),
    "vanish": lambda driver, tab, step: driver.drop(tab, "vanish"),
    "stall": _stall,
    "resume": _resume,
    "mute": lambda driver, tab, step: driver.fault(tab, "mute"),
    "malformed": lambda driver, tab, step: driver.fault(tab, "malformed:not-json"),
}
