"""The events of a campaign as they come, one JSON object a line."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import msgspec

from fuzzer.campaign.events import CampaignEvent

# Whole histories stand in the failure files; here they would make lines of megabytes.
LEFT_OUT = ("history",)


class NdjsonReport:
    """Writes and flushes every event at once, so that a run that is killed leaves all that it said."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def __call__(self, event: CampaignEvent) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
        self._file.write(msgspec.json.encode(_without_histories(msgspec.to_builtins(event))) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """No more events."""
        if self._file is not None:
            self._file.close()


def _without_histories(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _without_histories(value) for key, value in tree.items() if key not in LEFT_OUT}
    return [_without_histories(item) for item in tree] if isinstance(tree, list | tuple) else tree
