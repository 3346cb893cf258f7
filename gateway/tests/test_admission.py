"""Tokens that hold, and what becomes of their calls: used once, not too often, for this tenant and these services."""

import base64
import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway import jwks
from gateway.clients import Client, Rate
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


class Sender:
    """A production gateway for some clients, and calls to it."""

    def __init__(self, gateway: Callable[..., Any], body: Any, *clients: Client, **settings: Any) -> None:
        self.client = gateway(deployment=PRODUCTION, public_url=URL, clients=clients, **settings)
        self._body = body

    def __call__(self, sent: str | None = None, path: str = VIEW, method: str = "POST") -> Any:
        headers = {"Authorization": f"Bearer {sent or token()}"}
        return self.client.open(path, method=method, json=self._body if method == "POST" else None, headers=headers)

    def discovered(self, **claims: Any) -> list[str]:
        answer = self(token(aud=URL + "/cds-services", **claims), "/cds-services", "GET")
        assert answer.status_code == 200
        return [service["id"] for service in answer.get_json()["services"]]


@pytest.fixture
def sender(gateway: Callable[..., Any], call: Any) -> Callable[..., Sender]:
    return lambda *clients, **settings: Sender(gateway, call, *(clients or (EHR,)), **settings)


# Once


def test_a_token_is_let_in_once(sender: Any, words: Any, stub: Any) -> None:
    send, sent = sender(), token()
    assert send(sent).status_code == 200
    again = send(sent)
    assert again.status_code == 401
    assert "jti was used before" in words(again)
    assert again.headers["WWW-Authenticate"] == 'Bearer realm="cds-services", error="invalid_token"'
    assert len(stub.calls) == 1


def test_a_jti_in_another_token_of_the_issuer_is_the_same_jti(sender: Any) -> None:
    send = sender()
    assert send(token(jti="x")).status_code == 200
    assert send(token(RSA_KEY, "RS384", jti="x", exp=int(time.time()) + 100)).status_code == 401
    assert send(token(aud=URL + "/cds-services", jti="x"), "/cds-services", "GET").status_code == 401


def test_another_issuer_may_have_the_same_jti(sender: Any) -> None:
    send = sender(EHR, Client("other", "https://other.example", keys()))
    assert send(token(jti="x")).status_code == 200
    assert send(token(jti="x", iss="https://other.example")).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"aud": "https://elsewhere.example"}, VIEW),
        ({"iat": 5, "exp": 50}, VIEW),
        ({"nbf": 4_000_000_000}, VIEW),
        ({"tenant": 5}, VIEW),
        ({}, SELECT),
    ],
)
def test_a_token_that_does_not_hold_uses_nothing_up(sender: Any, wrong: Any, path: str) -> None:
    send = sender()
    assert send(token(jti="x", **wrong), path).status_code == 401
    assert send(token(jti="x")).status_code == 200


def test_a_wrong_signature_uses_nothing_up(sender: Any) -> None:
    send = sender()
    assert send(token(ec.generate_private_key(ec.SECP384R1()), jti="x")).status_code == 401
    assert send(token(jti="x")).status_code == 200


@pytest.mark.parametrize("jti", [..., None, "", 5, ["x"], "x" * 201, True])
def test_a_token_needs_an_id(sender: Any, words: Any, jti: Any) -> None:
    answer = sender()(token(jti=jti))
    assert answer.status_code == 401
    assert "(jti)" in words(answer)


def test_two_gateways_share_what_was_used(sender: Any) -> None:
    one, other = sender(), sender()
    sent = token()
    assert one(sent).status_code == 200
    assert other(sent).status_code == 401


def test_of_many_uses_at_once_one_is_let_in(sender: Any) -> None:
    senders, sent = [sender(), sender()], token()
    told: list[int] = []
    calling = [threading.Thread(target=lambda n=n: told.append(senders[n % 2](sent).status_code)) for n in range(8)]
    for thread in calling:
        thread.start()
    for thread in calling:
        thread.join(10)
    assert sorted(told) == [200] + [401] * 7


def test_without_its_ledger_the_gateway_lets_nobody_in(sender: Any, words: Any, settings: Any, stub: Any) -> None:
    send = sender()
    assert send().status_code == 200
    (file,) = settings.trust.state_dir.glob("*.sqlite")
    file.unlink()
    file.mkdir()
    answer = send()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert "same token or a new one" in words(answer)
    assert len(stub.calls) == 1


