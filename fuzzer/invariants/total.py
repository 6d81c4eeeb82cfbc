"""All receivers of a group read its messages in one order (SPEC 2.3, total).

Each receiver gives a chain of precedence; one order for all exists if and only if the union of the chains has no
cycle (weak total order: gaps are allowed). Comparing pairs of receivers alone would miss cycles of three, where each
sees another part. What may be history, read out on joining, is no part of a chain, nor what comes when the server has
been told to end.
"""

from __future__ import annotations

from collections import defaultdict, deque
from itertools import combinations, pairwise

from fuzzer.facts import Facts
from fuzzer.facts_owed import is_its_own
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement

Chains = dict[str, list[str]]
Graph = dict[str, dict[str, str]]  # message -> later message -> a connection that read them so


def total_order(facts: Facts) -> Judgement:
    """The chains of the receivers of one group contradict each other."""
    findings: list[Finding] = []
    obligations = 0
    for group, chains in _chains(facts).items():
        if len(chains) < 2:
            continue
        obligations += sum(len(chain) - 1 for chain in chains.values())
        if not _acyclic(chains):
            findings.append(_finding(facts, group, _shortest_cycle(chains)))
    return Judgement("HF113", obligations, tuple(findings))


def _chains(facts: Facts) -> dict[str, Chains]:
    """What each connection read of each group, in the order of first reading."""
    groups: dict[str, Chains] = defaultdict(lambda: defaultdict(list))
    for i, e in facts.deliveries:
        message, conn = facts.messages[e.msg], facts.conns[e.conn]
        if is_its_own(facts, message, conn) and not (message.conn == e.conn and facts.policy.echo == "always"):
            continue  # it may be the answer to who publishes, and no part of the broadcast
        if message.got[e.conn] == i < conn.causes["stop"] and not facts.may_be_history(message, conn, i):
            groups[message.group][e.conn].append(e.msg)
    return groups


def _edges(chains: Chains, distance: int | None) -> Graph:
    """Precedence between neighbours in a chain (``distance`` 1), or between any two of it (None)."""
    graph: Graph = defaultdict(dict)
    for name, chain in chains.items():
        for earlier, later in pairwise(chain) if distance == 1 else combinations(chain, 2):
            graph[earlier].setdefault(later, name)
    return graph


def _acyclic(chains: Chains) -> bool:
    """Kahn's topological sort takes every message exactly if there is no cycle."""
    return not _left_over(chains)


def _left_over(chains: Chains) -> set[str]:
    """The messages that lie on a cycle or behind one."""
    graph = _edges(chains, 1)
    incoming = {message: 0 for chain in chains.values() for message in chain}
    for laters in graph.values():
        for later in laters:
            incoming[later] += 1
    free = [message for message, count in incoming.items() if count == 0]
    while free:
        message = free.pop()
        del incoming[message]
        for later in graph.get(message, ()):
            incoming[later] -= 1
            if incoming[later] == 0:
                free.append(later)
    return set(incoming)


def _shortest_cycle(chains: Chains) -> list[tuple[str, str, str]]:
    """(earlier, later, connection that read them so), round once. Two receivers that disagree give two of these."""
    stuck = _left_over(chains)
    graph = _edges({name: [m for m in chain if m in stuck] for name, chain in chains.items()}, None)
    cycles = [cycle for message in graph if (cycle := _back_to(message, graph))]
    best = min(cycles, key=len)
    return [(earlier, later, graph[earlier][later]) for earlier, later in pairwise([*best, best[0]])]


def _back_to(start: str, graph: Graph) -> list[str]:
    """The shortest way from a message back to itself, breadth first; empty if there is none."""
    came: dict[str, str] = {}
    queue = deque([start])
    while queue:
        message = queue.popleft()
        for later in graph.get(message, ()):
            if later == start:
                return _path(came, start, message)
            if later not in came:
                came[later] = message
                queue.append(later)
    return []


def _path(came: dict[str, str], start: str, message: str) -> list[str]:
    path = [message]
    while path[-1] != start:
        path.append(came[path[-1]])
    return path[::-1]


def _finding(facts: Facts, group: str, cycle: list[tuple[str, str, str]]) -> Finding:
    names = tuple(dict.fromkeys(name for _, _, name in cycle))
    told = "; ".join(f"{name} got {earlier} before {later}" for earlier, later, name in cycle)
    got = facts.messages
    return Finding(
        code="HF113",
        strength="violated",
        key=f"total:{group.split(':')[0]}",
        summary=f"{', '.join(names)} disagree about the order of {len(cycle)} messages to {group}",
        expected="one order of the messages that all receivers agree with",
        observed=told,
        witness=tuple(got[m].got[name] for earlier, later, name in cycle for m in (earlier, later)),
        conns=names,
        proof="order",
        dial='policy.order = "fifo"',
    )


INVARIANTS = (
    Invariant(
        "HF113",
        "total-order",
        "broadcast",
        "All receivers of a group get its messages in an order that one order explains.",
        "Each connection's readings are in the order of this history. Gaps are allowed; what may be history is left "
        "out, and so are own copies unless the hub promises them (echo); groups are judged one by one.",
        'policy.order = "fifo"',
        ("https://github.com/auntiepickle/totalmix-osc-bridge/issues/32", "https://github.com/grafov/bcast/issues/9"),
        total_order,
        lambda policy: policy.order == "total",
    ),
)
