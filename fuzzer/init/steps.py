"""The steps of a first look at a hub: what each one saw, and what to change in the target file.

Nothing here convicts: a step that fails says that the target file and the hub do not go together as they are.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Final

from fuzzer.init.frames import deliver_of, type_of
from fuzzer.init.limits import limit
from fuzzer.init.step import QUIET, Step
from fuzzer.init.visitor import Visitor, Visits
from fuzzer.plan import TokenKind
from fuzzer.target.model import Target
from fuzzer.target.probe import ProbeError, read_counts
from fuzzer.target.protocol import Codec, Message, Welcome
from fuzzer.target.redact import without_tokens

BODY: Final = "a body from hubfuzz init"
BAD_TOKENS: Final[tuple[TokenKind, ...]] = ("wrong-signature", "expired", "none")
CHANGED = 'protocol.deliver.body; or policy.body = "any", if the hub changes bodies'
SHOWN: Final = 120


async def look(visits: Visits) -> AsyncIterator[Step]:
    """One step after the other; the later ones only if the earlier ones leave something to look at."""
    first = await connect(visits)
    yield first
    if first.outcome == "change":
        return
    yield await tokens(visits)
    for step in (join, publish, limit, probe):
        step_seen = await step(visits)
        visits.leave()
        yield step_seen


async def connect(visits: Visits) -> Step:
    """Is somebody with a good token let in?"""
    visitor = await visits.open(visits.user("first"))
    await visitor.until(lambda: bool(visitor.frames) or not visitor.is_open, QUIET)
    if visitor.is_open:
        return Step("connect", "ok", "a connection with a good token was let in")
    return Step("connect", "change", _why_not(visitor), _advice(visits.target, visitor))


async def tokens(visits: Visits) -> Step:
    """Are bad tokens refused?"""
    if not visits.target.has_tokens:
        return Step("token", "skipped", "auth.kind is none: there are no tokens that could be bad")
    seen = {kind: await _token(visits, kind) for kind in BAD_TOKENS}
    let_in = [kind for kind, how in seen.items() if not how]
    if let_in:
        dial = [kind for kind in visits.target.policy.refuse_tokens if kind not in let_in]
        return Step(
            "token",
            "hint",
            f"let in, or at least not refused within {QUIET:g} s: tokens that are {', '.join(let_in)}",
            f"hubfuzz run will report this (HF601); if it is meant so: policy.refuse_tokens = {json.dumps(dial)}",
        )
    return Step("token", "ok", "; ".join(f"{kind}: {how}" for kind, how in seen.items()))


async def _token(visits: Visits, kind: TokenKind) -> str:
    """How it was refused; empty if it was not."""
    visitor = await visits.open(visits.user(f"token-{kind}"), kind)
    await visitor.until(lambda: not visitor.is_open, QUIET)
    if visitor.is_open and kind == "none" and getattr(visits.target.auth, "message", None) is not None:
        return "waited for"  # nothing was sent: that shows nobody as a member
    return "" if visitor.is_open else visitor.end


async def join(visits: Visits) -> Step:
    """Does the hub say when somebody is a member?"""
    visitor = await visits.open(visits.user("join"))
    codec = visits.target.codec()
    await visitor.until(lambda: any(isinstance(r, Welcome) for f in visitor.frames for r in codec.readings(f)), QUIET)
    if any(isinstance(r, Welcome) for f in visitor.frames for r in codec.readings(f)):
        if visits.target.policy.join_evidence == "welcome":
            return Step("join", "ok", "the frame of protocol.welcome came")
        dial = 'policy.join_evidence = "welcome", if it is sent only to who is a member already'
        return Step("join", "hint", "the frame of protocol.welcome came", dial)
    if codec.has_welcome:
        return Step("join", "change", _frames("protocol.welcome did not come", visitor), "protocol.welcome")
    if visitor.frames and (kind := type_of(visitor.frames[0])):
        change = f'if that is its welcome: protocol.welcome = {{match = {{type = "{kind}"}}}}'
        return Step("join", "hint", _frames("a frame came unasked", visitor), change)
    return Step("join", "ok", "no welcome: somebody is a member once a message arrives")


async def publish(visits: Visits) -> Step:
    """Does a message reach the same user's other tab, and does its sender get it, and a stranger?"""
    target, codec = visits.target, visits.target.codec()
    if target.policy.group == "room":
        return Step("publish", "skipped", "policy.group is room; hubfuzz run looks at rooms")
    user = visits.user("publish")
    sender = await visits.open(user)
    alone = target.policy.limit is not None and target.policy.limit.max == 1
    receiver = sender if alone else await visits.open(user)
    stranger = await visits.open(visits.user("stranger"))
    if not (sender.is_open and receiver.is_open):
        return Step("publish", "change", f"a second tab of one user: {_why_not(receiver)}", "policy.limit")
    await receiver.until(lambda: False, QUIET)  # a hub without a welcome may take a while to register
    name = visits.user("message")
    await sender.send(codec.publish(name, BODY, None, user))
    if not await receiver.until(lambda: _has(codec, receiver, name)):
        return Step(
            "publish",
            "change",
            _frames("what was published did not come back", receiver),
            deliver_of(receiver.frames, name, BODY),
        )
    await sender.until(lambda: _has(codec, sender, name), QUIET)
    return _delivered(target, _has(codec, sender, name), _has(codec, stranger, name), receiver, name)


