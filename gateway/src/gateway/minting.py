"""Keys and tokens for trying out: what an EHR has of its own, made here so that a gateway can be called without one.

Nothing here is used by the gateway itself; it only ever sees the public halves.
"""

import json
import os
import secrets
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ALGORITHMS: Final = ("ES384", "RS384")
TOKEN_LIFE_S: Final = 300
_RSA_BITS: Final = 3072
_PUBLIC_MEMBERS: Final = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use")


def new_key(algorithm: str) -> dict[str, Any]:
    """A private key as a JWK, with a `kid` of its own, for ES384 or RS384."""
    jwk: dict[str, Any]
    if algorithm == "ES384":
        jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()), as_dict=True)
    else:
        jwk = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, _RSA_BITS), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": str(uuid.uuid4()), "alg": algorithm, "use": "sig"}


def public_half(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """What may be told of a key: its members that are known to be public."""
    return {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}


def entry(name: str, issuer: str, jwk: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """An entry of the clients file for whoever signs with this key."""
    return {"client": name, "issuer": issuer, "jwks": {"keys": [public_half(jwk)]}, **members}


def entries_text(*listed: Mapping[str, Any]) -> str:
    """Entries as the clients file has them."""
    text = yaml.safe_dump([dict(one) for one in listed], sort_keys=False, width=120)
    return f"# What each member means: docs/clients.md\n{text}"


def token(jwk: Mapping[str, Any], issuer: str, audience: str, tenant: str = "") -> str:
    """A token as an EHR makes one for one call of `audience`, good for `TOKEN_LIFE_S` and for one use.

    Raises:
        ValueError: the key is no private key that can sign.
    """
    now = int(time.time())
    claims = {"iss": issuer, "aud": audience, "iat": now, "exp": now + TOKEN_LIFE_S, "jti": str(uuid.uuid4())}
    if tenant:
        claims["tenant"] = tenant
    try:
        key = jwt.PyJWK(dict(jwk))
        return jwt.encode(claims, key.key, algorithm=key.algorithm_name, headers={"kid": jwk.get("kid"), "typ": "JWT"})
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError("the key file does not hold a private key as a JWK") from error


def secret() -> str:
    """A secret of 32 random bytes in hexadecimal."""
    return secrets.token_hex(32)


def key_text(jwk: Mapping[str, Any]) -> str:
    """A key as its file holds it."""
    return json.dumps(jwk, indent=2)


def write_new(path: Path, text: str) -> bool:
    """Write a file that nobody else can read (0600), unless there is one already; whether it was written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else text + "\n")
    return True
