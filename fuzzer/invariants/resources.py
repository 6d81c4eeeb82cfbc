"""What the server process holds does not grow with every cycle of opening and leaving (BUGS: resource baseline, I12).

One reading proves nothing: pools fill, garbage waits. A leak shows as a slope over cycles that are all alike. The slope
is the median of the slopes between all pairs of readings (Theil 1950, Sen 1968), which a few odd readings do not move;
that it is a trend and not noise is for the share of rising pairs to say (Mann 1945, Kendall).
"""

from __future__ import annotations

from itertools import combinations
from statistics import median

from fuzzer.facts import Facts
from fuzzer.history import Probe
from fuzzer.invariants.registry import Invariant
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement

COUNTS = ("process.fds", "process.threads", "process.close_wait")
MEMORY = "process.rss_kb"
CYCLES_NEEDED = 8
SLOPE = 0.5  # one in two cycles
TREND = 0.6  # rising pairs less falling ones, of all
MEMORY_SLOPE = 256.0  # kB in each cycle: advice only

Readings = list[tuple[int, Probe]]


def resource_leak(facts: Facts) -> Judgement:
    """Descriptors, threads, or sockets in CLOSE_WAIT grow from cycle to cycle, to the last."""
    findings = []
    judged = 0
    for name in (*COUNTS, MEMORY):
        readings = _readings(facts, name)
        if len(readings) < CYCLES_NEEDED:
            continue
        judged += 1
        used = readings[max(2, len(readings) // 4) :]  # the first cycles fill caches and pools
        if _grows(used, MEMORY_SLOPE if name == MEMORY else SLOPE) and _beyond(facts.policy, name, readings):
            findings.append(_leak(facts, name, used))
    surest = sorted(findings, key=lambda finding: finding.strength != "violated")
    return Judgement("HF402", judged, tuple(surest[:1]))  # a socket that is kept is a descriptor, too


def _readings(facts: Facts, name: str) -> Readings:
    """One for each cycle of the server process that runs now."""
    begun = max((back for _, back in facts.outages), default=-1)
    return [(i, e) for i, e in facts.probes if e.name == name and e.when == "cycle" and i > begun]


def _grows(readings: Readings, least: float) -> bool:
    values = [probe.value for _, probe in readings]
    later = values[len(values) // 2 :]
    steady = min(theil_sen(values), theil_sen(later)) >= least and trend(values) >= TREND
    return steady and values[-1] - values[0] >= least * (len(values) - 1) and values[-1] == max(values)


def _beyond(policy: Policy, name: str, readings: Readings) -> bool:
    """More has come than may stay by design: a pool that makes a thread for each task until it is full, say."""
    return name == MEMORY or readings[-1][1].value - readings[0][1].value > policy.resources_slack


def theil_sen(values: list[int]) -> float:
    """The median slope between any two of the values, in units for each step."""
    return median((b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(values), 2))


def trend(values: list[int]) -> float:
    """Rising pairs less falling ones as a share of all: 1 if it never falls or rests, about 0 for noise."""
    pairs = [(a < b) - (a > b) for a, b in combinations(values, 2)]
    return sum(pairs) / len(pairs)


def _leak(facts: Facts, name: str, readings: Readings) -> Finding:
    values = [probe.value for _, probe in readings]
    doubt = "" if _all_released(facts, readings) else "; but it is not sure that everything was released by then"
    return Finding(
        code="HF402",
        strength="inconclusive" if doubt or name == MEMORY else "violated",
        key=name,
        summary=f"{name} of the server grew with every cycle, from {values[0]} to {values[-1]}",
        expected=f"{name} stays where it was after the first cycles",
        observed=f"{', '.join(map(str, values))}: {theil_sen(values):.2f} for each cycle{doubt}",
        witness=(readings[0][0], readings[-1][0]),
        proof="count",
        dial="policy.resources = false",
    )


def _all_released(facts: Facts, readings: Readings) -> bool:
    """Had the server let go of all that the cycles had opened, so that what grows is not only late?

    The last reading was taken when the release of all in this history was due, and with it that of the cycles before,
    which had ended when it began; and no count of its own has grown. Such a count proves nothing by itself: a hub may
    count somebody off long before it closes the socket.
    """
    index, last = readings[-1]
    counts = {e.name for _, e in facts.probes if e.when == "cycle" and not e.name.startswith("process.")}
    own = [[e.value for _, e in _readings(facts, name)] for name in counts]
    if any(values[-1] > min(values) for values in own if values):
        return False
    before = [c for c in facts.conns.values() if c.open_inv < index]
    due = facts.healthy(0.0, last.t) >= max(facts.policy.t_release, facts.policy.t_detect)
    return bool(before) and due and all(facts.surely_released(c, last.t) for c in before)


def _counts_resources(policy: Policy) -> bool:
    return policy.resources


INVARIANTS = (
    Invariant(
        "HF402",
        "resource-leak",
        "cleanup",
        "Descriptors, threads and half-closed sockets of the server do not grow with every cycle of the same plan.",
        "At least 8 cycles, the first of them for warming up; a median slope of at least one in two cycles, also in "
        "the last half. Every connection was surely released at the last reading, and the server's own counts did "
        "not grow meanwhile: a hub that lets go late is not told from one that never does. A pool that grows with "
        "every task to its bound looks the same: policy.resources_slack declares that bound, and less growth is not "
        "looked at. Memory is advice, never a violation.",
        "policy.resources",
        (
            "https://github.com/nodetool-ai/nodetool/pull/4673",
            "https://github.com/jupyter-server/jupyter_server/pull/1619",
            "https://github.com/containerd/containerd/issues/10568",
        ),
        resource_leak,
        _counts_resources,
    ),
)
