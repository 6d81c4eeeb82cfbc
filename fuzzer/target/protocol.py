"""What a hub says and what is said to it: the readings of a frame, and the base of all codecs."""

from __future__ import annotations

import abc

from fuzzer.target.errors import TargetError
from fuzzer.values import Value

TEXT_KEPT = 200


class Message(Value):
    """A message of the hub's fan-out."""

    id: str
    body: str
    room: str | None = None


class Welcome(Value):
    """The hub says that this connection is a member; ``user``: as whom, if it tells."""

    user: str | None = None


class Subscribed(Value):
    """The hub confirms a subscription."""

    room: str | None = None


class Unsubscribed(Value):
    """The hub confirms that a subscription ended."""

    room: str | None = None


class NotSubscribed(Value):
    """The hub refuses a subscription."""

    room: str | None = None


class NotPublished(Value):
    """The hub tells a sender that it has not published its message: which one, if it says so."""

    id: str | None = None


class Presence(Value):
    """The hub's answer to the question who is present: user names."""

    users: tuple[str, ...] = ()


class Other(Value):
    """Any other frame; its text is cut to 200 characters."""

    text: str


class Accepted(Other):
    """The answer to a good token that was sent in a message (``auth.accepted``). It proves no membership."""


Reading = Message | Welcome | Subscribed | NotSubscribed | Unsubscribed | NotPublished | Presence | Other


class Codec(abc.ABC):
    """How one hub speaks. A class of your own is made without arguments, once for each session.

    ``read`` is called for every frame: it must be quick, take any text or bytes, and never raise.
    The flags say which confirmations the hub sends, so that they are waited for; ``has_accepted``: one to a token that
    was sent in a message, which ``read`` gives as ``Accepted``.
    """

    has_rooms: bool = False
    has_welcome: bool = False
    has_subscribed: bool = False
    has_unsubscribed: bool = False
    has_presence: bool = False
    has_accepted: bool = False

    @abc.abstractmethod
    def publish(self, msg_id: str, body: str, room: str | None = None, user: str = "") -> str:
        """The frame that sends one message to the sender's group, or to ``room``."""

    @abc.abstractmethod
    def read(self, frame: str | bytes) -> Reading:
        """What a frame means."""

    def readings(self, frame: str | bytes) -> tuple[Reading, ...]:
        """What a frame means, where several messages may come in one."""
        return (self.read(frame),)

    @property
    def answers(self) -> bool:
        """Is there anything that ``answer`` answers? Else it is never asked."""
        return type(self).answer is not Codec.answer

    def answer(self, frame: str | bytes) -> str | None:
        """What a client has to say to this frame by itself: a pong of the application, a receipt. None: nothing.

        It is sent at once, by whoever is not muted, stalled or about to go, and counts for no ``rate``.
        """
        return None

    def subscribe(self, room: str, user: str = "") -> str:
        """The frame that joins ``room``."""
        raise no_rooms("subscribe")

    def unsubscribe(self, room: str, user: str = "") -> str:
        """The frame that leaves ``room``."""
        raise no_rooms("unsubscribe")

    def query(self, user: str = "") -> str:
        """The frame that asks who is present."""
        raise TargetError("protocol.query: missing, so this target has no presence")


def no_rooms(key: str) -> TargetError:
    """The error of asking a hub for rooms that its protocol does not name."""
    return TargetError(f"protocol.{key}: missing, so this target has no rooms")


def other(frame: str | bytes) -> Other:
    """A frame that means nothing to the protocol."""
    if isinstance(frame, str):
        return Other(frame[:TEXT_KEPT])
    return Other(bytes(frame[: 4 * TEXT_KEPT]).decode("utf-8", "replace")[:TEXT_KEPT])
