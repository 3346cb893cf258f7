"""The attack suite's own machinery: a row that is answered wrongly is noticed, whatever is wrong with the answer."""

import json
from email.message import Message
from typing import Any

import pytest
import requests
from attack.__main__ import Tally
from attack.cases import Answer, Case, faults
from attack.sending import ORIGIN, Reply, Request, parsed
from attack.signing import by_hand, changed, claims, ec_signer, flipped
from attack.traps import traps

REFUSED = Answer(401, "login", "iss", {"WWW-Authenticate": "invalid_token"})
REQUEST_ID = "0" * 32


def reply(status: int = 401, code: str = "login", words: str = "The iss is not known.", **headers: str) -> Reply:
    made = Message()
    for name, value in {
        "Content-Type": "application/fhir+json",
        "WWW-Authenticate": 'Bearer error="invalid_token"',
        "X-Request-Id": REQUEST_ID,
        "Access-Control-Allow-Origin": ORIGIN,
        "Vary": "Origin",
        "Cache-Control": "no-store",
    }.items():
        if said := headers.get(name.replace("-", "_"), value):
            made[name] = said
    issue = {"severity": "error", "code": code, "details": {"text": words}, "diagnostics": f"Request id: {REQUEST_ID}"}
    body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
    return Reply(status, made, body, origin=ORIGIN)


def test_the_answer_that_is_due_has_no_fault() -> None:
    assert faults(reply(), REFUSED) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (reply(200), "200 instead of 401"),
        (reply(500), "500 instead of 401"),
        (Reply(0), "no answer"),
        (reply(code="forbidden"), "issue code forbidden"),
        (reply(words="No."), "the words are: No."),
        (reply(Content_Type="text/html"), "content type text/html"),
        (reply(X_Request_Id="1"), "request id"),
        (reply(WWW_Authenticate="Bearer"), "WWW-Authenticate"),
        (reply(Access_Control_Allow_Origin=""), "cannot read this refusal"),
        (reply(Access_Control_Allow_Origin="*"), "cannot read this refusal"),
        (reply(Vary="Accept"), "Vary"),
        (reply(Cache_Control="public"), "may be stored"),
        (Reply(401, reply().headers, b"<html>", origin=ORIGIN), "resourceType"),
        (Reply(401, reply().headers, reply().body, b"HTTP/1.1 200 OK", ORIGIN), "something follows"),
        (Reply(401, reply().headers, reply().body, origin="https://evil.example"), "an origin that is not listed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_anything_else_is_a_fault(wrong: Reply, said: str) -> None:
    found = "; ".join(faults(wrong, REFUSED))
    assert said in found or (said == "resourceType" and found)


def test_a_refusal_for_a_while_says_for_how_long() -> None:
    limit = Answer(429, "throttled")
    assert faults(reply(429, "throttled"), limit) == ["no Retry-After in whole seconds"]


def test_headers_that_must_not_be_there() -> None:
    answer = Answer(200, without=("Access-Control-Allow-Origin",), outcome=False)
    assert faults(reply(200), answer) == ["header Access-Control-Allow-Origin is there"]


def played(*found: tuple[bool, list[str]]) -> tuple[int, list[str]]:
    said: list[str] = []
    tally = Tally(said.append, verbose=False)
    for control, wrong in found:
        tally.add(Case("group", "name", Reply, REFUSED, control=control), wrong)  # type: ignore[arg-type]
    return tally.result(), said


def test_the_last_line_counts_only_what_must_be_refused() -> None:
    status, said = played((False, []), (True, []), (False, []))
    assert (status, said[-1]) == (0, "2 of 2 refused")


def test_an_attack_that_got_through_fails_the_command() -> None:
    status, said = played((False, []), (False, ["200 instead of 401"]))
    assert (status, said[-1]) == (1, "1 of 2 refused")
    assert "FAULT group: name: 200 instead of 401" in said


def test_a_control_that_was_refused_fails_the_command_and_is_not_counted() -> None:
    status, said = played((False, []), (True, ["401 instead of 200"]))
    assert (status, said[-1]) == (1, "1 of 1 refused")


def test_a_suite_without_attacks_fails() -> None:
    assert played((True, []))[0] == 1


def test_a_request_is_sent_as_it_is_written() -> None:
    sent = Request("POST", "/x", (("A", "1"), ("A", "2")), b"{}", origin="", host="h").encoded()
    assert sent == b"POST /x HTTP/1.1\r\nHost: h\r\nA: 1\r\nA: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    framed = Request("POST", "/x", (("Content-Length", "7"),), b"{}").encoded()
    assert framed.count(b"Content-Length") == 1


def test_what_follows_an_answer_is_kept() -> None:
    one = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"
    found = parsed(one + b"HTTP/1.1 200 OK\r\n\r\n")
    assert (found.status, found.body, found.more) == (400, b"no", b"HTTP/1.1 200 OK\r\n\r\n")
    assert parsed(b"").status == 0


def test_tokens_are_broken_as_they_say() -> None:
    signer = ec_signer("kid")
    token = signer.sign(claims("iss", "aud"), typ=None)
    head, payload, signature = token.split(".")
    assert flipped(token).rpartition(".")[0] == f"{head}.{payload}"
    assert flipped(token) != token
    assert changed(token, header={"alg": "none"}).endswith(f".{payload}.{signature}")
    assert changed(token, payload={"sub": "x"}).startswith(f"{head}.")
    assert by_hand({"alg": "none"}, {}).endswith(".")
    assert by_hand({"alg": "HS384"}, {}, b"key").rpartition(".")[2]


def test_traps_notice_who_comes() -> None:

    empty: dict[str, Any] = {"resourceType": "Bundle", "type": "collection", "entry": []}
    with traps(empty, "words") as around:
        requests.get(around.base("redirect302") + "/Patient/1", timeout=5, allow_redirects=False)
        assert [asked.path for asked in around.seen.asked] == ["/redirect302/Patient/1"]
        assert around.seen.forbidden == []
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{around.other}/", timeout=5)
        assert around.seen.forbidden == [f"127.0.0.1:{around.other}"]
        assert requests.get(around.keys_at("/jwks.json"), timeout=5).status_code == 503
        around.published["/jwks.json"] = {"keys": []}
        assert requests.get(around.keys_at("/jwks.json"), timeout=5).json() == {"keys": []}
