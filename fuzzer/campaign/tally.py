"""What was exercised: the numbers that tell a clean run from an empty one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import cast

import msgspec

from fuzzer.campaign.turned_away import entitled, turned_away
from fuzzer.campaign.unsettled import unsettled
from fuzzer.history import (
    Abort,
    CloseInv,
    Dlv,
    DropInv,
    Event,
    History,
    OpenInv,
    OpenOk,
    OpenRej,
    SendInv,
    Skip,
    SrvClose,
    SrvEof,
    SrvRst,
)
from fuzzer.plan import Plan
from fuzzer.plan_rules import kind_of
from fuzzer.policy import Limit
from fuzzer.values import Value
from fuzzer.verdict import Verdict

ASKS_NOTHING_OF_A_PLAN = frozenset({"HF501", "HF502"})
"""A fresh user at the end of a plan, and a server that runs on: both are there whatever became of the plan."""


LARGE = 2_000
"""Characters: such a message alone may be above the default of ``policy.backlog``, so that its loss is no violation."""


class Tally(Value):
    """Counts over executed plans. ``opens`` are outcomes (``ok``, ``status 429``, ``eof``); keys of ``pairs`` are the
    racing pairs; ``obligations`` has an entry, maybe 0, for each invariant that applied; ``inconclusive`` counts
    findings by code and kind, ``doubtful`` the plans that had any, ``unsettled`` those of them that more time would not
    have helped; ``at_limit``: how often a user became full. ``deliveries`` are those to connections of the plans.
    ``large``: messages of ``LARGE`` characters and more, and ``large_delivered`` those of them that anybody got.
    ``entitled``: openings that a correct hub had to grant, and ``turned_away`` those of them that it did not.
    ``broken_off``: plans of which a rest was left out, though nothing that they violated was a reason for it."""

    ops: dict[str, int] = {}
    pairs: dict[str, int] = {}
    opens: dict[str, int] = {}
    skips: dict[str, int] = {}
    aborts: dict[str, int] = {}
    obligations: dict[str, int] = {}
    inconclusive: dict[str, int] = {}
    deliveries: int = 0
    at_limit: int = 0
    doubtful: int = 0
    large: int = 0
    large_delivered: int = 0
    unsettled: int = 0
    entitled: int = 0
    turned_away: int = 0
    broken_off: int = 0

    @property
    def refusals(self) -> int:
        """Opens that did not end with a 101."""
        return sum(self.opens.values()) - self.opens.get("ok", 0)

    @property
    def exercised(self) -> bool:
        """Whether any invariant had something to check of what the plans did, if any that was asked looks at that."""
        about_plans = self.obligations.keys() - ASKS_NOTHING_OF_A_PLAN
        return any(self.obligations[code] for code in about_plans or self.obligations)

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        added = {name: _sum(getattr(self, name), getattr(other, name)) for name in self.__struct_fields__}
        return msgspec.convert(added, Tally)


def tally_of(plan: Plan, history: History, verdict: Verdict) -> Tally:
    """The numbers of one execution."""
    events = history.events
    large = {event.msg for event in events if isinstance(event, SendInv) and event.size >= LARGE}
    mine = {event.conn for event in events if isinstance(event, OpenInv) and event.role == "plan"}
    away = turned_away(history)
    return Tally(
        ops=Counter(kind_of(op) for op in plan.ops()),
        pairs=Counter(racing_pairs(plan)),
        opens=Counter(_outcome(e) for e in events if isinstance(e, OpenOk | OpenRej) and e.conn in mine),
        skips=Counter(event.why for event in events if isinstance(event, Skip)),
        aborts=Counter(event.why for event in events if isinstance(event, Abort)),
        obligations={judgement.code: judgement.obligations for judgement in verdict.judgements},
        inconclusive=Counter(f"{finding.code} {finding.key}" for finding in verdict.inconclusive),
        deliveries=sum(isinstance(event, Dlv) and event.conn in mine for event in events),
        at_limit=_times_full(events, mine, history.policy.limit) if history.policy.limit else 0,
        doubtful=int(bool(verdict.inconclusive)),
        large=len(large),
        large_delivered=len(large & {event.msg for event in events if isinstance(event, Dlv)}),
        unsettled=int(unsettled(history, verdict)),
        entitled=len(away | _granted(events)),
        turned_away=len(away),
        broken_off=int(not verdict.violations and any(isinstance(event, Abort) for event in events)),
    )


def _granted(events: Iterable[Event]) -> frozenset[str]:
    """Of the openings with a good token; what a limit rightly refused is not among them, nor what was broken off."""
    asked = {event.conn for event in events if isinstance(event, OpenInv) and entitled(event)}
    return frozenset(event.conn for event in events if isinstance(event, OpenOk) and event.conn in asked)


def racing_pairs(plan: Plan) -> Mapping[str, int]:
    """How often each pair of ops races on one user in this plan; imported late, because it brings Hypothesis along."""
    from strategies.pairs import racing_pairs as pairs

    return pairs(plan)


def _sum(left: int | dict[str, int], right: int | dict[str, int]) -> int | dict[str, int]:
    if isinstance(left, int) or isinstance(right, int):
        return cast(int, left) + cast(int, right)
    return {key: left.get(key, 0) + right.get(key, 0) for key in (*left, *(key for key in right if key not in left))}


def _outcome(event: OpenOk | OpenRej) -> str:
    if isinstance(event, OpenOk):
        return "ok"
    return event.by if event.code is None else f"{event.by} {event.code}"


def _times_full(events: Iterable[Event], mine: set[str], limit: Limit) -> int:
    """How often the open connections of a user, or of all who share the limit, rose to it, as the clients saw it."""
    users: dict[str, str] = {}
    open_now: dict[str, set[str]] = {}
    times = 0
    for event in events:
        if isinstance(event, OpenInv):
            users[event.conn] = "" if limit.shared else event.user
        elif isinstance(event, OpenOk) and event.conn in mine:
            group = open_now.setdefault(users[event.conn], set())
            group.add(event.conn)
            times += len(group) == limit.free
        elif isinstance(event, CloseInv | DropInv | SrvClose | SrvEof | SrvRst) and event.conn in users:
            open_now.get(users[event.conn], set()).discard(event.conn)
    return times
