"""What was agreed with a client, and what its tokens may be: tenants, keys, algorithms, how a token is written."""

import base64
import json
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import jwks
from gateway.clients import Client

from .sending import EC_KEY, EHR, ISSUER, RSA_KEY, URL, VIEW, jwk, keys, token

# For this tenant


def introduced(stub: Any) -> Any:
    """What the service behind was told of the caller of the last call."""
    claims = stub.calls[-1][2]["Cds-Caller"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["caller"]


def test_the_tenant_is_passed_on(sender: Any, stub: Any) -> None:
    send = sender()
    assert send(token(tenant="north")).status_code == 200
    assert introduced(stub)["tenant"] == "north"
    assert send().status_code == 200
    assert introduced(stub)["tenant"] == ""


@pytest.mark.parametrize("tenant", [..., None, "", "east", "NORTH", "north ", 5, ["north"], {"north": 1}])
def test_only_a_listed_tenant_is_let_in(sender: Any, words: Any, tenant: Any) -> None:
    send = sender(replace(EHR, tenants=frozenset({"north", "south"})))
    assert send(token(tenant="south")).status_code == 200
    answer = send(token(tenant=tenant))
    assert answer.status_code == 401
    assert "tenant" in words(answer)


@pytest.mark.parametrize("tenant", [5, ["x"], {}, True, "x" * 501, "a\nb", "a\u2028b"])
def test_a_tenant_must_be_a_plain_text(sender: Any, words: Any, tenant: Any) -> None:
    answer = sender()(token(tenant=tenant))
    assert answer.status_code == 401
    assert "tenant must be a printable string" in words(answer)


def test_clients_that_share_an_issuer_are_told_apart_by_tenant(sender: Any, words: Any, stub: Any) -> None:
    own = ec.generate_private_key(ec.SECP384R1())
    north = Client("north", ISSUER, keys(), tenants=frozenset({"n"}))
    south_keys = jwks.read({"keys": [jwk(own, "k")]}).keys
    south = Client("south", ISSUER, south_keys, tenants=frozenset({"s"}), dialect="oracle")
    send = sender(north, south)
    assert send(token(tenant="n")).status_code == 200
    assert introduced(stub)["client"] == "north"
    assert send(token(own, tenant="s")).status_code == 200
    assert (introduced(stub)["client"], introduced(stub)["dialect"]) == ("south", "oracle")
    assert "signature" in words(send(token(own, tenant="n"))), "one site cannot sign for another"
    for tenant in ("x", ..., None, ["n"]):
        answer = send(token(tenant=tenant))
        assert answer.status_code == 401
        assert "tenant" in words(answer)


# What else a token can be


def test_two_keys_may_have_one_kid(sender: Any) -> None:
    send = sender()
    assert send(token(EC_KEY, "ES384")).status_code == 200
    assert send(token(RSA_KEY, "RS384")).status_code == 200


def test_an_algorithm_is_good_if_it_was_agreed_with_this_client(sender: Any, words: Any) -> None:
    agreed = replace(EHR, keys=keys("PS384", "RS256"), algorithms=frozenset({"PS384", "RS256"}))
    send = sender(agreed)
    assert send(token(RSA_KEY, "PS384")).status_code == 200
    assert send(token(RSA_KEY, "RS256")).status_code == 200
    assert "use PS384 or RS256" in words(send(token(RSA_KEY, "RS384")))
    assert "use PS384 or RS256" in words(send(token(EC_KEY, "ES384")))


def test_no_configuration_lets_a_symmetric_algorithm_in(sender: Any, words: Any) -> None:
    careless = replace(EHR, algorithms=frozenset({"HS384", "none", "ES384"}))
    secret = base64.b64encode(b"x" * 48).decode()
    answer = sender(careless)(token(secret, "HS384"))
    assert answer.status_code == 401
    assert "asymmetric" in words(answer)


def test_a_jku_is_compared_and_never_fetched(sender: Any, words: Any, stub: Any) -> None:
    agreed = frozenset({"https://ehr.example/a.json", "https://ehr.example/b.json"})
    send = sender(replace(EHR, jkus=agreed))
    for jku in sorted(agreed):
        assert send(token(header={"jku": jku})).status_code == 200
    for jku in (stub.url + "/jwks.json", "https://ehr.example/A.json", "", None, 5, sorted(agreed), {"a": 1}):
        answer = send(token(header={"jku": jku}))
        assert answer.status_code == 401
        assert "(jku)" in words(answer)
    assert [path for _, path, _, _ in stub.calls] == [VIEW] * 2


def raw(header: str, claims: str, key: Any = EC_KEY) -> str:
    """A token whose parts are signed as they are written."""
    signed = ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in (header, claims))
    signature = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA384).sign(signed.encode(), key)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_a_member_that_stands_twice_is_refused(sender: Any, words: Any) -> None:
    send, now = sender(), int(time.time())
    header = '{"alg":"ES384","kid":"k","typ":"JWT"}'
    claims = f'"iss":"{ISSUER}","aud":"{URL}{VIEW}","iat":{now},"exp":{now + 300},"jti":"j"'
    assert send(raw(header, "{" + claims + "}")).status_code == 200
    twice = '{"aud":"https://elsewhere.example",' + claims.replace('"j"', '"j2"') + "}"
    for sent in (raw(header, twice), raw(header.replace("{", '{"alg":"none",'), "{" + claims + "}")):
        answer = send(sent)
        assert answer.status_code == 401
        assert "each member once" in words(answer)


