"""The command line: thin fronts over the engine, one file per command."""

from fuzzer.cli.app import main

__all__ = ["main"]
