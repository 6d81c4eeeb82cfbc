"""Who opens a connection: the ``sub`` of a JWT in the query, checked before the upgrade."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs

import jwt
import trio

from fuzzer.hub.knobs import Knobs
from fuzzer.hub.peer import Peer


class Refused(Exception):
    """The token is missing or worth nothing."""


class Authenticator:
    """HS256 with one shared secret; ``exp`` and ``sub`` are required, ``nbf`` is obeyed."""

    def __init__(self, secret: str, knobs: Knobs) -> None:
        self._secret = secret
        self._delay = knobs.auth_delay

    def identify(self, peer: Peer, resource: str) -> None:
        """Read user and session from the URL's query; raises ``Refused``."""
        query = parse_qs(resource.partition("?")[2], keep_blank_values=True)
        claims = self._claims_of(query.get("token", [""])[-1])
        peer.user = claims["sub"]
        peer.expires = trio.current_time() + int(claims["exp"]) - time.time()
        peer.session = query.get("session", [None])[-1] or None

    def _claims_of(self, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._secret, algorithms=["HS256"], options={"require": ["exp", "sub"]}
            )
        except jwt.InvalidTokenError as error:
            raise Refused(str(error)) from None
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise Refused("sub must be a user")
        return claims

    async def confirm(self, peer: Peer) -> None:
        """The awaited part that real hubs have: asking a database whether the user may."""
        if self._delay:
            await trio.sleep(self._delay)
