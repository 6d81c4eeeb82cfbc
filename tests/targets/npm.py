"""The Node packages that a hub or a test needs, installed once from their lock file."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

NODE_WS = Path(__file__).parent / "node_ws"
PATIENCE = 60.0


class Unavailable(Exception):
    """Why what needs Node cannot run here, in one line."""


def install(folder: Path = NODE_WS) -> None:
    """Run ``npm ci`` there unless that was done; raises ``Unavailable``. Several processes may call it at once."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        raise Unavailable(f"{called(folder)}: there is no {' and no '.join(missing)} on this machine")
    with (folder / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "node_modules" / ".package-lock.json").exists():
            _run_npm(folder)


def called(folder: Path) -> str:
    """``node-ws``"""
    return folder.name.replace("_", "-")


def _run_npm(folder: Path) -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{called(folder)}: npm could not install its packages within {PATIENCE:g} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower()] or ["it said nothing"]
        raise Unavailable(f"{called(folder)}: npm could not install its packages: {said[0].strip()}")
