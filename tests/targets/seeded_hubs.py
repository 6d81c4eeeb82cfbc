"""The eight commonest seeded bugs on other servers: for each its least known plan and who may convict it."""

from __future__ import annotations

from pathlib import Path

from npm import install

from fuzzer.hub.bugs import BUGS
from fuzzer.hub.bugs.model import plan, step
from fuzzer.plan import Open, Plan, Send, Stall
from fuzzer.policy import CloseCodes, Limit, Policy
from fuzzer.target.config import Count, JsonProtocol, JwtAuth, Match, Probe
from fuzzer.target.model import Target

HERE = Path(__file__).parent
SECRET = "a secret for tests alone, of 32 bytes or more"
BASE = "http://127.0.0.1:{port}"
STALL_BYTES = 6_000_000
STARTS = {
    "fastapi": ("{python}", "-m", "uvicorn", "seeded_fastapi:app", "--port", "{port}", "--log-level", "warning"),
    "aiohttp": ("{python}", "seeded_aiohttp.py", "--port", "{port}"),
    "node-ws": ("node", "node_ws/seeded.js", "{port}"),
}
# The same defects in the embedded hub: the invariants that convict them there do so here.
SEEDED = {
    "live-list": BUGS["S01"],
    "dead-peer-aborts": BUGS["S03"],
    "check-then-act": BUGS["S15"],
    "slot-leak": BUGS["S19"],
    "old-end": BUGS["S24"],
    "task-per-message": BUGS["S12"],
    "sequential-sends": BUGS["S31"],
    "bad-peer": BUGS["S29"],
}


# Other plans than there: the limit is two here, the kernel's buffers are larger, and an end takes longer.
PLANS = {
    "check-then-act": plan(step(Open("a", "u0"), Open("b", "u0"), Open("c", "u0"))),
    "old-end": plan(
        step(Open("a", "u0", session="s0")),
        step(Open("b", "u0", session="s0")),
        step(Send("b", "m0"), wait=0.05),
    ),
    "sequential-sends": plan(
        step(Open("a", "u0")),
        step(Open("b", "u0")),
        step(Stall("a")),
        step(Send("b", "m0", size=65_536, count=STALL_BYTES // 65_536 + 1)),
    ),
}


def plan_of(bug: str) -> Plan:
    """The least plan known to show the defect."""
    return PLANS.get(bug, SEEDED[bug].least)


def seeded_target(stack: str, bug: str = "") -> Target:
    """The plain hub on this server, with this defect or none; raises ``npm.Unavailable`` without Node."""
    if stack == "node-ws":
        install()
    return Target(
        name=f"{stack}, {bug or 'no bug'}",
        url="ws://127.0.0.1:{port}/ws?session={session}",
        protocol=JsonProtocol(
            publish='{"type": "broadcast", "id": "{id}", "body": "{body}"}',
            deliver=Match(match={"type": "message"}, id="id", body="body"),
            welcome=Match(match={"type": "welcome"}),
        ),
        auth=JwtAuth(secret=SECRET),
        policy=Policy(
            echo="always",
            join_evidence="welcome",
            sessions="takeover",
            limit=Limit(max=2, codes=(4429,)),
            deadline=2.0,
            t_release=1.0,
            t_detect=1.0,
            min_size=0,
            max_size=1_048_576,
            stall_bytes=STALL_BYTES,
            close_codes=CloseCodes(),
        ),
        probe=Probe(
            counts={name: Count(url=f"{BASE}/stats", path=name) for name in ("connections", "users", "slots")},
            log_errors=("Exception in ASGI application", "never retrieved", "Error handling request", "Uncaught"),
        ),
        start=STARTS[stack],
        ready=f"{BASE}/stats",
        env={"JWT_SECRET": SECRET, "BUG": bug},
        cwd=str(HERE),
    )
