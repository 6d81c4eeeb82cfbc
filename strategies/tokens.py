"""Token kinds: mostly valid, else one that the hub declares to refuse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzzer.plan import TokenKind
from strategies.choice import Draw


def token_kinds(kinds: Sequence[TokenKind] = get_args(TokenKind)) -> SearchStrategy[TokenKind]:
    """Kinds of token, half of them valid; ``valid`` must be among ``kinds``."""
    bad = [kind for kind in kinds if kind != "valid"]
    valid: SearchStrategy[TokenKind] = st.just("valid")
    return st.one_of(valid, st.sampled_from(bad)) if bad else valid


def draw_bad_token(draw: Draw, kinds: Sequence[TokenKind]) -> TokenKind:
    """One of the kinds that are to be refused; ``valid`` if there is none."""
    bad = [kind for kind in kinds if kind != "valid"]
    return draw.one(bad) if bad else "valid"
