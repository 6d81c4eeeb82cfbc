"""All hubs that nothing may be found in, by name: those in this folder, and the embedded one under every policy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from npm import Unavailable, install  # noqa: E402

from fuzzer.hub.knobs import Knobs  # noqa: E402
from fuzzer.hub.target import embedded_target  # noqa: E402
from fuzzer.target import Target, load_target  # noqa: E402

__all__ = ["HUBS", "OTHER_MAKERS", "Unavailable"]


def on_node() -> Target:
    """The hub on ``ws``; raises ``Unavailable`` where it cannot be installed."""
    install()
    return load_target(HERE / "node_ws.toml")


OTHER_MAKERS: dict[str, Callable[[], Target]] = {
    name: partial(load_target, HERE / f"{name}.toml")
    for name in ("fastapi", "websockets", "aiohttp", "starlette", "lossy", "rooms", "queue", "queue_close", "storing")
}
OTHER_MAKERS["node-ws"] = on_node

DELAYS = Knobs(limit=2, auth_delay=0.01, join_delay=0.02, leave_delay=0.2, release_delay=0.3, unsubscribe_delay=0.01)
EMBEDDED: dict[str, Knobs] = {
    "embedded": Knobs(),
    "embedded-evict": Knobs(limit=2, over="evict-oldest"),
    "embedded-close": Knobs(limit=1, reject_by="close"),
    "embedded-no-echo": Knobs(echo="never"),
    "embedded-delays": DELAYS,
    "embedded-shared": Knobs(scope="global"),
    "embedded-shared-evict": Knobs(scope="global", limit=4, over="evict-oldest"),
    "embedded-small": Knobs(backlog=128 * 1024, sndbuf=8 * 1024),
}
HUBS: dict[str, Callable[[], Target]] = {
    **{name: partial(embedded_target, knobs=knobs) for name, knobs in EMBEDDED.items()},
    **OTHER_MAKERS,
}
