"""What can be wrong with a target: each error is one line that says where, what was found and what would be right."""

from __future__ import annotations


class TargetError(ValueError):
    """The target file, or something that it names, is not right."""

    def __init__(self, line: str) -> None:
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))


class ServerError(RuntimeError):
    """The server could not be started or reached. ``log`` is the end of what it printed."""

    def __init__(self, line: str, log: str = "") -> None:
        super().__init__(line)
        self.log = log


class ProbeError(RuntimeError):
    """The server's own counts could not be read."""
