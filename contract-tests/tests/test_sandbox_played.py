"""The CDS Hooks Sandbox, played: it reads discovery, asks the try-out's FHIR server as the Sandbox does, calls, answers
cards, and calls again. What the real one sends was recorded and is replayed in `test_recorded`.
"""

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from contract import judge
from contract.client import Client
from contract.stack import Stack
from flask.testing import FlaskClient

from tryout import fhir_app, sandbox_links, shelf
from tryout.ehr import answer_prefetch
from tryout.shelf import Shelf

USER = "Practitioner/COREPRACTITIONER1"
ORIGIN = "https://sandbox.cds-hooks.org"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
DECISION = "example.dystonia-cds.decision"
DAYS_AGO = re.compile(r"\{\{\s*today\(\)\s*-\s*(\d+)\s*days?\s*\}\}")


@pytest.fixture(scope="module")
def full(stack: Stack, today: date) -> Shelf:
    found = shelf.of_workbench(stack.gateway, today)
    if found.told:
        pytest.skip("this stack is no try-out: it has no workbench")
    return found


@pytest.fixture(scope="module")
def fhir(full: Shelf, today: date) -> FlaskClient:
    return fhir_app.create_app(full, sandbox_links.Places("http://localhost:8083/fhir", ""), today).test_client()


def prefetched(fhir: FlaskClient, templates: Mapping[str, str], patient_id: str, today: date) -> dict[str, Any]:
    """Prefetch as the Sandbox fetches it: repeated parameters merged, a form first, the query if that failed, the first
    page only; what fails, or is still a token, is left out.
    """
    got: dict[str, Any] = {}
    for key, template in templates.items():
        query = template.replace("{{context.patientId}}", patient_id).replace("{{context.userId}}", USER)
        query = DAYS_AGO.sub(lambda match: (today - timedelta(days=int(match[1]))).isoformat(), query)
        if "{{" in query:
            continue
        kind, _, asked = query.partition("?")
        accept = {"Accept": "application/json+fhir"}
        if asked:
            form = urlencode({name: ",".join(values) for name, values in sorted(parse_qs(asked).items())})
            content = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = fhir.post(f"/fhir/{kind}/_search", data=form, headers=accept | content)
            if answer.status_code != 200:
                answer = fhir.get(f"/fhir/{kind}?{form}", headers=accept)
        else:
            answer = fhir.get(f"/fhir/{kind}", headers=accept)
        if answer.status_code == 200:
            got[key] = answer.get_json()
    return got


def called(door: Client, service: Mapping[str, Any], about: Mapping[str, Any], prefetch: Any, server: str) -> Any:
    body = {
        "hookInstance": str(uuid.uuid4()),
        "hook": service["hook"],
        "fhirServer": server,
        "context": {"patientId": about["patientId"], "userId": USER, **about},
        "prefetch": prefetch,
    }
    answer = door.post(f"/cds-services/{service['id']}", body, headers={"Origin": ORIGIN, "Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert judge.faults(answer.json()) == []
    return answer.json()["cards"]


def modules(cards: list[dict[str, Any]]) -> list[str]:
    return [card["extension"][DECISION]["module"] for card in cards]


@pytest.mark.parametrize("some", [3, pytest.param(0, marks=pytest.mark.wide)])
def test_patients_get_the_cards_that_the_record_itself_gets(
    door: Client, services: dict[str, Any], full: Shelf, fhir: FlaskClient, today: date, some: int
) -> None:
    service, server = services["patient-view"], f"http://localhost:8083/{uuid.uuid4()}"
    assert len(full.patients) > 20
    chosen = full.patients[:some] or full.patients
    chosen = [*chosen, *(one for one in full.patients[some:] if some and one.id in full.withheld)]
    for one in chosen:
        about = {"patientId": one.id}
        played = called(door, service, about, prefetched(fhir, service["prefetch"], one.id, today), server)
        if one.id in full.withheld:
            assert modules(played) == ["DATA"]
            continue
        entries = [{"resource": each} for each in full.record.resources.values() if one.id in json.dumps(each)]
        record = {"resourceType": "Bundle", "entry": entries}
        whole = answer_prefetch(record, service["prefetch"], about | {"userId": USER}, today)
        direct = called(door, service, about, whole, server)
        assert [card["uuid"] for card in played] == [card["uuid"] for card in direct], one.title
    assert full.withheld.keys() & {one.id for one in chosen}


def test_from_discovery_to_a_card_that_is_held_back(
    door: Client, services: dict[str, Any], fhir: FlaskClient, today: date
) -> None:
    patient_id, server = "tryout-patient", f"http://localhost:8083/{uuid.uuid4()}"
    concept = {"text": "Folic Acid 1 MG Oral Tablet", "coding": [{"system": RXNORM, "code": "310410"}]}
    draft: dict[str, Any] = {
        "resourceType": "MedicationRequest", "id": "request-123", "status": "draft", "intent": "order",
        "subject": {"reference": f"Patient/{patient_id}"}, "authoredOn": today.isoformat(),
        "category": {"coding": [{"code": "community"}]}, "medicationCodeableConcept": concept,
        "dosageInstruction": [{"timing": {"repeat": {"frequency": 1, "boundsPeriod": {"start": "Invalid date"}}}}],
    }  # fmt: skip
    drafts = {"resourceType": "Bundle", "entry": [{"resource": draft}]}
    chosen = {"patientId": patient_id, "selections": ["MedicationRequest/request-123"], "draftOrders": drafts}
    signed = {"patientId": patient_id, "draftOrders": drafts}
    clicked_again = {"patientId": patient_id}
    got = {
        hook: prefetched(fhir, services[hook]["prefetch"], patient_id, today)
        for hook in ("patient-view", "order-select", "order-sign")
    }
    assert all(set(got[hook]) == set(services[hook]["prefetch"]) for hook in got)

    def cards(hook: str, about: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = called(door, services[hook], about, got[hook], server)
        return found

    first, second = cards("patient-view", {"patientId": patient_id})
    assert modules([first, second]) == ["B12", "SCREEN"]
    (folate,) = cards("order-select", chosen)
    assert modules([folate]) == modules(cards("order-sign", signed)) == ["ORD_FOLATE"]
    assert cards("order-select", clicked_again) == cards("order-sign", clicked_again) == []

    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    reason = {key: first["overrideReasons"][0][key] for key in ("code", "system")}
    overridden = {"outcome": "overridden", "outcomeTimestamp": moment, "overrideReason": {"reason": reason}}
    accepted = {"outcome": "accepted", "outcomeTimestamp": moment}
    accepted["acceptedSuggestions"] = [{"id": second["suggestions"][0]["uuid"]}]  # type: ignore[assignment]
    dismissed = {"outcome": "overridden", "outcomeTimestamp": moment}
    for hook, card, outcome in (
        ("patient-view", first, overridden), ("patient-view", second, accepted), ("order-select", folate, dismissed),
    ):  # fmt: skip
        path = f"/cds-services/{services[hook]['id']}/feedback"
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        assert door.send("OPTIONS", path, headers={"Origin": ORIGIN, **asked}).status_code == 204
        answer = door.post(path, {"feedback": [{"card": card["uuid"], **outcome}]}, headers={"Origin": ORIGIN})
        assert answer.json() == {"feedback": [{"card": card["uuid"], "status": "kept"}]}
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert cards("patient-view", {"patientId": patient_id}) == []
    assert cards("order-select", chosen) == []
