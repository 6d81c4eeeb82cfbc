"""How the server closes: with the code that the policy names for the cause, and never without an answer to a Close.

Refusals because of the limit are not judged here: another code may stand for another reason, which HF202 leaves open.
"""

from __future__ import annotations

from collections.abc import Iterator

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.facts_progress import unseen
from fuzzer.history import CloseInv, Dlv, Frame, Joined, Pong, Present, SrvClose, SrvEof, StopInv
from fuzzer.invariants.registry import Invariant
from fuzzer.invariants.silence import CONTROLS_NEEDED
from fuzzer.policy import NO_CLOSE_FRAME, CloseCodes, Policy
from fuzzer.verdict import Finding, Judgement, Strength

NO_CODE = 1005
# Seconds for which nothing shows that the server ran: a hub that waits for a bounded time until a peer has taken what
# is left may find that over, and end without a Close frame. (Seen: starved for 0.9 s by busy cores; stopped by SIGSTOP
# for 0.6 s right after its SIGTERM, when the control pair is being closed as well.)
GIVES_UP = 0.25
READ = (Dlv, Frame, Joined, Pong, Present)


def close_code(facts: Facts) -> Judgement:
    """The server ended a connection for one cause alone, and not with a code that is declared for it."""
    findings: dict[str, Finding] = {}
    obligations = 0
    for conn in facts.conns.values():
        cause = _cause(facts, conn)
        codes = _declared(facts.policy.close_codes, cause)
        code = _code(facts, conn)
        if not codes or code is None or facts.may_be_given_up(conn, min(conn.server_end, conn.causes["stop"])):
            continue
        obligations += 1
        if code not in codes:
            strength = _unless_it_stood_still(facts, conn, conn.x)
            findings.setdefault(f"{cause} {code} {strength}", _wrong_code(facts, conn, cause, codes, code, strength))
    return Judgement("HF503", obligations, tuple(findings.values()))


def _cause(facts: Facts, conn: Conn) -> str:
    """Why the server may have ended this member; empty unless there is just one thing that it can have been."""
    end = conn.server_end
    if end == NEVER or not conn.je < conn.x < end:
        return ""
    if conn.only_cause("oversize", end):
        return "oversize"
    if conn.only_cause("stop", end):
        return "shutdown" if _told_to_stop(facts, conn) else ""
    kinds = {kind for start, _, kind in conn.faults if start < end} if conn.only_cause("fault", end) else set()
    if kinds == {"malformed:oversize"}:
        return "oversize"
    return "malformed" if kinds and all(k.startswith("malformed:") and not _too_big(k) for k in kinds) else ""


def _too_big(kind: str) -> bool:
    """May a hub call it malformed as well as too big? (A length of 2^63 is both.)"""
    return kind in ("malformed:oversize", "malformed:huge-length")


def _told_to_stop(facts: Facts, conn: Conn) -> bool:
    """By us, and not killed before this end was read."""
    told = isinstance(facts.events[conn.causes["stop"]], StopInv)
    return told and not any(e.status is None and i < conn.server_end for i, e in facts.stops)


def _unless_it_stood_still(facts: Facts, conn: Conn, start: int) -> Strength:
    """What an end without the right frame proves, if the cause was given at ``start``.

    The control pair may be with another process; of that of ``conn`` only what ``conn`` reads shows that it ran."""
    since, until = facts.t(start), facts.t(conn.server_end)
    unseen = until - since - facts.healthy(since, until)
    if not isinstance(facts.events[conn.server_end], SrvClose):
        unseen = max(unseen, until - facts.t(_last_read(facts, conn, start)))
    return "inconclusive" if unseen >= GIVES_UP else "violated"


def _last_read(facts: Facts, conn: Conn, start: int) -> int:
    """The last that came on it between ``start`` and its end; ``start`` if nothing did."""
    between = range(conn.server_end - 1, start, -1)
    came = (i for i in between if isinstance(facts.events[i], READ))
    return next((i for i in came if getattr(facts.events[i], "conn", "") == conn.name), start)


def _declared(codes: CloseCodes, cause: str) -> tuple[int, ...]:
    return {"oversize": codes.oversize, "malformed": codes.malformed, "shutdown": codes.shutdown}.get(cause, ())


def _code(facts: Facts, conn: Conn) -> int | None:
    """A reset may have swallowed the Close frame that came before it; a FIN comes behind everything."""
    event = facts.events[conn.server_end] if conn.server_end != NEVER else None
    if isinstance(event, SrvClose):
        return event.code
    return NO_CLOSE_FRAME if isinstance(event, SrvEof) else None


def _wrong_code(facts: Facts, conn: Conn, cause: str, codes: tuple[int, ...], code: int, strength: Strength) -> Finding:
    told = "no Close frame (1006)" if code == NO_CLOSE_FRAME else f"close code {code}"
    return Finding(
        code="HF503",
        strength=strength,
        key=cause,
        summary=f"the server ended {conn.name} for {cause} with {told}",
        expected=f"a Close with one of {', '.join(map(str, codes))}",
        observed=f"{told} at {facts.t(conn.server_end):.3f} s",
        witness=(conn.x, conn.server_end),
        conns=(conn.name,),
        dial=f"policy.close_codes.{cause}",
    )


# ---- the answer to our Close ---------------------------------------------------------------------------------------


