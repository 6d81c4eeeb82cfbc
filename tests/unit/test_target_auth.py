"""Every kind of token is good or bad in exactly the way that its name says: PyJWT's own decoder is the judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzer.plan import TokenKind
from fuzzer.target import TargetError
from fuzzer.target.auth import check_key, mint, seconds
from fuzzer.target.config import EnvRef, JwtAuth

SECRET = "a secret that is long enough for every algorithm: 0123456789 0123456789"
AUTH = JwtAuth(
    secret=SECRET, claims={"sub": "{user}", "who": {"id": ["{user}"]}, "sid": "{session}", "admin": False, "level": 3}
)


def token(kind: TokenKind, auth: JwtAuth = AUTH, user: str = "u0", session: str | None = None) -> str:
    made = mint(auth, user, session, kind)
    assert made is not None
    return made


def decoded(text: str, algorithm: str = "HS256") -> dict[str, object]:
    return jwt.decode(text, SECRET, algorithms=[algorithm])


def test_a_valid_token_is_accepted_and_keeps_the_types_of_claims() -> None:
    before = int(time.time())
    claims = decoded(token("valid", session="s1"))
    issued = claims.pop("iat")
    assert claims.pop("exp") == issued + 15 * 60  # type: ignore[operator]
    assert before <= issued <= time.time()  # type: ignore[operator]
    assert claims.pop("jti")
    assert claims == {"sub": "u0", "who": {"id": ["u0"]}, "sid": "s1", "admin": False, "level": 3}


def test_a_claim_that_is_the_session_is_left_out_without_one() -> None:
    assert "sid" not in decoded(token("valid"))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_hmac_algorithms(algorithm: str) -> None:
    auth = JwtAuth(secret=SECRET, algorithm=algorithm)
    assert decoded(token("valid", auth), algorithm)["sub"] == "u0"
    with pytest.raises(jwt.InvalidSignatureError):
        decoded(token("wrong-signature", auth), algorithm)


REFUSED: list[tuple[TokenKind, type[Exception]]] = [
    ("expired", jwt.ExpiredSignatureError),
    ("not-yet-valid", jwt.ImmatureSignatureError),
    ("wrong-signature", jwt.InvalidSignatureError),
    ("alg-none", jwt.InvalidAlgorithmError),
    ("truncated", jwt.InvalidSignatureError),
]


@pytest.mark.parametrize(("kind", "error"), REFUSED)
def test_a_bad_token_is_refused_for_its_own_reason(kind: TokenKind, error: type[Exception]) -> None:
    with pytest.raises(error):
        decoded(token(kind))


@pytest.mark.parametrize(("kind", "options"), [
    ("expired", {"verify_exp": False}),
    ("not-yet-valid", {"verify_nbf": False}),
    ("wrong-signature", {"verify_signature": False}),
    ("alg-none", {"verify_signature": False}),
])  # fmt: skip
def test_a_bad_token_is_right_in_all_else(kind: TokenKind, options: dict[str, bool]) -> None:
    claims = jwt.decode(token(kind), SECRET, algorithms=["HS256"], options=options)  # type: ignore[arg-type]
    assert claims["sub"] == "u0"
    assert claims["exp"] > claims["iat"]


def test_an_unsigned_token_says_so_and_has_no_signature() -> None:
    text = token("alg-none")
    assert jwt.get_unverified_header(text) == {"alg": "none", "typ": "JWT"}
    assert text.endswith(".")


def test_wrong_claims_are_signed_well_and_name_nobody() -> None:
    claims = decoded(token("wrong-claims", session="s1"))
    assert set(claims) == {"sid", "admin", "level", "iat", "exp", "jti"}


def test_no_two_tokens_are_the_same() -> None:
    """A hub may take each token for a session, and close the older of two connections that bring the same."""
    assert len({token("valid") for _ in range(20)}) == 20
    fixed = JwtAuth(secret=SECRET, claims={"sub": "{user}", "jti": "of the target file"})
    assert decoded(token("valid", fixed))["jti"] == "of the target file"


def test_no_token_is_none() -> None:
    assert mint(AUTH, "u0", None, "none") is None


@given(st.text(), st.text())
def test_names_of_any_kind_survive(user: str, session: str) -> None:
    claims = decoded(token("valid", user=user, session=session))
    assert (claims["sub"], claims["sid"]) == (user, session)


def test_a_short_secret_is_the_hubs_own_business() -> None:
    assert token("valid", JwtAuth(secret="x"))  # warnings are errors here


def test_the_secret_comes_from_the_environment_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = JwtAuth(secret=EnvRef("HF_SECRET"))
    monkeypatch.setenv("HF_SECRET", SECRET)
    assert decoded(token("valid", auth))["sub"] == "u0"
    monkeypatch.delenv("HF_SECRET")
    with pytest.raises(TargetError, match=r"^auth.secret: environment variable HF_SECRET is not set$"):
        token("valid", auth)


@pytest.mark.parametrize(("text", "expected"), [("30s", 30), ("15m", 900), ("1h", 3600), ("2d", 172800), (7, 7)])
def test_lifetimes(text: str | int, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "15", "m", "0m", "-1s", "1.5h", "15 minutes", -1])
def test_what_is_no_lifetime(text: str | int) -> None:
    with pytest.raises(TargetError, match=r"^auth.lifetime: found .*, expected a time such as"):
        seconds(text)


NO_CRYPTOGRAPHY = find_spec("cryptography") is None


@pytest.mark.skipif(not NO_CRYPTOGRAPHY, reason="the package cryptography is installed")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_without_cryptography_public_keys_give_one_line(algorithm: str) -> None:
    with pytest.raises(TargetError) as caught:
        check_key(JwtAuth(secret="x", algorithm=algorithm))
    assert str(caught.value) == (
        f"auth.algorithm: {algorithm} needs the package 'cryptography': pip install cryptography"
    )


def _rsa() -> object:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _ec() -> object:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _ed() -> object:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return ed25519.Ed25519PrivateKey.generate()


@pytest.mark.skipif(NO_CRYPTOGRAPHY, reason="needs the package cryptography")
@pytest.mark.parametrize(("algorithm", "make"), [("RS256", _rsa), ("ES256", _ec), ("EdDSA", _ed)])
def test_public_keys(algorithm: str, make: Callable[[], object]) -> None:
    from cryptography.hazmat.primitives import serialization as s

    key = make()
    pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()  # type: ignore[attr-defined]
    auth = JwtAuth(secret=pem, algorithm=algorithm)
    public = key.public_key()  # type: ignore[attr-defined]
    assert jwt.decode(token("valid", auth), public, algorithms=[algorithm])["sub"] == "u0"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token("wrong-signature", auth), public, algorithms=[algorithm])
    with pytest.raises(TargetError, match=r"^auth.secret: is no key to sign .* with"):
        check_key(JwtAuth(secret="not a key", algorithm=algorithm))
