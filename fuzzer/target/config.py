"""The tables of a target file as values. Their names are the keys of the file; docstrings say what each one means."""

from __future__ import annotations

import os
from typing import Any, Literal

import msgspec

from fuzzer.target.errors import TargetError
from fuzzer.values import Value

REDACTED = "***"


class EnvRef(Value):
    """A value that comes from an environment variable and is written nowhere: ``{env = "JWT_SECRET"}``."""

    env: str


Secret = str | EnvRef


def reveal(value: Secret, where: str) -> str:
    """The text itself; raises ``TargetError`` if the environment or a failure file does not hold it."""
    if isinstance(value, EnvRef):
        if value.env not in os.environ:
            raise TargetError(f"{where}: environment variable {value.env} is not set")
        return os.environ[value.env]
    if value == REDACTED:
        raise TargetError(f"{where}: was left out when this target was saved; give the target file again")
    return value


class NoAuth(Value, tag_field="kind", tag="none"):
    """No token. Users are told apart by ``{user}`` in the URL, in a header, or in a first ``message``."""

    message: str | None = None


class Match(Value):
    """A frame is of this kind if every field at these paths has this value; the others are paths, too.

    ``user``, in ``welcome``: as whom the hub counts the connection. ``users``, in ``present``: the list of names.
    Where a hub also tells unasked who is present, ``match`` should fit the answers alone.
    """

    match: dict[str, Any] = {}
    id: str | None = None
    body: str | None = None
    room: str | None = None
    user: str | None = None
    users: str | None = None


class JwtAuth(Value, tag_field="kind", tag="jwt"):
    """A fresh JSON Web Token (RFC 7519) for each connection.

    ``place`` is ``query:NAME``, ``header:NAME=VALUE with {token}``, ``cookie:NAME``, ``subprotocol:a,{token}`` or
    ``message`` (then ``message`` is the first frame, ``accepted`` the frame that answers a good one: hubfuzz says
    nothing more before it). The first frame may be JSON or any other text: ``40{"token":"{token}"}``.
    """

    secret: Secret
    algorithm: str = "HS256"
    claims: dict[str, Any] = msgspec.field(default_factory=lambda: {"sub": "{user}"})
    lifetime: str | int = "15m"
    place: str = "query:token"
    message: str | None = None
    accepted: Match | None = None


class Answer(Value):
    """What a client has to say to a frame of this kind, at once: a pong of the application, a receipt.

    ``send``: a template; ``{id}`` in it stands for what lies at the path ``id``.
    """

    match: dict[str, Any]
    send: str
    id: str | None = None


class JsonProtocol(Value, tag_field="kind", tag="json"):
    """Frames are JSON. What is sent are templates, what is read is recognised by ``Match``.

    ``not_published``: what a sender is told whose message the hub does not take, too many in a second or of characters
    that it does not allow, say; ``id``: where that message's is, if it is in there. Such a message is owed to nobody.
    """

    publish: str
    deliver: Match
    publish_room: str | None = None
    subscribe: str | None = None
    unsubscribe: str | None = None
    welcome: Match | None = None
    subscribed: Match | None = None
    not_subscribed: Match | None = None
    unsubscribed: Match | None = None
    not_published: Match | None = None
    query: str | None = None
    present: Match | None = None
    answers: tuple[Answer, ...] = ()


class Pattern(Value):
    """A frame is of this kind if the regular expression matches all of it; groups: ``id``, ``body``, ``room``."""

    regex: str


class TextProtocol(Value, tag_field="kind", tag="text"):
    """Frames are plain text. ``escape`` ``json``: but ids, bodies, rooms and users stand in JSON strings within it, as
    in ``42["chat",{"body":"{body}"}]``, and so does what the groups of the patterns match."""

    publish: str
    deliver: Pattern
    publish_room: str | None = None
    subscribe: str | None = None
    unsubscribe: str | None = None
    welcome: Pattern | None = None
    subscribed: Pattern | None = None
    not_subscribed: Pattern | None = None
    unsubscribed: Pattern | None = None
    not_published: Pattern | None = None
    escape: Literal["none", "json"] = "none"


class ClassProtocol(Value, tag_field="kind", tag="class"):
    """A Python class ``module:Name``, a subclass of ``fuzzer.target.Codec``, found beside the target file too."""

    name: str = msgspec.field(name="class")


AnyAuth = NoAuth | JwtAuth
AnyProtocol = JsonProtocol | TextProtocol | ClassProtocol


class Count(Value):
    """One of the server's own numbers: GET ``url`` answers JSON, ``path`` leads to a whole number in it."""

    url: str
    path: str


class Probe(Value):
    """What else can be seen of the server. ``counts`` must be back at their first value when all have left.

    In the file each count is a key of its own: ``connections = {url = "...", path = "..."}``.
    """

    counts: dict[str, Count] = {}
    process: bool = True
    log_errors: tuple[str, ...] = ()
