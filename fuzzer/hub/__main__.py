"""``python -m fuzzer.hub --port N [--bug S15] [knobs]``: serve the embedded hub. Secret: HUBFUZZ_SECRET."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, get_args, get_type_hints

import msgspec
import trio

from fuzzer.hub.bugs.combine import seeded
from fuzzer.hub.hub import Hub, Pieces
from fuzzer.hub.knobs import Knobs
from fuzzer.hub.server import HOST, listening_socket, serve

COULD_NOT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal; answers the exit code (2: could not start)."""
    options = _parser().parse_args(arguments)
    try:
        bug = seeded(options.bug) if options.bug else None
    except ValueError as error:
        return _failed(f"--bug: {error}")
    secret = os.environ.get("HUBFUZZ_SECRET", "")
    if not secret:
        return _failed("HUBFUZZ_SECRET is not set: the hub needs the secret that its tokens are signed with")
    try:
        listener = listening_socket(options.port)
    except (OSError, OverflowError) as error:
        return _failed(f"cannot listen on {HOST}:{options.port}: {error}")
    knobs = _knobs(options, bug.knobs if bug else Knobs())
    return _serve(listener, knobs, secret, bug.pieces if bug else Pieces())


def _serve(listener: Any, knobs: Knobs, secret: str, pieces: Pieces) -> int:
    port = listener.getsockname()[1]

    def ready(hub: Hub) -> None:
        print(f"listening on {HOST}:{port}", flush=True)

    try:
        trio.run(serve, listener, knobs, secret, pieces, ready)
    finally:
        listener.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fuzzer.hub", description="Serve the embedded hub.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one (default)")
    parser.add_argument("--bug", help="switch a seeded bug on, e.g. S15 (its own knobs become the defaults)")
    hints = get_type_hints(Knobs)
    for name in knob_names():
        default = getattr(Knobs(), name)
        choices = get_args(hints[name]) or None
        parser.add_argument(_flag(name), type=type(default), choices=choices, help=f"default {default}")
    return parser


def knob_names() -> tuple[str, ...]:
    """The names of all knobs, which are also options of the command line."""
    return Knobs.__struct_fields__


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def knob_flags(knobs: Knobs, default: Knobs) -> tuple[str, ...]:
    """The command line options that make ``knobs`` out of ``default``."""
    changed = [name for name in knob_names() if getattr(knobs, name) != getattr(default, name)]
    return tuple(word for name in changed for word in (_flag(name), str(getattr(knobs, name))))


def _knobs(options: argparse.Namespace, default: Knobs) -> Knobs:
    given = {name: getattr(options, name) for name in knob_names() if getattr(options, name) is not None}
    return msgspec.structs.replace(default, **given)


def _failed(line: str) -> int:
    print(line, file=sys.stderr)
    return COULD_NOT


if __name__ == "__main__":
    sys.exit(main())
