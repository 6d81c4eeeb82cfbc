"""The judges: each invariant is a pure function on the facts of a history. ``judge`` asks them all.

Nothing here does I/O or knows the driver; a saved history can be judged again at any time.
"""

from __future__ import annotations

from collections.abc import Collection

from fuzzer.facts import Facts
from fuzzer.history import History
from fuzzer.invariants import (
    after,
    auth,
    causal,
    cleanup,
    closing,
    delivery,
    eviction,
    integrity,
    lifecycle,
    limit,
    liveness,
    order,
    presence,
    protocol,
    resources,
    shutdown,
    storm,
    succession,
    total,
    zombie,
)
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement, Verdict

# Worst first: what ends or opens the server to others, then what needs no timer, then losses and leaks.
SEVERITY = (
    "HF502",
    "HF601",
    "HF602",
    "HF105",
    "HF106",
    "HF104",
    "HF701",
    "HF103",
    "HF201",
    "HF404",
    "HF204",
    "HF301",
    "HF302",
    "HF101",
    "HF102",
    "HF111",
    "HF112",
    "HF113",
    "HF202",
    "HF203",
    "HF403",
    "HF405",
    "HF303",
    "HF401",
    "HF402",
    "HF505",
    "HF504",
    "HF503",
    "HF501",
)
# Two findings about one connection that are one defect: the first explains the others better.
BETTER = {
    "HF404": frozenset({"HF101", "HF102", "HF301", "HF302"}),
    "HF204": frozenset({"HF301"}),
    "HF701": frozenset({"HF301"}),
}
# A server that has ended explains everything that needs a living one.
EXPLAINED_BY_EXIT = frozenset(
    {
        "HF101",
        "HF102",
        "HF202",
        "HF203",
        "HF204",
        "HF301",
        "HF302",
        "HF401",
        "HF402",
        "HF403",
        "HF404",
        "HF405",
        "HF501",
        "HF504",
    }
)

_MODULES = (
    *(delivery, integrity, after, order, causal, total),
    *(limit, eviction, lifecycle, storm),
    *(cleanup, resources, zombie, succession, presence),
    *(liveness, auth, closing, shutdown, protocol),
)
INVARIANTS: tuple[Invariant, ...] = tuple(sorted((i for m in _MODULES for i in m.INVARIANTS), key=lambda i: i.code))


def judge(history: History, *, only: Collection[str] = (), skip: Collection[str] = ()) -> Verdict:
    """What every invariant that the policy switches on says; ``only`` and ``skip`` take codes or names.

    Raises ``ValueError`` with one line for an unknown code or name.
    """
    wanted, unwanted = {by_name(n).code for n in only}, {by_name(n).code for n in skip}
    facts = Facts(history)
    asked = [i for i in INVARIANTS if i.applies(history.policy) and i.code not in unwanted]
    said = [i.check(facts) for i in asked if not wanted or i.code in wanted]
    said.sort(key=lambda judgement: SEVERITY.index(judgement.code))
    if facts.exits:
        said = [_without_explained(judgement) for judgement in said]
    return Verdict(tuple(_once(_without_worse(judgement, said)) for judgement in said))


def _without_explained(judgement: Judgement) -> Judgement:
    if judgement.code not in EXPLAINED_BY_EXIT:
        return judgement
    return Judgement(judgement.code, judgement.obligations)


def _without_worse(judgement: Judgement, said: list[Judgement]) -> Judgement:
    """Leave out what another invariant says better of the same connection, the first that its finding names."""
    better = (other.findings for other in said if judgement.code in BETTER.get(other.code, ()))
    explained = {finding.conns[0] for findings in better for finding in findings}
    findings = tuple(f for f in judgement.findings if explained.isdisjoint(f.conns))
    return Judgement(judgement.code, judgement.obligations, findings)


def _once(judgement: Judgement) -> Judgement:
    """One close of each kind is enough to tell, now that those with a better explanation are gone."""
    if judgement.code != "HF301":
        return judgement
    first = {(f.key, f.strength): f for f in reversed(judgement.findings)}
    return Judgement(judgement.code, judgement.obligations, tuple(reversed(first.values())))


def by_name(name: str) -> Invariant:
    """The invariant of this code or name; ``ValueError`` with one line that lists what there is."""
    for invariant in INVARIANTS:
        if name in (invariant.code, invariant.code.lower(), invariant.name):
            return invariant
    known = ", ".join(f"{i.code} {i.name}" for i in INVARIANTS)
    raise ValueError(f"no invariant {name!r}; there are: {known}")


__all__ = ["INVARIANTS", "SEVERITY", "Facts", "Finding", "Invariant", "by_name", "judge"]
