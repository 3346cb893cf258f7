"""Doors: headers that claim an identity, origins, methods, paths, and the services behind the gateway."""

import base64
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from contract.deployed import PUBLIC_URL

from attack.cases import Answer, Case
from attack.field import DISCOVERY, FEEDBACK, SERVICE, TRY_OUT, Field, body, encoded
from attack.sending import ORIGIN, TRY_OUT_ORIGIN, Request, send
from chassis import peers

GROUP: Final = "doors"
_NO_TOKEN: Final = Answer(401, "login", "bearer token", {"WWW-Authenticate": "Bearer"})
_NOT_FOUND: Final = Answer(404, "not-found")
_NOT_OURS: Final = Answer(401, "login", "gateway", cors=False)
_FINE: Final = Answer(200, outcome=False)


def table(field: Field) -> list[Case]:
    """All rows about doors."""
    return [
        *_identities(field),
        *_inside(field),
        *_origins(field),
        *_methods(field),
        *_paths(field),
        *_operators(field),
        *_rebinding(field),
        *_welcome(field),
    ]


def _identities(field: Field) -> Iterator[Case]:
    """Headers that an edge or the gateway itself may set: from outside they say nothing."""
    for name, value in (
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Real-Ip", "127.0.0.1"),
        ("X-Client", "alpha"),
        ("X-Remote-User", "alpha"),
        ("Remote-User", "alpha"),
        ("X-Forwarded-User", "alpha"),
        ("X-Ssl-Client-Verify", "SUCCESS"),
        ("X-Forwarded-Client-Cert", "Subject=alpha"),
        ("Cds-Caller", _signed(field, "GET", DISCOVERY)),
        ("cds_caller", _signed(field, "GET", DISCOVERY)),
        ("X-Original-Url", "/version"),
        ("X-Rewrite-Url", "/version"),
        ("X-Http-Method-Override", "OPTIONS"),
    ):
        yield Case(GROUP, f"{name} in place of a token", partial(field.get, DISCOVERY, [(name, value)]), _NO_TOKEN)
    spoofed = [("Cds-Caller", _signed(field, "POST", SERVICE)), field.bearer(SERVICE, "epsilon")]
    asked = encoded(body(fhirServer=field.traps.base("fhir")))
    refused = Answer(412, "required", "not among the servers agreed")
    yield Case(
        GROUP,
        "a caller's header that is even signed, with another client's token",
        partial(field.post, SERVICE, asked, spoofed),
        refused,
        after=lambda _: ["the EHR was asked"] if field.traps.seen.asked else [],
    )


def _signed(field: Field, method: str, path: str, **more: Any) -> str:
    """What the gateway would tell a service inside of client alpha."""
    keys = more.pop("keys", [(field.stack.folder / "internal.key").read_bytes()])
    fhir = {"base": field.traps.base("fhir"), "public_only": False, "why": ""}
    caller = {"client": "alpha", "tenant": "", "dialect": "strict", "fhir": fhir, "prefetchKeys": {}}
    return peers.sign(keys, more.pop("by", "gateway"), method, path, caller, **more)


def _inside(field: Field) -> Iterator[Case]:
    """The services behind the gateway, called without it."""
    content = encoded(body())
    good = _signed(field, "POST", SERVICE)
    version, claims, signature = good.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    headers = {
        "nothing": "",
        "a word": "gateway",
        "three parts of nothing": "..",
        "another key": _signed(field, "POST", SERVICE, keys=[b"x" * 64]),
        "an empty key": _signed(field, "POST", SERVICE, keys=[b""]),
        "no signature": f"{version}.{claims}.",
        "half a signature": f"{version}.{claims}.{signature[:20]}",
        "claims changed": f"{version}.{_part({**told, 'caller': {**told['caller'], 'client': 'beta'}})}.{signature}",
        "another version": f"v2.{claims}.{signature}",
        "no version": f"{claims}.{signature}",
        "another path": _signed(field, "POST", FEEDBACK),
        "another method": _signed(field, "GET", SERVICE),
        "a moment long ago": _signed(field, "POST", SERVICE, at=time.time() - 600),
        "a moment to come": _signed(field, "POST", SERVICE, at=time.time() + 600),
        "another signer": _signed(field, "POST", SERVICE, by="content"),
        "a bearer token": f"Bearer {field.token(SERVICE)}",
        "20 KB": "v1." + "A" * 7_900 + ".A",
    }
    for name, header in headers.items():
        sent = [("Cds-Caller", header)] if header else []
        direct = partial(field.post, SERVICE, content, sent, to="screening")
        yield Case(GROUP, f"screening without the gateway: {name}", direct, _NOT_OURS)
    for service, paths in (
        (
            "screening",
            (DISCOVERY, "/fhir", "/thresholds", "/prefetch-doctor", "/trace", "/report", "/metrics", "/nowhere"),
        ),
        ("content", ("/snapshot", "/explanations", "/explanations/vitamin-b12", "/metrics", "/nowhere")),
    ):
        for path in paths:
            direct = partial(field.get, path, to=service)
            yield Case(GROUP, f"{service} without the gateway: {path}", direct, _NOT_OURS)
    token = partial(field.post, SERVICE, content, [field.bearer(SERVICE)], to="screening")
    yield Case(GROUP, "screening without the gateway: a client's token", token, _NOT_OURS)


