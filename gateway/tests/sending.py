"""A gateway in production, tokens that hold for it, and calls with them; keys are made anew for each run."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway import jwks
from gateway.clients import Client
from gateway.settings import PRODUCTION

URL = "https://cds.example"
VIEW = "/cds-services/dystonia-patient-view"
SELECT = "/cds-services/dystonia-order-select"
ISSUER = "https://ehr.example"
EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def jwk(key: Any, kid: str) -> dict[str, Any]:
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}


def keys(*algorithms: str) -> Any:
    """Both keys under one kid."""
    found = jwks.read({"keys": [jwk(EC_KEY, "k"), jwk(RSA_KEY, "k")]}, algorithms or jwks.DEFAULT_ALGORITHMS)
    assert not found.faults
    return found.keys


EHR = Client("ehr", ISSUER, keys())


def token(key: Any = EC_KEY, alg: str = "ES384", header: Any = None, **claims: Any) -> str:
    now = int(time.time())
    right = {"iss": ISSUER, "aud": URL + VIEW, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    payload = {name: value for name, value in (right | claims).items() if value is not ...}
    return jwt.PyJWS().encode(json.dumps(payload).encode(), key, alg, {"kid": "k", "typ": "JWT", **(header or {})})


def body_for(path: str, call: Any) -> Any:
    """What is right to post there: this call, or feedback on a card."""
    return {"feedback": [{"card": "a card", "outcome": "accepted"}]} if path.endswith("/feedback") else call


class Sender:
    """A production gateway for some clients, and calls to it."""

    def __init__(self, gateway: Callable[..., Any], body: Any, *clients: Client, **settings: Any) -> None:
        self.client = gateway(deployment=PRODUCTION, public_url=URL, clients=clients, **settings)
        self._body = body

    def __call__(self, sent: str | None = None, path: str = VIEW, method: str = "POST") -> Any:
        headers = {"Authorization": f"Bearer {sent or token()}"}
        body = body_for(path, self._body) if method == "POST" else None
        return self.client.open(path, method=method, json=body, headers=headers)

    def discovered(self, **claims: Any) -> list[str]:
        answer = self(token(aud=URL + "/cds-services", **claims), "/cds-services", "GET")
        assert answer.status_code == 200
        return [service["id"] for service in answer.get_json()["services"]]
