"""The filler of message bodies: text of an exact length that is hard on encoders, splitters and escapers."""

from __future__ import annotations

from bisect import bisect_left
from string import ascii_letters, digits
from typing import Final

from fuzzer.plan import Fill

MARK: Final = "hf-"
"""What every id begins with that hubfuzz publishes; no body holds it."""
ENVELOPE: Final = 1_024
"""Characters, or bytes, around a body that no hub's frames exceed: what hubfuzz takes for granted everywhere."""
ESCAPED: Final = 6
"""Bytes that one byte of a body becomes at most, escaped; of two UTF-16 units, twice as many."""
BEFORE: Final = 12  # characters shown before the first that differs, and from it on
BEHIND: Final = 28

PLAIN: Final = frozenset(f"{ascii_letters}{digits} !#$%()*+,-./:;=?@[]^_|~")
"""What a body of plain text is made of (``policy.body = "plain"``): nothing that some format takes for syntax."""
# Each pattern is cut at any character and must still be encodable, so no surrogates and nothing outside Unicode.
_PATTERNS: Final[dict[Fill, str]] = {
    "ascii": "abcdefghijklmnopqrstuvwxyz0123456789",
    # one to four bytes in UTF-8, decomposed and composed forms, right-to-left, a joined emoji, U+2028
    "unicode": "aé e\u0301ß€中日本שלום\u202e\u2028\u200d👩\u200d👩\u200d👧😀\ufeff\u00a0",
    # what JSON must escape, what naive code double-escapes, and what looks like the end of a frame or a line
    "escapes": '"\\\\n\n\r\t\b\f/\\u0000\u0001\u001f\u007f\\"{}[]:,\'`',
    # what naive string building takes for syntax; the id that hubfuzz looks for never appears in it
    "markup": "<script>&amp;</script><!-- ${x} {id} {{body}} %s %00 -->]]>\"'",
}


def filler(size: int, fill: Fill = "ascii") -> str:
    """Exactly ``size`` characters of this kind of text; ``ValueError`` if ``size`` is negative."""
    if size < 0:
        raise ValueError(f"size of a filler is {size}; it must be 0 or more")
    pattern = _PATTERNS[fill]
    return (pattern * (size // len(pattern) + 1))[:size]


def is_plain(size: int, fill: Fill) -> bool:
    """Is a filler of this kind and size plain text?"""
    return PLAIN.issuperset(_PATTERNS[fill][:size])


def plain_fills() -> tuple[Fill, ...]:
    """The kinds of filler that are plain text in every size."""
    return tuple(fill for fill, pattern in _PATTERNS.items() if is_plain(len(pattern), fill))


def difference(sent: str, got: str) -> str:
    """Where two bodies part, in words, with what stands around that place in both; empty if they are equal."""
    if sent == got:
        return ""
    at = bisect_left(range(min(len(sent), len(got))), True, key=lambda end: sent[: end + 1] != got[: end + 1])
    return f"sent {_around(sent, at)}, got {_around(got, at)}, from character {at + 1} on"


def _around(text: str, at: int) -> str:
    """In ASCII, so that forms that look alike differ and no half of a surrogate pair gets into a file."""
    start, end = max(0, at - BEFORE), at + BEHIND
    return f"{'...' if start else ''}{text[start:end]!a}{'...' if end < len(text) else ''}"


def widest(fill: Fill) -> int:
    """The most bytes that one character of this filler can take on the wire (JSON with every escape, UTF-8)."""
    return 1 if fill == "ascii" else max(_width(char) for char in _PATTERNS[fill])


def _width(char: str) -> int:
    escaped = 12 if ord(char) > 0xFFFF else 6  # \\uXXXX, twice for a surrogate pair
    plain = 2 if char in '"\\' else len(char.encode())
    return escaped if ord(char) < 0x20 or ord(char) > 0x7E else plain
