"""Dotted paths into decoded JSON: ``payload.id``, and through lists by number: ``4.id``."""

from __future__ import annotations

from typing import Final

Path = tuple[tuple[str, int], ...]


class _Nothing:
    """Equals nothing that JSON can hold."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING: Final = _Nothing()


def split_path(path: str) -> Path:
    """The steps of a path, ready for ``look_up``."""
    return tuple((step, _as_index(step)) for step in path.split("."))


def _as_index(step: str) -> int:
    return int(step) if step.isascii() and step.isdigit() and len(step) < 10 else -1


def look_up(tree: object, path: Path) -> object:
    """What lies at ``path``, or ``NOTHING``. Never raises."""
    for key, index in path:
        if type(tree) is dict:
            tree = tree.get(key, NOTHING)
        elif type(tree) is list and 0 <= index < len(tree):
            tree = tree[index]
        else:
            return NOTHING
    return tree


def flatten(tree: dict[str, object], prefix: str = "") -> dict[str, object]:
    """``{"a": {"b": 1}}`` as ``{"a.b": 1}``: TOML reads the key ``a.b`` as the former."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        flat.update(flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat
