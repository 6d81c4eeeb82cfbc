"""Campaigns: plans under a budget, shrinking, reproduction, failure files. Emits events and prints nothing."""

from fuzzer.campaign.engine import run_campaign
from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.reproduce import replay
from fuzzer.campaign.runner import Runner, ServerUnavailable
from fuzzer.campaign.store import FailureStore, StoreError

__all__ = [
    "Failure",
    "FailureStore",
    "Options",
    "Rate",
    "Result",
    "Runner",
    "ServerUnavailable",
    "StoreError",
    "Subject",
    "replay",
    "run_campaign",
]