def close_unanswered(facts: Facts) -> Judgement:
    """A member's Close was not answered in time, or the connection just ended (RFC 6455, 5.5.1: MUST)."""
    closing = [conn for conn in facts.conns.values() if conn.je < conn.close_inv < _answered(conn) < NEVER]
    judged = [conn for conn in closing if conn.only_cause("close", _answered(conn)) and _valid(facts, conn)]
    findings = {f.key + f.strength: f for conn in reversed(judged) for f in _unanswered(facts, conn)}
    return Judgement("HF504", len(judged), tuple(findings.values()))


def _answered(conn: Conn) -> int:
    """Where the answer was read, or given up."""
    return min(conn.server_end, conn.close_late)


def _valid(facts: Facts, conn: Conn) -> bool:
    """A code that an endpoint may send (RFC 6455, 7.4): what follows another is a protocol error of ours."""
    event = facts.events[conn.close_inv]
    code = event.code if isinstance(event, CloseInv) else 0
    return code in (1000, 1001, 1002, 1003, NO_CODE, 1007, 1008, 1009, 1010, 1011) or 3000 <= code <= 4999


def _unanswered(facts: Facts, conn: Conn) -> Iterator[Finding]:
    if conn.close_late < conn.server_end:
        since = facts.t(max(conn.close_inv, _last_progress(facts, conn)))
        healthy = facts.healthy(since, facts.t(conn.close_late))
        good = facts.clock.good_round_trips(since, facts.t(conn.close_late))
        due = facts.policy.deadline * (2 if unseen(facts, conn) else 1)  # it may stand behind what that one had sent
        proved = healthy >= due and good >= CONTROLS_NEEDED and not _held_up(facts, conn)
        said = f"no answer in {healthy:.2f} s during which the control pair was answered"
        expected = f"a Close frame in answer, within {facts.policy.deadline:g} s"
        yield _no_answer(conn, "silent", conn.close_late, expected, said, "violated" if proved else "inconclusive")
    elif conn.server_end != NEVER and isinstance(facts.events[conn.server_end], SrvEof):
        late = facts.may_be_given_up(conn, conn.server_end)
        strength = "inconclusive" if late else _unless_it_stood_still(facts, conn, conn.close_inv)
        said = "the end of the stream without a Close frame"
        expected = "a Close frame in answer, before the end"
        yield _no_answer(conn, "no-frame", conn.server_end, expected, said, strength)


def _last_progress(facts: Facts, conn: Conn) -> int:
    """The last sign that the hub is still at work on what came before the Close."""
    ahead = (m for m in facts.messages.values() if m.conn == conn.name or m.inv < conn.close_inv)  # in one inbox
    mine = (at for m in ahead for at in (m.got.values() if m.conn == conn.name else facts.came_out[m.name]))
    got = (m.got[conn.name] for m in facts.messages.values() if conn.name in m.got)
    answers = (answered for _, answered in facts.requests[conn.name])
    return max((at for at in (*mine, *got, *answers) if at < conn.close_late), default=-1)


def _held_up(facts: Facts, conn: Conn) -> bool:
    """A lossless hub may have to make senders wait for a reader that stalls."""
    others = facts.conns.values() if facts.policy.slow_consumer == "lossless" else ()
    return any(other.was_deaf(conn.close_inv, conn.close_late) for other in others)


def _no_answer(conn: Conn, key: str, end: int, expected: str, said: str, strength: Strength) -> Finding:
    return Finding(
        code="HF504",
        strength=strength,
        key=key,
        summary=f"the Close of {conn.name} was not answered with a Close",
        expected=expected,
        observed=said,
        witness=(conn.close_inv, end),
        conns=(conn.name,),
        proof="deadline" if key == "silent" else "state",
        dial="policy.answers_close = false",
    )


def _names_codes(policy: Policy) -> bool:
    return policy.close_codes != CloseCodes()


def _answers(policy: Policy) -> bool:
    return policy.answers_close


INVARIANTS = (
    Invariant(
        "HF503",
        "close-code",
        "closing",
        "A connection that is closed for malformed or too large input, or a shutdown, is closed with a declared code.",
        "It was a member and had given exactly one cause, for which codes are declared. A FIN without a Close frame "
        "counts as 1006; a reset may have swallowed the frame and proves nothing. If for 0.25 s before the end "
        "nothing shows that the server ran (the process of this connection, if there is no frame: the control pair may "
        "be with another), it may have stood still and given the peer up: inconclusive.",
        "policy.close_codes",
        (
            "https://github.com/pgjones/hypercorn/issues/125",
            "https://github.com/openhab/openhab-core/issues/4587",
            "https://github.com/Kludex/uvicorn/pull/1738",
        ),
        close_code,
        _names_codes,
    ),
    Invariant(
        "HF504",
        "close-unanswered",
        "closing",
        "The server answers a Close with a Close.",
        "RFC 6455, 5.5.1. The member had given no other cause, its code is one that may be sent, and the deadline "
        "passed in healthy time since the Close and since the last progress with what anybody had sent before it "
        "(once more, if nobody was seen to get what that one had sent); or a FIN came with no Close frame "
        "before it, no later than 0.25 s after the Close or the last frame on this connection. A reset proves nothing: "
        "it may have swallowed the frame. The last byte of the Close comes by itself, in a TCP segment of its own: so "
        "hubfuzz chooses the instant of whatever it sends.",
        "policy.answers_close, policy.deadline",
        (
            "https://github.com/jupyter-server/jupyter_server/pull/1628",
            "https://github.com/aio-libs/aiohttp/issues/1002",
        ),
        close_unanswered,
        _answers,
    ),
)
