"""The list of trusted clients: what a file must be like, and the one client that ships with us."""

import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway import auth, clients

ISSUER = "https://ehr.example"
JKU = "https://ehr.example/jwks.json"
EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505  short, to see it refused


def public_jwk(key: Any, kid: str) -> dict[str, Any]:
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


def test_the_sandbox_is_known_by_its_public_key() -> None:
    (sandbox,) = clients.sandbox()
    assert sandbox.key_is_public
    assert [(kid, key.algorithm) for kid, key in sandbox.keys.items()] == [
        ("44823f3d-0b01-4a6c-a80e-b9d3e8a7226f", "ES384")
    ]
    assert auth.ALGORITHMS == ("ES384", "RS384")


def entry(**changes: Any) -> dict[str, Any]:
    right = {"client": "ehr", "issuer": ISSUER, "jwks": {"keys": [public_jwk(EC_KEY, "1")]}}
    return {k: v for k, v in (right | changes).items() if v is not ...}


@pytest.fixture
def write(tmp_path: Any) -> Callable[[Any], str]:
    def to_file(content: Any) -> str:
        path = tmp_path / "clients.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return to_file


def test_a_whole_entry_is_read(write: Any) -> None:
    ignored = [
        {"kty": "EC", "crv": "P-256"},
        {**public_jwk(RSA_KEY, "e"), "use": "enc"},
        {**public_jwk(RSA_KEY, "p"), "alg": "PS384"},
    ]
    keys = [public_jwk(EC_KEY, "1"), public_jwk(RSA_KEY, "2"), *ignored]
    whole = entry(jwks={"keys": keys}, jku=JKU, audiences=["a"], origins=["https://ehr.example:8443"], comment="c")
    (read,) = clients.read(write([whole]))
    assert (read.name, read.issuer, read.jku, sorted(read.keys)) == ("ehr", ISSUER, JKU, ["1", "2"])
    assert (read.audiences, read.origins) == ({"a"}, {"https://ehr.example:8443"})
    assert not read.key_is_public
    assert "n=" not in repr(read)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON"), ("{}", "list"), ("[]", "list"), ("[1]", "not an object"),
        ([entry(client=...)], "client"), ([entry(issuer=...)], "issuer"), ([entry(jwks=...)], "jwks"),
        ([entry(client="a b")], "client"), ([entry(audience=["x"])], "audience"), ([entry(jku="x")], "jku"),
        ([entry(origins=["https://ehr.example/"])], "origins"), ([entry(origins=["*"])], "origins"),
        ([entry(audiences=[""])], "audiences"), ([entry(jwks={})], "keys"), ([entry(jwks={"keys": [5]})], "keys"),
        ([entry(jwks={"keys": []})], "no key"),
        ([entry(jwks={"keys": [{**public_jwk(EC_KEY, ""), "kid": ""}]})], "kid"),
        ([entry(jwks={"keys": [public_jwk(EC_KEY, "1"), public_jwk(RSA_KEY, "1")]})], "same kid"),
        ([entry(jwks={"keys": [{**public_jwk(EC_KEY, "1"), "d": "x"}]})], "private"),
        ([entry(jwks={"keys": [{"kty": "oct", "k": "x", "kid": "1"}]})], "symmetric"),
        ([entry(jwks={"keys": [{"kty": "EC", "crv": "P-384", "x": "a", "y": "b", "kid": "1"}]})], "cannot be read"),
        ([entry(jwks={"keys": [public_jwk(SHORT_KEY, "1")]})], "2048"),
        ([entry(), entry(issuer="other")], "same client"), ([entry(), entry(client="other")], "same issuer"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused(write: Any, content: Any, said: str) -> None:
    with pytest.raises(clients.ClientsError, match=said) as caught:
        clients.read(write(content))
    assert "\n" not in str(caught.value)


def test_the_public_key_of_the_sandbox_is_refused_in_production(write: Any) -> None:
    shipped = json.loads(clients.files("gateway").joinpath("trusted/sandbox.json").read_text())
    with pytest.raises(clients.ClientsError, match="Sandbox"):
        clients.read(write(shipped))


def test_a_missing_file_is_said_without_its_path(tmp_path: Any) -> None:
    with pytest.raises(clients.ClientsError, match="cannot be read") as caught:
        clients.read(str(tmp_path / "none.json"))
    assert str(tmp_path) not in str(caught.value)
