"""What several of the hubs here need: whose token it is, what a frame says, and texts that wait for one tab."""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque

import jwt

SECRET = os.environ["JWT_SECRET"]


def user_of(token: str) -> str | None:
    """Whose token it is; None if it is not one of ours or not valid now."""
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["sub", "exp"]})
    except jwt.InvalidTokenError:
        return None
    return str(claims["sub"])


def read_object(text: str | bytes | None) -> dict[str, object]:
    """The JSON object in a frame; an empty one if the frame holds something else."""
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def texts(message: dict[str, object], kind: str, *names: str) -> dict[str, str] | None:
    """These fields of a message of this kind, or None if it is of another kind or one of them is no text."""
    found = {name: value for name in names if isinstance(value := message.get(name), str)}
    return found if message.get("type") == kind and len(found) == len(names) else None


class Outbox:
    """Texts that wait for one tab, in order. It never waits itself: whoever fills it asks ``size``."""

    def __init__(self) -> None:
        self.size = 0
        self._texts: deque[str] = deque()
        self._filled = asyncio.Event()

    def put(self, text: str) -> None:
        """One more at the end."""
        self._texts.append(text)
        self.size += len(text)
        self._filled.set()

    async def take(self) -> str:
        """Wait for the next text."""
        while not self._texts:
            self._filled.clear()
            await self._filled.wait()
        text = self._texts.popleft()
        self.size -= len(text)
        return text
