"""``hubfuzz schema``: the JSON Schema of the target file."""

from __future__ import annotations

import rich_click as click


@click.command()
def schema() -> None:
    """Print the JSON Schema of hubfuzz.toml, for editors that complete and check TOML.

    Save it beside the target file and begin that with "#:schema ./hubfuzz.schema.json".
    """
    import msgspec

    from fuzzer.target.schema import target_schema

    click.echo(msgspec.json.format(msgspec.json.encode(target_schema()), indent=2).decode())
