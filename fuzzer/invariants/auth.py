"""A bad, expired, foreign or unsigned token gets nothing (RFC 7519, 4.1.4 and 4.1.5; RFC 8725, 3.1 and 3.2)."""

from __future__ import annotations

from fuzzer.facts import NEVER, Conn, Facts
from fuzzer.invariants.registry import Invariant
from fuzzer.policy import Policy
from fuzzer.verdict import Finding, Judgement

_TIMED = ("expired", "not-yet-valid")
CLOCK_SET = 1800.0
"""Half of the hour by which these tokens miss the present: so late, the wall clock was set, or the machine slept."""


def authentication(facts: Facts) -> Judgement:
    """A connection whose token the hub promises to refuse was treated as a member.

    A 101 alone proves nothing: servers may accept, check, and close.
    """
    impostors = [c for c in facts.conns.values() if c.inv.token in facts.policy.refuse_tokens]
    tried = [c for c in impostors if c.inv.abandon is None and min(c.open_ok, c.rejected) != NEVER]
    found = (_admitted(facts, c) for c in tried)
    return Judgement("HF601", len(tried), tuple(f for f in found if f is not None))


def _admitted(facts: Facts, conn: Conn) -> Finding | None:
    seen = [(i, f"it was welcomed in {e.group}") for i, e in facts.joins if e.conn == conn.name]
    told = [q for q in facts.answers.get(conn.name, ()) if q.answered != NEVER and q.users]
    seen += [(q.answered, f"it was told who is present: {', '.join(q.users)}") for q in told]
    for i, e in facts.deliveries:
        if e.conn == conn.name:
            seen.append((i, f"it received {e.msg}"))
        elif facts.messages[e.msg].conn == conn.name:
            seen.append((i, f"its message {e.msg} reached {e.conn}"))
    return _finding(facts, conn, *min(seen)) if seen else None


def _finding(facts: Facts, conn: Conn, index: int, observed: str) -> Finding:
    lag = facts.clock.worst_own_lag(facts.t(conn.open_inv), facts.t(index))
    doubt = conn.inv.token in _TIMED and lag >= CLOCK_SET
    return Finding(
        code="HF601",
        strength="inconclusive" if doubt else "violated",
        key=conn.inv.token,
        summary=f"{conn.name} got in with a bad token ({conn.inv.token})",
        expected="refused, or closed without having been a member",
        observed=observed,
        witness=(conn.open_inv, index),
        conns=(conn.name,),
        dial="policy.refuse_tokens",
    )


def identity(facts: Facts) -> Judgement:
    """The server counts a connection as another user than the one its good token names.

    The first name counts, unless it may be news of somebody else who came, and the own one is read as well.
    """
    told = [(i, e, facts.conns[e.conn]) for i, e in facts.names if e.conn in facts.conns]
    first = {conn.name: i for i, _, conn in reversed(told)}
    right = {conn.name for _, e, conn in told if e.user == conn.inv.user}
    mine = [(i, e, conn) for i, e, conn in told if conn.honest and first[conn.name] == i]
    wrong = [(i, e, conn) for i, e, conn in mine if e.user != conn.inv.user]
    wrong = [(i, e, conn) for i, e, conn in wrong if not (conn.name in right and _may_be_news(facts, i, e.user))]
    found: dict[str, Finding] = {}
    for i, e, conn in wrong:
        mistaken = _mistaken(facts, conn, i, e.user)
        found.setdefault(f"{mistaken.key}|{mistaken.strength}", mistaken)
    return Judgement("HF602", len(mine), tuple(sorted(found.values(), key=lambda f: f.strength != "violated")))


def _tells_news(facts: Facts) -> bool:
    """May somebody be told of others? Surely so if anybody was told two names."""
    names = {(e.conn, e.user) for _, e in facts.names}
    return facts.policy.group != "user" or len(names) > len({conn for conn, _ in names})


def _may_be_news(facts: Facts, index: int, user: str) -> bool:
    """Had a connection of that user begun to open, of which others may be told?"""
    return any(conn.open_inv < index for conn in facts.of_user(user))


def _left_early(facts: Facts, conn: Conn) -> bool:
    """Did it, perhaps, not read on to its own name?"""
    ended = min(conn.close_inv, conn.first_fault, conn.first_drop, conn.server_end)
    return ended < facts.drain or facts.may_have_stood_still(conn.open_inv, min(ended, len(facts.events) - 1))


def _mistaken(facts: Facts, conn: Conn, index: int, user: str) -> Finding:
    """A name that is nobody's of this plan may be another spelling of the right one; one of the group may be news."""
    known = user in facts.users
    news = _tells_news(facts) or _left_early(facts, conn)
    sure = known and not (news and _may_be_news(facts, index, user))
    return Finding(
        code="HF602",
        strength="violated" if sure else "inconclusive",
        key="identity" if known else "unknown-name",
        summary=f"the server counts {conn.name} of user {conn.inv.user} as {user}",
        expected=f"{conn.name} acts as {conn.inv.user}, as its token says",
        observed=f"it is {user}" + ("" if known else ", which is no user of this plan"),
        witness=(conn.open_inv, index),
        conns=(conn.name,),
        dial="protocol.welcome.user (is the name read from the right place?)",
    )


def _refuses(policy: Policy) -> bool:
    return bool(policy.refuse_tokens)


INVARIANTS = (
    Invariant(
        "HF601",
        "authentication",
        "authentication",
        "A bad, expired, not yet valid, foreign or unsigned token neither joins nor receives nor sends.",
        "Only a member is welcomed, receives, is told who is present, or has its messages delivered; an open one "
        "proves nothing. Where the clock may have been set by half an hour, nothing is said of a token's times.",
        "policy.refuse_tokens",
        ("https://github.com/cometd/cometd/issues/594", "https://github.com/home-assistant/core/issues/56760"),
        authentication,
        _refuses,
    ),
    Invariant(
        "HF602",
        "identity",
        "authentication",
        "Each connection acts as the user of its own token.",
        "The server itself says as whom it counts the connection; another user of the same plan is named. A name "
        "that is nobody's may be a spelling of the right one, and is inconclusive. The first name counts: "
        "later ones may be others', told to everybody; so may the first be, where somebody else was coming: it accuses "
        "nobody if the own name is read, too, and is inconclusive in a group of several users, and of who left early.",
        "protocol.welcome.user",
        ("https://github.com/cometd/cometd/issues/594", "https://github.com/cdapio/cdap-ui/pull/1426"),
        identity,
    ),
)
