"""Tokens as a client would bring them, and the broken ones that a hub must refuse.

The parts are put together here and only signed by PyJWT, because ``jwt.encode`` warns of short keys: how good the
hub's key is, is not hubfuzz's to say.
"""

from __future__ import annotations

import base64
import functools
import re
import secrets
import time
from typing import Any

import jwt
import msgspec

from fuzzer.plan import TokenKind
from fuzzer.target.config import JwtAuth, reveal
from fuzzer.target.errors import TargetError
from fuzzer.target.keys import key_like
from fuzzer.target.template import fill_within, hint, names_within

HOUR = 3600
CUT_OFF = 8  # characters at least
HMAC = ("HS256", "HS384", "HS512")
ALGORITHMS = (*HMAC, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
UNITS = {"s": 1, "m": 60, "h": HOUR, "d": 24 * HOUR}


def mint(auth: JwtAuth, user: str, session: str | None, kind: TokenKind, now: float | None = None) -> str | None:
    """A fresh token of this kind, or None for ``none``. Raises ``TargetError`` if the key cannot be used."""
    if kind == "none":
        return None
    issued = int(time.time() if now is None else now)
    own = _own_claims(auth, user, session, kind)
    claims = {**_name(), **own, **_times(kind, issued, seconds(auth.lifetime))}
    secret = reveal(auth.secret, "auth.secret")
    if kind == "alg-none":
        return _signed(claims, "none", "")
    if kind == "wrong-signature":
        return _signed(claims, auth.algorithm, _other_key(auth.algorithm, secret))
    token = _signed(claims, auth.algorithm, secret)
    return _truncated(token) if kind == "truncated" else token


def _truncated(token: str) -> str:
    """Without the end of the signature. What is left is whole base64, so that only comparing it shows the fault."""
    unsigned, _, signature = token.rpartition(".")
    return f"{unsigned}.{signature[: (len(signature) - CUT_OFF) // 4 * 4]}"


def _name() -> dict[str, str]:
    """No two tokens are the same: a hub may take one for a session, or let each in once (RFC 7519, 4.1.7)."""
    return {"jti": secrets.token_urlsafe(9)}


def _own_claims(auth: JwtAuth, user: str, session: str | None, kind: TokenKind) -> dict[str, Any]:
    """The claims of the target file. A claim that is only ``{session}`` is left out where there is no session."""
    kept = {
        name: value
        for name, value in auth.claims.items()
        if not (kind == "wrong-claims" and "user" in names_within(value))
        and not (session is None and value == "{session}")
    }
    filled = fill_within(kept, user=user, session=session or "")
    return filled if isinstance(filled, dict) else {}


def _times(kind: TokenKind, issued: int, lifetime: int) -> dict[str, int]:
    if kind == "expired":
        return {"iat": issued - HOUR - lifetime, "exp": issued - HOUR}
    if kind == "not-yet-valid":
        return {"iat": issued, "nbf": issued + HOUR, "exp": issued + HOUR + lifetime}
    if kind == "brief":
        return {"iat": issued, "exp": expiry_of_brief(issued)}
    return {"iat": issued, "exp": issued + lifetime}


def expiry_of_brief(now: float) -> int:
    """When a brief token made ``now`` ends: one to two seconds later, in whole seconds as many libraries want them."""
    return int(now) + 2


def seconds(lifetime: str | int) -> int:
    """``"15m"`` as 900. Units are s, m, h, d; raises ``TargetError``."""
    if isinstance(lifetime, int) and lifetime > 0:
        return lifetime
    found = re.fullmatch(r"\s*([1-9][0-9]{0,8})\s*([smhd])\s*", str(lifetime))
    if found is None:
        raise TargetError(f'auth.lifetime: found {lifetime!r}, expected a time such as "30s", "15m" or "1h"')
    return int(found[1]) * UNITS[found[2]]


def check_key(auth: JwtAuth) -> None:
    """Sign once; raises ``TargetError`` if the algorithm is unknown or the key does not fit it."""
    if auth.algorithm == "none":
        raise TargetError("auth.algorithm: found 'none'; expected an algorithm that signs, such as HS256")
    _signed({}, auth.algorithm, reveal(auth.secret, "auth.secret"))


def _signed(claims: dict[str, Any], algorithm: str, key: str) -> str:
    signer = _algorithm(algorithm)
    head = _base64(msgspec.json.encode({"alg": algorithm, "typ": "JWT"}))
    signing_input = head + b"." + _base64(msgspec.json.encode(claims))
    try:
        signature = signer.sign(signing_input, signer.prepare_key(key))
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        detail = " ".join(str(error).split()).rstrip(".")
        raise TargetError(f"auth.secret: is no key to sign {algorithm} with: {detail}") from None
    return (signing_input + b"." + _base64(signature)).decode()


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@functools.cache
def _algorithm(name: str) -> Any:
    if name != "none" and name not in ALGORITHMS:
        raise TargetError(f"auth.algorithm: found {name!r}; {hint(name, ALGORITHMS, 'known')}")
    try:
        return jwt.get_algorithm_by_name(name)
    except NotImplementedError:
        raise TargetError(
            f"auth.algorithm: {name} needs the package 'cryptography': pip install cryptography"
        ) from None


def _other_key(algorithm: str, secret: str) -> str:
    """A key of the same kind that is not the right one."""
    return f"not the right key: {secret}" if algorithm in HMAC else key_like(secret)
