"""A target file as it is written: its five tables, before they become a ``Target``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fuzzer.policy import Policy
from fuzzer.target.config import AnyAuth, AnyProtocol, NoAuth, Probe, Secret
from fuzzer.target.errors import TargetError
from fuzzer.target.model import Target
from fuzzer.values import Value, is_utf8


class TargetTable(Value):
    """Where the hub is, or how to start it. ``ready_timeout`` is in seconds, ``cwd`` relative to the file's folder.

    ``workers``: as many as run side by side in a long run unless ``--workers`` says otherwise, each with a server of
    its own; more than 1 only if these share nothing (database, queue, files).
    """

    url: str
    name: str = ""
    start: tuple[str, ...] | None = None
    ready: str | None = None
    ready_timeout: float = 15.0
    cwd: str = "."
    env: dict[str, Secret] = {}
    headers: dict[str, Secret] = {}
    subprotocols: tuple[str, ...] = ()
    workers: int = 1


class TargetFile(Value):
    """``hubfuzz.toml``, or the table ``tool.hubfuzz`` of ``pyproject.toml``."""

    target: TargetTable
    protocol: AnyProtocol
    auth: AnyAuth = NoAuth()
    policy: Policy = Policy()
    probe: Probe = Probe()


def to_target(file: TargetFile, path: Path) -> Target:
    """The target that a file describes; without a name it is called after the file's folder. Raises ``TargetError``."""
    table = file.target
    folder = path.resolve().parent
    check_name(path)
    return Target(
        name=table.name or folder.name or "hub",
        url=table.url,
        protocol=file.protocol,
        auth=file.auth,
        policy=file.policy,
        probe=file.probe,
        start=table.start,
        ready=table.ready,
        ready_timeout=table.ready_timeout,
        env=table.env,
        headers=table.headers,
        subprotocols=table.subprotocols,
        workers=table.workers,
        cwd=str(folder / table.cwd),
        source=str(path.resolve()),
    )


def check_name(path: Path) -> None:
    """Failures are to name the target file and its folder. Raises ``TargetError``."""
    whole = str(path.resolve())
    if not is_utf8(whole):
        raise TargetError(f"target.cwd: {whole} is no UTF-8 name, which no failure file can hold; rename the folder")


def with_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    """Write out what a file may leave out: the kind of protocol, and that every other table of ``probe`` is a count."""
    made = dict(raw)
    protocol, probe = made.get("protocol"), made.get("probe")
    if isinstance(protocol, dict) and "kind" not in protocol:
        made["protocol"] = {"kind": "class" if "class" in protocol else "json", **protocol}
    if isinstance(probe, dict):
        counts = {k: v for k, v in probe.items() if k not in Probe.__struct_fields__ and isinstance(v, dict)}
        made["probe"] = {k: v for k, v in probe.items() if k not in counts}
        if counts:
            made["probe"]["counts"] = counts
    return made
