"""What the edge and the networks let through, and what they do not."""

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, Final

from e2e.ehr import DISCOVERY, Ehr
from e2e.engine import Compose, Failed

_SERVICE: Final = f"{DISCOVERY}/dystonia-patient-view"
_NOT_FOUND: Final = 404
_ARROWS: Final = {
    "content": {"database:5432": False, "gateway:8000": True, "192.0.2.1:443": False},
    "screening-1": {"database:5432": True, "content:8000": True, "edge:8443": False},
    "gateway": {"database:5432": True, "screening:8000": True, "content:8000": True},
}
"""Service -> where a connection must be possible, and where not (a way out that does not exist fails at once)."""


def faults(ehr: Ehr, compose: Compose) -> Iterator[str]:
    """Yield what is wrong with the door."""
    yield from _tls(ehr)
    yield from _answers(ehr)
    yield from _arrows(compose)


def _tls(ehr: Ehr) -> Iterator[str]:
    for version, taken in (
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ):
        context = ssl.create_default_context(cafile=ehr.site.authority)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2", "http/1.1"])
        try:
            with (
                socket.create_connection(("127.0.0.1", ehr.site.port), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as secured,
            ):
                if not taken:
                    yield f"the edge speaks {secured.version()}"
                elif secured.selected_alpn_protocol() != "h2":
                    yield f"the edge speaks no HTTP/2 by {secured.version()}"
        except OSError as error:
            if taken:
                yield f"the edge does not speak {version.name}: {error}"


def _answers(ehr: Ehr) -> Iterator[str]:
    """Each refusal is an OperationOutcome with a request id, whoever says it."""

    def send(size: int) -> Any:
        headers = {"Content-Type": "application/json", **bearer(ehr)}
        return ehr.send("POST", _SERVICE, data=b'{"a":"' + b"x" * size + b'"}', headers=headers)

    asked: list[tuple[str, int, Callable[[], Any]]] = [
        ("a call without a token", 401, lambda: ehr.send("GET", DISCOVERY)),
        ("a body that the gateway refuses", 413, lambda: send(10_500_000)),
        ("a body that the edge refuses", 413, lambda: send(13_000_000)),
        ("an operator's page without the secret", 401, lambda: ehr.send("GET", "/report")),
        ("the metrics", _NOT_FOUND, lambda: ehr.send("GET", "/metrics", headers=bearer(ehr))),
    ]  # fmt: skip
    for what, status, ask in asked:
        answer = ask()
        outcome = answer.headers.get("Content-Type", "").startswith("application/fhir+json")
        if answer.status_code != status or not outcome or answer.json()["resourceType"] != "OperationOutcome":
            yield f"{what}: {answer.status_code} {answer.text[:200]}"
        if not answer.headers.get("X-Request-Id") or answer.headers.get("X-Request-Id") not in answer.text:
            yield f"{what}: no request id"
        if answer.headers.get("Strict-Transport-Security", "").count("max-age") != 1:
            yield f"{what}: {answer.headers.get('Strict-Transport-Security')!r} as Strict-Transport-Security"
    operator = {"Authorization": f"Bearer {ehr.site.operator()}", "Accept": "application/json"}
    if (status := ehr.send("GET", "/report", headers=operator).status_code) != 200:
        yield f"an operator's page with the secret: {status}"
    for page in ("/explanations", "/openapi.json", "/fhir"):
        if (status := ehr.send("GET", page).status_code) != 200:
            yield f"{page}: {status}"
    with socket.create_connection(("127.0.0.1", ehr.site.port), timeout=5) as plain:
        plain.sendall(b"GET /cds-services HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not plain.recv(4096).startswith(b"HTTP/1.1 400"):
            yield "what is not TLS is not refused"


def bearer(ehr: Ehr) -> dict[str, str]:
    """The header with a token for the service that is tried here."""
    return {"Authorization": f"Bearer {ehr.token(_SERVICE)}"}


def _arrows(compose: Compose) -> Iterator[str]:
    program = (
        "import json, socket, sys\n"
        "said = {}\n"
        "for address in sys.argv[1:]:\n"
        "    host, _, port = address.rpartition(':')\n"
        "    try: socket.create_connection((host, int(port)), timeout=2).close(); said[address] = True\n"
        "    except OSError: said[address] = False\n"
        "print(json.dumps(said))\n"
    )
    for service, wanted in _ARROWS.items():
        try:
            found = json.loads(compose.inside(service, program, *wanted))
        except Failed as error:
            yield f"{service}: {error}"
            continue
        for address, possible in wanted.items():
            if found[address] != possible:
                yield f"{service} {'cannot' if possible else 'can'} reach {address}"
