"""Marks through the stack as it is deployed, in production: through prefetch, through the EHR, in tokens and headers.

No mark may turn up in a log, an audit line, a file of state, a refusal, a header, or on the operator's page. Only cards
may repeat what a chart says.
"""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attack.field import DISCOVERY, SELECT, SERVICE, Field, encoded, prepared
from attack.sending import Reply
from attack.traps import SPEAKING_BASES
from contract.marking import MARK, marked

from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

SIGN = "/cds-services/dystonia-order-sign"
SCENARIO = {
    "id": MARK,
    "hook": "patient-view",
    "age": 57,
    "sex": "male",
    "conditions": [{"code": "G24.9", "onsetAge": 56}, {"code": "K74.60"}, {"text": "x"}],
    "fhx": [{"code": "88518009", "rel": "NSIB"}],
    "procs": [{"code": "225372007", "status": "in-progress"}],
    "meds": [{"code": "6809", "name": "metformin", "start": 2000}],
    "labs": [
        {"code": "2132-9", "v": 90, "u": "pg/mL", "ago": 15},
        {"code": "5681-2", "vs": "see note", "ago": 9},
        {"code": "2064-4", "v": 4, "u": "odd", "ago": 12},
    ],
    "orders": [{"code": "2064-4", "ago": 5}],
    "draft": [{"id": "d1", "type": "MedicationRequest", "code": "4511", "text": "folic acid"}],
}
HOOKS = {"patient-view": SERVICE, "order-select": SELECT, "order-sign": SIGN}


def held() -> dict[str, Any]:
    resources = marked(wire.chart(SCENARIO, datetime.now(UTC).date()))
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with prepared(tmp_path_factory.mktemp("deployed"), held(), MARK) as running:
        yield running


@pytest.fixture
def templates(field: Field) -> dict[str, Any]:
    answer = field.get(DISCOVERY, [field.bearer(DISCOVERY)])
    return {service["hook"]: service["prefetch"] for service in answer.json()["services"]}


def call(hook: str, templates: dict[str, Any]) -> dict[str, Any]:
    """A call whose chart and envelope are marked; Epic's employee ids stand where Epic puts them."""
    made = wire.call({**SCENARIO, "hook": hook}, templates[hook], datetime.now(UTC).date(), answer_prefetch)
    return {
        **made,
        "context": {
            **marked(made["context"]),
            "patientId": wire.patient_id(SCENARIO),
            "userId": f"Practitioner/{MARK}",
        },
        "prefetch": marked(made["prefetch"]),
        "extension": {
            "com.epic.cdshooks.request.epic-user-id": MARK,
            "com.epic.cdshooks.request.criteria-id": MARK,
            "com.epic.cdshooks.request.epic-version": MARK,
            "com.example.site": {MARK: MARK},
        },
        MARK: MARK,
    }


def granted(server: str) -> dict[str, Any]:
    authorization = {"access_token": MARK, "token_type": "Bearer", "expires_in": 300, "scope": MARK, "subject": MARK}
    return {
        "fhirServer": server,
        "fhirAuthorization": {**authorization, "patient": wire.patient_id(SCENARIO)},
        "prefetch": {},
    }


def silent(reply: Reply) -> None:
    """Nothing in the headers; in the body only where it is an answer."""
    assert MARK not in str(reply.headers)
    if reply.status != 200:
        assert MARK not in reply.text(), reply.text()


def send(field: Field, path: str, body: object, *headers: tuple[str, str], **claims: Any) -> Reply:
    token = field.bearer(path, sub=MARK, fhirUser=f"Practitioner/{MARK}", **{"https://x.example/": MARK}, **claims)
    marks = [
        ("X-Secret", MARK),
        ("Cookie", f"a={MARK}"),
        ("User-Agent", MARK),
        ("X-Forwarded-For", MARK),
        ("Referer", MARK),
    ]
    reply = field.post(path, body if isinstance(body, bytes) else encoded(body), [token, *marks, *headers])
    silent(reply)
    return reply


def once(ask: Callable[[], Reply], there: Callable[[Reply], bool]) -> Reply:
    """The answer as soon as what is looked for is there: it is written in the background."""
    ends = time.monotonic() + 20
    while not there(reply := ask()) and time.monotonic() < ends:
        time.sleep(0.1)
    return reply


