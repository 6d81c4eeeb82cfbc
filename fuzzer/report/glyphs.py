"""The few signs that reports draw with, and the escaping of everything that came from outside."""

from __future__ import annotations

from fuzzer.values import Value

LONGEST = 200


class Glyphs(Value):
    """One set for terminals that show Unicode, one for those that do not."""

    rule: str = "─"
    top: str = "┌"
    middle: str = "│"
    bottom: str = "└"
    broken: str = "✗"
    evidence: str = "*"
    cut: str = "…"
    times: str = "×"
    dot: str = "·"
    good: str = "✓"


UNICODE = Glyphs()
ASCII = Glyphs(
    rule="-", top="/", middle="|", bottom="\\", broken="X", evidence="*", cut="~", times="x", dot="-", good="ok"
)


def glyphs_for(encoding: str | None) -> Glyphs:
    """The Unicode set if ``encoding`` can hold every sign of it."""
    try:
        "".join(UNICODE.__getattribute__(name) for name in Glyphs.__struct_fields__).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def shown(text: str, limit: int = LONGEST) -> str:
    """Text from outside as inert text: control, format and bidirectional characters are written as escapes."""
    head = text if len(text) <= limit else text[: limit - 1]
    inert = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in head)
    return inert if head is text else f"{inert}… ({len(text)} characters)"
