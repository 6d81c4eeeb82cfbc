"""Failures written by hand, shared with the snapshots."""

from __future__ import annotations

import sys
from pathlib import Path

for folder in ("unit", "snapshots"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))
