"""The field on which the suite is played: clients with keys made on the spot, the stack in front, traps around it."""

import contextlib
import json
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from contract.deployed import LOOPBACK, PUBLIC_URL, Running, deployed

from attack.sending import ORIGIN, Headers, Reply, Request, send, send_raw
from attack.signing import Signer, claims, ec_signer, rsa_signer
from attack.traps import NEXT_BASES, REDIRECT_BASES, SPEAKING_BASES, Traps, traps
from screening.synthetic import charts as wire

DISCOVERY: Final = "/cds-services"
SERVICE: Final = "/cds-services/dystonia-patient-view"
SELECT: Final = "/cds-services/dystonia-order-select"
FEEDBACK: Final = f"{SERVICE}/feedback"
GATEWAY: Final = "gateway"
TRY_OUT: Final = "try-out"
EPIC_KID: Final = "a+b/c0Qx7v=="
"""Some EHRs make the kid of a hash in base64, with characters that have a meaning elsewhere."""
TENANT: Final = "north"
BETA_ORIGIN: Final = "https://beta-browser.example"
"""An origin that only client beta has listed."""

_PATIENCE: Final = {"REQUEST_HEAD_TIMEOUT_S": "4", "REQUEST_BODY_TIMEOUT_S": "8"}
"""Shorter than by default, so that slow clients need not be waited for as long."""

_CHART: Final[wire.Scenario] = {
    "id": "attack", "hook": "patient-view", "age": 57, "sex": "male",
    "conditions": [{"code": "G24.9", "onsetAge": 56}],
    "labs": [{"code": "2132-9", "v": 90, "u": "pg/mL", "ago": 15}],
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """A client of the list, with the private half of its keys.

    Attributes:
        issuer: its `iss`.
        signer: its first key.
        jku: the `jku` that its tokens carry; empty: none.
        tenant: the tenant that its tokens name; empty: none.
    """

    issuer: str
    signer: Signer
    jku: str = ""
    tenant: str = ""


@dataclass(frozen=True)
class Field:
    """Everything that a table needs.

    Attributes:
        stack: the services.
        traps: the servers around them.
        clients: the clients of the list, by name.
        rsa: client alpha's RSA key.
        stranger: a key that is on no list.
        spent: every token and secret that was sent: none of them may turn up in anything that is written.
    """

    stack: Running
    traps: Traps
    clients: Mapping[str, Known]
    rsa: Signer
    stranger: Signer
    spent: list[str] = field(default_factory=list, repr=False)

    def token(self, path: str, client: str = "alpha", **more: Any) -> str:
        """A token of this client for this address. `header=` and `signer=` change what signs, the rest the claims."""
        known = self.clients[client]
        signer: Signer = more.pop("signer", known.signer)
        header = {"jku": known.jku or None, **more.pop("header", {})}
        if known.tenant:
            more.setdefault("tenant", known.tenant)
        made = claims(known.issuer, f"{PUBLIC_URL}{path}", **more)
        return self.noted(signer.sign(made, **header))

    def noted(self, token: str) -> str:
        """The token, remembered for the search through all that was written."""
        self.spent.append(token)
        return token

    def bearer(self, path: str, client: str = "alpha", **more: Any) -> tuple[str, str]:
        """The Authorization header with such a token."""
        return ("Authorization", f"Bearer {self.token(path, client, **more)}")

    def port(self, service: str = GATEWAY) -> int:
        """Where a service listens."""
        return self.stack.ports[service]

    def get(self, path: str, headers: Headers = (), *, to: str = GATEWAY, **more: Any) -> Reply:
        """GET."""
        return send(self.port(to), Request("GET", path, tuple(headers), **more))

    def post(self, path: str, body: bytes, headers: Headers = (), *, to: str = GATEWAY, **more: Any) -> Reply:
        """POST JSON."""
        typed = any(name.lower() == "content-type" for name, _ in headers)
        kind = () if typed else (("Content-Type", "application/json"),)
        return send(self.port(to), Request("POST", path, (*kind, *headers), body, **more))

    def raw(self, data: bytes, *, to: str = GATEWAY) -> Reply:
        """Bytes as they are."""
        return send_raw(self.port(to), data)

    def call(self, path: str = SERVICE, *, client: str = "alpha", **more: Any) -> Reply:
        """A call with a good token and a body changed in this way."""
        return self.post(path, encoded(body(**more)), [self.bearer(path, client)])

    def fetching(self, server: str, *, client: str = "alpha", **more: Any) -> Reply:
        """A call without prefetch that names this FHIR server, with an access token for it."""
        access = self.noted(secrets.token_hex(24))
        granted = {"access_token": access, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read"}
        return self.call(client=client, fhirServer=server, fhirAuthorization=granted, **more)


def chart() -> dict[str, Any]:
    """A patient with dystonia and a low vitamin B12, as a FHIR Bundle."""
    resources = wire.chart(_CHART, datetime.now(UTC).date())
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def body(**more: Any) -> dict[str, Any]:
    """A call that is right, and delivers nothing: screening answers it with 412."""
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"patientId": wire.patient_id(_CHART), "userId": wire.USER},
        "prefetch": {},
        **more,
    }


