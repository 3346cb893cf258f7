"""The list of trusted clients: what a file must be like, and the one client that ships with us."""

import json
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway import clients
from gateway.addresses import FhirServer
from gateway.clients import Client, Rate

ISSUER = "https://ehr.example"
JKU = "https://ehr.example/jwks.json"
EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505  short, to see it refused

Write = Callable[..., str]


def public_jwk(key: Any, kid: str, **members: Any) -> dict[str, Any]:
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **members}


JWKS = {"keys": [public_jwk(EC_KEY, "1")]}


def entry(**changes: Any) -> dict[str, Any]:
    right = {"client": "ehr", "issuer": ISSUER, "jwks": JWKS}
    return {k: v for k, v in (right | changes).items() if v is not ...}


def other(**changes: Any) -> dict[str, Any]:
    return entry(**({"client": "other", "issuer": "https://other.example"} | changes))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: Any, name: str = "clients.json") -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    return to_file


def faults(path: str) -> list[str]:
    file = clients.read(path)
    assert file.clients == ()
    assert not any("\n" in fault.words for fault in file.faults)
    return [str(fault) for fault in file.faults]


def read(path: str) -> tuple[Client, ...]:
    file = clients.read(path)
    assert file.faults == ()
    return file.clients


def test_the_sandbox_is_known_by_its_public_key() -> None:
    (sandbox,) = clients.sandbox()
    assert sandbox.key_is_public
    assert sandbox.dialect == "sandbox"
    assert {kid: [key.algorithm for key in keys] for kid, keys in sandbox.keys.items()} == {
        "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f": ["ES384"]
    }


def test_a_file_of_the_first_form_still_holds(write: Write) -> None:
    """A JSON list with client, issuer, jwks, jku, audiences and origins; keys for other purposes are left aside."""
    ignored = [
        {"kty": "EC", "crv": "P-256"},
        public_jwk(RSA_KEY, "e", use="enc"),
        public_jwk(RSA_KEY, "p", alg="PS384"),
    ]
    keys = [public_jwk(EC_KEY, "1"), public_jwk(RSA_KEY, "2"), *ignored]
    whole = entry(jwks={"keys": keys}, jku=JKU, audiences=["a"], origins=["https://ehr.example:8443"], comment="c")
    (one,) = read(write([whole]))
    assert (one.name, one.issuer, one.jkus, sorted(one.keys)) == ("ehr", ISSUER, {JKU}, ["1", "2"])
    assert (one.audiences, one.origins) == ({"a"}, {"https://ehr.example:8443"})
    assert (one.jwks_url, one.tenants, one.fhir_servers, one.services) == ("", set(), (), set())
    assert (one.algorithms, one.rate, one.dialect, one.prefetch_keys) == ({"ES384", "RS384"}, None, "strict", {})
    assert not one.key_is_public
    assert "n=" not in repr(one)


def test_everything_can_be_agreed(write: Write) -> None:
    document = """
# The comment of a person who writes YAML.
clients:
  - client: ehr
    issuer: https://ehr.example/fhir
    jwksUrl: https://ehr.example/jwks
    jku: [https://ehr.example/jwks, https://old.ehr.example/jwks]
    algorithms: [RS256]
    audiences: [typed by hand]
    tenants: [north, "2"]
    fhirServers: ["https://ehr.example/fhir/", "https://*.ehr.example/r4"]
    services: [dystonia-patient-view]
    origins: [https://ehr.example]
    rateLimit: {perMinute: 600, burst: 50}
    dialect: epic
    prefetchKeys: {labs_vitamin_b12: B12}
    overrideReasons: {45: not-indicated, declined: patient-declined}
    comment: 2026-01-01
"""
    (one,) = read(write(document, "clients.yaml"))
    assert one == Client(
        name="ehr",
        issuer="https://ehr.example/fhir",
        jwks_url="https://ehr.example/jwks",
        jkus=frozenset({"https://ehr.example/jwks", "https://old.ehr.example/jwks"}),
        algorithms=frozenset({"RS256"}),
        audiences=frozenset({"typed by hand"}),
        tenants=frozenset({"north", "2"}),
        fhir_servers=(FhirServer("https://ehr.example/fhir"), FhirServer("https://*.ehr.example/r4")),
        services=frozenset({"dystonia-patient-view"}),
        origins=frozenset({"https://ehr.example"}),
        rate=Rate(600, 50),
        dialect="epic",
        prefetch_keys={"labs_vitamin_b12": "B12"},
        override_reasons={"45": "not-indicated", "declined": "patient-declined"},
    )


@pytest.mark.parametrize(
    "content", [{"clients": [entry()]}, "[\n\t" + json.dumps(entry()) + "\n]", yaml.dump([entry()])]
)
def test_json_with_tabs_and_yaml_say_the_same(write: Write, content: Any) -> None:
    (one,) = read(write(content))
    assert (one.name, list(one.keys)) == ("ehr", ["1"])


