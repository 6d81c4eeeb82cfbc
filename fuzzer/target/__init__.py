"""The target file and everything about the hub under test that is not the connection itself."""

from fuzzer.target.errors import ProbeError, ServerError, TargetError
from fuzzer.target.load import find_target, load_target
from fuzzer.target.model import Endpoint, Target
from fuzzer.target.protocol import (
    Accepted,
    Codec,
    Message,
    NotPublished,
    NotSubscribed,
    Other,
    Subscribed,
    Unsubscribed,
    Welcome,
)
from fuzzer.target.store import redacted, restored, target_from_json, target_to_json

__all__ = [
    "Accepted",
    "Codec",
    "Endpoint",
    "Message",
    "NotPublished",
    "NotSubscribed",
    "Other",
    "ProbeError",
    "ServerError",
    "Subscribed",
    "Target",
    "TargetError",
    "Unsubscribed",
    "Welcome",
    "find_target",
    "load_target",
    "redacted",
    "restored",
    "target_from_json",
    "target_to_json",
]
