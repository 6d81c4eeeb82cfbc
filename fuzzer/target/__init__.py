"""The target file and everything about the hub under test that is not the connection itself."""

from fuzzer.target.errors import ProbeError, ServerError, TargetError
from fuzzer.target.model import Endpoint, Target
from fuzzer.target.protocol import Accepted, Codec, Message, Other, Subscribed, Unsubscribed, Welcome

__all__ = [
    "Accepted",
    "Codec",
    "Endpoint",
    "Message",
    "Other",
    "ProbeError",
    "ServerError",
    "Subscribed",
    "Target",
    "TargetError",
    "Unsubscribed",
    "Welcome",
]
