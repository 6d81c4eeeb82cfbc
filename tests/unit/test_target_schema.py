"""The JSON Schema of the target file accepts every target file that there is, and says no where hubfuzz does."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from command import hubfuzz

from fuzzer.init.template import Wanted, target_file
from fuzzer.target.schema import target_schema

TARGETS = sorted((Path(__file__).parents[1] / "targets").glob("*.toml"))
GOOD = tomllib.loads(target_file(Wanted()))


def validator() -> jsonschema.Draft202012Validator:
    schema = target_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def complaints(tables: dict[str, Any]) -> list[str]:
    return [error.message for error in validator().iter_errors(tables)]


def changed(table: str, key: str, value: Any) -> dict[str, Any]:
    return {**GOOD, table: {**GOOD.get(table, {}), key: value}}


@pytest.mark.parametrize("path", TARGETS, ids=lambda path: path.stem)
def test_every_target_file_of_the_tests(path: Path) -> None:
    assert complaints(tomllib.loads(path.read_text())) == []


def test_what_init_writes() -> None:
    assert complaints(GOOD) == []


@pytest.mark.parametrize(
    "tables",
    [
        changed("protocol", "kind", "text") | {"protocol": {"kind": "text", "publish": "x", "deliver": {"regex": "y"}}},
        {**GOOD, "protocol": {"class": "chat:Codec"}},
        changed("probe", "anything", {"url": "http://127.0.0.1/x", "path": "n"}),
        {**GOOD, "auth": {"kind": "none"}},
    ],
)
def test_other_good_files(tables: dict[str, Any]) -> None:
    assert complaints(tables) == []


@pytest.mark.parametrize(
    "tables",
    [
        {key: table for key, table in GOOD.items() if key != "target"},
        {key: table for key, table in GOOD.items() if key != "protocol"},
        changed("target", "nmae", "x"),
        changed("policy", "echo", "sometimes"),
        changed("policy", "limit", {"max": "five"}),
        changed("auth", "kind", "basic"),
        changed("probe", "connections", {"url": "http://127.0.0.1/x"}),
        changed("policy", "deadline", "5 s"),
    ],
)
def test_bad_files(tables: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(tables)


def test_the_command_prints_it(tmp_path: Path) -> None:
    done = hubfuzz("schema", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(json.dumps(target_schema()))