@pytest.mark.parametrize("spoil", ["padded", "spaced", "standard", "four parts", "two parts", "lines"])
def test_a_token_has_one_way_to_be_written(sender: Any, words: Any, spoil: str) -> None:
    send = sender()
    head, body, sign = token().split(".")
    spoiled = {
        "padded": f"{head}=.{body}.{sign}",
        "spaced": f"{head}. {body}.{sign}",
        "standard": f"{head}.{body}.{sign[:-1]}+",
        "four parts": f"{head}.{body}.{sign}.{sign}",
        "two parts": f"{head}.{body}",
        "lines": f"{head}.{body}.{sign}\t{sign}",
    }[spoil]
    answer = send(spoiled)
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_no_token_is_told_from_a_bad_one(sender: Any) -> None:
    client = sender().client
    none = client.get("/cds-services")
    basic = client.get("/cds-services", headers={"Authorization": "Basic dXNlcjpwYXNz"})
    bad = client.get("/cds-services", headers={"Authorization": "Bearer x"})
    assert [answer.status_code for answer in (none, basic, bad)] == [401] * 3
    assert [answer.headers["WWW-Authenticate"].count("invalid_token") for answer in (none, basic, bad)] == [0, 0, 1]


def test_keys_that_are_published_are_fetched_and_checked(sender: Any, words: Any, stub: Any) -> None:
    published = {"keys": [jwk(EC_KEY, "k")]}
    stub.reply = lambda handler: stub.send(
        handler, 200, json.dumps(published).encode() if "jwks" in handler.path else b'{"cards":[]}'
    )
    address = f"{stub.url}/jwks.json"
    send = sender(Client("ehr", ISSUER, jwks_url=address, jkus=frozenset({address})))
    assert [path for _, path, _, _ in stub.calls] == ["/jwks.json"], "read at start"
    assert send(token(header={"jku": address})).status_code == 200
    new = ec.generate_private_key(ec.SECP384R1())
    published["keys"].append(jwk(new, "new"))
    assert send(token(new, header={"kid": "new"})).status_code == 200
    assert "(kid)" in words(send(token(new, header={"kid": "newer"})))
    assert [path for _, path, _, _ in stub.calls].count("/jwks.json") == 2


def test_keys_that_cannot_be_had_are_our_trouble_not_the_token_s(sender: Any, words: Any, stub: Any) -> None:
    stub.reply = lambda handler: stub.send(handler, 500, b"{}")
    send = sender(Client("ehr", ISSUER, jwks_url=f"{stub.url}/jwks.json"))
    answer = send()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "jwksUrl" in words(answer)