def test_the_address_of_the_keys_is_the_only_jku_unless_others_are_listed(write: Write) -> None:
    (one,) = read(write([entry(jwks=..., jwksUrl=JKU)]))
    assert (one.jwks_url, one.jkus, one.keys) == (JKU, {JKU}, {})
    (one,) = read(write([entry(jwks=..., jwksUrl=JKU, jku=[])]))
    assert one.jkus == set()


def test_a_burst_that_is_not_said_is_a_minute_s_worth(write: Write) -> None:
    (one,) = read(write([entry(rateLimit={"perMinute": 30})]))
    assert one.rate == Rate(30, 30)


def test_keys_may_lie_in_a_file_beside(write: Write, tmp_path: Path) -> None:
    beside = write({"keys": [public_jwk(EC_KEY, "beside")]}, "keys.json")
    path = write([entry(jwks=..., jwksFile="keys.json")])
    file = clients.read(path)
    assert list(file.clients[0].keys) == ["beside"]
    assert file.stamps == {path: clients.stamp(path), beside: clients.stamp(beside)}
    Path(beside).write_text('{"keys": [\n\n{"kid": "1", "kty": "RSA", "n": "x", "e": "AQAB", "d": "Sentinel-1"}]}')
    (fault,) = faults(path)
    assert fault.startswith("line 1: entry ehr: jwksFile: that file: line 3: keys[0]: is a private or symmetric key")
    Path(beside).unlink()
    assert faults(path) == ["line 1: entry ehr: jwksFile: that file cannot be read: no such file or directory"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("{}", "list of clients"),
        ("[]", "1 to 2000 clients"),
        ("[1]", "must be an object"),
        ("[[", "neither"),
        ({"clients": [entry()], "more": 1}, "at the top"),
        ({"clients": {}}, "1 to 2000"),
        ([entry(client=...)], "client: is missing"),
        ([entry(issuer=...)], "issuer: is missing"),
        ([entry(jwks=...)], "exactly one of jwks, jwksFile, jwksUrl; it has 0"),
        ([entry(jwksUrl=JKU)], "exactly one of jwks, jwksFile, jwksUrl; it has 2"),
        ([entry(client="a b")], "client: must be 1 to 64"),
        ([entry(client=None)], "client: must not be empty"),
        ([entry(client="refused")], "client: is a word"),
        ([entry(issuer="a\nb")], "issuer: must have no control"),
        ([entry(audience=["x"])], "audience: is not known; the members of an entry are algorithms, audiences,"),
        ([entry(jku="x")], "jku: must be an https URL"),
        ([entry(jku=[JKU, 5])], r"jku\[1\]: must be an https"),
        ([entry(jku="http://ehr.example/")], "jku: must be an https URL"),
        ([entry(jku=JKU + "?a=b")], "no query"),
        ([entry(jwks=..., jwksUrl="https://a@ehr.example")], "jwksUrl: must not name a user"),
        ([entry(jwks=..., jwksFile="../keys.json")], "jwksFile: must be the name of a file beside"),
        ([entry(origins=["https://ehr.example/"])], r"origins\[0\]: must be an origin"),
        ([entry(origins=["*"])], r"origins\[0\]"),
        ([entry(origins=["null"])], r"origins\[0\]"),
        ([entry(origins=["https://EHR.example"])], "lower case"),
        ([entry(origins=["https://ehr.example:443"])], "port"),
        ([entry(origins=["http://ehr.example"])], "https"),
        ([entry(origins="https://a")], "origins: must be a list"),
        ([entry(audiences=[""])], r"audiences\[0\]: must have 1 to 500"),
        ([entry(tenants=[])], "tenants: must not be"),
        ([entry(algorithms=["HS256"])], r"algorithms\[0\]"),
        ([entry(algorithms=["none"])], r"algorithms\[0\]"),
        ([entry(algorithms=[["ES384"]])], r"algorithms\[0\]: must be a text"),
        ([entry(algorithms={})], "algorithms"),
        ([entry(dialect="Epic")], "dialect: must be one of strict, sandbox, epic"),
        ([entry(services=["a/b"])], r"services\[0\]: must be the id"),
        ([entry(rateLimit={"perMinute": 0})], "rateLimit.perMinute"),
        ([entry(rateLimit=5)], "rateLimit: must be an object"),
        ([entry(rateLimit={"burst": 5, "perMinute": "many"})], "rateLimit.perMinute: must be a whole number"),
        ([entry(rateLimit={"perMinute": 5, "perHour": 5})], "rateLimit.perHour: is not known"),
        ([entry(prefetchKeys={"a b": "c"})], "prefetchKeys: must map"),
        ([entry(prefetchKeys={"a": 5})], "prefetchKeys"),
        ([entry(prefetchKeys={"a": "c", "b": "c"})], "two of our prefetch keys to the same"),
        ([entry(overrideReasons={"a b": "deferred"})], "overrideReasons.a member with an odd name: a code of the site"),
        ([entry(overrideReasons={"r45": "later"})], "overrideReasons.r45: must be mapped to one of done-elsewhere"),
        ([entry(overrideReasons={"r45": ["deferred"]})], "overrideReasons.r45: must be mapped"),
        ([entry(overrideReasons=["45"])], "overrideReasons: must be an object"),
        ([entry(overrideReasons={f"r{n:060}": "deferred" for n in range(50)})], "at most 3000 characters"),
        ([entry(fhirServers=["https://*.example"])], r"fhirServers\[0\]"),
        ([entry(fhirServers=["http://a.example"])], "https"),
        ([entry(jwks={})], "jwks: must be a JWK Set"),
        ([entry(jwks={"keys": [5]})], r"jwks.keys\[0\]: must be an object"),
        ([entry(jwks={"keys": []})], "jwks.keys: holds no signing key for ES384 or RS384"),
        ([entry(algorithms=["EdDSA"])], "jwks.keys: holds no signing key for EdDSA"),
        ([entry(), other(client="EHR")], "entry EHR: two entries have the same client"),
    ],
)
def test_a_wrong_file_is_refused(write: Write, content: Any, said: str) -> None:
    assert any(re.search(said, fault) for fault in faults(write(content)))


