"""What the README says of commands, options, items and outputs is so."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import samples

from fuzzer.cli.app import app
from fuzzer.pytest_checks import checks_of
from fuzzer.report.case import case_of
from fuzzer.report.text import describe
from fuzzer.scenarios import SCENARIOS
from fuzzer.target.load import load_target

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
WHEN = re.compile(r"#\d+ +\d+\.\d+ s")


def block(heading: str, language: str = "") -> str:
    """The first code block of this language below a heading."""
    return README.partition(heading)[2].partition(f"```{language}\n")[2].partition("```")[0]


def test_a_failure_looks_as_it_is_shown() -> None:
    failure = samples.limit()
    lines = describe(case_of(failure, f".hubfuzz/failures/{failure.fingerprint}.json"), 80)
    real = "\n".join(line.plain for line in lines) + "\n"
    assert WHEN.sub("#", real) in WHEN.sub("#", block("## What a failure looks like"))


def flags_of(group: click.Group) -> Iterator[str]:
    """Those of its commands, and of theirs."""
    for command in group.commands.values():
        yield from (flag for param in command.params for flag in param.opts)
        if isinstance(command, click.Group):
            yield from flags_of(command)


def test_every_command_and_option_exists() -> None:
    known = {"-h", "--version", *flags_of(app)}
    prose = README.partition("## Commands")[2].partition("## Figures")[0]
    table = re.findall(r"^\| (`hubfuzz .*?) \|", prose, re.MULTILINE)
    named = {word for row in table for word in re.findall(r"`hubfuzz (\w+)", row)}
    assert named == set(app.commands)
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", prose)) | set(
        re.findall(r"hubfuzz run[^`\n]*?(--[a-z][a-z-]*)", README)
    )
    assert used
    assert used <= known


def test_the_scenarios_are_those_that_there_are() -> None:
    listed = README.partition("scenarios of the specification: ")[2].partition(" |")[0]
    assert tuple(listed.split(", ")) == tuple(SCENARIOS)


def test_the_exit_codes_are_those_of_the_command() -> None:
    said = README.partition("Exit codes: ")[2].partition(".")[0]
    assert said in " ".join((app.help or "").split())


def test_the_target_file_is_one_and_its_items_are_as_said(tmp_path: Path) -> None:
    path = tmp_path / "hubfuzz.toml"
    path.write_text(block("## Your own hub", "toml"))
    target = load_target(path)
    real = tomllib.loads((ROOT / "tests/targets/tutorial.toml").read_text())
    assert tomllib.loads(path.read_text())["protocol"] == real["protocol"], "as tests/targets fuzzes it"
    assert [check.name for check in checks_of(target)] == [*SCENARIOS, "authentication", "campaign"]