@pytest.mark.parametrize("hook", HOOKS)
def test_a_good_call(field: Field, templates: dict[str, Any], hook: str) -> None:
    reply = send(field, HOOKS[hook], call(hook, templates))
    assert reply.status == 200, reply.text()
    assert reply.json()["cards"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_call_that_has_to_ask_the_ehr(field: Field, templates: dict[str, Any], hook: str) -> None:
    field.traps.seen.clear()
    body = call(hook, templates) | granted(field.traps.base("fhir"))
    reply = send(field, HOOKS[hook], body)
    assert reply.status == 200, reply.text()
    assert reply.json()["cards"]
    assert {asked.authorization for asked in field.traps.seen.asked} == {f"Bearer {MARK}"}


@pytest.mark.parametrize("base", SPEAKING_BASES)
def test_an_ehr_that_refuses_in_words_of_its_own(field: Field, templates: dict[str, Any], base: str) -> None:
    body = call("patient-view", templates)
    assert send(field, SERVICE, body | granted(field.traps.base("fhir"))).status == 200  # it does not fail for long
    field.traps.seen.clear()
    reply = send(field, SERVICE, body | granted(field.traps.base(base)))
    assert reply.status == 412, reply.text()
    assert field.traps.seen.asked, "the EHR was not asked, so nothing is proven"


@pytest.mark.parametrize("base", ["saysoutcome", "says500"])
def test_an_ehr_that_gives_the_patient_and_no_more(field: Field, templates: dict[str, Any], base: str) -> None:
    made = call("patient-view", templates)
    known = {key: made["prefetch"][key] for key in ("patient", "conditions")}
    reply = send(field, SERVICE, made | granted(field.traps.base(base)) | {"prefetch": known})
    assert reply.status == 200, reply.text()


def test_servers_that_are_not_agreed(field: Field, templates: dict[str, Any]) -> None:
    for server in (f"https://{MARK}.example/fhir", f"https://{MARK}:{MARK}@ehr.example", f"ftp://{MARK}", MARK):
        reply = send(field, SERVICE, call("patient-view", templates) | granted(server))
        assert reply.status in (400, 412)


def test_bodies_that_are_no_call(field: Field) -> None:
    for body in (
        f'{{"hook": "{MARK}'.encode(),
        f'["{MARK}"]'.encode(),
        f'{{"{MARK}": NaN}}'.encode(),
        f'{{"{MARK}": 1, "{MARK}": 2}}'.encode(),
        f'{{"{MARK}": "\\ud800"}}'.encode(),
        f'{{"{MARK}": '.encode() + b"[" * 1_000,
        f'"{MARK}"'.encode(),
        f"{MARK}".encode() * 1000,
    ):
        for path in (SERVICE, f"{SERVICE}/feedback"):
            assert send(field, path, body).status == 400
    assert send(field, SERVICE, b"{}", ("Content-Type", f"text/{MARK}")).status == 415
    assert send(field, SERVICE, b"{}", ("Content-Encoding", MARK)).status == 415


def test_feedback(field: Field) -> None:
    card = {"card": MARK, "outcome": "overridden", "outcomeTimestamp": "2026-01-01T00:00:00Z"}
    words = {"system": MARK, "display": MARK}
    extension = {f"com.epic.cdshooks.feedback.overrideReason.reason{name}": MARK for name in ("Title", "Display")}
    answers = (
        card | {"overrideReason": {"reason": {"code": f"{MARK} {MARK}", **words}, "userComment": MARK}},
        card | {"overrideReason": {"reason": {"code": "deferred", **words}}, MARK: MARK},
        card | {"overrideReasons": [{"extension": {**extension, MARK: MARK}, "userComment": MARK}]},
        card | {"outcome": "accepted", "acceptedSuggestions": [{"id": MARK}]},
    )
    told = send(field, f"{SERVICE}/feedback", {"feedback": answers}).json()["feedback"]
    assert told == [{"card": MARK, "status": "unknown-card"}] * 4
    for bent in (card | {"outcome": MARK}, card | {"outcomeTimestamp": MARK}, {MARK: MARK}):
        reply = send(field, f"{SERVICE}/feedback", {"feedback": [bent]})
        assert reply.status == 400
        assert MARK.encode() not in reply.body


def test_tokens_that_do_not_hold(field: Field) -> None:
    for claims in (
        {"iss": f"https://{MARK}.example"},
        {"aud": MARK},
        {"aud": [MARK]},
        {"exp": MARK},
        {"jti": [MARK]},
        {"header": {"kid": MARK}},
        {"header": {"jku": f"https://{MARK}.example"}},
        {"header": {"typ": MARK}},
        {"header": {"crit": [MARK]}},
        {"nbf": MARK},
    ):
        reply = send(field, SERVICE, b"{}", **claims)
        assert reply.status == 401, claims
    for authorization in (f"Bearer {MARK}", f"Basic {MARK}", MARK, f"Bearer {MARK}.{MARK}.{MARK}"):
        silent(field.get(DISCOVERY, [("Authorization", authorization)]))


def test_pages_and_addresses(field: Field) -> None:
    marks = [("Cookie", MARK), ("Accept-Language", MARK), ("If-None-Match", f'"{MARK}"'), ("X-Request-Id", MARK)]
    for path in (
        "/explanations",
        f"/explanations/{MARK}",
        f"/explanations/vitamin-b12?audience={MARK}",
        f"/explanations-assets/{MARK}.css",
        f"/fhir/ValueSet?name={MARK}",
        f"/fhir/{MARK}",
        f"/fhir/ValueSet/{MARK}",
        f"/thresholds?{MARK}",
        f"/openapi.json?{MARK}",
        f"/version?{MARK}",
        f"/bibliography?{MARK}={MARK}",
        f"/{MARK}",
        f"/cds-services/{MARK}",
        f"/prefetch-doctor?{MARK}",
        f"/report?module={MARK}",
        f"/healthz?{MARK}",
    ):
        for accept in ("text/html", "application/json", f"text/{MARK}"):
            reply = field.get(path, [*marks, ("Accept", accept)], origin=f"https://{MARK}.example")
            assert reply.status < 500
            silent(reply)
            if "html" in reply.header("Content-Type"):
                assert MARK not in reply.text(), path


def test_requests_that_are_no_http(field: Field) -> None:
    for sent in (
        f"GET /{MARK}\r\n\r\n",
        f"{MARK} / HTTP/1.1\r\nHost: {MARK}\r\n {MARK}\r\n\r\n",
        f"GET / HTTP/1.1\r\n{MARK}\r\n\r\n",
    ):
        assert MARK not in field.raw(sent.encode()).text()


@pytest.mark.parametrize("path", ["/prefetch-doctor", "/trace"])
def test_the_operators_pages_show_no_mark(field: Field, templates: dict[str, Any], path: str) -> None:
    secret = (field.stack.folder / "operator.token").read_text("utf-8")
    send(field, SERVICE, call("patient-view", templates))
    for accept in ("text/html", "application/json"):
        page = once(
            lambda accept=accept: field.get(path, [("Authorization", f"Bearer {secret}"), ("Accept", accept)]),
            lambda page: "alpha" in page.text(),
        )
        assert page.status == 200
        assert "alpha" in page.text()
        assert MARK not in page.text()


def test_the_traces_of_marked_calls_show_no_mark(field: Field, templates: dict[str, Any]) -> None:
    secret = (field.stack.folder / "operator.token").read_text("utf-8")
    operator = ("Authorization", f"Bearer {secret}")
    send(field, SERVICE, call("patient-view", templates))
    listed = once(
        lambda: field.get("/trace", [operator, ("Accept", "application/json")]),
        lambda page: bool(page.json()["calls"]),
    )
    calls = listed.json()["calls"]
    assert calls
    for instance in {call["hookInstance"] for call in calls}:
        page = field.get(f"/trace/{instance}", [operator, ("Accept", "application/json")])
        assert page.status == 200
        assert MARK not in page.text()


@pytest.mark.promise("R38", "R73", "T96")
def test_nothing_that_was_written_holds_a_mark(field: Field, templates: dict[str, Any]) -> None:
    """The last test of this module: it looks at what all the others left behind, too."""
    for hook, path in HOOKS.items():
        for body in (call(hook, templates), call(hook, templates) | granted(field.traps.base("says422"))):
            send(field, path, body)
    for body in (b"{", encoded({MARK: MARK}), *(encoded({"feedback": [{"card": MARK, MARK: n}]}) for n in range(20))):
        send(field, f"{SERVICE}/feedback", body)
    logs = {path.name: path.read_text("utf-8") for path in Path(field.stack.folder, "log").iterdir()}
    audited = [json.loads(line) for line in logs["gateway-audit.jsonl"].splitlines()]
    assert sum("hook" in line for line in audited) >= 2 * len(HOOKS)
    assert logs["gateway.log"].count("\n") > 20
    assert logs["screening.log"].count("\n") > 10
    assert MARK not in field.stack.written()
    assert not any(token in field.stack.written() for token in field.spent)
    assert field.stack.ended() == []
