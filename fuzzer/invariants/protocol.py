"""Every frame of the server is one that RFC 6455 allows (BUGS: corruption by interleaved writers, I20)."""

from __future__ import annotations

from fuzzer.facts import Conn, Facts
from fuzzer.history import CloseInv
from fuzzer.invariants.registry import Invariant
from fuzzer.verdict import Finding, Judgement

NO_CODE = 1005
# Close codes that may stand in a frame: of the protocol and its registry (1004 to 1006 and 1015 may not), and private
# ones (RFC 6455, 7.4). 1005 stands in a plan for a Close without a code.
SENDABLE = (range(1000, 1004), range(1007, 1015), range(3000, 5000))


def protocol_error(facts: Facts) -> Judgement:
    """Bytes that RFC 6455 forbids, to a connection that had sent none such itself."""
    opened = [conn for conn in facts.conns.values() if conn.open_ok < len(facts.events)]
    findings = []
    for i, e in facts.bad:
        conn = facts.conns.get(e.conn)
        if conn is not None and not conn.garbled(i) and not _ill_closed(facts, conn, i) and conn.causes["stop"] > i:
            findings.append(_finding(facts, e.conn, i, e.detail))
    return Judgement("HF701", len(opened), tuple(findings))


def _ill_closed(facts: Facts, conn: Conn, index: int) -> bool:
    """Had it closed with a code that must not be sent? A server typically echoes the code (RFC 6455, 5.5.1)."""
    close = facts.events[conn.close_inv] if conn.close_inv < index else None
    return isinstance(close, CloseInv) and close.code != NO_CODE and not any(close.code in codes for codes in SENDABLE)


def _finding(facts: Facts, conn: str, index: int, detail: str) -> Finding:
    return Finding(
        code="HF701",
        strength="violated",
        key="protocol",
        summary=f"the server sent {conn} what RFC 6455 forbids: {detail}",
        expected="frames as in RFC 6455, section 5",
        observed=f"{detail} at {facts.t(index):.3f} s",
        witness=(index,),
        conns=(conn,),
    )


INVARIANTS = (
    Invariant(
        "HF701",
        "protocol-error",
        "protocol",
        "The server sends nothing that RFC 6455 forbids.",
        "The bytes were read on one TCP connection, which keeps them whole and in order; the connection had sent no "
        "malformed frame and no forbidden Close code itself, and the server was not being stopped, which may cut a "
        "frame short.",
        "",
        (
            "https://github.com/nats-io/nats-server/pull/4811",
            "https://github.com/CrowCpp/Crow/pull/1160",
            "https://github.com/paullouisageneau/libdatachannel/issues/664",
        ),
        protocol_error,
    ),
)
