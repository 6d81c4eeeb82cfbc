"""The codecs of the ``[protocol]`` table: JSON, plain text, or a Python class. ``read`` is the hottest path of all."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from fuzzer.payload import MARK
from fuzzer.target.config import AnyProtocol, ClassProtocol, JsonProtocol, Match, Pattern, TextProtocol
from fuzzer.target.errors import TargetError
from fuzzer.target.paths import NOTHING, flatten, look_up, split_path
from fuzzer.target.protocol import (
    TEXT_KEPT,
    Accepted,
    Codec,
    Message,
    NotPublished,
    NotSubscribed,
    Other,
    Presence,
    Reading,
    Subscribed,
    Unsubscribed,
    Welcome,
    no_rooms,
    other,
)
from fuzzer.target.template import Template, json_inside, json_outside


def codec_for(spec: AnyProtocol, accepted: Match | None = None, folder: str = "") -> Codec:
    """The codec of a ``[protocol]`` table; ``folder`` is where a class may lie. Raises ``TargetError``."""
    if isinstance(spec, ClassProtocol):
        return load_codec(spec.name, folder)
    if isinstance(spec, TextProtocol):
        return TextCodec(spec)
    return JsonCodec(spec, accepted)


class _TemplateCodec(Codec):
    """Sends what the templates of the target file say."""

    def __init__(self, spec: JsonProtocol | TextProtocol, escape: Callable[[str], str]) -> None:
        self._publish = Template(spec.publish, escape)
        self._publish_room = spec.publish_room and Template(spec.publish_room, escape)
        self._subscribe = spec.subscribe and Template(spec.subscribe, escape)
        self._unsubscribe = spec.unsubscribe and Template(spec.unsubscribe, escape)
        self._query = isinstance(spec, JsonProtocol) and spec.query and Template(spec.query, escape)
        self.has_presence = bool(self._query)
        self.has_rooms = bool(spec.publish_room and spec.subscribe)
        self.has_welcome = spec.welcome is not None
        self.has_subscribed = spec.subscribed is not None
        self.has_unsubscribed = spec.unsubscribed is not None

    def publish(self, msg_id: str, body: str, room: str | None = None, user: str = "") -> str:
        if room is None:
            return self._publish.fill(id=msg_id, body=body, user=user)
        if not self._publish_room:
            raise no_rooms("publish_room")
        return self._publish_room.fill(id=msg_id, body=body, room=room, user=user)

    def subscribe(self, room: str, user: str = "") -> str:
        if not self._subscribe:
            raise no_rooms("subscribe")
        return self._subscribe.fill(room=room, user=user)

    def unsubscribe(self, room: str, user: str = "") -> str:
        if not self._unsubscribe:
            raise no_rooms("unsubscribe")
        return self._unsubscribe.fill(room=room, user=user)

    def query(self, user: str = "") -> str:
        return self._query.fill(user=user) if self._query else super().query(user)


class _JsonRule:
    """One kind of JSON frame: its conditions and paths, split once."""

    def __init__(self, spec: Match) -> None:
        self._conditions = tuple((split_path(path), value) for path, value in flatten(spec.match).items())
        self.weight = len(self._conditions)
        self._id = split_path(spec.id or "id")
        self._body = split_path(spec.body or "body")
        self._body_named = spec.body is not None
        self._room = None if spec.room is None else split_path(spec.room)
        self._user = None if spec.user is None else split_path(spec.user)
        self._users = split_path(spec.users or "users")

    def fits(self, tree: object) -> bool:
        for path, value in self._conditions:
            found = look_up(tree, path)
            if found != value or (type(found) is bool) is not (type(value) is bool):  # 1 == True in Python
                return False
        return True

    def message(self, tree: object) -> Message | None:
        found, body = self.id(tree), _text(look_up(tree, self._body))
        if found is None or (body is None and self._body_named):  # a receipt, say, which has the id alone
            return None
        return Message(found, body or "", self.room(tree))

    def id(self, tree: object) -> str | None:
        return _text(look_up(tree, self._id))

    def room(self, tree: object) -> str | None:
        return None if self._room is None else _text(look_up(tree, self._room))

    def user(self, tree: object) -> str | None:
        return None if self._user is None else _text(look_up(tree, self._user))

    def presence(self, tree: object) -> Presence | None:
        found = look_up(tree, self._users)
        if not isinstance(found, list):
            return None
        return Presence(tuple(name for entry in found if (name := _text(entry)) is not None))


def _text(found: object) -> str | None:
    """Text as it is; anything else as its JSON, so that a body that changed its type is not the one that was sent."""
    if type(found) is str:
        return found
    return None if found is NOTHING or found is None else _json(found)


def _json(tree: object) -> str:
    """Back into text. What is nested as deep as the decoder just takes may be too deep for the encoder."""
    try:
        return msgspec.json.encode(tree).decode()
    except RecursionError:
        return "(nested too deep)"


_JSON_KINDS: dict[str, Callable[[_JsonRule, object], Reading | None]] = {
    "deliver": lambda rule, tree: rule.message(tree),
    "welcome": lambda rule, tree: Welcome(rule.user(tree)),
    "present": lambda rule, tree: rule.presence(tree),
    "subscribed": lambda rule, tree: Subscribed(rule.room(tree)),
    "not_subscribed": lambda rule, tree: NotSubscribed(rule.room(tree)),
    "unsubscribed": lambda rule, tree: Unsubscribed(rule.room(tree)),
    "not_published": lambda rule, tree: NotPublished(rule.id(tree)),
    "accepted": lambda rule, tree: Accepted(_json(tree)[:TEXT_KEPT]),
}


class JsonCodec(_TemplateCodec):
    """The ``json`` protocol. Of several kinds that fit a frame, the one with the most conditions counts."""

    def __init__(self, spec: JsonProtocol, accepted: Match | None = None) -> None:
        super().__init__(spec, json_inside)
        self.has_accepted = accepted is not None
        found = {kind: accepted if kind == "accepted" else getattr(spec, kind) for kind in _JSON_KINDS}
        rules = [(_JsonRule(match), _JSON_KINDS[kind]) for kind, match in found.items() if match is not None]
        self._rules = tuple(sorted(rules, key=lambda rule: -rule[0].weight))
        self._decode = msgspec.json.Decoder().decode
        self._replies = [
            (_JsonRule(Match(one.match, id=one.id)), Template(one.send, json_inside)) for one in spec.answers
        ]

    @property
    def answers(self) -> bool:
        return bool(self._replies)

    def answer(self, frame: str | bytes) -> str | None:
        tree = self._tree(frame)
        found = (template.fill(id=rule.id(tree) or "") for rule, template in self._replies if rule.fits(tree))
        return next(found, None)

    def readings(self, frame: str | bytes) -> tuple[Reading, ...]:
        """A writer may put all that waits into one frame: a line each, as in gorilla/websocket's chat example, or as
        an array. What is noise among it is noise; of a frame that holds nothing else nothing is told apart."""
        whole = self.read(frame)
        if not isinstance(whole, Other):
            return (whole,)
        found = self._elements(frame)
        return found if any(not isinstance(one, Other) for one in found) else (whole,)

    def read(self, frame: str | bytes) -> Reading:
        tree = self._tree(frame)
        return other(frame) if tree is NOTHING else self._meaning(tree) or other(frame)

    def _elements(self, frame: str | bytes) -> tuple[Reading, ...]:
        tree = self._tree(frame)
        if isinstance(tree, list):
            if not tree or not isinstance(tree[0], dict | list):  # a tag and its payload, as in ["sent", {…}]
                return (other(frame),)
            return tuple(self._meaning(one) or other(_json(one)) for one in tree)
        lines = frame.splitlines() if isinstance(frame, bytes) else frame.split("\n")
        return tuple(self.read(line) for line in lines if line.strip())

    def _tree(self, frame: str | bytes) -> object:
        try:
            return self._decode(frame)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return NOTHING

    def _meaning(self, tree: object) -> Reading | None:
        for rule, build in self._rules:
            if rule.fits(tree):
                reading = build(rule, tree)
                if reading is not None:
                    return reading
        return None


class TextCodec(_TemplateCodec):
    """The ``text`` protocol: a regular expression has to match the whole frame; the dot matches newlines too."""

    def __init__(self, spec: TextProtocol) -> None:
        super().__init__(spec, json_inside if spec.escape == "json" else str)
        self._plain = json_outside if spec.escape == "json" else str
        self._welcome, self._deliver = _compiled(spec.welcome), _compiled(spec.deliver)
        self._not_published = _compiled(spec.not_published)
        answers = (
            (spec.subscribed, Subscribed),
            (spec.not_subscribed, NotSubscribed),
            (spec.unsubscribed, Unsubscribed),
        )
        self._answers = [(regex, kind) for pattern, kind in answers if (regex := _compiled(pattern)) is not None]

    def readings(self, frame: str | bytes) -> tuple[Reading, ...]:
        """A writer may put all that waits into one frame, a line each, as gorilla/websocket's chat example does. A
        line begins a message if it has an id of hubfuzz's; a body may have lines, too."""
        if not isinstance(frame, str) or "\n" not in frame:
            return (self.read(frame),)
        pieces: list[str] = []
        for line in frame.split("\n"):
            if not pieces or self._begins(line):
                pieces.append(line)
            else:
                pieces[-1] += f"\n{line}"
        return tuple(self.read(piece) for piece in pieces)

    def _begins(self, line: str) -> bool:
        found = self.read(line)
        return found.id.startswith(MARK) if isinstance(found, Message) else not isinstance(found, Other)

    def read(self, frame: str | bytes) -> Reading:
        if not isinstance(frame, str):
            return other(frame)
        if self._welcome and self._welcome.fullmatch(frame):
            return Welcome()
        if self._not_published and (found := self._not_published.fullmatch(frame)):
            return NotPublished(self._groups(found).get("id"))
        for regex, kind in self._answers:
            if found := regex.fullmatch(frame):
                return kind(self._groups(found).get("room"))
        return self._message(frame)

    def _groups(self, found: re.Match[str]) -> dict[str, str]:
        return {name: self._plain(text) for name, text in found.groupdict().items() if text is not None}

    def _message(self, frame: str) -> Message | Other:
        found = self._deliver and self._deliver.fullmatch(frame)
        groups = self._groups(found) if found else {}
        if groups.get("id") is None:
            return other(frame)
        return Message(groups["id"], groups.get("body") or "", groups.get("room"))


def _compiled(pattern: Pattern | None) -> re.Pattern[str] | None:
    return None if pattern is None else re.compile(pattern.regex, re.DOTALL)


def load_codec(name: str, folder: str = "") -> Codec:
    """An instance of the class ``module:Name``; raises ``TargetError`` if there is none that is a ``Codec``."""
    module_name, colon, class_name = name.partition(":")
    if not (module_name and colon and class_name):
        raise TargetError(f"protocol.class: found {name!r}, expected 'module:Name'")
    try:
        with _importable(folder):
            module = importlib.import_module(module_name)
        made = getattr(module, class_name)()
    except Exception as error:
        detail = " ".join(f"{type(error).__name__}: {error}".split())
        raise TargetError(f"protocol.class: cannot use {name!r}: {detail}") from None
    if not isinstance(made, Codec):
        raise TargetError(f"protocol.class: {name!r} is not a subclass of fuzzer.target.Codec")
    return made


@contextmanager
def _importable(folder: str) -> Iterator[None]:
    """Modules beside the target file can be imported."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
