"""Which hub is simulated and what is done to it, drawn by Hypothesis; and the history that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from histories import H
from hypothesis import strategies as st
from simulated_driver import Driver
from simulated_finale import bound, drain, fence, finale
from simulated_tab import Tab
from simulated_world import Task, Ways, World
from simulator import EVICTED, GOING_AWAY, MALFORMED, OVER, Hub

from fuzzer.history import Probe
from fuzzer.policy import CloseCodes, Limit, Policy

KINDS = (
    "open", "open", "open", "open", "send", "send", "send", "burst", "room", "sub", "sub", "unsub", "close", "half",
    "reset", "fin", "vanish", "stall", "stall", "resume", "mute", "malformed", "fence", "fence", "fence", "wait",
    "impostor", "abandon", "brief", "held", "query", "query", "pause", "restart", "big",
)  # fmt: skip
GAPS = (0.0, 0.0, 0.001, 0.03, 0.3)
PATIENCE = (0.02, 0.3, 2.0)
PAUSES = (0.02, 0.4, 1.0, 3.0)
BIG = 40_000  # characters: more than the smallest buffers hold
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


_CODES = {"codes": (OVER,), "statuses": (429,)}
OVERS = st.sampled_from(("evict-oldest", "evict-any"))
LIMITS = st.one_of(
    st.none(),
    st.builds(lambda n: Limit(n, "reject", **_CODES), st.integers(1, 3)),
    st.builds(lambda n: Limit(n, "evict-oldest", codes=(EVICTED,)), st.integers(1, 3)),
    st.builds(lambda n: Limit(n, "evict-any", codes=(EVICTED,)), st.integers(1, 3)),
    st.builds(lambda n: Limit(n, "reject", **_CODES, scope="global"), st.integers(2, 4)),
    st.builds(lambda n, over: Limit(n, over, codes=(EVICTED,), scope="ip"), st.integers(2, 3), OVERS),
)
CLOSES = st.sampled_from((CloseCodes(), CloseCodes(malformed=(MALFORMED,))))
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
    ("open", "brief", "fence", "wait", "wait", "send", "send", "fence"),
    ("open", "open", "fence", "open", "send", "send", "send", "send", "send", "send", "fence"),
    ("open", "open", "open", "open", "fence", "stall", "big", "big", "send", "send", "fence"),
)

# Ways that excuse nearly everything.
SELDOM = ("closes_old", "minds_talkers", "evicts_late")


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
def ways(draw: st.DrawFn) -> Ways:
    """Any allowed way to be a hub."""
    flags = {name: draw(st.booleans()) for name in Ways.__dataclass_fields__ if name not in ("bug", "queue", *SELDOM)}
    flags |= {name: not draw(st.integers(0, 4)) for name in SELDOM}
    return Ways(**flags, queue=draw(st.sampled_from((0, 0, 1, 2, 4, 8))))


def _backlog(hub: Ways) -> int | None:
    """What surely fits into its queues, in messages of at most 1,024 bytes."""
    return 1_024 * hub.queue if hub.queue else None


def _order(hub: Ways) -> tuple[str, ...]:
    if hub.atomic:
        return ("fifo", "causal", "total")
    return ("none",) if hub.task_per_message else ("fifo",)


@st.composite
def policies(draw: st.DrawFn, hub: Ways) -> Policy:
    """Dials that this hub keeps: never stricter than it is, sometimes milder."""
    evidence = draw(st.sampled_from(("broadcast", "welcome", "handshake")))
    codes = draw(CLOSES)
    if hub.says_goodbye:
        codes = draw(st.sampled_from((codes, CloseCodes(codes.malformed, shutdown=(GOING_AWAY,)))))
    limit = draw(LIMITS)
    return Policy(
        group=draw(st.sampled_from(("user", "user", "all"))),
        echo=draw(st.sampled_from(("either", "always" if hub.echoes else "never"))),
        join_evidence=evidence,
        t_join=0.0 if hub.joins_before_101 else 0.3,
        order=draw(st.sampled_from(_order(hub))),
        delivery="at-least-once" if hub.sends_twice else "at-most-once",
        subscriptions="counted" if hub.counts_joins else draw(st.sampled_from(("counted", "once"))),
        replay="may" if hub.replays else draw(st.sampled_from(("may", "none"))),
        agreement=draw(st.booleans()),
        slow_consumer=draw(st.sampled_from(("disconnect-or-lossy", "lossless"))),
        send_then_close=draw(st.sampled_from(("may", "must"))),
        sessions=draw(st.sampled_from(("independent", "takeover"))),
        t_heartbeat=draw(st.sampled_from((None, 1.5, 1.5))) if hub.heartbeat else None,
        t_presence=draw(st.sampled_from((None, 0.3, 0.3))),
        t_expiry=draw(st.sampled_from((None, 0.6))) if hub.ends_expired else None,
        t_shutdown=draw(st.sampled_from((None, 1.0))),
        t_idle=1.6 if hub.closes_idle else None,
        t_lifetime=2.5 if hub.closes_old else None,
        rate=6 if hub.minds_talkers else None,
        storm=draw(st.sampled_from((5, 200))),
        resources=draw(st.booleans()),
        limit=limit,
        t_evict=0.4 if hub.evicts_late and limit is not None and limit.over != "reject" else 0.0,
        close_codes=codes,
        deadline=1.0,
        backlog=_backlog(hub) or draw(st.sampled_from((None, 16_384))),
        t_release=0.6,
        t_detect=0.8,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Everything."""
    hub = draw(ways())
    seed = draw(st.integers(0, 2**32 - 1))
    policy, pauses, freezes, steps = draw(policies(hub)), draw(SPANS), draw(SPANS), draw(STEPS)
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
            yield from _read_cycle(driver, last=number == case.cycles - 1)
    yield from finale(driver)


def _read_cycle(driver: Driver, last: bool) -> Task:
    """Everybody leaves; descriptors, and threads of a pool that fills up, are counted."""
    yield from driver.wait(lambda: all(t.decided for t in driver.tabs.values()), 4.0)
    yield from drain(driver)
    yield bound(driver) if last else 0.0
    held = driver.hub.handlers + driver.world.rng.randint(0, 1)
    driver.record(Probe, name="process.fds", value=10 + held, when="cycle")
    driver.record(Probe, name="process.threads", value=min(len(driver.tabs), 4), when="cycle")


def _perform(driver: Driver, step: Step) -> Task:
    if step.kind == "fence":
        yield from fence(driver, PATIENCE[step.what % 3])
    elif step.kind == "wait":
        yield 0.5 * (1 + step.what)
    elif step.kind == "pause":
        yield from driver.pause(PAUSES[step.what])
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
    "room": lambda driver, tab, step: driver.send(tab, f"r{step.what % 2}"),
    "sub": lambda driver, tab, step: driver.subscribe(tab, f"r{step.what % 2}"),
    "unsub": lambda driver, tab, step: driver.subscribe(tab, f"r{step.what % 2}", leave=True),
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
