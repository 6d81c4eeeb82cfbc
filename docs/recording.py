"""Write the README's terminal recording: what its first command shows in a terminal of 80 columns.

``python docs/recording.py [README.md]`` runs the two commands in a pseudo-terminal, in an empty folder, and puts what
stands on the screen at the end between the recording's markers.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.benchmarks.tables import write_between_markers  # noqa: E402

COMMANDS = (
    "hubfuzz run --bug S15 --seconds 5 --seed 1 --max-failures 1",
    "hubfuzz replay .hubfuzz/failures",
)
LINES, COLUMNS = 50, 80
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
ERASED = re.compile(r"[^\n]*\r(?:\x1b\[K|\x1b\[2K)")


def recorded(command: str, folder: Path) -> str:
    """What one command leaves on the screen."""
    ours, its = pty.openpty()
    ioctl(its, TIOCSWINSZ, pack("HHHH", LINES, COLUMNS, 0, 0))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "TERM": "xterm", "NO_COLOR": "1"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(command.split(), cwd=folder, env=environment, stdin=its, stdout=its, stderr=its):
        os.close(its)
        said = read_all(ours)
    os.close(ours)
    return on_screen(said)


def read_all(terminal: int) -> str:
    """Everything until nobody writes to the terminal any more, which Linux tells as an error."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:
            part = b""
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def on_screen(said: str) -> str:
    """The text that stays: a live line that was erased is gone."""
    kept = ERASED.sub("", said.replace("\r\n", "\n"))
    return "\n".join(line.rstrip() for line in CONTROL.sub("", kept).replace("\r", "").splitlines())


def main(readme: Path) -> None:
    """Record all commands and write them down."""
    if shutil.which("hubfuzz", path=str(Path(sys.executable).parent)) is None:
        raise SystemExit("hubfuzz is not installed beside this Python: pip install -e '.[dev]'")
    with tempfile.TemporaryDirectory() as folder:
        parts = [f"$ {command}\n{recorded(command, Path(folder)).strip()}" for command in COMMANDS]
    text = "\n\n".join(parts)
    write_between_markers(readme, "recording", f"```\n{text}\n```")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "README.md")
