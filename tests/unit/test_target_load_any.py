"""Whatever stands in a target file, the answer is a target or one line: never a stack trace."""

from __future__ import annotations

import copy
import datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fuzzer.target import TargetError
from fuzzer.target.load import target_of

TABLES: dict[str, Any] = {
    "target": {"url": "ws://127.0.0.1:1/{user}", "name": "x", "headers": {"A": "b"}, "subprotocols": ["s"]},
    "auth": {"kind": "jwt", "secret": "s" * 40, "claims": {"sub": "{user}"}, "lifetime": "1m", "place": "cookie:c"},
    "protocol": {"publish": '["{id}", "{body}"]', "deliver": {"match": {"a": 1}, "id": "0"}},
    "policy": {"limit": {"max": 1, "codes": [1008]}, "deadline": 1.0, "group": "user", "refuse_tokens": ["expired"]},
    "probe": {"connections": {"url": "http://127.0.0.1:1/", "path": "p"}, "log_errors": ["x"]},
}

toml_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["{user}", "{nobody}", "{", "://", "jwt", "class", "ws://[", "ws://a:b/", "subprotocol:{token}"])
    | st.just(datetime.date(2020, 1, 1)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
).filter(lambda value: value is not None)


def paths(tree: dict[str, Any], before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    own = [(*before, key) for key in tree]
    return own + [p for key, value in tree.items() if isinstance(value, dict) for p in paths(value, (*before, key))]


def put(path: tuple[str, ...], value: object) -> dict[str, Any]:
    tables = copy.deepcopy(TABLES)
    table = tables
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    return tables


def answer(tables: dict[str, Any]) -> str:
    try:
        target = target_of(tables, Path("hubfuzz.toml"))
    except TargetError as error:
        return str(error)
    target.endpoint(None, "user")
    target.codec().read(target.codec().publish("id", "body"))
    return "fine"


def test_the_tables_themselves_are_fine() -> None:
    assert answer(TABLES) == "fine"


@given(st.sampled_from(paths(TABLES)), toml_values)
def test_any_value_anywhere_gives_a_target_or_one_line(path: tuple[str, ...], value: object) -> None:
    line = answer(put(path, value))
    assert line
    assert line.isprintable()


@given(st.sampled_from([p[:-1] for p in paths(TABLES)]), st.text(max_size=9), toml_values)
def test_any_further_key_gives_a_target_or_one_line(table: tuple[str, ...], key: str, value: object) -> None:
    line = answer(put((*table, key), value))
    assert line
    assert "\n" not in line
