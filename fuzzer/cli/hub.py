"""``hubfuzz hub``: the embedded hub in the foreground, with or without a seeded bug."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_type_hints

import rich_click as click

from fuzzer.cli.errors import CliError
from fuzzer.cli.help import flag_of
from fuzzer.cli.seconds import Seconds
from fuzzer.hub.knobs import Knobs

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


KNOB_HELP = {
    "limit": "Connections of one user, or of all.",
    "scope": "Whose limit it is: each user's, or everybody's.",
    "max_rooms": "Rooms of one connection.",
    "over": "What happens to the one above the limit.",
    "reject_by": "Refuse by HTTP 429, or by a Close frame 4429 after the upgrade.",
    "echo": "Whether a sender gets its own messages.",
    "auth_delay": "Pause before the upgrade is granted.",
    "join_delay": "Pause between the upgrade and the registration.",
    "leave_delay": "Pause between noticing an unclean end and unregistering it.",
    "release_delay": "Pause between the answer to a Close and giving the slot back.",
    "unsubscribe_delay": "Pause before a room is left.",
    "grace": "After an unclean end, how long a user with a session is still said to be present.",
    "heartbeat": "Between two pings; 0: none.",
    "heartbeat_timeout": "For the pong.",
    "handshake_timeout": "For the opening handshake.",
    "close_timeout": "For the peer's Close.",
    "shutdown_timeout": "For all peers, when the hub ends.",
    "backlog": "What may wait for one slow reader.",
    "max_size": "Of one message.",
    "sndbuf": "SO_SNDBUF of each connection.",
}
BYTES = ("backlog", "max_size", "sndbuf")


def knob_options(command: CommandT) -> CommandT:
    """One option for each knob."""
    hints = get_type_hints(Knobs)
    for name in reversed(Knobs.__struct_fields__):
        default, choices = getattr(Knobs(), name), get_args(hints[name])
        kind = click.Choice(choices) if choices else _not_negative(default)
        metavar = None if choices else "SECONDS" if isinstance(default, float) else "BYTES" if name in BYTES else "N"
        said = (
            f"{KNOB_HELP.get(name, '')} Default: {f'{default:g}' if isinstance(default, float) else default}.".strip()
        )
        command = click.option(flag_of(name), name, type=kind, metavar=metavar, help=said)(command)
    return command


def _not_negative(default: float) -> click.IntRange | click.FloatRange:
    return Seconds(min=0) if isinstance(default, float) else click.IntRange(min=1)


@click.command()
@click.option("--bug", metavar="CODE", help="Switch a seeded bug on, e.g. S15; its own knobs become the defaults.")
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), default=0, help="Default: any free one.")
@knob_options
def hub(bug: str | None, port: int, **knobs: Any) -> None:
    """Serve the embedded hub until Ctrl-C. Tokens are signed with $HUBFUZZ_SECRET, or a well-known secret."""
    import msgspec
    import trio

    from fuzzer.hub.bugs.combine import seeded
    from fuzzer.hub.hub import Pieces
    from fuzzer.hub.server import HOST, listening_socket, serve
    from fuzzer.hub.target import SECRET

    try:
        defect = seeded(bug) if bug else None
    except ValueError as error:
        raise CliError(f"--bug: {error}") from None
    given = {name: value for name, value in knobs.items() if value is not None}
    wanted = msgspec.structs.replace(defect.knobs if defect else Knobs(), **given)
    secret = os.environ.get("HUBFUZZ_SECRET") or SECRET
    try:
        listener = listening_socket(port)
    except OSError as error:
        raise CliError(f"cannot listen on {HOST}:{port}: {error.strerror}") from None
    with listener:
        pieces = defect.pieces if defect else Pieces()
        trio.run(serve, listener, wanted, secret, pieces, _greeting(bug, listener.getsockname()[1], secret))


def _greeting(bug: str | None, port: int, secret: str) -> Callable[[object], None]:
    """Says where the hub is and how to get in, once it listens."""
    import msgspec

    from fuzzer.hub.target import embedded_target
    from fuzzer.target.config import JwtAuth

    target = msgspec.structs.replace(embedded_target(), auth=JwtAuth(secret=secret))
    endpoint = target.endpoint(port, "demo", "demo")

    def ready(_hub: object) -> None:
        name = f"embedded hub with bug {bug.upper()}" if bug else "embedded hub"
        click.echo(f"{name} listening on ws://{endpoint.host}:{endpoint.port}/ws, counts on /stats; Ctrl-C ends it")
        click.echo(f"as user demo for 15 minutes: ws://{endpoint.host}:{endpoint.port}{endpoint.resource}")

    return ready
