"""When all have left, the server's own counts are back where they were (BUGS: registry = reality, I11)."""

from __future__ import annotations

from fuzzer.facts import Facts
from fuzzer.history import Probe
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement


def registry_leak(facts: Facts) -> Judgement:
    """A count of the server stays above its value before the plan, though everybody is surely released; or falls
    below zero, which no count of anything can, whoever is there: some end was counted twice.

    Where several do, the first of them is told, in the order of the target file: who is still counted as a connection
    is still counted as a user, too.
    """
    own = [(i, e) for i, e in facts.probes if not e.name.startswith("process.")]  # those are the business of HF402
    before = {e.name: e.value for _, e in own if e.when == "before"}
    last = {e.name: (i, e) for i, e in own if e.when == "after"}
    findings = []
    for name, base in before.items():
        if name in last and last[name][1].value > base:
            findings.append(_leaked(facts, *last[name], base))
        elif name in last and last[name][1].value < 0 <= base:
            findings.append(_below_zero(*last[name], base))
    return Judgement("HF401", len(before.keys() & last.keys()), tuple(findings[:1]))


def _leaked(facts: Facts, index: int, probe: Probe, base: int) -> Finding:
    held = [c.name for c in facts.conns.values() if c.open_inv < index and not facts.surely_released(c, probe.t)]
    return Finding(
        code="HF401",
        strength="inconclusive" if held else "violated",
        key=f"count:{probe.name}",
        summary=f"the server counts {probe.value} {probe.name} after everybody left; before the plan: {base}",
        expected=f"{probe.name} back at {base} within t_release {facts.policy.t_release:g} s and t_detect "
        f"{facts.policy.t_detect:g} s",
        observed=f"{probe.value} at {probe.t:.3f} s" + (f"; not surely released: {', '.join(held)}" if held else ""),
        witness=(index,),
        proof="count",
        dial="policy.t_release, policy.t_detect, probe",
    )


def _below_zero(index: int, probe: Probe, base: int) -> Finding:
    """A number that was below zero before, too, is none: -1 may stand for one that is not known."""
    return Finding(
        code="HF401",
        strength="violated",
        key=f"below-zero:{probe.name}",
        summary=f"the server counts {probe.value} {probe.name} after everybody left; before the plan: {base}",
        expected=f"{probe.name} never below zero",
        observed=f"{probe.value} at {probe.t:.3f} s",
        witness=(index,),
        proof="count",
        dial="probe",
    )


INVARIANTS = (
    Invariant(
        "HF401",
        "registry-leak",
        "cleanup",
        "The server's own counts return to what they were before the plan, and never fall below zero.",
        "All connections of the plan had ended, and t_release or t_detect had passed in healthy time; nobody else "
        "uses the server meanwhile. Of several counts that are too high the one declared first is told.",
        "policy.t_release, policy.t_detect, probe",
        (
            "https://github.com/jetty/jetty.project/issues/6602",
            "https://github.com/miguelgrinberg/python-socketio/issues/93",
        ),
        registry_leak,
    ),
)
