"""What keeps a connection with a good token from getting its own message, in words that say where to look."""

from __future__ import annotations

from fuzzer.history import RejectedBy
from fuzzer.target.redact import without_tokens

NOT_JOINED = "connections open, but the frame that protocol.welcome describes did not come"
NOT_SUBSCRIBED = "connections open, but the frame that protocol.subscribed describes did not come"
NOT_DELIVERED = (
    "connections open, but a published message did not come back "
    "(are protocol.publish and protocol.deliver as the server has them?)"
)
NO_TCP = "no TCP connection"
UNANSWERED = "it accepts connections, but did not answer the opening handshake"
TOKEN_REFUSED = (401, 403, 1008, 3000, 3003, *range(4400, 4404))
LONGEST = 100


def refused(by: RejectedBy, code: int | None, reason: str) -> str:
    """The opening handshake was not answered with a 101."""
    if by == "status":
        return _by_status(code or 0, reason)
    if by == "timeout":
        return UNANSWERED
    if by == "close":
        return closed(code or 0, reason)
    if reason.startswith(NO_TCP):
        return f"nothing takes connections there ({reason}; localhost is 127.0.0.1 to hubfuzz: [::1] names IPv6)"
    how = {"eof": "it hangs up", "reset": "it resets the connection"}.get(by, _told(None, reason))
    return f"what listens there does not speak WebSocket (opening handshake: {how})"


def closed(code: int, reason: str) -> str:
    """The server ended a connection that had done nothing."""
    return f"a connection with a good token was closed ({_told(code, reason)}); {_advice(code)}"


def other_answer(text: str) -> str:
    """The server sent something, but not what the target file describes."""
    said = without_tokens(text)[:LONGEST]
    return f"{NOT_DELIVERED[:-1]}; the server answered {said!r})"


def _by_status(code: int, reason: str) -> str:
    if code in TOKEN_REFUSED:
        return f"a connection with a good token was refused (HTTP {_told(code, reason)}); {_advice(code)}"
    return (
        f"the opening handshake was answered with HTTP {_told(code, reason)}; "
        "is the path of target.url the one where the server speaks WebSocket?"
    )


def _advice(code: int) -> str:
    if code in TOKEN_REFUSED:
        return "are auth.secret, auth.claims and auth.place what the server expects?"
    return "what does the server expect that target.url, auth and protocol do not say?"


def _told(code: int | None, reason: str) -> str:
    text = without_tokens(reason)
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return " ".join(f"{code or ''} {text}".split()) or "nothing"
