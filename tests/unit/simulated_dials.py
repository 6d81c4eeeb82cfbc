"""Which ways a simulated hub has, and which dials it keeps, drawn by Hypothesis."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import strategies as st
from simulated_refusals import TOO_BIG
from simulated_world import Ways
from simulator import EVICTED, GOING_AWAY, MALFORMED, OVER

from fuzzer.policy import CloseCodes, Limit, Policy

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

# Ways that excuse nearly everything.
SELDOM = ("closes_old", "minds_talkers", "evicts_late")
# Drawn for whole histories alone: a mutation needs to know better where it may hide.
WIDER = ("keeps_store", "shares_rooms", "broadcasts_roomless", "cuts_big", "copies", "shuts_out", "names_refused")
WIDER_SELDOM = (
    "tells_rooms",
    "tells_presence",
    "processes",
    "users_rooms",
    "publishing_joins",
    "plain_only",
    "says_no",
    "hangs_up",
)


@st.composite
def ways(draw: st.DrawFn) -> Ways:
    """Any allowed way to be a hub."""
    others = ("bug", "queue", *SELDOM, *WIDER, *WIDER_SELDOM)
    flags = {name: draw(st.booleans()) for name in Ways.__dataclass_fields__ if name not in others}
    flags |= {name: not draw(st.integers(0, 4)) for name in SELDOM}
    return Ways(**flags, queue=draw(st.sampled_from((0, 0, 1, 2, 4, 8))))


@st.composite
def wider_ways(draw: st.DrawFn) -> Ways:
    """As ``ways``, and with rooms, stores and processes of its own."""
    hub = draw(ways())
    flags = {name: draw(st.booleans()) for name in WIDER} | {name: not draw(st.integers(0, 4)) for name in WIDER_SELDOM}
    flags["processes"] &= not (hub.atomic or hub.task_per_message or hub.reads_out_early)
    return replace(hub, **flags)


@st.composite
def wider_policies(draw: st.DrawFn, hub: Ways) -> Policy:
    """Dials that such a hub keeps."""
    policy = draw(policies(hub))
    codes = policy.close_codes
    if hub.disconnects_slow and draw(st.booleans()):
        codes = CloseCodes(codes.malformed, (TOO_BIG,), codes.shutdown)
    evicts = policy.limit is not None and policy.limit.over != "reject"
    return msgspec.structs.replace(
        policy,
        group=draw(st.sampled_from((policy.group, "room"))),
        max_rooms=draw(st.sampled_from((None, None, 1))),
        subscriptions=draw(st.sampled_from(_subscriptions(hub, policy))),
        rooms="user" if hub.users_rooms else "connection",
        publish_joins=hub.publishing_joins or not draw(st.integers(0, 4)),
        body="plain" if hub.plain_only else draw(st.sampled_from(("exact", "exact", "plain"))),
        answers_close=not hub.hangs_up and draw(st.integers(0, 4)) > 0,
        resources_slack=draw(st.sampled_from((0, 0, 3))),
        max_size=draw(st.sampled_from((None, 20_000))),
        close_codes=codes,
        t_evict=0.4 if hub.processes and evicts else policy.t_evict,
    )


def _subscriptions(hub: Ways, policy: Policy) -> tuple[str, ...]:
    if hub.counts_joins:
        return ("counted", "each")
    return (policy.subscriptions,) if hub.publishing_joins else (policy.subscriptions, "single")


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
        rate_scope=draw(st.sampled_from(("connection", "user", "user", "global")))
        if hub.minds_talkers
        else "connection",
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
