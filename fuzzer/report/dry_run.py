"""What a run would do, without doing it: target, dials, invariants, scenarios, and three plans to look at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import msgspec
from rich.text import Text

from fuzzer.invariants.registry import Invariant
from fuzzer.plan import Plan
from fuzzer.policy import Policy
from fuzzer.report.glyphs import Glyphs, shown
from fuzzer.report.lanes import draw
from fuzzer.report.layout import plural, table, wrapped
from fuzzer.report.scene import scene_of
from fuzzer.scenarios import Scenario
from fuzzer.target.model import Target


def target_lines(target: Target, width: int) -> Iterator[Text]:
    """The target, without secrets."""
    yield from wrapped("  Target      ", shown(target.name), width)
    yield from wrapped("  URL         ", shown(target.url), width)
    started = " ".join(target.start) if target.start else "not started by hubfuzz"
    yield from wrapped("  Start       ", shown(started, 400), width)
    kind = str(getattr(target.auth.__struct_config__, "tag", "none"))
    yield from wrapped("  Auth        ", kind, width)
    probes = [*target.probe.counts, *(f"log {text!r}" for text in target.probe.log_errors)]
    yield from wrapped("  Probes      ", shown(", ".join(probes) or "none", 400), width)


def policy_lines(policy: Policy, width: int) -> Iterator[Text]:
    """Dials; those that differ from the default, which accuses nobody, are marked."""
    default = Policy()
    changed = [name for name in policy.__struct_fields__ if getattr(policy, name) != getattr(default, name)]
    same = [name for name in policy.__struct_fields__ if name not in changed]
    said = [f"{name} = {_dial(getattr(policy, name))} (default {_dial(getattr(default, name))})" for name in changed]
    for number, line in enumerate(said or ["all dials at their defaults"]):
        yield from wrapped("  Policy      " if number == 0 else " " * 14, shown(line, 300), width)
    rest = ", ".join(f"{name} {_dial(getattr(default, name))}" for name in same)
    yield from wrapped("  by default  ", rest, width, "dim", "dim")


def _dial(value: object) -> str:
    if isinstance(value, msgspec.Struct):
        fields = msgspec.to_builtins(value)
        if not fields:
            return "unset"
        return "{" + ", ".join(f"{key}: {_dial(item)}" for key, item in fields.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_dial, value)) + "]"
    return "unset" if value is None else f"{value:g}" if isinstance(value, float) else str(value).lower()


def invariant_lines(
    invariants: Iterable[Invariant], policy: Policy, only: Collection[str], skip: Collection[str], width: int
) -> Iterator[Text]:
    """Which invariants judge, and why the others do not."""
    rows = [(i.code, i.name, _why(i, policy, only, skip)) for i in invariants]
    yield from table(("  code", "invariant", "judges?"), [(f"  {code}", name, why) for code, name, why in rows], width)


def _why(invariant: Invariant, policy: Policy, only: Collection[str], skip: Collection[str]) -> str:
    if not invariant.applies(policy):
        return f"off: the policy does not switch it on ({invariant.dial})" if invariant.dial else "off: by the policy"
    if invariant.code in skip:
        return "off: --skip"
    return "off: not among --invariant" if only and invariant.code not in only else "on"


def untried_lines(dials: Iterable[str], width: int) -> Iterator[Text]:
    """What the policy promises, and plans will not wait for."""
    for line in dials:
        yield from wrapped("  Warning     ", line, width)


def scenario_lines(scenarios: Iterable[Scenario], target: Target, width: int) -> Iterator[Text]:
    """The plans written by hand that run first."""
    rows = [(f"  {s.name}", s.reason(target.policy) or s.meaning) for s in scenarios]
    yield from table(("  scenario", "runs first, unless there is a reason against it"), rows, width)


def plan_lines(plans: Iterable[Plan], width: int, glyphs: Glyphs) -> Iterator[Text]:
    """Sample plans as lanes."""
    for number, plan in enumerate(plans):
        yield Text()
        users = plan.users()
        who = f"{'user' if len(users) == 1 else 'users'} {', '.join(users)}"
        yield Text(f"Sample plan {number + 1}: {plural(plan.size(), 'op')}, {who}", style="bold")
        for user, name in plan.names.items():
            yield from wrapped("  ", f'{shown(user, 20)} is really called "{shown(name, 80)}"', width, "dim")
        yield from draw(scene_of(plan), width, glyphs)