def _part(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def _origins(field: Field) -> Iterator[Case]:
    """Origins that are not listed, however like a listed one: neither a refusal nor a preflight names them."""
    host = ORIGIN.removeprefix("https://")
    unseen = Answer(204, without=("Access-Control-Allow-Origin", "Access-Control-Allow-Methods"), outcome=False)
    for origin in (
        "null",
        "*",
        f"http://{host}",
        f"{ORIGIN}/",
        f"{ORIGIN}:443",
        f"{ORIGIN}:8443",
        ORIGIN.upper(),
        f"https://{host.upper()}",
        f"{ORIGIN}.evil.example",
        f"https://evil-{host}",
        f"https://x.{host}",
        f"https://{host.replace('.', 'x', 1)}",
        f"https://evil.example#{ORIGIN}",
        f"https://{host}@evil.example",
        f"{ORIGIN}, https://evil.example",
        "https://evil.example",
        "http://localhost:8080",
        "http://127.0.0.1",
        "file://",
        "https://evil.example\\@" + host,
    ):
        refused = Answer(401, "login", "bearer token")
        yield Case(GROUP, f"origin {origin}", partial(field.get, DISCOVERY, origin=origin), refused)
        yield Case(GROUP, f"preflight from {origin}", partial(_preflight, field, origin), unseen)
    for origin in (
        "https://localhost.evil.example",
        "http://localhost@evil.example",
        "http://127.0.0.1.evil.example",
        "null",
    ):
        asked = partial(_preflight, field, origin, to=TRY_OUT, host="localhost:8080")
        yield Case(GROUP, f"try-out: preflight from {origin}", asked, unseen)


def _preflight(field: Field, origin: str, **more: Any) -> Any:
    asked = (("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization"))
    service = more.pop("to", "gateway")
    return send(field.port(service), Request("OPTIONS", SERVICE, asked, origin=origin, **more))


def _methods(field: Field) -> Iterator[Case]:
    refused = Answer(405, "not-supported", "method")
    for method in ("TRACE", "PUT", "DELETE", "PATCH", "PROPFIND"):
        for path in (DISCOVERY, SERVICE, FEEDBACK, "/explanations", "/fhir", "/version"):
            yield Case(GROUP, f"{method} {path}", partial(_any, field, method, path), refused)
    for method, path in (
        ("POST", DISCOVERY),
        ("GET", SERVICE),
        ("GET", FEEDBACK),
        ("POST", "/explanations"),
        ("POST", "/fhir"),
    ):
        yield Case(GROUP, f"{method} {path}", partial(_any, field, method, path), refused)


def _any(field: Field, method: str, path: str, **more: Any) -> Any:
    return send(field.port(), Request(method, path, (field.bearer(path),), **more))


def _paths(field: Field) -> Iterator[Case]:
    """Paths that mean to reach something else."""
    for path in (
        "/explanations/../healthz",
        "/explanations/../snapshot",
        "/explanations/%2e%2e/snapshot",
        "/explanations/..%2fsnapshot",
        "/explanations/%2e%2e%2fsnapshot",
        "/explanations/..%5csnapshot",
        "/explanations/..;/snapshot",
        "/explanations//snapshot",
        "/explanations/%00",
        "/explanations/vitamin-b12%00.md",
        "/explanations/%252e%252e/snapshot",
        "/explanations/vitamin-b12%0d%0aX:y",
        "/explanations-assets/../../../../etc/hostname",
        "/explanations-assets/%2fetc%2fhostname",
        "/explanations-assets/..%2f..%2fapp.py",
        "/fhir/../thresholds",
        "/fhir/%2e%2e/cds-services",
        "/fhir/..%2fthresholds",
        "/fhir//thresholds",
        "/fhir/ValueSet/../../healthz",
        "/snapshot",
        "/metrics",
        "/.env",
        "/.git/config",
        "/clients.yaml",
        "/internal",
        "/debug",
        "/console",
        "//evil.example/x",
        "/cds-services/../version",
        "/cds-services//dystonia-patient-view",
        "/cds-services/",
        "/cds-services/dystonia-patient-view/",
        "/cds-services/%2e%2e/version",
        "/CDS-SERVICES",
        "/cds-services;x=1",
        "/nowhere",
    ):
        yield Case(GROUP, f"GET {path}", partial(field.get, path), _NOT_FOUND)
    for query in (
        "?audience=<script>alert(1)</script>",
        "?url=http://127.0.0.1/" + "x" * 300,
        '?a="onload=1',
        "?x=../../etc",
    ):
        yield Case(
            GROUP,
            f"a page with {query[:30]}",
            partial(field.get, f"/explanations{query}"),
            Answer(400, "invalid", "query"),
        )
    for service in (
        "no-such-service",
        "..",
        "dystonia-patient-view%00",
        "dystonia-patient-view%2ffeedback",
        "%3Cscript%3E",
        "x" * 3_000,
    ):
        path = f"/cds-services/{service}"
        post = partial(field.post, path, encoded(body()), [field.bearer(path)])
        yield Case(GROUP, f"a service that there is not: {service[:30]}", post, _NOT_FOUND)


def _operators(field: Field) -> Iterator[Case]:
    """Pages for operators."""
    refused = Answer(401, "login", "OPERATOR_TOKEN_FILE", {"WWW-Authenticate": "Bearer"})
    secret = (field.stack.folder / "operator.token").read_text("utf-8")
    field.noted(secret)
    page = "/prefetch-doctor"
    client = field.token(page)
    for name, header in (
        ("no token", ""),
        ("another token", "Bearer " + "0" * 64),
        ("a client's token", f"Bearer {client}"),
        ("half of it", f"Bearer {secret[:32]}"),
        ("more than it", f"Bearer {secret}0"),
        ("in upper case", f"Bearer {secret.upper()}"),
        ("Basic", f"Basic {secret}"),
        ("the bare secret", secret),
        ("two of them", f"Bearer {secret} {secret}"),
        ("bytes beyond ASCII", "Bearer \xe9" + secret),
    ):
        sent = [("Authorization", header)] if header else []
        yield Case(GROUP, f"operator page: {name}", partial(field.get, page, sent), refused)
    yield Case(GROUP, "operator page: the secret in the query", partial(field.get, f"{page}?token={secret}"), refused)
    forwarded = [("X-Forwarded-For", "127.0.0.1")]
    yield Case(GROUP, "operator page: forwarded for this machine", partial(field.get, page, forwarded), refused)
    operator = partial(field.get, page, [("Authorization", f"Bearer {secret}")])
    yield Case(GROUP, "operator page: the right token", operator, _FINE, control=True)
    misused = partial(field.get, DISCOVERY, [("Authorization", f"Bearer {secret}")])
    yield Case(
        GROUP,
        "the operator's token at discovery",
        misused,
        Answer(401, "login", "", {"WWW-Authenticate": "invalid_token"}),
    )


def _rebinding(field: Field) -> Iterator[Case]:
    """A page from elsewhere whose host name now leads to this machine: a try-out answers its own names only."""
    refused = Answer(403, "forbidden", "Host")
    for host in (
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "192.0.2.7",
        "0.0.0.0",
    ):
        sent = partial(field.get, DISCOVERY, to=TRY_OUT, host=host, origin=TRY_OUT_ORIGIN)
        yield Case(GROUP, f"try-out: Host {host}", sent, refused)
    for host in ("localhost:8080", "127.0.0.1:8080", "[::1]:8080", "localhost"):
        sent = partial(field.get, DISCOVERY, to=TRY_OUT, host=host, origin=TRY_OUT_ORIGIN)
        yield Case(GROUP, f"try-out: Host {host}", sent, _FINE, control=True)


def _welcome(field: Field) -> Iterator[Case]:
    named = {"Access-Control-Allow-Origin": ORIGIN, "Access-Control-Allow-Headers": "authorization", "Vary": "Origin"}
    preflight = Answer(204, headers=named, outcome=False)
    yield Case(GROUP, "a preflight from a listed origin", partial(_preflight, field, ORIGIN), preflight, control=True)
    policy = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}
    for path in ("/explanations", "/explanations/vitamin-b12", "/bibliography", "/thresholds"):
        page = partial(field.get, path, [("Accept", "text/html")])
        yield Case(GROUP, f"{path} is public reading", page, Answer(200, headers=policy, outcome=False), control=True)
    yield Case(GROUP, "/fhir is public reading", partial(field.get, "/fhir/metadata"), _FINE, control=True)
    yield Case(GROUP, "/version is public reading", partial(field.get, "/version"), _FINE, control=True)
    direct = [("Cds-Caller", _signed(field, "GET", DISCOVERY))]
    yield Case(
        GROUP,
        "screening with the right header",
        partial(field.get, DISCOVERY, direct, to="screening"),
        _FINE,
        control=True,
    )
    own = {"WWW-Authenticate": "Bearer realm="}
    away = partial(field.get, DISCOVERY, host="evil.example")
    yield Case(GROUP, f"another Host than that of {PUBLIC_URL}", away, Answer(401, "login", "bearer token", own))
