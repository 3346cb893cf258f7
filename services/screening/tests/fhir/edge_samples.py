"""Synthetic FHIR resources and CDS Hooks calls to bend: one whole patient, and functions that change one thing."""

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from flask import Flask
from msgspec import Raw

from chassis.testing import KEYS, signed
from screening.app import create_app, reader
from screening.domain.chart import Chart
from screening.fhir.prefetch import Delivery
from screening.fhir.reading import Call
from screening.knowledge import loading
from screening.services import prefetch_names
from screening.settings import Settings

NOW: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATIENT_ID: Final = "synthetic-1"
SERVER: Final = "https://ehr.example/fhir"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM: Final = "http://unitsofmeasure.org"
SITE_FACTS: Final = "https://dystonia-cds.example/fhir/CodeSystem/site-facts"
HOOK_INSTANCE: Final = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
PATIENT_VIEW: Final = "/cds-services/dystonia-patient-view"
ORDER_SELECT: Final = "/cds-services/dystonia-order-select"
IDENTITY_KEY: Final = b"only-for-tests-only-for-tests-00"
LAB_KEYS: Final = (
    "labs_vitamin_b12", "labs_vitamin_e", "labs_manganese",
    "labs_calcium_vitamin_d", "labs_copper_wilson", "labs_iron_nbia",
)  # fmt: skip

Json = dict[str, Any]


class _Drop(Enum):
    """Marks a member that a sample goes without."""

    DROP = "left out"


DROP: Final = _Drop.DROP
_BOOK: Final = loading.code_book()
_READER: Final = reader(_BOOK, SITE_FACTS.removesuffix("/CodeSystem/site-facts"))


def changed(sample: Json, changes: Mapping[str, Any]) -> Json:
    """A copy with members replaced, added or (DROP) left out."""
    made = {**copy.deepcopy(sample), **changes}
    return {key: value for key, value in made.items() if value is not DROP}


def concept(system: str, code: str, display: str = "") -> Json:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def patient(**changes: Any) -> Json:
    return changed(
        {"resourceType": "Patient", "id": PATIENT_ID, "birthDate": "1996-03-02", "gender": "female"}, changes
    )


def condition(code: str = "G24.9", /, **changes: Any) -> Json:
    sample = {
        "resourceType": "Condition",
        "id": "condition-1",
        "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "code": concept(ICD10CM if code[0].isalpha() else SNOMED, code),
        "recordedDate": "2026-10-01",
    }
    return changed(sample, changes)


def quantity(value: Any, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def observation(code: str = "2132-9", value: Any = 90, unit: str = "pg/mL", /, **changes: Any) -> Json:
    sample = {
        "resourceType": "Observation",
        "id": "observation-1",
        "status": "final",
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "code": concept(LOINC, code),
        "effectiveDateTime": "2026-11-01T08:00:00Z",
        "valueQuantity": quantity(value, unit),
    }
    return changed(sample, changes)


def medication_request(code: str = "11248", /, **changes: Any) -> Json:
    sample = {
        "resourceType": "MedicationRequest",
        "id": "medication-request-1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "medicationCodeableConcept": concept(RXNORM, code),
        "authoredOn": "2026-01-10",
    }
    return changed(sample, changes)


def service_request(code: str = "2132-9", /, **changes: Any) -> Json:
    sample = {
        "resourceType": "ServiceRequest",
        "id": "service-request-1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "code": concept(LOINC, code),
        "authoredOn": "2026-11-10",
    }
    return changed(sample, changes)


def draft(code: str = "2132-9", /, **changes: Any) -> Json:
    return service_request(code, **{"id": "draft-1", "status": "draft", **changes})


def procedure(code: str = "225372007", /, **changes: Any) -> Json:
    sample = {
        "resourceType": "Procedure",
        "id": "procedure-1",
        "status": "in-progress",
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "code": concept(SNOMED, code),
        "performedDateTime": "2026-10-01",
    }
    return changed(sample, changes)


def relative(**changes: Any) -> Json:
    sample = {
        "resourceType": "FamilyMemberHistory",
        "id": "family-1",
        "status": "completed",
        "patient": {"reference": f"Patient/{PATIENT_ID}"},
        "relationship": concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "NSIB"),
        "condition": [{"code": concept(SNOMED, "88518009")}],
    }
    return changed(sample, changes)


def site_fact(code: str = "t1-pallidal", /, **changes: Any) -> Json:
    return observation(
        **{"id": "fact-1", "code": concept(SITE_FACTS, code), "valueQuantity": DROP, "valueBoolean": True, **changes}
    )


def bundle(*resources: Any, **changes: Any) -> Json:
    sample = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "entry": [{"resource": resource} for resource in resources],
    }
    if not resources:
        del sample["entry"]
    return changed(sample, changes)


def prefetch(*labs: Json, **changes: Any) -> Json:
    """A prefetch in which every key was delivered: the patient, one dystonia, the labs, and nothing else."""
    sample = dict.fromkeys(prefetch_names(), bundle())
    sample |= {"patient": patient(), "conditions": bundle(condition()), "labs_vitamin_b12": bundle(*labs)}
    return changed(sample, changes)


def raw(values: Mapping[str, Any]) -> dict[str, Raw]:
    return {key: Raw(json.dumps(value).encode()) for key, value in values.items()}


def read(
    values: Mapping[str, Any], drafts: tuple[Any, ...] = (), selections: tuple[str, ...] | None = None
) -> tuple[Chart, dict[str, Delivery]]:
    """What the reader makes of a prefetch and of draft orders, at NOW."""
    entries = tuple(Raw(json.dumps(entry).encode()) for entry in drafts)
    return _READER.chart(Call(PATIENT_ID, raw(values), entries, selections), NOW)


def chart(*resources: Any) -> Chart:
    """The chart of some resources under a key of no meaning."""
    return read({"anything": bundle(*resources)})[0]


def call(values: Json | None = None, **context: Any) -> Json:
    """A patient-view call."""
    base = {"patientId": PATIENT_ID, "userId": "Practitioner/example-clinician"}
    return {
        "hook": "patient-view",
        "hookInstance": HOOK_INSTANCE,
        "fhirServer": SERVER,
        "context": changed(base, context),
        "prefetch": prefetch() if values is None else values,
    }


def order_call(*drafts: Any, values: Json | None = None, **context: Any) -> Json:
    """An order-select call; every draft with an id is selected."""
    selected = [f"{d['resourceType']}/{d['id']}" for d in drafts if isinstance(d, dict) and "id" in d]
    return {
        **call(values, **{"selections": selected, "draftOrders": bundle(*drafts, type="collection"), **context}),
        "hook": "order-select",
    }


def application(**settings: Any) -> Flask:
    own = {"identity_key": IDENTITY_KEY, "internal_keys": KEYS, **settings}
    return signed(create_app(Settings(**own), clock=lambda: NOW))


def modules(cards: list[Json]) -> list[str]:
    """Module and state of every card, sorted."""
    told = (card["extension"]["example.dystonia-cds.decision"] for card in cards)
    return sorted(f"{one['module']} {one.get('state', '')}".strip() for one in told)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value below `node`."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of a JSON document with another value at `path`."""
    made = copy.deepcopy(document)
    holder = made
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return made
