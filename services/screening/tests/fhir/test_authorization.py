"""Which token is sent, and which server is asked."""

import json
from typing import Any

import pytest
from msgspec import Raw

from screening.fhir import outcomes
from screening.fhir.access import Server
from screening.fhir.addresses import is_public, may_be_asked
from screening.fhir.authorization import server, types
from screening.slices import NOTHING

BASE = "https://ehr.example/fhir"
GOOD = {
    "access_token": "synthetic",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/*.read",
    "subject": "x",
}


def asked(authorization: Any, base: str = BASE, why: str = "") -> Server | str:
    raw = NOTHING if authorization is NOTHING else Raw(json.dumps(authorization).encode())
    return server(base, why, raw, "p1", public_only=False)


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"token_type": "bearer"}, {"token_type": "BEARER"}, {"expires_in": "300"}, {"expires_in": None},
        {"expires_in": "soon"}, {"expires_in": 0.5}, {"expires_in": [1]}, {"scope": 5}, {"subject": None},
        {"patient": "p1"}, {"patient": "Patient/p1"}, {"patient": None}, {"patient": ""},
    ],
)  # fmt: skip
def test_a_bearer_token_is_sent(changes: Any) -> None:
    found = asked({**GOOD, **changes})
    assert isinstance(found, Server)
    assert (found.base, found.token) == (BASE, "synthetic")


def test_how_long_it_is_good_need_not_be_said() -> None:
    assert isinstance(asked({"access_token": "a.b-c_d~e+f/g==", "token_type": "Bearer"}), Server)


@pytest.mark.parametrize(
    "authorization",
    [
        {**GOOD, "token_type": "mac"}, {**GOOD, "token_type": None}, {**GOOD, "token_type": ""},
        {**GOOD, "token_type": ["Bearer"]}, {**GOOD, "expires_in": 0}, {**GOOD, "expires_in": -1},
        {**GOOD, "expires_in": "0"}, {**GOOD, "expires_in": "-5"}, {**GOOD, "access_token": ""},
        {**GOOD, "access_token": None}, {**GOOD, "access_token": 5}, {**GOOD, "access_token": "a b"},
        {**GOOD, "access_token": "a\r\nX-Injected: 1"}, {**GOOD, "access_token": "é"},
        {**GOOD, "access_token": "x" * 8_001}, {**GOOD, "patient": "p2"}, {}, [], "Bearer synthetic", 5,
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_not_sent_and_nobody_is_asked(authorization: Any) -> None:
    assert asked(authorization) == outcomes.TOKEN_UNUSABLE


@pytest.mark.parametrize("authorization", [NOTHING, None])
def test_an_open_server_is_asked_without_a_token(authorization: Any) -> None:
    assert asked(authorization) == Server(BASE)


@pytest.mark.parametrize(("why", "outcome"), [("none", "no-server"), ("not-listed", "not-listed"), ("", "no-server")])
def test_without_an_agreed_server_nobody_is_asked(why: str, outcome: str) -> None:
    assert asked(GOOD, base="", why=why) == outcome


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "", "x", "10.1.2.3", "172.16.0.1", "192.168.0.1", "127.9.9.9", "169.254.169.254", "0.0.0.0",  # noqa: S104
        "100.100.100.200", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "::ffff:8.8.8.8",
        "::ffff:10.0.0.1", "::8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2001::1", "2001:db8::1", "2002:808:808::1",
        "8.8.8.8%1", "2606:4700::1111%eth0",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("base", "public_only", "expected"),
    [
        ("https://ehr.example/fhir", False, True),
        ("https://10.1.2.3/fhir", False, True),  # listed as it stands: a hospital's own network
        ("http://127.0.0.1:8000/fhir", False, True),
        ("http://[::1]:8000/fhir", False, True),
        ("http://ehr.example/fhir", False, False),
        ("https://ehr.example/fhir", True, True),
        ("https://10.1.2.3/fhir", True, False),
        ("https://localhost/fhir", True, False),
        ("http://ehr.example/fhir", True, False),
    ],
)
def test_which_bases_may_be_asked(base: str, public_only: bool, expected: bool) -> None:
    assert may_be_asked(base, public_only=public_only) is expected


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ("", None),
        ("launch openid fhirUser", None),
        ("patient/*.read", {"*"}),
        ("user/*.*", {"*"}),
        ("patient/*.rs launch", {"*"}),
        ("patient/Patient.read patient/Condition.read", {"Patient", "Condition"}),
        ("patient/Patient.r patient/Condition.r patient/Observation.s", {"Patient", "Observation"}),
        ("patient/Patient.Read system/Observation.cruds", {"Patient", "Observation"}),
        ("patient/Observation.write patient/Condition.c", set()),
        ("patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        {"Observation"}),
        ("patient/Observation.rs?category=vital-signs patient/Condition.rs?category=encounter-diagnosis", set()),
        ("patient/Condition.rs?category=problem-list-item", {"Condition"}),
    ],
)  # fmt: skip
def test_the_types_that_scopes_cover(scope: str, covered: set[str] | None) -> None:
    assert types(scope) == covered
    found = asked({**GOOD, "scope": scope})
    assert isinstance(found, Server)
    for kind in ("Patient", "Condition", "Observation"):
        assert found.may_give(kind) is (covered is None or bool({kind, "*"} & covered))
