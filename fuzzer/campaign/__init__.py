"""Campaigns: budgets, shrinking, reproduction, failure files. One engine for the command line, pytest and tests.

    async with open_session(target) as session:
        result = await run_campaign(session, Options(seconds=30), plans=draw_plans(shape, seed))

or, from synchronous code, ``fuzz(lambda: open_session(target), Options(), plans=...)``.
"""

from fuzzer.campaign.control import Clock, Control
from fuzzer.campaign.engine import run_campaign
from fuzzer.campaign.events import (
    CampaignEvent,
    Emit,
    FailureFound,
    FailureShrunk,
    Finished,
    PlanExecuted,
    ServerRestarted,
    ShrinkStep,
    Started,
    Warned,
)
from fuzzer.campaign.failure import Failure, Rate, failure_from_json, failure_to_json
from fuzzer.campaign.options import Options, Result, StopReason, Subject, Totals
from fuzzer.campaign.reproduce import Replayed, replay
from fuzzer.campaign.runner import Judge, Runner, ServerUnavailable
from fuzzer.campaign.store import FailureStore, Stored, StoreError, read_failure
from fuzzer.campaign.sync import fuzz, replay_failure
from fuzzer.campaign.tally import Tally, tally_of

__all__ = [
    "CampaignEvent",
    "Clock",
    "Control",
    "Emit",
    "Failure",
    "FailureFound",
    "FailureShrunk",
    "FailureStore",
    "Finished",
    "Judge",
    "Options",
    "PlanExecuted",
    "Rate",
    "Replayed",
    "Result",
    "Runner",
    "ServerRestarted",
    "ServerUnavailable",
    "ShrinkStep",
    "Started",
    "StopReason",
    "StoreError",
    "Stored",
    "Subject",
    "Tally",
    "Totals",
    "Warned",
    "failure_from_json",
    "failure_to_json",
    "fuzz",
    "read_failure",
    "replay",
    "replay_failure",
    "run_campaign",
    "tally_of",
]