def test_each_fault_names_its_line_and_its_entry_and_all_are_said_at_once(write: Write) -> None:
    document = """clients:
- client: first
  issuer: https://ehr.example
  jwksUrl: https://ehr.example/jwks
  audiences:
  - https://cds.example
  - ""
- issuer: https://other.example
  dialect: cerner
  jwks:
    keys:
    - {kty: oct, kid: "1", k: Sentinel-1}
"""
    assert faults(write(document)) == [
        "line 7: entry first: audiences[1]: must have 1 to 500 characters",
        "line 8: entry 1: client: is missing",
        "line 9: entry 1: dialect: must be one of strict, sandbox, epic, oracle, athena",
        "line 12: entry 1: jwks.keys[0]: is a private or symmetric key; only public ones belong here; "
        "replace it, it is no secret now",
    ]


def test_no_value_is_repeated(write: Write) -> None:
    wrong = {"Sentinel-1": "Sentinel-2", "issuer": "Sentinel-3\n", "jku": "Sentinel-4", "dialect": "Sentinel-5"}
    keys = {"keys": [{"kty": "EC", "crv": "P-384", "kid": "Sentinel-6", "x": "Sentinel-7", "y": "Sentinel-8"}]}
    said = " ".join(faults(write([entry(**wrong, jwks=keys, rateLimit="Sentinel-9")])))
    assert "Sentinel" not in said


@pytest.mark.parametrize(
    ("one", "two", "said"),
    [
        ({}, {}, "line 2: entry other: has the same issuer as ehr; if they do, each must list tenants"),
        ({"tenants": ["a"]}, {}, "has the same issuer as ehr"),
        ({"tenants": ["a", "b"]}, {"tenants": ["b"]}, "line 2: entry other: shares its issuer and a tenant with ehr"),
    ],
)
def test_an_issuer_is_shared_only_when_tenants_tell_its_clients_apart(
    write: Write, one: dict[str, Any], two: dict[str, Any], said: str
) -> None:
    first, second = entry(**one), other(issuer=ISSUER, **two)
    (fault,) = faults(write(f"[{json.dumps(first)},\n{json.dumps(second)}]"))
    assert said in fault
    apart = [entry(tenants=["a"]), other(issuer=ISSUER, tenants=["b", "c"])]
    assert [client.name for client in read(write(apart))] == ["ehr", "other"]


def test_the_public_key_of_the_sandbox_is_refused_in_production(write: Write) -> None:
    shipped = json.loads(files("gateway").joinpath("trusted/sandbox.json").read_text())
    assert "jwks.keys[0]: is the CDS Hooks Sandbox's key" in faults(write(shipped))[0]
    shipped[0]["jwks"]["keys"][0]["kid"] = "another"
    assert "jwks.keys[0]: is the CDS Hooks Sandbox's key" in faults(write(shipped))[0]


def test_a_file_that_cannot_be_read_is_said_without_its_path(tmp_path: Path) -> None:
    assert faults(str(tmp_path / "none.json")) == ["the file cannot be read: no such file or directory"]
    assert faults(str(tmp_path)) == ["the file cannot be read: is a directory"]
    (tmp_path / "latin").write_bytes(b"[\n\xe4]")
    assert faults(str(tmp_path / "latin")) == ["the file is not UTF-8 text (line 2)"]
    (tmp_path / "huge").write_bytes(b" " * 4_000_001)
    assert faults(str(tmp_path / "huge")) == ["the file is larger than 4,000,000 bytes"]
