"""What types cannot say about a target. Each check raises ``TargetError``: key, what was found, what would be right."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from pathlib import Path

from fuzzer.plan import TokenKind
from fuzzer.policy import CloseCodes, Limit, Policy
from fuzzer.target.check_auth import check_auth
from fuzzer.target.check_protocol import check_protocol
from fuzzer.target.check_url import check_hosts, check_http_url, check_placeholders, check_ws_url
from fuzzer.target.config import reveal
from fuzzer.target.errors import TargetError
from fuzzer.target.model import MOST_WORKERS, Target
from fuzzer.target.own_frames import longest_own
from fuzzer.target.place import HTTP_TOKEN
from fuzzer.target.template import hint, names_in, nearest

FORBIDDEN_HEADERS = ("host", "upgrade", "connection", "content-length", "transfer-encoding")
LEAST_BOUND = 0.5  # seconds between two round trips of the control pair that may count as healthy
MOST_LEAST = 1_000  # characters: a message that is sent byte by byte has no more
IN_START = ("port", "python")


def check_target(target: Target, allow_hosts: Collection[str] = ()) -> None:
    """Raise the first thing that is wrong."""
    check_ws_url("target.url", target.url)
    _check_start(target)
    _check_handshake(target)
    check_auth(target)
    check_protocol(target)
    _check_policy(target.policy)
    _check_size(target)
    _check_probe(target)
    check_hosts(target, allow_hosts)
    _check_promises(target)
    _check_workers(target)


def _check_workers(target: Target) -> None:
    if not 1 <= target.workers <= MOST_WORKERS:
        raise TargetError(f"target.workers: found {target.workers}, expected a number from 1 to {MOST_WORKERS}")
    if target.workers > 1 and not target.restartable:
        raise TargetError(
            f"target.workers: found {target.workers}, but each has a server of its own: that needs target.start, and "
            "{port} in target.url"
        )


def _check_start(target: Target) -> None:
    if target.ready is not None:
        check_http_url("target.ready", target.ready)
    if target.start is None:
        return _check_no_port(target)
    if not target.start or not target.start[0]:
        raise TargetError('target.start: empty; expected for example ["uvicorn", "app:app", "--port", "{port}"]')
    for word in target.start:
        _check_word("target.start", word)
    for name, value in target.env.items():
        _check_name(name)
        _check_word(f"target.env.{name}", reveal(value, f"target.env.{name}"))
    _positive("target.ready_timeout", target.ready_timeout)
    if not Path(target.cwd).is_dir():
        raise TargetError(f"target.cwd: no such folder: {target.cwd}")
    return None


def _check_name(name: str) -> None:
    """An operating system keeps variables as ``NAME=value``, ended by a NUL."""
    if not name or "=" in name or "\0" in name:
        raise TargetError(f"target.env: found {name!r}, expected names of variables: not empty, without '=' and NUL")


def _check_word(key: str, text: str) -> None:
    """Commands may hold braces of their own, so only what is nearly a placeholder is taken for one."""
    if "\0" in text:
        raise TargetError(f"{key}: holds a NUL, which no program can be given")
    for name in sorted(names_in(text) - set(IN_START)):
        if close := nearest(name, IN_START):
            raise TargetError(f"{key}: unknown placeholder {{{name}}}; did you mean {{{close}}}?")


def _check_no_port(target: Target) -> None:
    places = {"target.url": target.url, "target.ready": target.ready or ""}
    places.update({f"probe.{name}.url": count.url for name, count in target.probe.counts.items()})
    for key, text in places.items():
        if "port" in names_in(text):
            raise TargetError(
                f"{key}: found {{port}} without target.start; expected the port that the server listens on"
            )
    for key, given in {"target.ready": target.ready, "target.env": target.env}.items():
        if given:
            raise TargetError(f"{key}: needs target.start, because hubfuzz does not start this server")


def _check_handshake(target: Target) -> None:
    for name, value in target.headers.items():
        key = f"target.headers.{name}"
        if not HTTP_TOKEN.fullmatch(name):
            raise TargetError(f"{key}: is no name of a header")
        if name.lower() in FORBIDDEN_HEADERS or name.lower().startswith("sec-websocket-"):
            raise TargetError(f"{key}: belongs to the opening handshake itself; remove it")
        text = reveal(value, key)
        check_placeholders(key, text, ("user", "session"))
        if not (text.isascii() and text.isprintable()):
            raise TargetError(f"{key}: found {text!r}, expected printable ASCII")
    for entry in target.subprotocols:
        if not HTTP_TOKEN.fullmatch(entry):
            raise TargetError(f"target.subprotocols: found {entry!r}, expected a name without spaces or separators")


def _check_policy(policy: Policy) -> None:
    _check_numbers(policy)
    _check_close_codes(policy.close_codes)
    if policy.limit is not None:
        _check_limit(policy.limit)
    if policy.rate_scope != "connection" and policy.rate is None:
        raise TargetError(f'policy.rate_scope: found "{policy.rate_scope}", which needs policy.rate')
    evicts = policy.limit is not None and policy.limit.over != "reject"
    if policy.t_evict and not evicts and policy.sessions != "takeover":
        where = 'policy.limit.over = "evict-oldest" or "evict-any", or policy.sessions = "takeover"'
        raise TargetError(f"policy.t_evict: needs {where}")
    known = [kind for kind in TokenKind.__args__ if kind not in ("valid", "brief")]  # type: ignore[attr-defined]
    for kind in policy.refuse_tokens:
        if kind not in known:
            raise TargetError(f"policy.refuse_tokens: found {kind!r}; {hint(kind, known, 'one of')}")


def _check_numbers(policy: Policy) -> None:
    for name in ("deadline", "t_release", "t_detect"):
        _long_enough(f"policy.{name}", getattr(policy, name))
    for name in ("t_join", "t_evict", "t_held_up", "resources_slack"):
        _not_negative(f"policy.{name}", getattr(policy, name))
    for name in ("t_heartbeat", "t_presence", "t_expiry", "t_shutdown", "t_idle", "t_lifetime"):
        if getattr(policy, name) is not None:
            _positive(f"policy.{name}", getattr(policy, name))
    if not 0 <= policy.min_size <= MOST_LEAST:
        raise TargetError(f"policy.min_size: found {policy.min_size}, expected characters (0 to {MOST_LEAST})")
    for name in ("storm", "stall_bytes", "backlog", "max_rooms", "rate"):
        if getattr(policy, name) is not None:
            _at_least_one(f"policy.{name}", getattr(policy, name))


def _check_size(target: Target) -> None:
    most, least = target.policy.max_size, longest_own(target)
    if most is not None and most < least:
        raise TargetError(
            f"policy.max_size: found {most}, expected bytes, {least} or more: hubfuzz's own messages must get through"
        )


def _check_close_codes(codes: CloseCodes) -> None:
    for name in codes.__struct_fields__:
        for number in getattr(codes, name):
            if not 1000 <= number <= 4999:
                raise TargetError(f"policy.close_codes.{name}: found {number}, expected close codes (1000 to 4999)")


def _check_limit(limit: Limit) -> None:
    _at_least_one("policy.limit.max", limit.max)
    if limit.free < 1:
        raise TargetError(
            f'policy.limit.max: found {limit.max} with scope = "{limit.scope}", expected 2 or more: '
            "one slot goes to hubfuzz's own control connection"
        )
    for key, numbers, least, most, what in _limit_numbers(limit):
        for number in numbers:
            if not least <= number <= most:
                raise TargetError(f"{key}: found {number}, expected {what} ({least} to {most})")


def _limit_numbers(limit: Limit) -> Iterator[tuple[str, tuple[int, ...], int, int, str]]:
    yield "policy.limit.codes", limit.codes, 1000, 4999, "close codes"
    yield "policy.limit.statuses", limit.statuses, 300, 599, "HTTP statuses that refuse"


def _check_probe(target: Target) -> None:
    for name, count in target.probe.counts.items():
        check_http_url(f"probe.{name}.url", count.url)
        if not count.path:
            raise TargetError(f'probe.{name}.path: empty; expected for example "connections"')
    if "" in target.probe.log_errors:
        raise TargetError(
            "probe.log_errors: found an empty text, which every line holds; expected for example 'Unhandled exception'"
        )


def _check_promises(target: Target) -> None:
    """A promise that the rest of the file makes impossible would only ever accuse, or never check anything."""
    policy = target.policy
    per_user = policy.limit is not None and not policy.limit.shared
    per_user = per_user or policy.rate_scope == "user"
    if not target.has_users and (policy.group == "user" or per_user):
        raise TargetError(
            "{user} is nowhere, so all connections would be one user's; expected it in auth.claims, target.url, "
            'target.headers or auth.message (or policy.group = "all" and no limit or rate of each user)'
        )
    _check_rooms(target)
    if policy.join_evidence == "welcome" and not target.codec().has_welcome:
        raise TargetError('policy.join_evidence: found "welcome", which needs protocol.welcome')
    if policy.join_evidence == "handshake" and getattr(target.auth, "message", None) is not None:
        raise TargetError(
            'policy.join_evidence: found "handshake", but who it is says only the first message (auth.message)'
        )
    if policy.t_presence is not None and not target.has_presence:
        raise TargetError("policy.t_presence: needs protocol.query and protocol.present")
    if policy.t_expiry is not None and not target.has_tokens:
        raise TargetError('policy.t_expiry: needs tokens that can expire (auth.kind = "jwt")')
    if policy.sessions == "takeover" and not target.has_sessions:
        raise TargetError('policy.sessions: found "takeover", which needs {session} in target.url, headers or auth')


def _check_rooms(target: Target) -> None:
    policy = target.policy
    if policy.group == "room" and not target.has_rooms:
        raise TargetError('policy.group: found "room", which needs protocol.publish_room and protocol.subscribe')
    if policy.publish_joins and policy.subscriptions == "single":
        raise TargetError(
            'policy.publish_joins: not with policy.subscriptions = "single": hubfuzz asks for rooms where it has spoken'
        )
    if policy.max_rooms is not None and getattr(target.protocol, "not_subscribed", target) is None:
        raise TargetError("policy.max_rooms: needs protocol.not_subscribed, so that a refusal is known as one")


def _positive(key: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise TargetError(f"{key}: found {value:g}, expected seconds above 0")


def _long_enough(key: str, value: float) -> None:
    if not (math.isfinite(value) and value >= LEAST_BOUND):
        raise TargetError(
            f"{key}: found {value:g}, expected seconds, {LEAST_BOUND:g} or more: hubfuzz asks only so often "
            "whether the server answers"
        )


def _not_negative(key: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise TargetError(f"{key}: found {value:g}, expected seconds, 0 or more")


def _at_least_one(key: str, value: int) -> None:
    if value < 1:
        raise TargetError(f"{key}: found {value}, expected 1 or more")
