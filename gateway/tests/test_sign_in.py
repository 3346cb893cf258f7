"""Operators sign in with a browser: the cookie, where it leads, who may send the form, and what is never told."""

import json
import logging
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from flask import Flask

from chassis import peers
from chassis.testing import KEYS
from gateway import sessions, sign_in
from gateway.app import create_app
from gateway.ledger import Limit
from gateway.operators import MIN_CHARS
from gateway.settings import PRODUCTION, Settings
from gateway.trust import Trust

from .conftest import Stub

SECRET = "operator-secret-of-tests-and-no-other"
OTHER = "another-secret-of-tests-and-no-more"
HTTPS = "https://cds.example"
NAME = "__Host-dystonia-cds-operator"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
OURS = {**BROWSER, "Sec-Fetch-Site": "same-origin", "Origin": HTTPS}
NOW = 1_800_000_000


@pytest.fixture(scope="module")
def screening() -> Iterator[Stub]:
    """The stub plays screening, and content."""
    made = Stub()
    made.reply = lambda handler: made.send(handler, 200, b"<p>page", Content_Type="text/html", Vary="Accept")
    yield made
    made.close()


@pytest.fixture(scope="module")
def door(screening: Stub, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Makes a browser without cookies at a gateway in production that knows these secrets of operators. One gateway
    serves all tests that want the same."""
    folder = tmp_path_factory.mktemp("state")

    @cache
    def app(secrets: tuple[str, ...], **changes: Any) -> Flask:
        trust = Trust(state_dir=folder, operator_tokens=tuple(one.encode() for one in secrets))
        settings = Settings(KEYS, PRODUCTION, HTTPS, {"screening": screening.url}, screening.url, trust=trust)
        return create_app(replace(settings, **changes))

    return lambda *secrets, **changes: app(secrets, **changes).test_client()


@pytest.fixture(autouse=True)
def many_attempts(monkeypatch: pytest.MonkeyPatch, screening: Stub) -> None:
    """The limit is for all together, and so would be that of these tests."""
    monkeypatch.setattr(sign_in, "ATTEMPTS", Limit("/sign-in", per_minute=60_000_000, burst=1))
    screening.calls.clear()


def typed(client: Any, token: str = SECRET, headers: Any = None, **more: str) -> Any:
    return client.post(
        "/sign-in", data={"token": token, **more}, headers=OURS if headers is None else headers, base_url=HTTPS
    )


def cookie_of(answer: Any) -> str:
    return str(answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2])


def seen(client: Any, cookie: str, path: str = "/trace", name: str = NAME, **headers: str) -> int:
    """The status of a page that is asked for with this cookie, and no other."""
    bare = client.application.test_client(use_cookies=False)
    return int(bare.get(path, headers={**BROWSER, "Cookie": f"{name}={cookie}", **headers}).status_code)


def test_a_browser_is_asked_to_sign_in_and_led_to_its_page(door: Any, screening: Any) -> None:
    client = door(SECRET)
    asked = client.get("/report?client=example-ehr&from=2026-09-01", headers=BROWSER)
    assert (asked.status_code, asked.mimetype) == (401, "text/html")
    assert asked.headers["WWW-Authenticate"] == 'Bearer realm="operators"'
    assert {"Accept", "Cookie"} <= set(asked.vary)
    assert asked.headers["Cache-Control"] == "no-store"
    assert 'action="sign-in"' in asked.text
    assert "example-ehr" not in asked.text, "nothing of the address is repeated"
    assert 'role="alert"' not in asked.text
    assert screening.calls == []
    led = typed(client, headers={**OURS, "Referer": f"{HTTPS}/report?client=example-ehr&from=2026-09-01"})
    assert (led.status_code, led.headers["Location"]) == (303, "./report?client=example-ehr&from=2026-09-01")
    page = client.get("/report", headers=BROWSER, base_url=HTTPS)
    assert (page.status_code, page.data) == (200, b"<p>page")
    ((_, _, headers, _),) = screening.calls
    assert "Cookie" not in headers
    claims = headers[peers.HEADER].split(".")[1]
    assert json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["caller"] == {"operator": True}


def test_below_an_index_the_form_finds_its_way(door: Any) -> None:
    page = door(SECRET).get("/trace/d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", headers=BROWSER)
    assert page.status_code == 401
    assert 'action="../sign-in"' in page.text
    assert 'href="../explanations-assets/site.css"' in page.text


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/plain", "application/fhir+json, text/html"])
def test_a_program_is_told_as_ever(door: Any, words: Callable[[Any], str], accept: str | None) -> None:
    answer = door(SECRET).get("/trace", headers={"Accept": accept} if accept else {})
    assert answer.status_code == 401
    assert "OPERATOR_TOKEN_FILE" in words(answer)


def test_the_cookie_is_out_of_reach_of_scripts_sites_and_plain_connections(door: Any) -> None:
    given = typed(door(SECRET)).headers["Set-Cookie"]
    assert given.startswith(f"{NAME}=operator.")
    assert {part.strip() for part in given.split(";")[1:]} == {
        "Secure", "HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={sessions.LASTS_S}",
        next(part.strip() for part in given.split(";") if "Expires" in part),
    }  # fmt: skip
    plain = {**OURS, "Origin": "http://localhost:8080"}
    local = typed(door(SECRET, public_url="http://localhost:8080"), headers=plain).headers["Set-Cookie"]
    assert local.startswith("dystonia-cds-operator=")
    assert "Secure" not in local
    assert "HttpOnly" in local
    assert "SameSite=Strict" in local


def test_every_replica_knows_it_until_its_secret_is_taken_out(door: Any) -> None:
    cookie = cookie_of(typed(door(OTHER, SECRET)))
    assert seen(door(OTHER, SECRET), cookie) == 200
    assert seen(door(SECRET), cookie) == 200
    assert seen(door(OTHER), cookie) == 401
    assert seen(door(), cookie) == 404


@pytest.mark.parametrize(
    ("made_s_ago", "status"),
    [(0, 200), (sessions.LASTS_S - 1, 200), (sessions.LASTS_S, 401), (10**8, 401), (-sessions.LEEWAY_S, 200),
     (-sessions.LEEWAY_S - 1, 401)],
)  # fmt: skip
def test_it_holds_for_its_time(door: Any, monkeypatch: pytest.MonkeyPatch, made_s_ago: int, status: int) -> None:
    """A clock that is a little ahead has made a cookie in what is the future here."""
    client = door(SECRET)
    monkeypatch.setattr("time.time", lambda: float(NOW - made_s_ago))
    cookie = sessions.begun(SECRET.encode())
    monkeypatch.setattr("time.time", lambda: float(NOW))
    assert seen(client, cookie) == status


def forged() -> list[str]:
    good = sessions.begun(SECRET.encode())
    said, at, signature = good.split(".")
    return [
        "", "operator", ".", "..", "...", f"{said}.{at}", f"{said}.{at}.", f"{said}..{signature}", f".{at}.{signature}",
        f"admin.{at}.{signature}", f"{said}.{at}.{signature[:-2]}", f"{said}.{at}A.{signature}", good + "x",
        "x" * 4_000,
        sessions.begun(OTHER.encode()), sessions.begun(b""), SECRET, "é.é.é", f"{said}.____.{signature}",
    ]  # fmt: skip


def test_a_forged_one_opens_nothing(door: Any, screening: Any) -> None:
    for cookie in forged():
        assert seen(door(SECRET), cookie) == 401, cookie
    assert screening.calls == []


def test_one_under_another_name_opens_nothing(door: Any) -> None:
    good = sessions.begun(SECRET.encode())
    assert seen(door(SECRET), good, name="dystonia-cds-operator") == 401
    assert seen(door(SECRET), good) == 200


def test_a_wrong_bearer_token_is_not_healed_by_a_cookie(door: Any) -> None:
    good = sessions.begun(SECRET.encode())
    assert seen(door(SECRET), good, Authorization=f"Bearer {OTHER}") == 401
    assert seen(door(SECRET), good, Authorization=f"Bearer {SECRET}") == 200


@pytest.mark.parametrize(
    "token", ["", " ", OTHER, SECRET[:-1], SECRET + "x", SECRET.upper(), "é" * MIN_CHARS, SECRET[:20], "\x00"]
)
def test_a_wrong_secret_gets_no_cookie(door: Any, token: str) -> None:
    answer = typed(door(SECRET), token, next="/report")
    assert (answer.status_code, answer.mimetype) == (401, "text/html")
    assert "Set-Cookie" not in answer.headers
    assert 'role="alert"' in answer.text
    assert 'value="/report"' in answer.text
    assert not token.strip() or f'"{token}"' not in answer.text


def test_blanks_around_a_pasted_secret_do_no_harm(door: Any) -> None:
    assert typed(door(SECRET), f"  {SECRET}\r\n").status_code == 303


@pytest.mark.parametrize(
    "next_",
    [
        "//evil.example", "/\\evil.example", "\\/evil.example", "https://evil.example/trace", "javascript:alert(1)", "",
        "trace", "/sign-out", "/cds-services", "/trace/../sign-out", "/trace/%2e%2e/x", "/trace//evil.example",
        "/tracex",
        "/trace?x=<script>", "/trace?x=" + "y" * 300, "/trace\r\nSet-Cookie: a=b", "/trace\n", " /trace", "/trace#x",
        "/trace/.", "//", "/@evil.example", "/trace@evil.example", "http:/trace", "/report/;evil",
    ],
)  # fmt: skip
def test_a_sign_in_leads_nowhere_else(door: Any, next_: str) -> None:
    client = door(SECRET)
    answer = typed(client, next=next_)
    assert (answer.status_code, answer.headers["Location"]) == (303, "./trace")
    again = typed(client, OTHER, next=next_)
    assert 'name="next" value="/trace"' in again.text
    assert "evil" not in again.text


@pytest.mark.parametrize(
    "next_", ["/trace", "/report.csv?from=2026-09-01", "/studio/export.html", "/prefetch-doctor?client=a",
              "/trace/d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"]
)  # fmt: skip
def test_it_leads_to_each_page_for_operators(door: Any, next_: str) -> None:
    assert typed(door(SECRET), next=next_).headers["Location"] == f".{next_}"


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
@pytest.mark.parametrize(
    ("headers", "let_in"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True), ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
        ({"Origin": HTTPS}, True), ({"Origin": "https://localhost"}, True), ({}, False), ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False), ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False), ({"Sec-Fetch-Site": "cross-site", "Origin": HTTPS}, False),
        ({"Origin": "https://evil.example"}, False), ({"Origin": "https://cds.example.evil.example"}, False),
        ({"Origin": "http://cds.example"}, False), ({"Origin": "https://cds.example:8443"}, False),
    ],
)  # fmt: skip
def test_a_form_must_come_from_a_page_of_ours(door: Any, path: str, headers: dict[str, str], let_in: bool) -> None:
    answer = door(SECRET).post(path, data={"token": SECRET}, headers={**BROWSER, **headers})
    assert answer.status_code == (303 if let_in else 403)
    assert ("Set-Cookie" in answer.headers) == let_in
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_signing_out_takes_the_cookie_away(door: Any) -> None:
    client = door(SECRET)
    typed(client)
    signed_in = client.get("/sign-in", headers=BROWSER, base_url=HTTPS)
    assert "You have signed in" in signed_in.text
    answer = client.post("/sign-out", headers=OURS, base_url=HTTPS)
    assert (answer.status_code, answer.headers["Location"]) == (303, "./sign-in")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert "Secure" in answer.headers["Set-Cookie"]
    assert client.get("/trace", headers=BROWSER, base_url=HTTPS).status_code == 401


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_the_pages_are_for_reading_only(door: Any, method: str) -> None:
    client = door(SECRET)
    client.set_cookie(NAME, sessions.begun(SECRET.encode()), domain="localhost")
    for path in ("/trace", "/report", "/studio", "/prefetch-doctor"):
        assert client.open(path, method=method).status_code == 405
        assert client.post(path).status_code == 405
    assert client.get("/sign-out").status_code == 405


def test_attempts_are_limited_for_all_together(
    door: Any, monkeypatch: pytest.MonkeyPatch, words: Callable[[Any], str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sign_in, "ATTEMPTS", Limit("/sign-in", per_minute=2, burst=2))
    trust = Trust(state_dir=tmp_path / "state", operator_tokens=(SECRET.encode(),))
    one, other = door(trust=trust, connections=1), door(trust=trust, connections=2)
    assert [typed(client, OTHER).status_code for client in (one, other)] == [401, 401]
    refused = typed(one)
    assert (refused.status_code, refused.mimetype) == (429, "text/html")
    assert 1 <= int(refused.headers["Retry-After"]) <= 30
    assert "Set-Cookie" not in refused.headers
    assert "Authorization: Bearer" in words(typed(other, headers={"Sec-Fetch-Site": "same-origin"}))
    bearer = one.get("/trace", headers={"Authorization": f"Bearer {SECRET}"})
    assert bearer.status_code == 200, "programs go on"
    assert typed(one, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403, "another site uses nothing up"


def test_what_cannot_be_counted_is_not_let_in(door: Any) -> None:
    trust = Trust(replay_store_url="postgresql://127.0.0.1:1/x", operator_tokens=(SECRET.encode(),))
    answer = typed(door(trust=trust))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 9_000, "application/x-www-form-urlencoded", 413), (b"{}", "application/json", 415),
        (b"token=x", "", 415), (b"token=%ff", "application/x-www-form-urlencoded", 400), (b"", "text/plain", 415),
        (b"&".join([b"a=b"] * 20), "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400), (b"", "application/x-www-form-urlencoded", 401),
        (b"token=" + SECRET.encode() + b"&token=x", "application/x-www-form-urlencoded", 401),
    ],
)  # fmt: skip
def test_a_form_that_is_none(door: Any, body: bytes, kind: str, status: int) -> None:
    assert door(SECRET).post("/sign-in", data=body, content_type=kind, headers=OURS).status_code == status


def test_neither_secret_nor_cookie_is_told(door: Any, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    client = door(SECRET)
    cookie = cookie_of(typed(client))
    typed(client, OTHER)
    seen(client, cookie)
    seen(client, cookie + "x")
    typed(client, SECRET, headers={"Sec-Fetch-Site": "cross-site"})
    logged = caplog.text + "".join(capfd.readouterr()) + repr([record.__dict__ for record in caplog.records])
    assert "/sign-in" in logged
    for secret in (SECRET, OTHER, cookie, cookie.rpartition(".")[2]):
        assert secret not in logged


def test_without_a_secret_nobody_signs_in(door: Any, words: Callable[[Any], str]) -> None:
    answer = door().get("/sign-in")
    assert answer.status_code == 404
    assert "OPERATOR_TOKEN_FILE" in words(answer)
    assert typed(door()).status_code == 404


@pytest.mark.parametrize(
    ("referer", "base", "leads"),
    [
        (f"{HTTPS}/report?client=a", HTTPS, "./report?client=a"), (f"{HTTPS}/cds/studio", f"{HTTPS}/cds", "./studio"),
        (f"{HTTPS}/sign-in", HTTPS, "./trace"), (HTTPS, HTTPS, "./trace"), ("", HTTPS, "./trace"),
        (f"{HTTPS}//evil.example", HTTPS, "./trace"), ("https://[evil", HTTPS, "./trace"),
        ("x" * 300, HTTPS, "./trace"),
    ],
)  # fmt: skip
def test_the_browser_says_which_page_it_was_on(door: Any, referer: str, base: str, leads: str) -> None:
    answer = typed(door(SECRET, public_url=base), headers={**OURS, "Referer": referer})
    assert (answer.status_code, answer.headers["Location"]) == (303, leads)


def test_a_link_from_another_site_says_how_to_go_on(door: Any) -> None:
    """The browser keeps the cookie to itself then, and sends it with the next step from our page."""
    client = door(SECRET)
    page = client.get("/trace?client=a", headers={**BROWSER, "Sec-Fetch-Site": "cross-site"})
    assert '<a href="">' in page.text, "an empty address is that of the page itself"
    assert "another site" not in client.get("/trace", headers={**BROWSER, "Sec-Fetch-Site": "none"}).text


def test_in_a_try_out_there_is_nothing_to_sign_in_for(door: Any) -> None:
    client = door(SECRET, deployment="try-out", public_url="http://localhost:8080")
    assert client.get("/trace", headers=BROWSER).status_code == 200
    elsewhere = client.get("/trace", headers=BROWSER, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert (elsewhere.status_code, elsewhere.mimetype) == (403, "text/html")
    assert 'href="./">Workbench' in client.get("/trace/none", headers=BROWSER).text.replace("../", "./")


@pytest.mark.parametrize(
    ("path", "text"), [("/studio", "<\u00fc> *'\"&=;/~+%" * 15), ("/report", "a*b"), ("/trace", "a*b <\u00fc>")]
)
def test_whatever_is_typed_into_a_filter_reaches_its_page(door: Any, screening: Any, path: str, text: str) -> None:
    query = "client=&module=&text=" + quote_plus(text, safe="*-._")  # as browsers do
    answer = door(SECRET).get(f"{path}?{query}", headers={**BROWSER, "Authorization": f"Bearer {SECRET}"})
    assert answer.status_code == 200
    ((_, asked, _, _),) = screening.calls
    assert asked == f"{path}?{query}"


def test_refusals_from_inside_are_pages_for_browsers(
    door: Any, screening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Screening refuses as it does programs; who has a browser reads a page."""
    outcome = {"resourceType": "OperationOutcome", "issue": [{"details": {"text": "No <b>trace</b>."}}]}
    body = json.dumps(outcome).encode()
    kind = "application/fhir+json"
    reply: dict[str, Any] = {"Content_Type": kind, "Retry_After": "5"}
    monkeypatch.setattr(screening, "reply", lambda handler: screening.send(handler, 404, body, **reply))
    client = door(SECRET)
    bearer = {"Authorization": f"Bearer {SECRET}"}
    page = client.get("/trace/d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", headers={**BROWSER, **bearer})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "No &lt;b&gt;trace&lt;/b&gt;." in page.text
    assert page.headers["X-Request-Id"] in page.text
    assert 'href="../report"' in page.text, "an operator is led on"
    assert "Workbench" not in page.text
    assert page.headers["Retry-After"] == "5"
    assert 'report"' not in client.get("/report", headers=BROWSER).text, "nobody else is"
    machine = client.get("/trace/d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", headers=bearer)
    assert machine.mimetype == "application/fhir+json"
