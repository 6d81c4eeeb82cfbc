"""Tokens in what servers print and answer: access logs hold whole URLs."""

from __future__ import annotations

import re

# A JWT: header and payload are JSON objects in base64url ('{"' is "eyJ"), the signature may be empty (RFC 7515, 7.1).
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def without_tokens(text: str) -> str:
    """The text with ``<token>`` in place of every JWT."""
    return _TOKEN.sub("<token>", text)
