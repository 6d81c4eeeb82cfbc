"""Targets inside failure files: everything that a replay needs, nothing that is secret."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from fuzzer.target.check import check_target
from fuzzer.target.config import REDACTED, EnvRef, JwtAuth, Secret
from fuzzer.target.errors import TargetError
from fuzzer.target.load import load_target
from fuzzer.target.model import TARGET_FORMAT, Target
from fuzzer.values import decode, encode

OPEN_HEADERS = ("origin", "user-agent", "accept", "accept-language")
LEAST_SECRET = 6  # shorter ones would also be found by chance in words that are no secret


def redacted(target: Target) -> Target:
    """The target without literal secrets. References to the environment stay: they say which, not what."""
    auth = target.auth
    hidden = auth.secret if isinstance(auth, JwtAuth) and isinstance(auth.secret, str) else ""
    return msgspec.structs.replace(
        target,
        auth=msgspec.structs.replace(auth, secret=_hide(auth.secret)) if isinstance(auth, JwtAuth) else auth,
        env={name: _hide(value) for name, value in target.env.items()},
        headers={n: v if n.lower() in OPEN_HEADERS else _hide(v) for n, v in target.headers.items()},
        start=target.start and tuple(_without(word, hidden) for word in target.start),
    )


def _hide(value: Secret) -> Secret:
    return value if isinstance(value, EnvRef) else REDACTED


def _without(word: str, hidden: str) -> str:
    return word.replace(hidden, REDACTED) if len(hidden) >= LEAST_SECRET else word


def is_redacted(target: Target) -> bool:
    """Something is missing that a run needs."""
    secret = target.auth.secret if isinstance(target.auth, JwtAuth) else ""
    values = [secret, *target.env.values(), *target.headers.values()]
    return REDACTED in values or any(REDACTED in word for word in target.start or ())


def restored(target: Target, *, allow_hosts: Collection[str] = ()) -> Target:
    """A saved target with what was left out, read again from its target file, and checked as that would be.

    Files come from anywhere: hosts that are not this machine are refused unless ``allow_hosts`` names them. Raises
    ``TargetError``.
    """
    if not is_redacted(target):
        check_target(target, allow_hosts)
        return target
    if not target.source:
        raise TargetError(
            f"{target.name}: its secrets were left out when it was saved; give its target file (--target FILE)"
        )
    whole = load_target(Path(target.source), allow_hosts=allow_hosts)
    if redacted(whole) != target:
        raise TargetError(
            f"{target.source}: has changed since the failure was saved; give the one that it needs (--target FILE)"
        )
    return whole


def target_to_json(target: Target) -> bytes:
    """Stable, indented JSON without secrets."""
    return msgspec.json.format(encode(redacted(target)), indent=1)


def target_from_json(data: bytes, source: str = "target") -> Target:
    """Read it again; raises ``DamagedFile`` with one line that says what is wrong where."""
    return decode(data, Target, TARGET_FORMAT, source)
