"""Public keys as a JWK Set gives them: which of them we can use, for which algorithms, and what is wrong with others.

Symmetric algorithms and `none` are not in the table, so no configuration can switch them on.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization

from chassis.positions import Path

ALGORITHMS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "ES512": ("EC", "P-521"), "EdDSA": ("OKP", "Ed25519"),
        "RS256": ("RSA", ""), "RS384": ("RSA", ""), "RS512": ("RSA", ""),
        "PS256": ("RSA", ""), "PS384": ("RSA", ""), "PS512": ("RSA", ""),
    }
)  # fmt: skip
"""All algorithms that a client may be allowed to use, with the kind and curve of their keys."""

DEFAULT_ALGORITHMS: Final = frozenset({"ES384", "RS384"})
"""What CDS Hooks recommends, and what holds where nothing else was agreed."""

_RSA_BITS: Final = (2048, 8192)
_SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LONGEST_KID: Final = 200
_MOST_KEYS: Final = 100


@dataclass(frozen=True)
class Key:
    """One public key and the only algorithm that may be used with it."""

    algorithm: str
    jwk: jwt.PyJWK = field(repr=False)


@dataclass(frozen=True)
class KeySet:
    """What a JWK Set gave.

    Attributes:
        keys: `kid` -> the keys with this id, each for another algorithm.
        faults: what is wrong, as the place within the set and words. Whoever reads a file refuses it for them;
            whoever fetched the set goes on with the other keys.
        left_aside: how many keys are for another purpose or for algorithms that were not asked for.
    """

    keys: Mapping[str, tuple[Key, ...]] = field(repr=False)
    faults: tuple[tuple[Path, str], ...] = ()
    left_aside: int = 0


def read(document: object, algorithms: Collection[str] = DEFAULT_ALGORITHMS, *, trying_out: bool = False) -> KeySet:
    """The usable signing keys in `document`, a JWK Set as plain values.

    Args:
        document: the set.
        algorithms: those that the client may use; names of `ALGORITHMS`.
        trying_out: whether keys may be accepted whose private half everybody knows.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return KeySet({}, (((), "must be a JWK Set: an object whose member keys is a list"),))
    if len(listed) > _MOST_KEYS:
        return KeySet({}, ((("keys",), f"holds more than {_MOST_KEYS} keys"),))
    found: dict[str, tuple[Key, ...]] = {}
    faults: list[tuple[Path, str]] = []
    left_aside = 0
    for index, jwk in enumerate(listed):
        try:
            keys = _usable(jwk, algorithms, trying_out=trying_out)
            left_aside += not keys
            for key in keys:
                _add(found, jwk["kid"], key)
        except _BadKey as bad:
            faults.append((("keys", index, *bad.member), bad.words))
    if not found and not faults:
        faults.append((("keys",), f"holds no signing key for {' or '.join(sorted(algorithms))}"))
    return KeySet(MappingProxyType(found), tuple(faults), left_aside)


class _BadKey(Exception):
    def __init__(self, words: str, *member: str) -> None:
        super().__init__(words)
        self.words = words
        self.member = member


def _add(found: dict[str, tuple[Key, ...]], kid: str, key: Key) -> None:
    others = found.get(kid, ())
    if any(other.algorithm == key.algorithm for other in others):
        raise _BadKey("two keys have the same kid and the same algorithm", "kid")
    found[kid] = (*others, key)


def _usable(jwk: object, algorithms: Collection[str], *, trying_out: bool) -> tuple[Key, ...]:
    """The key once for each algorithm that it may be used with; none if it is for something else."""
    if not isinstance(jwk, dict):
        raise _BadKey("must be an object")
    if jwk.get("kty") == "oct" or _SECRET_MEMBERS & jwk.keys():
        raise _BadKey("is a private or symmetric key; only public ones belong here; replace it, it is no secret now")
    kind = (jwk.get("kty"), "" if jwk.get("kty") == "RSA" else jwk.get("crv"))
    said = jwk.get("alg")
    if isinstance(said, str) and said in ALGORITHMS and ALGORITHMS[said] != kind:
        raise _BadKey("does not fit the key's kty and crv", "alg")
    fitting = [name for name in sorted(algorithms) if ALGORITHMS[name] == kind and said in (None, name)]
    if not fitting or jwk.get("use") not in (None, "sig") or "verify" not in (jwk.get("key_ops") or ["verify"]):
        return ()
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
        raise _BadKey(f"a key needs a kid, a text of at most {_LONGEST_KID} characters", "kid")
    return tuple(Key(name, _loaded(jwk, name, trying_out=trying_out)) for name in fitting)


def _loaded(jwk: Mapping[str, Any], algorithm: str, *, trying_out: bool) -> jwt.PyJWK:
    try:
        loaded = jwt.PyJWK(dict(jwk), algorithm=algorithm)
        print_of_key = _thumbprint(loaded)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _BadKey("cannot be read as a public key") from error
    if jwk["kty"] == "RSA" and not _RSA_BITS[0] <= loaded.key.key_size <= _RSA_BITS[1]:
        raise _BadKey("an RSA key must have {} to {} bits".format(*_RSA_BITS))
    if not trying_out and print_of_key in _known_to_everybody():
        raise _BadKey("is the CDS Hooks Sandbox's key, whose private half is public: it identifies nobody")
    return loaded


def _thumbprint(jwk: jwt.PyJWK) -> bytes:
    der, info = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    encoded: bytes = jwk.key.public_bytes(der, info)
    return encoded


@cache
def _known_to_everybody() -> frozenset[bytes]:
    (sandbox,) = json.loads(files("gateway").joinpath("trusted/sandbox.json").read_text(encoding="utf-8"))
    return frozenset(_thumbprint(jwt.PyJWK(jwk)) for jwk in sandbox["jwks"]["keys"])
