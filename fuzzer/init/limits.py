"""A first look at a hub: how many tabs may a user have, and who shares that limit?"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import trio

from fuzzer.init.step import QUIET, Step
from fuzzer.init.visitor import Visitor, Visits
from fuzzer.policy import Limit
from fuzzer.target.model import Target

MOST_TABS: Final = 24  # opened by one user in search of a limit
AT_ONCE: Final = 0.1  # seconds in which a hub that lets somebody in may still change its mind
REST: Final = 1.1  # seconds after which a hub takes openings again that were too many for one second
WHILE: Final = 2.5  # seconds in which nobody is let in if it is connections that are limited
LEFT: Final = (0.05, 0.4, 0.8, 1.2)  # seconds; in all as long, in which somebody is, because one has left
FOR_ANY_REASON: Final = (1000, 1005, 1006)


class _Full(NamedTuple):
    """So many tabs were there; this one, or with it an old one, was one too many."""

    most: int
    tab: Visitor
    over: Literal["reject", "evict-oldest", "evict-any"]


async def limit(visits: Visits) -> Step:
    """How many tabs may a user have, and do all users share that?"""
    user = visits.user("tabs")
    tabs: list[Visitor] = []
    full = await _fill_for_good(visits, user, tabs)
    if full is not None:
        shared = await _others_too(visits, tabs, full)
        undeclared = visits.target.policy.limit is None
        if undeclared and full.over == "reject" and not await _is_of_connections(visits, user, tabs):
            return _of_openings(full)
        return _limited(visits.target, full, shared)
    if visits.target.policy.limit is not None:
        said = f"policy.limit.max is {visits.target.policy.limit.max}, but {MOST_TABS} tabs of one user were let in"
        return Step("limit", "hint", said, "hubfuzz run will report this (HF201), if the dial is right")
    return Step("limit", "ok", f"{MOST_TABS} tabs of one user were let in; policy.limit is not set")


async def _fill_for_good(visits: Visits, user: str, tabs: list[Visitor]) -> _Full | None:
    """As ``_fill``, until no further tab is let in after a rest either: so far the connections of the earlier steps may
    have held slots, or what was met was no limit of connections, but one of openings per second."""
    before, full = -1, await _fill(visits, user, tabs)
    while full is not None and full.over == "reject" and len(tabs) > before:
        before = len(tabs)
        await trio.sleep(REST)
        full = await _fill(visits, user, tabs)
    return full


async def _fill(visits: Visits, user: str, tabs: list[Visitor]) -> _Full | None:
    """Open tabs until one is too many; None if that never is."""
    while len(tabs) < MOST_TABS:
        tab = await _opened(visits, user)
        if not tab.is_open:
            return _Full(len(tabs), tab, "reject")
        tabs.append(tab)
        if (gone := next((old for old in tabs if not old.is_open), None)) is not None:
            return _Full(len(tabs) - 1, gone, "evict-oldest" if gone is tabs[0] else "evict-any")
    return None


async def _is_of_connections(visits: Visits, user: str, tabs: list[Visitor]) -> bool:
    """Is nobody let in for a while, and then, as soon as somebody has left, one more?

    Openings may be limited, too, so many in a minute: then time alone makes room, or not even one who leaves."""
    here = [tab for tab in tabs if tab.is_open]
    if not here:
        return True
    await trio.sleep(WHILE)
    if (await _opened(visits, user)).is_open:
        return False
    await here[0].close()
    for pause in LEFT:
        await trio.sleep(pause)
        if (await _opened(visits, user)).is_open:
            return True
    return False


async def _opened(visits: Visits, user: str) -> Visitor:
    tab = await visits.open(user)
    await tab.until(lambda: not tab.is_open, AT_ONCE)
    return tab


def _of_openings(full: _Full) -> Step:
    saw = f"{full.most} tabs of one user; one more was {full.tab.end}, and whether others had left made no difference"
    return Step("limit", "hint", saw, "if openings are limited in number and time: switch that off while you fuzz")


async def _others_too(visits: Visits, tabs: list[Visitor], full: _Full) -> bool | None:
    """Does the first connection of another user meet the same limit, while the tabs are there? None: it met another."""
    there = [tab for tab in tabs if tab.is_open]
    stranger = await visits.open(visits.user("tabs-of-another"))
    await stranger.until(lambda: not stranger.is_open, QUIET)
    gone = next((one for one in (stranger, *there) if not one.is_open), None)
    return gone is not None and (gone.end == full.tab.end or None)


def _limited(target: Target, full: _Full, shared: bool | None) -> Step:
    most, tab, over = full
    saw = f"{most} tabs of one user; {'one more' if over == 'reject' else 'with one more, an old one'} was {tab.end}"
    saw += ", and so it went with another user: all share the limit" if shared else ""
    wanted = target.policy.limit
    # As many as are declared are there, all of one user, so that nobody else can hold a slot.
    alone = wanted is not None and wanted.shared and shared is False and (most, over) == (wanted.max, "reject")
    saw += ", and another user was let in beside: each has a limit of its own" if alone else ""
    code, known = _declared(tab, wanted)
    scope = f', scope = "{wanted.scope if wanted is not None and wanted.shared else "global"}"' if shared else ""
    change = f'policy.limit = {{max = {most}, over = "{over}", {code}{scope}}}, if the hub promises it'
    if wanted is None:
        return Step("limit", "hint", saw, change)
    others = wanted.shared and most < wanted.max  # who came before may still hold slots that all share
    wrong = (wanted.max != most and not others) or (bool(shared) and not wanted.shared) or alone
    if wrong or not known or wanted.over not in (over, "evict-any"):
        return Step("limit", "change", saw, change)
    return Step("limit", "ok", saw)


def _declared(tab: Visitor, wanted: Limit | None) -> tuple[str, bool]:
    """The key of ``policy.limit`` that says how it was turned away, and whether that is declared already.

    How hubs close for many reasons must not be declared: whoever is closed so would seem to be refused by the limit."""
    if tab.closed is None and tab.by == "status":
        return f"statuses = [{tab.code}]", wanted is not None and tab.code in wanted.statuses
    if tab.closed is None or tab.closed[0] in FOR_ANY_REASON:
        return "codes = []", True
    return f"codes = [{tab.closed[0]}]", wanted is not None and tab.closed[0] in wanted.codes
