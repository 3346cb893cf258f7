"""Each EHR in its own dialect, from its token to its cards: a gateway in production knows the client and its dialect.

Screening has the order codes of the Epic client, and of nobody else.
"""

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from contract import judge
from contract.client import Client
from contract.exchanges import Exchange, load
from contract.stack import Stack, gateway_app, own_stack, served
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from scenarios.expected import expected, shown

from gateway import entries
from screening.dialects import table
from screening.knowledge import loading

PUBLIC_URL = "https://cds.example"
PREFERENCE_LIST = "urn:com.epic.cdshooks.action.code.system.preference-list-item"
DETAIL_TYPE = "com.epic.cdshooks.card.detail.content-type"
ORACLE_LINK = f"{PUBLIC_URL}/explanations/vitamin-b12"
KEY = ec.generate_private_key(ec.SECP384R1())
DIALECTS = ("strict", "sandbox", "epic", "oracle", "athena")
EXCHANGES = load(
    "patient-view-epic", "order-select-epic", "order-sign-epic", "patient-view-oracle", "order-select-athena",
    "order-select-sandbox", "order-select-sandbox-dstu2", "patient-view-prefetch", "order-select-prefetch",
    "order-sign",
)  # fmt: skip
ORDERS = {
    "http://loinc.org": {"13964-2": "LABMMA", "5681-2": "LABMNWB"},
    "http://snomed.info/sct": {"183521007": "REFNEURO"},
}


def test_the_gateway_and_screening_know_the_same_dialects() -> None:
    assert list(DIALECTS) == list(entries.DIALECTS) == list(table.DIALECTS)


def test_the_gateway_and_screening_know_the_same_override_reasons() -> None:
    assert list(entries.OVERRIDE_REASONS) == list(loading.override_reasons())


def issuer(dialect: str) -> str:
    return f"https://{dialect}.example/fhir"


def order_map() -> dict[str, Any]:
    groups = [
        {
            "source": source,
            "target": PREFERENCE_LIST,
            "element": [
                {"code": ours, "target": [{"code": site, "display": f"{site} in the catalog", "equivalence": "equal"}]}
                for ours, site in codes.items()
            ],
        }
        for source, codes in ORDERS.items()
    ]
    return {"resourceType": "ConceptMap", "status": "active", "group": groups}


