"""The Node packages that a hub here needs, installed once from its lock file."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent / "node_ws"
PATIENCE = 60.0


class Unavailable(Exception):
    """Why the hub on Node cannot run here, in one line."""


def install() -> None:
    """Run ``npm ci`` unless that was done; raises ``Unavailable``. Several processes may call it at once."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        raise Unavailable(f"node-ws: there is no {' and no '.join(missing)} on this machine")
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (FOLDER / "node_modules" / ".package-lock.json").exists():
            _run_npm()


def _run_npm() -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"node-ws: npm could not install ws within {PATIENCE:g} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower()] or ["it said nothing"]
        raise Unavailable(f"node-ws: npm could not install ws: {said[0].strip()}")
