"""Tokens that hold, and what becomes of their calls: used once, not too often, and for the agreed services."""

import json
import re
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.clients import Client, Rate

from .sending import EHR, RSA_KEY, SELECT, URL, VIEW, keys, token

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
