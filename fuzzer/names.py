"""Which names of users a hub may take for one and the same, if its policy says so (``policy.names``)."""

from __future__ import annotations

import unicodedata

IGNORED = ("Cc", "Cf")
"""Categories of characters that are not seen: controls, and format characters such as zero-width spaces."""


def folded(name: str) -> str:
    """``name`` without letter case, Unicode forms, spaces around and between, and characters that are not seen.

    Names that differ in nothing else are one user to hubs that keep them as Unicode's NFKC_Casefold or RFC 8265
    (UsernameCaseMapped) have it, or that trim them.
    """
    seen = "".join(char for char in name if char.isspace() or unicodedata.category(char) not in IGNORED)
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    return " ".join(text.split())