def test_a_sandbox_token_is_good_once_in_a_try_out(gateway: Any, call: Any) -> None:
    client = gateway(clients=(replace(EHR, key_is_public=True, rate=Rate(1, 1)),))
    sent = {"Authorization": "Bearer " + token(aud="http://localhost:8080" + VIEW)}
    assert client.post(VIEW, json=call, headers=sent).status_code == 200
    assert client.post(VIEW, json=call, headers=sent).status_code == 401
    fresh = {"Authorization": "Bearer " + token(aud="http://localhost:8080" + VIEW)}
    assert client.post(VIEW, json=call, headers=fresh).status_code == 200, "a try-out has no rates"


def test_the_answer_says_where_the_time_went(sender: Any, stub: Any) -> None:
    send = sender()
    assert re.fullmatch(r"auth;dur=[0-9.]+, total;dur=[0-9.]+", send().headers["Server-Timing"])
    stub.reply = lambda handler: stub.send(handler, 200, b'{"cards":[]}', Server_Timing="rules;dur=1.5")
    told = send().headers["Server-Timing"].split(", ")
    assert told[0] == "rules;dur=1.5"
    assert [share.partition(";")[0] for share in told] == ["rules", "auth", "total"]
    assert "Server-Timing" not in send("x").headers


# Not too often


def test_a_client_that_calls_too_often_is_told_when_to_come_back(sender: Any, words: Any) -> None:
    send = sender(replace(EHR, rate=Rate(per_minute=2, burst=3)))
    assert [send().status_code for _ in range(3)] == [200] * 3
    sent = token()
    answer = send(sent)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) in (29, 30)
    assert "rateLimit" in words(answer)
    assert answer.get_json(force=True)["issue"][0]["code"] == "throttled"
    assert send(sent).status_code == 429, "it was not used up"


def test_discovery_calls_and_feedback_count_and_refused_tokens_do_not(sender: Any) -> None:
    send = sender(replace(EHR, rate=Rate(1, 3)))
    for _ in range(5):
        assert send(token(aud="elsewhere")).status_code == 401
    assert send.discovered()
    assert send(token(aud=URL + VIEW + "/feedback"), VIEW + "/feedback").status_code == 200
    assert send().status_code == 200
    assert send().status_code == 429
    assert send(token(aud=URL + "/cds-services"), "/cds-services", "GET").status_code == 429


def test_a_call_of_nothing_counts_too(sender: Any) -> None:
    send = sender(replace(EHR, rate=Rate(1, 2)))
    assert send(token(aud=URL + "/cds-services/none"), "/cds-services/none").status_code == 404
    assert send(token(aud=URL + "/cds-services/none"), "/cds-services/none").status_code == 404
    assert send(token(aud=URL + "/cds-services/none"), "/cds-services/none").status_code == 429


def test_one_client_does_not_slow_another(sender: Any) -> None:
    other = Client("other", "https://other.example", keys())
    send = sender(replace(EHR, rate=Rate(1, 1)), other)
    assert send().status_code == 200
    assert send().status_code == 429
    assert send(token(iss=other.issuer)).status_code == 200


# For these services


def test_a_client_sees_and_calls_its_services_only(sender: Any, words: Any, stub: Any) -> None:
    send = sender(replace(EHR, services=frozenset({"dystonia-patient-view"})))
    assert send.discovered() == ["dystonia-patient-view"]
    assert send().status_code == 200
    for path in (SELECT, SELECT + "/feedback"):
        answer = send(token(aud=URL + path), path)
        assert answer.status_code == 403
        assert "It may call: dystonia-patient-view." in words(answer)
    answer = send(token(aud=URL + "/cds-services/none"), "/cds-services/none")
    assert answer.status_code == 404
    assert "order-select" not in words(answer)
    assert len(stub.calls) == 1


def test_without_a_list_a_client_sees_all_services(sender: Any) -> None:
    assert sender().discovered() == ["dystonia-patient-view", "dystonia-order-select"]


def test_a_list_without_a_service_that_exists_leaves_none(sender: Any) -> None:
    send = sender(replace(EHR, services=frozenset({"else"})))
    assert send.discovered() == []
    assert send().status_code == 403


def test_a_filtered_entry_is_passed_on_as_it_came(sender: Any, stub: Any) -> None:
    stub.services = [
        {"id": "b", "hook": "x", "description": "\u00e9 1.0"},
        {"hook": "x", "description": "d", "id": "a"},
    ]
    raw = json.dumps(stub.services[1])
    send = sender(replace(EHR, services=frozenset({"a"})))
    answer = send(token(aud=URL + "/cds-services"), "/cds-services", "GET")
    assert answer.text == '{"services":[' + raw + "]}"


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
