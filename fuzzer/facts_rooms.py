"""Reads the events that begin and end stays: answers to requests to join and to leave, and the requests themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from fuzzer.facts_records import NEVER, Conn, Episode, Leave, Subscription
from fuzzer.history import Joined, PingInv, QueryInv, SendInv, SubInv, SubRej, UnsubInv, UnsubOk

if TYPE_CHECKING:
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
    notes.joins.append((i, e))
    conn.besides.append(i)
    waiting = [s for s in conn.subscriptions.get(e.group, ()) if s.answered == NEVER]
    if waiting:
        waiting[0].answered = i
        if notes.policy.order != "none" or not _was_leaving(conn, e.group, waiting[0].inv):
            waiting[0].episode.je = min(waiting[0].episode.je, i)
    elif e.group == notes.own_group(conn.inv):
        conn.episodes[e.group][0].je = min(conn.episodes[e.group][0].je, i)


def _was_leaving(conn: Conn, group: str, at: int) -> bool:
    """Was a request to leave still open, which may be handled after the one to join?"""
    return any(leave.inv < at < leave.answered for leave in conn.leaves.get(group, ()))


def _sub_rej(notes: Notes, i: int, e: SubRej) -> None:
    conn = notes.conns.get(e.conn)
    if conn is None:
        return
    conn.besides.append(i)
    waiting = [s for s in conn.subscriptions.get(f"room:{e.room}", ()) if s.answered == NEVER]
    for subscription in waiting[:1]:
        subscription.answered = i


def _sub_inv(notes: Notes, i: int, e: SubInv) -> None:
    conn = notes.conns.get(e.conn)
    if conn is None:
        return
    spoke(notes, i, e)
    group = f"room:{e.room}"
    episodes = conn.episodes.setdefault(group, [])
    if not episodes or episodes[-1].end != NEVER:
        episodes.append(Episode(e.conn, group, i))
    conn.subscriptions.setdefault(group, []).append(Subscription(i, episodes[-1]))


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
    if waiting:
        waiting[0].answered = i


def may_be_taken_out(stay: Episode, mates: Iterable[Conn]) -> bool:
    """Did another connection of the session ask to leave, which a hub may have come to only after ``stay`` began?"""
    leaves = (leave for mate in mates for leave in mate.leaves.get(stay.group, ()))
    return any(leave.answered > stay.begin for leave in leaves)


ROOM_STEPS: dict[type, Callable[..., None]] = {
    Joined: _joined,
    SubInv: _sub_inv,
    SubRej: _sub_rej,
    UnsubInv: _unsub_inv,
    UnsubOk: _unsub_ok,
}