def encoded(document: object) -> bytes:
    """As JSON."""
    return json.dumps(document).encode()


@contextlib.contextmanager
def prepared(folder: Path, held: Mapping[str, Any] | None = None, words: str = "") -> Iterator[Field]:
    """Traps and stack, running; production with a list of clients, and a try-out beside it.

    Args:
        folder: an empty directory.
        held: the FHIR Bundle that the EHR holds; `chart()` by default.
        words: what the EHR says where it refuses.
    """
    with traps(held or chart(), words) as around:
        first, rsa, stranger = ec_signer("ec-1"), rsa_signer(EPIC_KID), ec_signer("ec-1")
        clients = _clients(first, around)
        around.published["/jwks.json"] = {"keys": [clients["beta"].signer.public_jwk()]}
        file = folder / "clients.yaml"
        file.write_text(json.dumps(_entries(clients, rsa, around), indent=1), "utf-8")
        gateways = {
            GATEWAY: {"DEPLOYMENT": "production", "CLIENTS_FILE": str(file), **_PATIENCE},
            TRY_OUT: {"DEPLOYMENT": "try-out", "PUBLIC_URL": "http://localhost:8080"},
        }
        with deployed(folder, gateways) as stack:
            yield Field(stack, around, clients, rsa, stranger)


def _clients(first: Signer, around: Traps) -> dict[str, Known]:
    names = ("gamma", "delta", "theta", "iota", "kappa")
    made = {name: Known(f"https://{name}.example/fhir", ec_signer(f"{name}-1")) for name in names}
    return made | {
        "alpha": Known("https://alpha.example/fhir", first, "https://alpha.example/jwks.json"),
        "beta": Known("https://beta.example/fhir", ec_signer("beta-1"), around.keys_at("/jwks.json"), TENANT),
        "epsilon": Known("https://epsilon.example/fhir", ec_signer("epsilon-1")),
        "zeta": Known("https://zeta.example/fhir", ec_signer("zeta-1")),
    }


def _entries(clients: Mapping[str, Known], rsa: Signer, around: Traps) -> list[dict[str, Any]]:
    """The clients file."""

    def entry(name: str, **more: Any) -> dict[str, Any]:
        return {"client": name, "issuer": clients[name].issuer, "origins": [ORIGIN], **more}

    def inline(name: str, *further: Signer) -> dict[str, Any]:
        return {"jwks": {"keys": [signer.public_jwk() for signer in (clients[name].signer, *further)]}}

    bases = [around.base(name) for name in ("fhir", "huge", *NEXT_BASES, *REDIRECT_BASES, *SPEAKING_BASES)]
    trouble = {"gamma": "/redirect.json", "delta": "/huge.json", "theta": "/slow.json", "iota": "/html.json"}
    return [
        entry(
            "alpha", **inline("alpha", rsa), jku=clients["alpha"].jku, audiences=["typed by hand"], fhirServers=bases
        ),
        entry(
            "beta",
            jwksUrl=around.keys_at("/jwks.json"),
            tenants=[TENANT],
            fhirServers=["https://*.ehr.example/fhir"],
            origins=[ORIGIN, BETA_ORIGIN],
        ),
        *(entry(name, jwksUrl=around.keys_at(path)) for name, path in trouble.items()),
        entry("kappa", jwksUrl=f"http://{LOOPBACK}:{around.closed}/jwks.json"),
        entry("epsilon", **inline("epsilon"), services=["dystonia-patient-view"]),
        entry("zeta", **inline("zeta"), rateLimit={"perMinute": 6, "burst": 3}),
    ]


def later(seconds: float) -> int:
    """A moment from now, in seconds since 1970."""
    return int(time.time() + seconds)
