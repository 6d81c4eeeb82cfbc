"""Private keys for tokens that are signed by the wrong one. Needs the optional package ``cryptography``."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

_PRIMITIVES = "cryptography.hazmat.primitives"


@functools.lru_cache(maxsize=8)
def key_like(pem: str) -> str:
    """A fresh private key of the same kind as ``pem``, as PEM. Made once, because RSA keys take their time."""
    serialization: Any = import_module(f"{_PRIMITIVES}.serialization")
    fresh = _fresh_like(serialization.load_pem_private_key(pem.encode(), password=None))
    made: bytes = fresh.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.decode()


def _fresh_like(key: Any) -> Any:
    rsa: Any = import_module(f"{_PRIMITIVES}.asymmetric.rsa")
    ec: Any = import_module(f"{_PRIMITIVES}.asymmetric.ec")
    if isinstance(key, rsa.RSAPrivateKey):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return ec.generate_private_key(key.curve)
    return _edwards(key)


def _edwards(key: Any) -> Any:
    """Ed25519 or Ed448: the public class of the key's own kind makes another."""
    for name in ("ed25519.Ed25519PrivateKey", "ed448.Ed448PrivateKey"):
        module, _, kind = name.partition(".")
        found: Any = getattr(import_module(f"{_PRIMITIVES}.asymmetric.{module}"), kind)
        if isinstance(key, found):
            return found.generate()
    raise ValueError("auth.secret: a private key of an unknown kind")
