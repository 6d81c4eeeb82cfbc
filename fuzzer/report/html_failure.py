"""One failure as one page: the argument, the lanes of the whole history, the evidence, both plans, the server's log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fuzzer.campaign.failure import Failure
from fuzzer.history import History, ServerExit, ServerLog
from fuzzer.invariants import INVARIANTS
from fuzzer.plan import Plan
from fuzzer.report.case import case_of
from fuzzer.report.event_words import event_sentence
from fuzzer.report.glyphs import shown
from fuzzer.report.html_page import page
from fuzzer.report.layout import plural
from fuzzer.report.op_words import SEPARATORS, batch_words, op_sentence
from fuzzer.report.story import story_of
from fuzzer.report.timeline import timeline_of
from fuzzer.values import Value

Chip = tuple[str, str, str]


def failure_page(failure: Failure, path: str = "", index: str = "", also: Iterable[object] = ()) -> str:
    """``path``: where the failure is stored, for the command that repeats it; ``index``: link to the run's page;
    ``also``: what was taken for it, in words."""
    finding, case = failure.finding, case_of(failure, path, also)
    timeline = timeline_of(failure.history, finding, failure.plan)
    data = {**_whole(timeline), "sought": [shown(conn, 40) for conn in finding.conns]}
    return page(
        "failure.html.j2",
        ("page.css", "chart.css"),
        ("chart.js", "page.js"),
        title=shown(f"{failure.fingerprint} {failure.name}: {finding.summary}", 160),
        tool=shown(failure.tool),
        fingerprint=shown(failure.fingerprint),
        code=shown(failure.code),
        name=shown(failure.name),
        summary=shown(finding.summary, 400),
        chips=list(_chips(failure)),
        story=story_of(failure.plan, finding),
        command=case.command,
        dial=shown(finding.dial),
        meaning=next((i.meaning for i in INVARIANTS if i.code == failure.code), "not known to this version"),
        notes=[shown(case.note, 1000)] if case.note else [],
        events=len(failure.history.events),
        log=list(_log(failure.history)),
        evidence=list(_evidence(failure)),
        shrunk=failure.shrunk,
        least=_view(failure.plan),
        original=_view(failure.original),
        found_at=shown(failure.found_at),
        index=index,
        data=data,
    )


def _chips(failure: Failure) -> Iterator[Chip]:
    """Words, value and tone of what is short enough to stand in a row."""
    yield "fingerprint", shown(failure.fingerprint), ""
    if failure.rate:
        yield "fails", str(failure.rate), "bad" if failure.rate.failed else ""
    size, found = failure.plan.size(), failure.original.size()
    yield "plan", plural(size, "op") + (f", shrunk from {found}" if found != size else ""), ""
    if failure.origin:
        yield "found by", shown(failure.origin, 60), ""
    yield "seed", str(failure.seed), ""
    if failure.history.target:
        yield "target", shown(failure.history.target, 60), ""
    yield "proof", failure.finding.proof, ""
    if failure.executions:
        yield "shrinking", f"{plural(failure.executions, 'run')}, {failure.shrink_seconds:.1f} s", ""


def _view(plan: Plan) -> dict[str, Any]:
    batches = [
        {
            "after": SEPARATORS[batch.after] if number else "",
            "special": batch_words(batch),
            "ops": [op_sentence(op) for op in batch.ops],
        }
        for number, batch in enumerate(plan.batches)
    ]
    return {"size": plural(plan.size(), "op"), "batches": batches}


def _evidence(failure: Failure) -> Iterator[dict[str, Any]]:
    events = failure.history.events
    for index in sorted(set(failure.finding.witness)):
        if 0 <= index < len(events):
            yield {"at": index, "t": f"{events[index].t * 1000:.2f} ms", "text": event_sentence(events[index])}


def _log(history: History) -> Iterator[dict[str, Any]]:
    """Lines that the target file calls errors, the end of the process, and the last that was printed meanwhile."""
    told = [(i, e) for i, e in enumerate(history.events) if isinstance(e, ServerLog | ServerExit)]
    for index, event in told:
        text = event.line if isinstance(event, ServerLog) else f"the process ended with status {event.status}"
        yield {"at": index, "text": shown(text, 400), "tone": "bad"}
    tail = next((event.tail for _, event in told if event.tail), "").splitlines()
    if not told:
        yield {"at": None, "text": "No line of it was an error, as the target file defines errors.", "tone": "dim"}
    if history.log or tail:
        yield {"at": None, "text": "The end of it:", "tone": "dim"}
    yield from ({"at": None, "text": shown(line, 400), "tone": ""} for line in history.log or tail)


def _whole(value: object) -> Any:
    """As builtins, with defaults written out: the script of the page does not know them."""
    if isinstance(value, Value):
        return {name: _whole(getattr(value, name)) for name in value.__struct_fields__}
    return [_whole(item) for item in value] if isinstance(value, tuple) else value
