"""What a campaign says while it runs. The engine emits these; whatever prints, counts or writes is a handler."""

from __future__ import annotations

from collections.abc import Callable

from fuzzer.campaign.failure import Failure, Rate
from fuzzer.campaign.options import Options, Result, Subject
from fuzzer.campaign.tally import Tally
from fuzzer.plan import Plan
from fuzzer.values import Value


class Started(Value, tag_field="event", tag="started"):
    """Before the first plan."""

    subject: Subject
    options: Options
    scenarios: int = 0


class StoredReplayed(Value, tag_field="event", tag="stored_replayed"):
    """A failure of an earlier run was run again, before anything new. ``rate.failed``: it is found again, once is
    enough. Otherwise ``sure`` says whether so many clean runs show that it is gone, and ``instead`` in how many of them
    each other fingerprint came in place of it. ``known`` ones do not count."""

    fingerprint: str
    name: str
    path: str
    rate: Rate
    sure: bool = True
    known: bool = False
    instead: dict[str, int] = {}


class StoredLeft(Value, tag_field="event", tag="stored_left"):
    """Half of the time is over: these failures of earlier runs were not run again. Their files stay."""

    fingerprints: tuple[str, ...]


class PlanExecuted(Value, tag_field="event", tag="plan_executed"):
    """A plan of the exploration was run and judged. ``violated`` are fingerprints, ``inconclusive`` codes."""

    number: int
    origin: str
    size: int
    seconds: float
    elapsed: float
    tally: Tally
    violated: tuple[str, ...] = ()
    inconclusive: tuple[str, ...] = ()


class FailureFound(Value, tag_field="event", tag="failure_found"):
    """A new fingerprint; its file is already written, unshrunk. ``path`` is empty if there is no store."""

    failure: Failure
    path: str = ""


class ShrinkStep(Value, tag_field="event", tag="shrink_step"):
    """A smaller plan failed in the same way. ``executions`` and ``seconds`` are since this shrinking began."""

    fingerprint: str
    plan: Plan
    size: int
    executions: int
    seconds: float
    by: str


class FailureShrunk(Value, tag_field="event", tag="failure_shrunk"):
    """Shrinking is over and the rate is measured; the file is replaced."""

    failure: Failure
    path: str = ""


class ServerRestarted(Value, tag_field="event", tag="server_restarted"):
    """The server was hurt by a plan, or a failure needs a fresh one."""

    reason: str


class Warned(Value, tag_field="event", tag="warned"):
    """Something that makes the result weaker than it looks; one line."""

    text: str


class Finished(Value, tag_field="event", tag="finished"):
    """The last event."""

    result: Result


CampaignEvent = (
    Started
    | StoredReplayed
    | StoredLeft
    | PlanExecuted
    | FailureFound
    | ShrinkStep
    | FailureShrunk
    | ServerRestarted
    | Warned
    | Finished
)
Emit = Callable[[CampaignEvent], None]


def ignore(event: CampaignEvent) -> None:
    """For who wants only the result."""
