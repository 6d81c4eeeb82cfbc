"""Why a server cannot be fuzzed: each answer of a server points at the part of the target file to look at."""

from __future__ import annotations

import jwt
import pytest

from fuzzer.driver import trouble
from fuzzer.history import RejectedBy
from fuzzer.target.redact import without_tokens

TOKEN = jwt.encode({"sub": "u0"}, "a secret of at least thirty-two bytes", "HS256")


@pytest.mark.parametrize(
    ("by", "code", "reason", "said"),
    [
        ("status", 401, "", "(HTTP 401); are auth.secret, auth.claims and auth.place what the server expects?"),
        ("status", 403, "no", "(HTTP 403 no); are auth.secret"),
        ("status", 404, "", "answered with HTTP 404; is the path of target.url"),
        ("status", 200, "hello", "answered with HTTP 200 hello; is the path"),
        ("close", 4401, "who?", "was closed (4401 who?); are auth.secret"),
        ("close", 1011, "", "was closed (1011); what does the server expect"),
        ("eof", None, "", "does not speak WebSocket (opening handshake: it hangs up)"),
        ("reset", None, "", "does not speak WebSocket (opening handshake: it resets the connection)"),
        ("invalid", None, "illegal status line", "(opening handshake: illegal status line)"),
        ("timeout", None, "", "did not answer the opening handshake"),
    ],
)
def test_a_refusal_says_where_to_look(by: RejectedBy, code: int | None, reason: str, said: str) -> None:
    assert said in trouble.refused(by, code, reason)


def test_what_a_server_answers_is_short_and_without_tokens() -> None:
    for said in (
        trouble.refused("invalid", None, f"GET /ws?token={TOKEN} " * 9),
        trouble.closed(4000, f"bad token {TOKEN}"),
        trouble.other_answer(f'{{"error": "{TOKEN}"}}'),
    ):
        assert TOKEN not in said
        assert "<token>" in said
        assert len(said) < 300


def test_only_tokens_are_taken_out() -> None:
    unsigned = TOKEN.rpartition(".")[0] + "."
    assert without_tokens(f"a {TOKEN} b {unsigned}, c") == "a <token> b <token>, c"
    assert without_tokens("eyes, eyJ and 1.2.3") == "eyes, eyJ and 1.2.3"
