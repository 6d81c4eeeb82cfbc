"""The embedded hub as a target: how it is started, how it speaks, and what exactly it promises."""

from __future__ import annotations

from pathlib import Path

import fuzzer
from fuzzer.hub.__main__ import knob_flags
from fuzzer.hub.admission import EVICTED, OVER_LIMIT
from fuzzer.hub.bugs.combine import seeded
from fuzzer.hub.knobs import Knobs
from fuzzer.policy import CloseCodes, Limit, Policy
from fuzzer.target.config import Count, JsonProtocol, JwtAuth, Match, Probe
from fuzzer.target.model import Target

# guards nothing: the hub listens on the loopback interface, for as long as it is fuzzed
SECRET = "embedded hub of hubfuzz, open to all of this machine"
BASE = "http://127.0.0.1:{port}"
# Measured with the default ``sndbuf``: a reader that stalls blocks the hub's writes after at most 60 kB with a
# receive buffer of 4096 bytes, after at most 240 kB with the kernel's default one.
STALL_BYTES = 300_000
# The hub takes four times as much (``Knobs.max_size``), since a body may grow when it is escaped.
PROMISED_SIZE = 1024 * 1024
COUNTED = ("connections", "users", "rooms", "slots", "sessions", "present")
# Within this many seconds what is over is over: timers and exits may be late on a busy machine.
SOON = 1.0
# Presence changes with the registry, in one step; what may be late is the answer.
AT_ONCE = 0.25
SLOW_EXIT = 4.0
# Hubs share nothing, and plans wait for half of their time, so three find work for two cores.
SIDE_BY_SIDE = 3
# No plan lasts longer than this, so nobody could see a later promise kept.
LATEST = 10.0

PROTOCOL = JsonProtocol(
    publish='{"type":"publish","id":"{id}","body":"{body}"}',
    publish_room='{"type":"publish","id":"{id}","body":"{body}","room":"{room}"}',
    deliver=Match(match={"type": "message"}, id="id", body="body", room="room"),
    welcome=Match(match={"type": "welcome"}, user="user"),
    subscribe='{"type":"subscribe","room":"{room}"}',
    subscribed=Match(match={"type": "subscribed"}, room="room"),
    not_subscribed=Match(match={"type": "not-subscribed"}, room="room"),
    unsubscribe='{"type":"unsubscribe","room":"{room}"}',
    unsubscribed=Match(match={"type": "unsubscribed"}, room="room"),
    query='{"type":"query"}',
    present=Match(match={"type": "present"}, users="users"),
)


def embedded_target(bug: str | None = None, knobs: Knobs | None = None) -> Target:
    """The hub with these knobs (default: those of the bug), and the policy that the correct hub keeps under them.

    ``bug`` may name several, as in ``S03,S10``. Raises ``ValueError`` if there is no such seeded bug.
    """
    own = seeded(bug).knobs if bug else Knobs()
    wanted = own if knobs is None else knobs
    return Target(
        name=f"embedded hub, bug {bug}" if bug else "embedded hub",
        url="ws://127.0.0.1:{port}/ws?session={session}",
        protocol=PROTOCOL,
        auth=JwtAuth(secret=SECRET),
        policy=policy_of(wanted),
        probe=Probe(counts=_counts(), log_errors=("hub error", "Traceback")),
        start=_start(bug, knob_flags(wanted, own)),
        ready=f"{BASE}/stats",
        env={"HUBFUZZ_SECRET": SECRET},
        workers=SIDE_BY_SIDE,
        cwd=str(Path(fuzzer.__file__).parent.parent),
    )


def _start(bug: str | None, flags: tuple[str, ...]) -> tuple[str, ...]:
    chosen = ("--bug", bug) if bug else ()
    return ("{python}", "-m", "fuzzer.hub", "--port", "{port}", *chosen, *flags)


def _counts() -> dict[str, Count]:
    return {name: Count(url=f"{BASE}/stats", path=name) for name in COUNTED}


def policy_of(knobs: Knobs) -> Policy:
    """What the correct hub promises under these knobs."""
    return Policy(
        group="user",
        echo=knobs.echo,
        join_evidence="welcome",
        order="fifo",
        replay="none",
        subscriptions="once",
        sessions="takeover",
        limit=_limit(knobs),
        max_rooms=knobs.max_rooms,
        deadline=2.0,
        t_release=SOON,
        t_detect=SOON,
        t_presence=AT_ONCE + knobs.grace,
        t_expiry=2 * AT_ONCE,
        t_shutdown=knobs.shutdown_timeout + SLOW_EXIT,
        t_heartbeat=_heartbeat(knobs),
        min_size=0,
        max_size=min(PROMISED_SIZE, knobs.max_size),
        backlog=knobs.backlog,
        resources=True,
        names="exact",
        stall_bytes=STALL_BYTES,
        close_codes=CloseCodes(malformed=(1002, 1003, 1007, 1008), oversize=(1009,), shutdown=(1001,)),
        refuse_tokens=(*Policy().refuse_tokens, "wrong-claims"),
    )


def _heartbeat(knobs: Knobs) -> float | None:
    bound = 2 * knobs.heartbeat + knobs.heartbeat_timeout
    return bound if knobs.heartbeat and bound <= LATEST else None


def _limit(knobs: Knobs) -> Limit:
    if knobs.over == "evict-oldest":
        return Limit(max=knobs.limit, over="evict-oldest", codes=(EVICTED,), scope=knobs.scope)
    by_close = knobs.reject_by == "close"
    codes, statuses = ((OVER_LIMIT,), ()) if by_close else ((), (429,))
    return Limit(max=knobs.limit, codes=codes, statuses=statuses, scope=knobs.scope)
