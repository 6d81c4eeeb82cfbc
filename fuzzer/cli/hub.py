"""``hubfuzz hub``: the embedded hub in the foreground, with or without a seeded bug."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_type_hints

import rich_click as click

from fuzzer.cli.errors import CliError
from fuzzer.hub.knobs import Knobs

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def knob_options(command: CommandT) -> CommandT:
    """One option for each knob, so that a new knob needs no word here."""
    hints = get_type_hints(Knobs)
    for name in reversed(Knobs.__struct_fields__):
        default = getattr(Knobs(), name)
        choices = get_args(hints[name])
        kind = click.Choice(choices) if choices else type(default)
        command = click.option(f"--{name.replace('_', '-')}", name, type=kind, help=f"Default {default}.")(command)
    return command


@click.command()
@click.option("--bug", metavar="CODE", help="Switch a seeded bug on, e.g. S15; its own knobs become the defaults.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any free one.")
@knob_options
def hub(bug: str | None, port: int, **knobs: Any) -> None:
    """Serve the embedded hub until Ctrl-C. Tokens are signed with $HUBFUZZ_SECRET, or a well-known secret."""
    import msgspec
    import trio

    from fuzzer.hub.bugs import BUGS
    from fuzzer.hub.hub import Pieces
    from fuzzer.hub.server import HOST, listening_socket, serve
    from fuzzer.hub.target import SECRET

    if bug is not None and bug.upper() not in BUGS:
        raise CliError(f"--bug: there is no seeded bug {bug!r}; there are {', '.join(BUGS)}")
    seeded = BUGS[bug.upper()] if bug else None
    given = {name: value for name, value in knobs.items() if value is not None}
    wanted = msgspec.structs.replace(seeded.knobs if seeded else Knobs(), **given)
    secret = os.environ.get("HUBFUZZ_SECRET") or SECRET
    try:
        listener = listening_socket(port)
    except OSError as error:
        raise CliError(f"cannot listen on {HOST}:{port}: {error.strerror}") from None
    with listener:
        pieces = seeded.pieces if seeded else Pieces()
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
