"""Reads the events that begin and end stays: answers to requests to join and to leave, and the requests themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from fuzzer.facts_records import NEVER, Conn, Episode, Leave, Message, Subscription
from fuzzer.history import Event, Joined, PingInv, QueryInv, SendInv, SubInv, SubRej, UnsubInv, UnsubOk

if TYPE_CHECKING:
    from fuzzer.facts import Facts
    from fuzzer.facts_reading import Notes


def spoke(notes: Notes, i: int, e: QueryInv | PingInv | SubInv | SendInv) -> None:
    """A connection sends something that a server must notice."""
    if e.conn in notes.conns:
        notes.conns[e.conn].spoke.append(i)


def _joined(notes: Notes, i: int, e: Joined) -> None:
    """The k-th answer belongs to the k-th subscription; if the hub answers fewer, evidence comes later, never early."""
    conn = notes.conns.get(e.conn)
    if conn is None:
        return
    conn.besides.append(i)
    own = e.group == notes.own_group(conn.inv)
    if own and notes.policy.join_evidence == "broadcast":  # a greeting, that may be said before anything is done
        return
    notes.joins.append((i, e))
    waiting = _unanswered(conn, e.group)
    if waiting and not notes.rooms_are_news:
        waiting[0].answered, stay = i, waiting[0].episode
        if notes.policy.order != "none" or not _was_leaving(conn, e.group, waiting[0].inv):
            stay.je, stay.owed_from = min(stay.je, i), min(stay.owed_from, i)
    elif own:
        _welcomed(notes, i, e.conn, conn.episodes[e.group][0])


def _welcomed(notes: Notes, i: int, conn: str, stay: Episode) -> None:
    """Its own welcome is the last of several at the latest: the others may be news of other tabs. Not where a hub may
    say anything twice."""
    before = notes.welcomed.get(conn) if notes.policy.delivery == "at-most-once" else None
    notes.welcomed[conn] = i
    stay.je = i if stay.je == before else min(stay.je, i)
    stay.owed_from = i if stay.owed_from == before else min(stay.owed_from, i)


def _was_leaving(conn: Conn, group: str, at: int) -> bool:
    """Was a request to leave still open, which may be handled after the one to join?"""
    return any(leave.inv < at < leave.answered for leave in conn.leaves.get(group, ()))


def _sub_rej(notes: Notes, i: int, e: SubRej) -> None:
    conn = notes.conns.get(e.conn)
    if conn is None:
        return
    conn.besides.append(i)
    waiting = _unanswered(conn, f"room:{e.room}")
    for subscription in waiting[:1] if not notes.rooms_are_news else ():
        subscription.answered = i


def _sub_inv(notes: Notes, i: int, e: SubInv) -> None:
    conn = notes.conns.get(e.conn)
    if conn is None:
        return
    spoke(notes, i, e)
    group = f"room:{e.room}"
    episodes = conn.episodes.setdefault(group, [])
    if not episodes or episodes[-1].end != NEVER or not episodes[-1].asked:
        later = notes.rooms_are_answered and notes.policy.join_evidence == "welcome"
        episodes.append(Episode(e.conn, group, i, owed_from=NEVER if later else -1))
    conn.subscriptions.setdefault(group, []).append(Subscription(i, episodes[-1]))


def published(notes: Notes, i: int, e: SendInv) -> None:
    """Who speaks in a room that it is not in may be in it from then on: a stay that acquits, and convicts nobody."""
    episodes = notes.conns[e.conn].episodes.get(e.group, [])
    if notes.policy.publish_joins and e.group.startswith("room:") and (not episodes or episodes[-1].end != NEVER):
        stay = Episode(e.conn, e.group, i, owed_from=NEVER, asked=False)
        notes.conns[e.conn].episodes[e.group] = [*episodes, stay]
        notes.conns[e.conn].subscriptions.setdefault(e.group, []).append(Subscription(i, stay))


def _unanswered(conn: Conn, group: str) -> list[Subscription]:
    asked = (s for s in conn.subscriptions.get(group, ()) if s.episode.asked)
    return [s for s in asked if s.answered == NEVER]


def _unsub_inv(notes: Notes, i: int, e: UnsubInv) -> None:
    conn = notes.conns.get(e.conn)
    if conn is None:
        return
    group = f"room:{e.room}"
    conn.spoke.append(i)
    for episode in conn.episodes.get(group, [])[-1:]:
        episode.end = min(episode.end, i)
    leave = Leave(i)
    conn.leaves.setdefault(group, []).append(leave)
    notes.unsubscribed.append((e.conn, group, leave))


def _unsub_ok(notes: Notes, i: int, e: UnsubOk) -> None:
    conn = notes.conns.get(e.conn)
    if conn is None:
        return
    conn.besides.append(i)
    waiting = [leave for leave in conn.leaves.get(f"room:{e.room}", ()) if leave.answered == NEVER]
    if waiting and not notes.rooms_are_news:
        waiting[0].answered = i


def rooms_are_news(events: Iterable[Event]) -> bool:
    """Is who joined or left told to others, too, unasked? Then what is read may be about anybody."""
    open_requests: Counter[tuple[str, str, bool]] = Counter()
    for e in (e for e in events if type(e) in ROOM_STEPS):
        if isinstance(e, SubInv | UnsubInv):
            open_requests[e.conn, e.room, isinstance(e, UnsubInv)] += 1
            continue
        about = _answered(e)
        if about is None:
            continue
        if not open_requests[about]:
            return True
        open_requests[about] -= 1
    return False


def rooms_are_answered(events: Iterable[Event]) -> bool:
    """Does the hub say to whom it belongs that a room was joined, so that "yes" can be waited for as for a welcome?"""
    return any(isinstance(e, Joined) and e.group.startswith("room:") for e in events)


def refused_rooms(events: Iterable[Event]) -> frozenset[tuple[str, str]]:
    """(connection, group) of every subscription that was refused at any time."""
    return frozenset((e.conn, f"room:{e.room}") for e in events if isinstance(e, SubRej))


def _answered(e: Event) -> tuple[str, str, bool] | None:
    if isinstance(e, Joined):
        return (e.conn, e.group.removeprefix("room:"), False) if e.group.startswith("room:") else None
    return (e.conn, e.room, isinstance(e, UnsubOk)) if isinstance(e, SubRej | UnsubOk) else None


def may_be_taken_out(stay: Episode, mates: Iterable[Conn]) -> bool:
    """Did another connection of the session ask to leave, which a hub may have come to only after ``stay`` began?"""
    leaves = (leave for mate in mates for leave in mate.leaves.get(stay.group, ()))
    return any(leave.answered > stay.begin for leave in leaves)


def most_subscriptions(facts: Facts, conn: Conn, message: Message, at: int) -> int:
    """How many subscriptions, begun before ``at``, may be open while ``message`` was on its way.

    Each takes a copy in a hub that counts them so. One leaving that was confirmed before the message was sent has ended
    one, if there was any; where requests are handled in any order, there was only if all had been answered. Who takes a
    session over may get what any of its connections has asked for.
    """
    asked = [s for s in conn.subscriptions.get(message.group, ()) if s.inv < at]
    left = [leave for leave in conn.leaves.get(message.group, ()) if leave.answered < message.inv]
    if facts.policy.order == "none":
        left = [leave for leave in left if all(s.answered < leave.inv for s in asked if s.inv < leave.inv)]
    count = 0
    for _, change in sorted([*((s.inv, 1) for s in asked), *((leave.inv, -1) for leave in left)]):
        count = max(count + change, 0)
    mates = (s for mate in facts.mates(conn) for s in mate.subscriptions.get(message.group, ()))
    return count + sum(s.inv < at for s in mates)


ROOM_STEPS: dict[type, Callable[..., None]] = {
    Joined: _joined,
    SubInv: _sub_inv,
    SubRej: _sub_rej,
    UnsubInv: _unsub_inv,
    UnsubOk: _unsub_ok,
}