@pytest.fixture(scope="module")
def inner(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[Stack]:
    if not stack.ours:
        pytest.skip("CDS_BASE_URL is given: the clients and order codes of that stack cannot be chosen from here")
    folder = tmp_path_factory.mktemp("dialects")
    maps = folder / "orders"
    maps.mkdir()
    (maps / "epic-ehr.json").write_text(json.dumps(order_map()), "utf-8")
    further = {"ORDER_CODE_MAPS": str(maps), "PUBLIC_URL": PUBLIC_URL, "ALLOWED_LINKS": ORACLE_LINK}
    with own_stack(folder, further) as started:
        yield started


@pytest.fixture(scope="module")
def production(inner: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("production")
    key = {**json.loads(ECAlgorithm.to_jwk(KEY.public_key())), "kid": "ec-1", "alg": "ES384", "use": "sig"}
    entries = [
        {"client": f"{dialect}-ehr", "issuer": issuer(dialect), "jwks": {"keys": [key]}, "dialect": dialect}
        for dialect in DIALECTS
    ]
    entries[DIALECTS.index("epic")]["overrideReasons"] = {"45": "patient-declined"}
    clients: Path = folder / "clients.json"
    clients.write_text(json.dumps(entries), "utf-8")
    environ = {
        "DEPLOYMENT": "production",
        "PUBLIC_URL": PUBLIC_URL,
        "CLIENTS_FILE": str(clients),
        "UPSTREAMS": f"screening={inner.screening}",
        "CONTENT_URL": inner.content,
        "STATE_DIR": str(folder),
        "INTERNAL_KEY": inner.internal_keys[0].decode(),
    }
    with served(gateway_app(environ)) as server:
        client = Client(server.url)
        for _ in range(100):
            if client.get("/readyz").status_code == 200:
                break
            time.sleep(0.05)
        yield client


@pytest.fixture(scope="module")
def templates(inner: Stack) -> Mapping[str, Any]:
    return Client(inner.gateway).services()


def asked(production: Client, dialect: str, service_id: str, body: Any) -> Any:
    """The answer to a call of the client with this dialect."""
    path = f"/cds-services/{service_id}"
    now = int(time.time())
    claims = {"iss": issuer(dialect), "aud": f"{PUBLIC_URL}{path}", "iat": now, "exp": now + 300}
    token = jwt.encode({**claims, "jti": secrets.token_hex(16)}, KEY, "ES384", headers={"kid": "ec-1", "typ": "JWT"})
    return production.post(path, body, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.promise("T91")
@pytest.mark.parametrize(("category", "again"), [("45", True), ("46", False)])
def test_a_reason_that_a_site_of_epic_has_built_is_read_as_its_entry_maps_it(
    production: Client, templates: Mapping[str, Any], today: date, category: str, again: bool
) -> None:
    """After 200 days "patient declined" (180 days) is over, and a dismissal without a reason (365 days) is not."""
    service = templates["patient-view"]
    request = load("patient-view-epic")[0].request(service["prefetch"], today)
    patient = f"synthetic-{secrets.token_hex(8)}"
    call = json.loads(json.dumps(request).replace(request["context"]["patientId"], patient))
    first = asked(production, "epic", service["id"], call).json()["cards"]
    uuids = {judge.decision(card)["module"]: card["uuid"] for card in first}
    override = {
        "card": uuids["SCREEN"],
        "outcome": "overridden",
        "outcomeTimestamp": (datetime.now(UTC) - timedelta(days=200)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "overrideReasons": {
            "extension": {
                "com.epic.cdshooks.feedback.overrideReason.reasonCategory": category,
                "com.epic.cdshooks.feedback.overrideReason.reasonDisplay": "Synthetic reason",
                "com.epic.cdshooks.feedback.overrideReason.reasonTitle": "Synthetic reason",
            },
            "userComment": "Synthetic free text",
        },
    }
    told = asked(production, "epic", f"{service['id']}/feedback", {"feedback": [override]})
    assert told.json() == {"feedback": [{"card": uuids["SCREEN"], "status": "kept"}]}
    left = asked(production, "epic", service["id"], call).json()["cards"]
    assert ("SCREEN" in [judge.decision(card)["module"] for card in left]) is again


def suggestions(response: Any) -> list[Any]:
    return [one for card in response["cards"] for one in card.get("suggestions", ())]


def actions(response: Any, kind: str) -> list[Any]:
    return [action for one in suggestions(response) for action in one["actions"] if action["type"] == kind]


@pytest.mark.promise("T90")
@pytest.mark.parametrize("exchange", EXCHANGES, ids=[each.name for each in EXCHANGES])
def test_each_exchange_in_the_dialect_of_its_client(
    production: Client, templates: Mapping[str, Any], exchange: Exchange, today: date
) -> None:
    service = templates[exchange.hook]
    answer = asked(production, exchange.dialect, service["id"], exchange.request(service["prefetch"], today))
    expect = exchange.expect
    assert answer.status_code == expect["status"], answer.text[:600]
    if answer.status_code != 200:
        assert judge.refusal_faults(answer) == []
        return
    response = answer.json()
    assert shown(response) == expected(expect["cards"])
    assert judge.faults(response, only_site_codes=exchange.dialect == "epic") == []
    _check(exchange.dialect, response)
    if "offers" in expect:
        offered = [action["resource"]["code"]["coding"][0]["code"] for action in actions(response, "create")]
        assert offered == expect["offers"]
    if "withdraws" in expect:
        assert [action["resourceId"] for action in actions(response, "delete")] == expect["withdraws"]
    for words in expect.get("by_hand", ()):
        assert any(
            "To be ordered by hand" in card["detail"] and f"- {words}" in card["detail"] for card in response["cards"]
        ), words


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_call_says_the_same_in_every_dialect(
    production: Client, templates: Mapping[str, Any], dialect: str, today: date
) -> None:
    exchange = next(each for each in EXCHANGES if each.name == "patient-view-epic: everything delivered")
    service = templates[exchange.hook]
    body = exchange.request(service["prefetch"], today)
    response, strict = (asked(production, one, service["id"], body).json() for one in (dialect, "strict"))
    for made, plain in zip(response["cards"], strict["cards"], strict=True):
        assert (made["uuid"] == plain["uuid"]) == (dialect == "strict"), "each client has card ids of its own"
        for name in ("summary", "indicator", "overrideReasons"):
            assert made[name] == plain[name]
        assert made["source"]["topic"] == plain["source"]["topic"]
    _check(dialect, response)


def _check(dialect: str, response: Any) -> None:
    """What is true of every answer in a dialect."""
    for card in response["cards"]:
        assert len(card["summary"]) < 140
        assert re.fullmatch(r"[A-Za-z0-9]{1,100}", card["source"]["topic"]["code"])
        assert card.get("selectionBehavior", "any") == "any"
        assert (DETAIL_TYPE in card["extension"]) is (dialect == "epic")
        links = {link["url"] for link in card.get("links", ())} | set(re.findall(r"\]\(([^)]+)\)", card["detail"]))
        assert not links - {ORACLE_LINK} or dialect != "oracle"
        assert links or dialect == "oracle"
    for one in suggestions(response):
        assert 0 < len(one["label"]) <= 200
        assert len(one["actions"]) == 1 or dialect != "epic"
    for action in actions(response, "create"):
        codings = action["resource"]["code"]["coding"]
        assert len(codings) == 1
        assert (codings[0]["system"] == PREFERENCE_LIST) is (dialect == "epic")
        notes = [note["text"] for note in action["resource"].get("note", ())]
        assert dialect != "epic" or all(note in action["description"] for note in notes)


def test_a_412_says_what_to_look_at_at_this_ehr(production: Client, templates: Mapping[str, Any], today: date) -> None:
    exchange = next(each for each in EXCHANGES if each.expect["status"] == 412)
    service = templates[exchange.hook]
    body = {**exchange.request(service["prefetch"], today), "prefetch": {}}
    words = {
        dialect: asked(production, dialect, service["id"], body).json()["issue"][0]["details"]["text"]
        for dialect in DIALECTS
    }
    assert "criteria (LGL) record" in words["epic"]
    assert "DSTU2" in words["sandbox"]
    assert "registration" in words["oracle"]
    assert words["strict"] == words["athena"]
    assert len(set(words.values())) == 4
