"""CORS by client: before a caller is known any listed origin may read the answer, afterwards only its own."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import clients, jwks, minting
from gateway.clients import Client
from gateway.settings import PRODUCTION

from .sending import body_for

PUBLIC_URL = "https://cds.example"
DISCOVERY = "/cds-services"
VIEW = "/cds-services/dystonia-patient-view"
NORTH, SOUTH, GLOBAL = "https://north.example:8443", "https://south.example", "https://everywhere.example"
NORTH_KEY, SOUTH_KEY = minting.new_key("ES384"), minting.new_key("ES384")
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def trusted(name: str, key: dict[str, Any], *origins: str) -> Client:
    keys = jwks.read({"keys": [minting.public_half(key)]}).keys
    return Client(name, f"https://{name}.example/fhir", keys, origins=frozenset(origins))


LISTED = (trusted("north", NORTH_KEY, NORTH), trusted("south", SOUTH_KEY, SOUTH), trusted("silent", SOUTH_KEY))


@pytest.fixture
def production(gateway: Callable[..., Any]) -> Any:
    return gateway(deployment=PRODUCTION, public_url=PUBLIC_URL, clients=LISTED, origins=frozenset({GLOBAL}))


def signed(path: str, name: str = "north", key: dict[str, Any] = NORTH_KEY) -> str:
    return "Bearer " + minting.token(key, f"https://{name}.example/fhir", PUBLIC_URL + path)


def granted(response: Any) -> str | None:
    origin: str | None = response.headers.get("Access-Control-Allow-Origin")
    assert "Origin" in response.vary
    assert response.headers.get("Access-Control-Allow-Credentials") is None
    return origin


@pytest.mark.parametrize("origin", [NORTH, SOUTH, GLOBAL])
def test_before_a_caller_is_known_every_listed_origin_may_read(production: Any, call: Any, origin: str) -> None:
    asked = {"Origin": origin}
    for response in (
        production.options(VIEW, headers={**asked, **PREFLIGHT}),
        production.get(DISCOVERY, headers=asked),
        production.post(VIEW, json=call, headers={**asked, "Authorization": "Bearer x"}),
        production.post(VIEW, json=call, headers={**asked, "Authorization": signed(DISCOVERY)}),
        production.get("/nowhere", headers=asked),
    ):
        assert response.status_code in (204, 401, 404)
        assert granted(response) == origin


@pytest.mark.parametrize("path", [DISCOVERY, VIEW, VIEW + "/feedback"])
@pytest.mark.parametrize(("origin", "expected"), [(NORTH, NORTH), (SOUTH, None), (GLOBAL, None)])
def test_once_a_caller_is_known_only_its_own_origins_may(
    production: Any, call: Any, path: str, origin: str, expected: str | None
) -> None:
    headers = {"Origin": origin, "Authorization": signed(path)}
    response = (
        production.get(path, headers=headers)
        if path == DISCOVERY
        else production.post(path, json=body_for(path, call), headers=headers)
    )
    assert response.status_code == 200
    assert granted(response) == expected


def test_a_client_without_origins_is_for_no_browser(production: Any) -> None:
    for origin in (NORTH, SOUTH, GLOBAL):
        headers = {"Origin": origin, "Authorization": signed(DISCOVERY, "silent", SOUTH_KEY)}
        assert granted(production.get(DISCOVERY, headers=headers)) is None


def test_a_refusal_after_a_caller_is_known_is_for_its_origins_too(production: Any, call: Any) -> None:
    for origin, expected in ((NORTH, NORTH), (SOUTH, None)):
        authorization = signed(VIEW)
        for body in (call, "not an object"):
            headers = {"Origin": origin, "Authorization": authorization}
            response = production.post(VIEW, json=body, headers=headers)
            assert granted(response) == expected
        assert response.status_code in (400, 401)


@pytest.mark.parametrize(
    "origin",
    [
        "null", "", "*", NORTH + "/", NORTH.upper(), NORTH.replace("north", "North"), NORTH.replace("8443", "8444"),
        NORTH.removesuffix(":8443"), NORTH.replace("https", "http"), NORTH + "0", SOUTH + ":443", SOUTH + ":",
        SOUTH + ".evil.example", "https://evil-south.example", "https://evil.south.example",
        "https://south.example@evil.example",
        "https://evil.example#https://south.example", f"{NORTH} {SOUTH}", f"{NORTH}, {SOUTH}",
        SOUTH + "%00", "south.example",
        "file://", "http://localhost:9001", "https://sandbox.cds-hooks.org", "https://\u0455outh.example",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_listed_origin_is_none(production: Any, origin: str) -> None:
    asked = {"Origin": origin.encode().decode("latin-1")}
    assert granted(production.options(VIEW, headers={**asked, **PREFLIGHT})) is None
    assert granted(production.get(DISCOVERY, headers=asked)) is None
    assert granted(production.get(DISCOVERY, headers={**asked, "Authorization": signed(DISCOVERY)})) is None


def test_an_origin_follows_the_clients_file(gateway: Callable[..., Any], tmp_path: Path, wait: Any) -> None:
    path = tmp_path / "clients.yaml"
    entry = minting.entry("north", "https://north.example/fhir", NORTH_KEY, origins=[NORTH])
    path.write_text(json.dumps([entry]))
    file = clients.read(str(path))
    production = gateway(
        deployment=PRODUCTION, public_url=PUBLIC_URL, clients=file.clients, clients_file=file, origins=()
    )
    path.write_text(json.dumps([{**entry, "origins": [SOUTH]}]))
    os.utime(path, ns=(1, time.time_ns() - 60_000_000_000))
    assert wait(lambda: granted(production.options(VIEW, headers={"Origin": SOUTH, **PREFLIGHT})) == SOUTH, 10)
    assert granted(production.options(VIEW, headers={"Origin": NORTH, **PREFLIGHT})) is None
    headers = {"Origin": SOUTH, "Authorization": signed(DISCOVERY)}
    response = production.get(DISCOVERY, headers=headers)
    assert (response.status_code, granted(response)) == (200, SOUTH)


def test_readiness_says_that_the_file_is_at_fault_and_stays_ready(
    gateway: Callable[..., Any], tmp_path: Path, wait: Any
) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(json.dumps([minting.entry("north", "https://north.example/fhir", NORTH_KEY)]))
    file = clients.read(str(path))
    production = gateway(deployment=PRODUCTION, public_url=PUBLIC_URL, clients=file.clients, clients_file=file)
    assert production.get("/readyz").get_json() == {"status": "ready", "waiting": []}
    path.write_text("[")
    os.utime(path, ns=(1, time.time_ns() - 60_000_000_000))
    assert wait(lambda: "degraded" in production.get("/readyz").get_json(), 10)
    response = production.get("/readyz")
    assert response.status_code == 200
    assert response.get_json()["degraded"] == ["the clients file is at fault; a former version of it is in force"]
    assert production.get(DISCOVERY, headers={"Authorization": signed(DISCOVERY)}).status_code == 200
