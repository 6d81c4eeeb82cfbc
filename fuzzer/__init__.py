"""hubfuzz: a property-based concurrency fuzzer for WebSocket hubs.

In a test::

    from fuzzer import Target, fuzz

    def test_chat():
        fuzz(Target.load("hubfuzz.toml"), seconds=4)

``fuzz`` raises ``HubFailure`` with the shrunk, measured failure. ``run_plan`` does the same for one plan, ``execute``
and ``judge`` are its two halves. State machines with rules of your own: ``strategies.HubMachine``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuzzer.api import execute as execute
    from fuzzer.api import fuzz as fuzz
    from fuzzer.api import run_plan as run_plan
    from fuzzer.history import History as History
    from fuzzer.hub_failure import HubFailure as HubFailure
    from fuzzer.hub_failure import Vacuous as Vacuous
    from fuzzer.invariants import judge as judge
    from fuzzer.plan import Plan as Plan
    from fuzzer.plan_runner import machine_runner as machine_runner
    from fuzzer.policy import Limit as Limit
    from fuzzer.policy import Policy as Policy
    from fuzzer.target.errors import ServerError as ServerError
    from fuzzer.target.errors import TargetError as TargetError
    from fuzzer.target.load import load_target as load_target
    from fuzzer.target.model import Target as Target
    from fuzzer.verdict import Verdict as Verdict

_HOMES = {
    "History": "fuzzer.history",
    "HubFailure": "fuzzer.hub_failure",
    "Limit": "fuzzer.policy",
    "Plan": "fuzzer.plan",
    "Policy": "fuzzer.policy",
    "ServerError": "fuzzer.target.errors",
    "Target": "fuzzer.target.model",
    "TargetError": "fuzzer.target.errors",
    "Vacuous": "fuzzer.hub_failure",
    "Verdict": "fuzzer.verdict",
    "execute": "fuzzer.api",
    "fuzz": "fuzzer.api",
    "judge": "fuzzer.invariants",
    "load_target": "fuzzer.target.load",
    "machine_runner": "fuzzer.plan_runner",
    "run_plan": "fuzzer.api",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    """Import what is asked for: the pytest plugin is loaded in every test run, and must cost nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fuzzer' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