def _delivered(target: Target, echoed: bool, overheard: bool, receiver: Visitor, name: str) -> Step:
    read = (r for f in receiver.frames for r in target.codec().readings(f))
    body = next(r.body for r in read if isinstance(r, Message) and r.id == name)
    saw = f"the message came; its sender {'got' if echoed else 'did not get'} it too"
    if body != BODY:
        return Step("publish", "change", f"{saw}; its body came as {body[:SHOWN]!r}", CHANGED)
    if overheard and target.policy.group == "user":
        return Step("publish", "change", f"{saw}, and so did another user", 'policy.group = "all", if that is meant')
    echo = "always" if echoed else "never"
    if target.policy.echo != echo:
        return Step("publish", "hint", saw, f'policy.echo = "{echo}", if the hub promises it')
    return Step("publish", "ok", saw)


async def probe(visits: Visits) -> Step:
    """Can the server's own counts be read?"""
    target = visits.target
    if not target.probe.counts:
        return Step("probe", "skipped", "no counts in [probe]: leaks that only the hub's own counts show stay unseen")
    try:
        counts = await read_counts(target, visits.port)
    except ProbeError as error:
        return Step("probe", "change", str(error), "the url and path of this count in [probe]")
    return Step("probe", "ok", ", ".join(f"{name} = {number}" for name, number in counts.items()))


# ---- words -----------------------------------------------------------------------------------------------------------


def _has(codec: Codec, visitor: Visitor, name: str) -> bool:
    read = (reading for frame in visitor.frames for reading in codec.readings(frame))
    return any(isinstance(found, Message) and found.id == name for found in read)


def _why_not(visitor: Visitor) -> str:
    if visitor.closed is not None:
        return without_tokens(f"a connection with a good token was closed ({visitor.closed[0]} {visitor.closed[1]})")
    return visitor.refusal or "the connection ended at once"


def _advice(target: Target, visitor: Visitor) -> str:
    if visitor.by in ("reset", "timeout", "eof") or (visitor.by == "status" and visitor.code == 404):
        return "target.url: is this where the hub speaks WebSocket?"
    keys = "auth.secret, auth.claims and auth.place" if target.has_tokens else "auth.kind and target.headers"
    return f"{keys}: are they what the hub expects?"


def _frames(what: str, visitor: Visitor) -> str:
    if not visitor.frames:
        return f"{what}; no frame came at all"
    frame = visitor.frames[-1]
    text = frame if isinstance(frame, str) else bytes(frame[: 4 * SHOWN]).decode("utf-8", "replace")
    return f"{what}; the last frame was {without_tokens(text)[:SHOWN]!r}"


__all__ = ["Step", "look"]
