"""A target: everything that is needed to fuzz one hub. It holds no state and does nothing by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from fuzzer.plan import TokenKind
from fuzzer.policy import Policy
from fuzzer.target.codecs import codec_for
from fuzzer.target.config import AnyAuth, AnyProtocol, ClassProtocol, JwtAuth, NoAuth, Probe, Secret
from fuzzer.target.endpoint import Endpoint, build_endpoint
from fuzzer.target.protocol import Codec
from fuzzer.target.template import names_in, names_within
from fuzzer.values import Value

TARGET_FORMAT = "hubfuzz-target/1"
MOST_WORKERS = 256

__all__ = ["TARGET_FORMAT", "Endpoint", "Target"]


class Target(Value):
    """The target file as a value.

    ``url`` may hold ``{port}``, ``{user}``, ``{session}``; ``start`` and ``env`` hold ``{port}``, ``{python}``;
    ``ready`` holds ``{port}``. ``ready_timeout`` is in seconds. ``cwd`` is the folder that ``start`` runs in and that
    a protocol class is looked up in, ``source`` the file that the target came from. ``workers`` is how many processes
    explore side by side in a long run unless the user says otherwise, each with a server of its own.
    """

    name: str
    url: str
    protocol: AnyProtocol
    auth: AnyAuth = NoAuth()
    policy: Policy = Policy()
    probe: Probe = Probe()
    start: tuple[str, ...] | None = None
    ready: str | None = None
    ready_timeout: float = 15.0
    env: dict[str, Secret] = {}
    headers: dict[str, Secret] = {}
    subprotocols: tuple[str, ...] = ()
    workers: int = 1
    cwd: str = ""
    source: str = ""
    format: str = TARGET_FORMAT

    @staticmethod
    def load(path: str | Path, *, allow_hosts: Collection[str] = ()) -> Target:
        """Read a target file; raises ``TargetError`` with one line that says what is wrong where."""
        from fuzzer.target.load import load_target  # late: loading needs this class

        return load_target(Path(path), allow_hosts=allow_hosts)

    def at(self, url: str, *, allow_hosts: Collection[str] = ()) -> Target:
        """The same hub on a server that runs already, say one that a fixture started.

        Without path or query in ``url`` those of the target stay; probes that named ``{port}`` follow. Raises
        ``TargetError``.
        """
        from fuzzer.target.check import check_target  # late: checking needs this class
        from fuzzer.target.check_url import check_ws_url
        from fuzzer.target.moved import moved_to

        check_ws_url("url", url)
        moved = moved_to(self, url)
        check_target(moved, allow_hosts)
        return moved

    def endpoint(self, port: int | None, user: str, session: str | None = None, token: TokenKind = "valid") -> Endpoint:
        """Where and how ``user`` connects, with a fresh token; ``port`` None: the one in the URL."""
        return build_endpoint(self, port, user, session, token)

    def codec(self) -> Codec:
        """How this hub speaks; raises ``TargetError`` if a class of the user's own cannot be used."""
        return codec_for(self.protocol, self.auth.accepted if isinstance(self.auth, JwtAuth) else None, self.cwd)

    @property
    def has_rooms(self) -> bool:
        """Rooms can be joined and published to."""
        if isinstance(self.protocol, ClassProtocol):
            return self.codec().has_rooms
        return bool(self.protocol.publish_room and self.protocol.subscribe)

    @property
    def has_presence(self) -> bool:
        """The hub can be asked who is present."""
        return self.codec().has_presence

    @property
    def restartable(self) -> bool:
        """hubfuzz starts this server, on a port of its own choice: a fixed one might still be taken."""
        return self.start is not None and "{port}" in self.url

    @property
    def has_sessions(self) -> bool:
        """A connection can name a session."""
        return "session" in self._placeholders()

    @property
    def has_users(self) -> bool:
        """A connection says whose it is."""
        return "user" in self._placeholders()

    @property
    def has_tokens(self) -> bool:
        """There are tokens, so there can be bad ones."""
        return isinstance(self.auth, JwtAuth)

    def _placeholders(self) -> frozenset[str]:
        claims: Mapping[str, object] = self.auth.claims if isinstance(self.auth, JwtAuth) else {}
        literal = [value for value in self.headers.values() if isinstance(value, str)]
        return names_in(self.url) | names_in(self.auth.message or "") | names_within([claims, literal])
