"""Keys and tokens: good ones by PyJWT, and those that no library would make by hand. All keys are made on the spot."""

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Claims = dict[str, Any]
_HASHES: Final = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


@dataclass(frozen=True)
class Signer:
    """A key pair with the id under which its public half is published."""

    kid: str
    algorithm: str
    key: Any = field(repr=False)

    def public_jwk(self) -> dict[str, Any]:
        """The public half, as a JWKS holds it."""
        kind = ECAlgorithm if self.algorithm.startswith("ES") else RSAAlgorithm
        made: dict[str, Any] = json.loads(kind.to_jwk(self.key.public_key()))
        return {**made, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def public_pem(self) -> bytes:
        """The public half as PEM."""
        pem: bytes = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token; `alg=` signs with another algorithm, and a header member that is None is left out."""
        members = {"kid": self.kid, "typ": "JWT", **header}
        algorithm = members.pop("alg", None) or self.algorithm
        kept = {name: value for name, value in members.items() if value is not None}
        if "typ" not in kept:
            kept["typ"] = None  # PyJWT writes typ unless it is told that there is none
        return jwt.encode(dict(claims), self.key, algorithm=algorithm, headers=kept)


def ec_signer(kid: str, curve: ec.EllipticCurve | None = None) -> Signer:
    """A new EC key, P-384 unless told otherwise."""
    key = ec.generate_private_key(curve or ec.SECP384R1())
    return Signer(kid, {256: "ES256", 384: "ES384", 521: "ES512"}[key.curve.key_size], key)


def rsa_signer(kid: str, algorithm: str = "RS384") -> Signer:
    """A new RSA key of 2048 bits."""
    return Signer(kid, algorithm, rsa.generate_private_key(public_exponent=65537, key_size=2048))


def claims(issuer: str, audience: Any, **more: Any) -> Claims:
    """Claims that hold, with these changed; a claim that is None is left out."""
    now = int(time.time())
    made = {"iss": issuer, "aud": audience, "iat": now, "exp": now + 300, "jti": secrets.token_hex(16)} | more
    return {name: value for name, value in made.items() if value is not None}


def by_hand(header: Mapping[str, Any], payload: object, secret: bytes | None = None, algorithm: str = "") -> str:
    """A token that no library would make: unsigned, or with `secret` as the key of an HMAC."""
    signed = f"{_part(header)}.{_part(payload)}"
    kind = _HASHES.get(algorithm or str(header.get("alg")), hashlib.sha384)
    mac = hmac.new(secret, signed.encode(), kind).digest() if secret is not None else b""
    return f"{signed}.{_text(mac)}"


def changed(token: str, *, header: Mapping[str, Any] | None = None, payload: Mapping[str, Any] | None = None) -> str:
    """The same token with members of its header or payload changed, and its old signature."""
    head, body, signature = token.split(".")
    new_head = _part({**_read(head), **header}) if header else head
    new_body = _part({**_read(body), **payload}) if payload else body
    return f"{new_head}.{new_body}.{signature}"


def flipped(token: str) -> str:
    """The same token with one bit of its signature turned."""
    head, body, signature = token.split(".")
    raw = bytearray(urlsafe_b64decode(signature + "=="))
    raw[7] ^= 1
    return f"{head}.{body}.{_text(bytes(raw))}"


def _read(part: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=="))
    return read


def _part(document: object) -> str:
    return _text(json.dumps(document).encode())


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
