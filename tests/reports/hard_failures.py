"""Failures that are hard to write down: texts that want to be code, and histories of 1,000 events."""

from __future__ import annotations

import samples
from histories import H

from fuzzer.campaign.failure import Failure, Rate
from fuzzer.exit_codes import ExitCode
from fuzzer.history import Dlv, Frame, SendInv, ServerLog, SrvClose
from fuzzer.plan import Batch, Close, Drop, Open, Plan, Send, Stall
from fuzzer.report.json_report import RunInfo
from fuzzer.verdict import Finding

SCRIPT = "<script>document.title='broken'</script>"
NAMES = (
    SCRIPT,
    "</script><img src=x onerror=document.title='broken'>",
    "'\"`; end %% #35; --> ```",
    "\u202edesrever \u05e9\u05dc\u05d5\u05dd",
    "nul\x00 esc\x1b[31m line\nfeed \ud800 \uffff",
    "| a | b | [x](http://example.org) @octocat #1 www.example.org _em_ *b* &amp;",
    "{{ 7 * 7 }} {% raw %} ${x} \\u003c ''' \"\"\"",
)


def hostile() -> Failure:
    """Every text that can come from a server, a plan or another's file holds all that could be read as code."""
    everything = " ".join(NAMES)
    plan = Plan(
        (
            Batch((Open(SCRIPT, "u0"), Open("b", NAMES[1]))),
            Batch((Send("b", SCRIPT), Close(SCRIPT, 1000, everything)), after="instant"),
        ),
        names={f"u{number}": name for number, name in enumerate(NAMES)},
    )
    written = H().phase("batch:0").join(SCRIPT).join("b", user=NAMES[1]).phase("batch:1").send(SCRIPT, "b")
    written.add(Frame, conn="b", text=everything).add(SrvClose, conn="b", code=1011, reason=everything)
    written.add(ServerLog, line=everything, tail=f"{everything}\n{SCRIPT}")
    history = written.history()
    finding = Finding(
        code="HF101",
        strength="violated",
        key="gap",
        summary=everything,
        expected=everything,
        observed=everything,
        witness=(samples.index(history, SendInv), len(history.events) - 1, 99_999),
        conns=("b", SCRIPT),
        dial=everything,
    )
    known = {"origin": everything, "notes": (everything,), "rate": Rate(3, 20), "tool": everything}
    return samples.failure(finding, plan, history, everything, **known)


def long(events: int = 1_000) -> Failure:
    """``events`` events on twelve connections of three users, with faults, and one delivery that is missing."""
    conns = [f"c{number}" for number in range(12)]
    opens = tuple(Open(conn, f"u{number % 3}") for number, conn in enumerate(conns))
    plan = Plan((Batch(opens), Batch((Stall("c3"),)), Batch((Drop("c6"),)), Batch((Send("c0", "m0", count=90),))))
    written = H().phase("batch:0")
    for number, conn in enumerate(conns):
        written.join(conn, user=f"u{number % 3}")
    written.phase("batch:1").fault("c3").phase("batch:2").drop("c6").phase("batch:3")
    number = 0
    while len(written.events) < events - 2:
        sender, receivers = f"c{number % 3}", [f"c{n}" for n in range(number % 3, 12, 3) if n not in (3, 6)]
        written.send(f"m{number}", sender).got(f"m{number}", *(r for r in receivers if (number, r) != (4, "c7")))
        number += 1
    written.events = written.events[: events - 1]
    history = written.quiet().history()
    sent = {e.msg: i for i, e in enumerate(history.events) if isinstance(e, SendInv)}
    later = next(i for i, e in enumerate(history.events) if isinstance(e, Dlv) and (e.msg, e.conn) == ("m7", "c7"))
    finding = Finding(
        code="HF101",
        strength="violated",
        key="gap",
        summary="c7 never got m4, sent by c1 to user:u1",
        expected="m4 on c7",
        observed="m7, which c1 sent later, was read; this one never",
        witness=(sent["m4"], sent["m7"], later),
        conns=("c1", "c7"),
        proof="gap",
        dial='policy.order = "none"',
    )
    return samples.failure(finding, plan, history, "delivery")


def info(code: ExitCode = ExitCode.FAILURES, **fields: object) -> RunInfo:
    known = {"target": "embedded hub", "paths": {"HF201-3461cc": ".hubfuzz/failures/HF201-3461cc.json"}, **fields}
    return RunInfo("hubfuzz run --bug S15", "2026-11-25T07:11:22+00:00", code, **known)  # type: ignore[arg-type]
