"""Which keys of a JWK Set are usable, for which algorithm, and what is said of the others."""

import json
from importlib.resources import files
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from gateway import jwks

P256, P384, P521 = (ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()))
RSA = rsa.generate_private_key(65537, 2048)
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505  short, to see it refused
ED = ed25519.Ed25519PrivateKey.generate()
ALL = frozenset(jwks.ALGORITHMS)


def jwk(key: Any, **members: Any) -> dict[str, Any]:
    kinds = {ec.EllipticCurvePrivateKey: ECAlgorithm, rsa.RSAPrivateKey: RSAAlgorithm}
    algorithm = next((kind for base, kind in kinds.items() if isinstance(key, base)), OKPAlgorithm)
    made = {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": "1", "key_ops": ..., **members}
    return {name: value for name, value in made.items() if value is not ...}


def read(*keys: Any, algorithms: frozenset[str] = jwks.DEFAULT_ALGORITHMS) -> jwks.KeySet:
    return jwks.read({"keys": list(keys)}, algorithms)


def test_no_symmetric_algorithm_and_not_none_can_be_configured() -> None:
    assert not any(name.startswith("HS") or name.lower() == "none" for name in jwks.ALGORITHMS)
    assert {"ES384", "RS384"} == jwks.DEFAULT_ALGORITHMS


@pytest.mark.parametrize(
    ("key", "algorithms", "usable"),
    [
        (jwk(P384), jwks.DEFAULT_ALGORITHMS, ["ES384"]), (jwk(RSA), jwks.DEFAULT_ALGORITHMS, ["RS384"]),
        (jwk(P256), jwks.DEFAULT_ALGORITHMS, []), (jwk(P256), ALL, ["ES256"]), (jwk(P521), ALL, ["ES512"]),
        (jwk(ED), ALL, ["EdDSA"]), (jwk(RSA), {"RS256", "PS256"}, ["PS256", "RS256"]),
        (jwk(RSA, alg="RS256"), ALL, ["RS256"]), (jwk(RSA, alg="RS256"), jwks.DEFAULT_ALGORITHMS, []),
        (jwk(RSA, alg="RSA-OAEP"), ALL, []), (jwk(P384, use="enc"), ALL, []), (jwk(P384, use="sig"), ALL, ["ES384"]),
        (jwk(P384, key_ops=["verify"]), ALL, ["ES384"]), (jwk(P384, key_ops=["deriveKey"]), ALL, []),
    ],
)  # fmt: skip
def test_a_key_is_used_only_with_what_it_is_for(key: dict[str, Any], algorithms: Any, usable: list[str]) -> None:
    found = read(key, jwk(P384, kid="other"), algorithms=frozenset({"ES384", *algorithms}))
    assert [one.algorithm for one in found.keys.get("1", ())] == usable
    assert found.left_aside == (not usable)
    assert found.faults == ()


def test_a_kid_may_name_several_keys_of_different_algorithms_and_may_look_odd() -> None:
    found = read(jwk(P384, kid="a+/=="), jwk(RSA, kid="a+/=="))
    assert [key.algorithm for key in found.keys["a+/=="]] == ["ES384", "RS384"]


@pytest.mark.parametrize(
    ("document", "place", "said"),
    [
        (None, (), "JWK Set"), ([], (), "JWK Set"), ({"keys": {}}, (), "JWK Set"),
        ({"keys": [{}] * 101}, ("keys",), "100"),
        ({"keys": []}, ("keys",), "no signing key for ES384 or RS384"),
        ({"keys": [1]}, ("keys", 0), "must be an object"),
        ({"keys": [jwk(P384), jwk(P384)]}, ("keys", 1, "kid"), "same kid"),
        ({"keys": [jwk(P384, kid=...)]}, ("keys", 0, "kid"), "needs a kid"),
        ({"keys": [jwk(P384, kid=5)]}, ("keys", 0, "kid"), "needs a kid"),
        ({"keys": [jwk(P384, kid="k" * 201)]}, ("keys", 0, "kid"), "needs a kid"),
        ({"keys": [jwk(P384, d="x")]}, ("keys", 0), "private or symmetric"),
        ({"keys": [{"kty": "oct", "kid": "1"}]}, ("keys", 0), "private or symmetric"),
        ({"keys": [jwk(P256, alg="ES384")]}, ("keys", 0, "alg"), "does not fit"),
        ({"keys": [jwk(P384, alg="RS384")]}, ("keys", 0, "alg"), "does not fit"),
        ({"keys": [jwk(SHORT)]}, ("keys", 0), "2048"), ({"keys": [jwk(RSA, e="AQ")]}, ("keys", 0), "cannot be read"),
        ({"keys": [jwk(P384, x="AAAA")]}, ("keys", 0), "cannot be read"),
        ({"keys": [jwk(P384, y=jwk(P384)["x"])]}, ("keys", 0), "cannot be read"),
        ({"keys": [jwk(P384, x=["x"])]}, ("keys", 0), "cannot be read"),
        ({"keys": [jwk(RSA, n=...)]}, ("keys", 0), "read"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(document: Any, place: tuple[Any, ...], said: str) -> None:
    found = jwks.read(document)
    ((where, words),) = found.faults
    assert where == place
    assert said in words


def test_a_bad_key_does_not_take_the_good_ones_with_it() -> None:
    found = read(jwk(SHORT, kid="short"), jwk(P384, kid="good"))
    assert list(found.keys) == ["good"]
    assert len(found.faults) == 1


def test_the_sandbox_s_key_is_known_whatever_it_is_called() -> None:
    (entry,) = json.loads(files("gateway").joinpath("trusted/sandbox.json").read_text())
    (key,) = entry["jwks"]["keys"]
    found = read({**key, "kid": "mine"})
    assert found.keys == {}
    assert "private half is public" in found.faults[0][1]
    assert list(jwks.read({"keys": [key]}, trying_out=True).keys) == [key["kid"]]


def test_a_key_verifies_with_its_algorithm() -> None:
    found = read(jwk(RSA), algorithms=frozenset({"PS256", "RS384"}))
    for key in found.keys["1"]:
        token = jwt.encode({"a": 1}, RSA, algorithm=key.algorithm)
        assert jwt.decode(token, key.jwk, algorithms=[key.algorithm]) == {"a": 1}
