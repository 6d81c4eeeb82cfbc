"""What every finding tells: the events that prove it, the bound or the proof, and the dial that would silence it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fuzzer.history import History
from fuzzer.policy import CloseCodes, Limit, Policy
from fuzzer.report.text import Case, describe
from fuzzer.target.config import JsonProtocol, Probe
from fuzzer.verdict import Finding

SECONDS = re.compile(r"\d(\.\d+)? s\b")
DIAL = re.compile(r"\b(policy|protocol|probe)\.([a-z_]+)(?:\.([a-z_]+))?")
TABLES = {"policy": Policy, "protocol": JsonProtocol, "probe": Probe}
# What RFC 6455 forbids to every hub, and what ends the server: no dial makes it right.
NO_DIAL = {("HF106", "closed"), ("HF106", "refused"), ("HF502", "exit"), ("HF701", "protocol")}


def faults(finding: Finding, history: History) -> list[str]:
    """All that a finding leaves out."""
    return [*_evidence(finding, history), *_proof(finding), *_dial(finding), *_text(finding, history)]


def _evidence(finding: Finding, history: History) -> Iterator[str]:
    if not finding.witness:
        yield "no witness"
    if not all(0 <= index < len(history.events) for index in finding.witness):
        yield f"a witness that is no event: {finding.witness}"
    if not (finding.summary and finding.expected and finding.observed):
        yield "no summary, nothing expected, or nothing observed"
    known = {getattr(event, "conn", "") for event in history.events}
    if not set(finding.conns) <= known:
        yield f"unknown connections: {finding.conns}"


def _proof(finding: Finding) -> Iterator[str]:
    if finding.proof == "deadline" and not SECONDS.search(finding.expected):
        yield f"no bound in seconds: {finding.expected}"
    if finding.proof == "deadline" and not SECONDS.search(finding.observed):
        yield f"nothing measured in seconds: {finding.observed}"
    if finding.proof == "gap" and "later" not in finding.observed:
        yield f"which later message shows the gap? {finding.observed}"


def _dial(finding: Finding) -> Iterator[str]:
    if not finding.dial and (finding.code, finding.key) not in NO_DIAL:
        yield "no dial"
    if finding.dial and not DIAL.search(finding.dial) and "probe" not in finding.dial:
        yield f"no entry of a target file: {finding.dial}"
    for table, name, part in DIAL.findall(finding.dial):
        if name not in TABLES[table].__struct_fields__:
            yield f"no such dial: {table}.{name}"
        parts = {"limit": Limit, "close_codes": CloseCodes}.get(name) if part else None
        if parts is not None and part not in parts.__struct_fields__:
            yield f"no such dial: {table}.{name}.{part}"


def _text(finding: Finding, history: History) -> Iterator[str]:
    text = "\n".join(line.plain for line in describe(Case(finding, history.plan, history), 2_000))
    for index in sorted(set(finding.witness))[:10]:
        if f"#{index}" not in text:
            yield f"event {index} is not shown"
    if "  Silenced   " not in text:
        yield "the text does not say what silences it"
