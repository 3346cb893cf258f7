"""Who may call in production: the tokens of the listed clients, and nobody else's.

A gateway in production mode is started for these tests in front of the same screening.
"""

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from contract import judge
from contract.client import Client
from contract.exchanges import load
from contract.stack import Stack, gateway_app, served
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

PUBLIC_URL = "https://cds.example"
DISCOVERY = "/cds-services"
SERVICE = "/cds-services/dystonia-patient-view"
ISSUER = "https://ehr.example/fhir"
JKU = "https://ehr.example/jwks.json"
EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = ec.generate_private_key(ec.SECP384R1())
EPIC_KID = "a+b/c0Qx7v=="


@pytest.fixture(scope="module")
def production(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    if not stack.screening or not stack.content:
        pytest.skip("CDS_BASE_URL is given: a gateway of our own has nothing to stand in front of")
    folder = tmp_path_factory.mktemp("production")
    keys = [
        {**json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": "ec-1", "alg": "ES384", "use": "sig"},
        {**json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": EPIC_KID, "alg": "RS384", "use": "sig"},
    ]
    client = {"client": "synthetic-ehr", "issuer": ISSUER, "jwks": {"keys": keys}, "jku": JKU}
    clients: Path = folder / "clients.json"
    clients.write_text(json.dumps([client]), "utf-8")
    environ = {
        "DEPLOYMENT": "production",
        "PUBLIC_URL": PUBLIC_URL,
        "CLIENTS_FILE": str(clients),
        "UPSTREAMS": f"screening={stack.screening}",
        "CONTENT_URL": stack.content,
        "STATE_DIR": str(folder),
        "INTERNAL_KEY": stack.internal_keys[0].decode(),
    }
    with served(gateway_app(environ)) as server:
        wait_for_discovery(Client(server.url))
        yield Client(server.url)


def wait_for_discovery(client: Client) -> None:
    for _ in range(100):
        if client.get("/readyz").status_code == 200:
            return
        time.sleep(0.05)
    raise AssertionError(client.get("/readyz").text)


def claims(audience: Any, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + 300, "jti": secrets.token_hex(32)} | more
    return {name: value for name, value in made.items() if value is not None}


def signed(payload: dict[str, Any], key: Any = EC_KEY, alg: str = "ES384", **header: Any) -> dict[str, str]:
    headers = {"kid": "ec-1", "jku": JKU, "typ": "JWT"} | header
    token = jwt.encode(payload, key, algorithm=alg, headers={name: value for name, value in headers.items() if value})
    return {"Authorization": f"Bearer {token}"}


def by_hand(header: dict[str, Any], payload: dict[str, Any], secret: bytes = b"") -> dict[str, str]:
    """A token that no library would make: unsigned, or signed with a public key as if it were a secret."""
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    digest = hmac.new(secret, b".".join(parts), hashlib.sha384).digest() if secret else b""
    token = b".".join([*parts, urlsafe_b64encode(digest).rstrip(b"=")])
    return {"Authorization": f"Bearer {token.decode()}"}


def call_body() -> dict[str, Any]:
    """A call that is let in, and then lacks everything: 412 says that it reached screening."""
    return {**load("patient-view-prefetch")[0].shared["call"], "prefetch": {}}


@pytest.mark.promise("R72", "R73", "R74")
def test_nobody_is_let_in_without_a_token(production: Client) -> None:
    for answer in (
        production.get(DISCOVERY),
        production.post(SERVICE, call_body()),
        production.post(f"{SERVICE}/feedback", {"feedback": []}),
    ):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert judge.refusal_faults(answer) == []


@pytest.mark.promise("R75", "T4")
@pytest.mark.parametrize(
    ("key", "alg", "kid"), [(EC_KEY, "ES384", "ec-1"), (RSA_KEY, "RS384", EPIC_KID)], ids=["ES384", "RS384"]
)
def test_a_listed_client_is_let_in(production: Client, key: Any, alg: str, kid: str) -> None:
    token = signed(claims(f"{PUBLIC_URL}{DISCOVERY}"), key, alg, kid=kid)
    assert production.get(DISCOVERY, headers=token).status_code == 200
    token = signed(claims(f"{PUBLIC_URL}{SERVICE}"), key, alg, kid=kid)
    assert production.post(SERVICE, call_body(), headers=token).status_code == 412
    token = signed(claims(f"{PUBLIC_URL}{SERVICE}/feedback"), key, alg, kid=kid)
    assert production.post(f"{SERVICE}/feedback", {"feedback": []}, headers=token).status_code == 200


@pytest.mark.promise("R75")
def test_the_audience_may_be_a_list(production: Client) -> None:
    for audience in ([f"{PUBLIC_URL}{DISCOVERY}"], ["https://other.example", f"{PUBLIC_URL}{DISCOVERY}"]):
        assert production.get(DISCOVERY, headers=signed(claims(audience))).status_code == 200


@pytest.mark.promise("R75", "R76")
@pytest.mark.parametrize(
    "headers",
    [
        signed(claims(f"{PUBLIC_URL}{SERVICE}")),
        signed(claims("https://other.example/cds-services")),
        signed(claims([])),
        signed(claims(None)),
        signed(claims(f"{PUBLIC_URL}{DISCOVERY}", iss="https://other.example")),
        signed(claims(f"{PUBLIC_URL}{DISCOVERY}", iss=None)),
        signed(claims(f"{PUBLIC_URL}{DISCOVERY}", exp=int(time.time()) - 600, iat=int(time.time()) - 900)),
        signed(claims(f"{PUBLIC_URL}{DISCOVERY}", exp=None)),
        signed(claims(f"{PUBLIC_URL}{DISCOVERY}", iat=int(time.time()) + 900, exp=int(time.time()) + 1200)),
        signed(claims(f"{PUBLIC_URL}{DISCOVERY}", exp=int(time.time()) + 90_000)),
        signed(claims(f"{PUBLIC_URL}{DISCOVERY}"), STRANGER),
        signed(claims(f"{PUBLIC_URL}{DISCOVERY}"), kid="another"),
        signed(claims(f"{PUBLIC_URL}{DISCOVERY}"), jku="https://other.example/jwks.json"),
        signed(claims(f"{PUBLIC_URL}{DISCOVERY}"), RSA_KEY, "RS256", kid=EPIC_KID),
        by_hand({"alg": "none", "typ": "JWT"}, claims(f"{PUBLIC_URL}{DISCOVERY}")),
        by_hand({"alg": "none", "typ": "JWT", "kid": "ec-1", "jku": JKU}, claims(f"{PUBLIC_URL}{DISCOVERY}")),
        by_hand(
            {"alg": "HS384", "typ": "JWT", "kid": "ec-1", "jku": JKU},
            claims(f"{PUBLIC_URL}{DISCOVERY}"),
            EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        ),
        {"Authorization": "Bearer not.a.token"},
        {"Authorization": "Basic c3ludGhldGljOnN5bnRoZXRpYw=="},
        {"Authorization": "Bearer"},
    ],
    ids=[
        "audience: another endpoint", "audience: another server", "audience: empty list", "no audience",
        "issuer not listed", "no issuer", "expired", "no expiry", "from the future", "lives too long",
        "a stranger's key", "unknown key id", "key from elsewhere", "algorithm not listed", "unsigned",
        "unsigned with a known key id", "public key as a secret", "no token", "another scheme", "empty",
    ],
)  # fmt: skip
def test_everybody_else_is_not(production: Client, headers: dict[str, str]) -> None:
    answer = production.get(DISCOVERY, headers=headers)
    assert answer.status_code == 401
    assert judge.refusal_faults(answer) == []
    assert headers["Authorization"].partition(" ")[2] not in answer.text or len(headers["Authorization"]) < 10


@pytest.mark.promise("R74", "T4")
def test_a_try_out_lets_this_machine_in_but_no_false_token(door: Client, stack: Stack) -> None:
    if not stack.ours:
        pytest.skip("CDS_BASE_URL is given: that stack may not be a try-out")
    assert door.get(DISCOVERY).status_code == 200
    assert door.get(DISCOVERY, headers=signed(claims(f"{door.base}{DISCOVERY}"))).status_code == 401
    assert door.get(DISCOVERY, headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 200
