"""Checks of the ``[protocol]`` table, with a rehearsal: what is sent must be what the hub can read."""

from __future__ import annotations

import itertools
import re

from fuzzer.target.check_url import check_placeholders
from fuzzer.target.complaint import shown
from fuzzer.target.config import Answer, JsonProtocol, Match, TextProtocol
from fuzzer.target.errors import TargetError
from fuzzer.target.model import Target
from fuzzer.target.paths import flatten
from fuzzer.target.template import gives_json, names_in

MUST_HOLD = {
    "publish": ("id", "body"),
    "publish_room": ("id", "body", "room"),
    "subscribe": ("room",),
    "unsubscribe": ("room",),
    "query": (),
}
KINDS = ("deliver", "welcome", "subscribed", "not_subscribed", "unsubscribed", "not_published", "present")


def check_protocol(target: Target) -> None:
    """Raise what is wrong with ``target.protocol``."""
    spec = target.protocol
    if not isinstance(spec, JsonProtocol | TextProtocol):
        target.codec()
        return
    for name, words in MUST_HOLD.items():
        text = getattr(spec, name, None)  # the text protocol has no presence
        if text is not None:
            _check_template(f"protocol.{name}", text, words, is_json=isinstance(spec, JsonProtocol))
    _check_rooms(spec)
    if isinstance(spec, TextProtocol):
        _check_patterns(spec)
    else:
        _check_matches(target, spec)
        for number, one in enumerate(spec.answers):
            _check_answer(f"protocol.answers[{number}]", one)


def _check_answer(key: str, answer: Answer) -> None:
    check_match(key, Match(answer.match, id=answer.id))
    check_placeholders(f"{key}.send", answer.send, ("id",))
    if "id" in names_in(answer.send) and answer.id is None:
        raise TargetError(f'{key}.id: missing; {{id}} in send needs the path to it, such as "id"')
    check_json(f"{key}.send", answer.send)


def _check_template(key: str, text: str, words: tuple[str, ...], *, is_json: bool) -> None:
    check_placeholders(key, text, (*words, "user"))
    for word in words:
        if word not in names_in(text):
            raise TargetError(f"{key}: found {text!r}, which lacks {{{word}}}")
    if is_json:
        check_json(key, text)


def check_json(key: str, text: str) -> None:
    """Refuse a template that does not give JSON once it is filled in."""
    if not gives_json(text):
        raise TargetError(f'{key}: found {text!r}, which is not JSON; placeholders stand within quotes: "{{id}}"')


def _check_rooms(spec: JsonProtocol | TextProtocol) -> None:
    given = {name for name in ("publish_room", *MUST_HOLD, *KINDS) if getattr(spec, name, None) is not None}
    needs = {
        "publish_room": "subscribe",
        "subscribe": "publish_room",
        "unsubscribe": "subscribe",
        "subscribed": "subscribe",
        "not_subscribed": "subscribed",
        "unsubscribed": "unsubscribe",
        "query": "present",
        "present": "query",
    }
    for name, needed in needs.items():
        if name in given and needed not in given:
            raise TargetError(f"protocol.{needed}: missing; protocol.{name} needs it")


def _check_matches(target: Target, spec: JsonProtocol) -> None:
    matches = {f"protocol.{name}": getattr(spec, name) for name in KINDS}
    matches["auth.accepted"] = getattr(target.auth, "accepted", None)
    given = {key: match for key, match in matches.items() if match is not None}
    for key, match in given.items():
        check_match(key, match, may_be_empty=key == "protocol.deliver")
    if spec.present is not None and spec.present.users is None:
        raise TargetError('protocol.present.users: missing; expected the path to the list of names, such as "users"')
    for (one, first), (two, second) in itertools.combinations(given.items(), 2):
        if flatten(first.match) == flatten(second.match):
            hint = "; leave auth.accepted out" if two == "auth.accepted" and one == "protocol.welcome" else ""
            raise TargetError(f"{two}.match: is the same as {one}.match, so their frames cannot be told apart{hint}")


def check_match(key: str, match: Match, *, may_be_empty: bool = False) -> None:
    """Refuse what would fit every frame, or what no JSON can hold."""
    if not match.match and not may_be_empty:
        raise TargetError(f'{key}.match: missing, so every frame would fit; expected for example {{type = "welcome"}}')
    for path, value in flatten(match.match).items():
        if not isinstance(value, str | int | float | bool | list):
            raise TargetError(f"{key}.match.{path}: found {shown(value)}, expected text, a number, true or false")
    for name in ("id", "body", "room", "user", "users"):
        if getattr(match, name) == "":
            raise TargetError(f'{key}.{name}: found "", expected a path into the frame such as "payload.{name}"')


def _check_patterns(spec: TextProtocol) -> None:
    for name in KINDS:
        pattern = getattr(spec, name, None)
        if pattern is not None:
            groups = _groups(f"protocol.{name}.regex", pattern.regex)
            lacking = {"id", "body"} - groups if name == "deliver" else set()
            if lacking:
                word = sorted(lacking)[0]
                raise TargetError(f"protocol.{name}.regex: lacks the group (?P<{word}>...)")


def _groups(key: str, regex: str) -> set[str]:
    try:
        return set(re.compile(regex, re.DOTALL).groupindex)
    except re.error as error:
        raise TargetError(f"{key}: found {regex!r}, which is no regular expression: {error}") from None
