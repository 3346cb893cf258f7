"""The calls that the benchmark makes: synthetic patients in three sizes, under the prefetch keys that we ask for.

The resources are those of the measured payloads that lie beside the project, where they are there; else made here,
in the same numbers. A coded dystonia is added, so that every rule runs and a card is built.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, Final

SIZES: Final = ("small", "medium", "large")
SERVICE: Final = "dystonia-patient-view"
MEASURED: Final = Path(__file__).resolve().parents[2].parent / "shared" / "payloads"
_MADE: Final = {"small": (3, 1, 1), "medium": (70, 8, 4), "large": (1080, 60, 30)}
"""Observations, conditions and prescriptions where we make them."""
_LOINC_CODE: Final = re.compile(r"\d+-\d")
_PATIENT: Final = "bench-patient"
_ORDINARY: Final = (
    ("8302-2", "Body height", 165.1, "cm"),
    ("29463-7", "Body weight", 70.2, "kg"),
    ("8867-4", "Heart rate", 71, "/min"),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", 13.9, "g/dL"),
    ("2571-8", "Triglycerides", 131, "mg/dL"),
    ("2339-0", "Glucose [Mass/volume] in Blood", 88, "mg/dL"),
)

Resource = dict[str, Any]


@dataclass(frozen=True)
class Payload:
    """One call in one size.

    Attributes:
        size: small, medium or large.
        ours: the body for our service, under our keys.
        measured: the body as measured, for peers that have keys of their own; None where it is not there.
        count: how many resources `ours` holds.
    """

    size: str
    ours: bytes
    measured: bytes | None
    count: int


def load(templates: Mapping[str, str]) -> dict[str, Payload]:
    """All sizes, for the prefetch `templates` (key -> query) that discovery announces."""
    return {size: _payload(size, templates) for size in SIZES}


def _payload(size: str, templates: Mapping[str, str]) -> Payload:
    file = MEASURED / f"{size}.json"
    measured = file.read_bytes() if file.is_file() else None
    call = json.loads(measured) if measured else _made(size)
    call["prefetch"] = _under_our_keys(call, templates)
    count = sum(len(value.get("entry", [value])) for value in call["prefetch"].values())
    return Payload(size, json.dumps(call, separators=(",", ":")).encode(), measured, count)


def _under_our_keys(call: Resource, templates: Mapping[str, str]) -> Resource:
    """Every key that we ask for. What no bundle of the measured call has is an empty search result.

    An observation stands under each laboratory key that asks for its code; the others, which no key asks for, are
    dealt out over the laboratory keys, so that the call keeps its size.
    """
    sent = call["prefetch"]
    labs = {key: frozenset(_LOINC_CODE.findall(query)) for key, query in templates.items() if key.startswith("labs_")}
    found: dict[str, list[Resource]] = {key: [] for key in templates if key != "patient"}
    turn = cycle(labs)
    for entry in sent["observations"]["entry"]:
        codes = {coding.get("code") for coding in entry["resource"]["code"]["coding"]}
        asked = [key for key, wanted in labs.items() if codes & wanted]
        for key in asked or [next(turn)]:
            found[key].append(entry)
    found["conditions"] = [*sent["conditions"]["entry"], _entry(_dystonia(call["context"]["patientId"]))]
    found["medications"] = sent["medications"]["entry"]
    return {"patient": sent["patient"]} | {key: _searchset(entries) for key, entries in found.items()}


def _searchset(entries: list[Resource]) -> Resource:
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


def _dystonia(patient: str) -> Resource:
    recorded = datetime.now(UTC).date() - timedelta(days=30)
    return _condition("bench-dystonia", "http://hl7.org/fhir/sid/icd-10-cm", "G24.9", patient, recorded.isoformat())


def _condition(identifier: str, system: str, code: str, patient: str, recorded: str) -> Resource:
    status = "http://terminology.hl7.org/CodeSystem/condition-"
    return {
        "resourceType": "Condition",
        "id": identifier,
        "clinicalStatus": {"coding": [{"system": status + "clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": status + "ver-status", "code": "confirmed"}]},
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "recordedDate": recorded,
    }


def _entry(resource: Resource) -> Resource:
    return {
        "fullUrl": f"https://ehr.example/fhir/{resource['resourceType']}/{resource['id']}",
        "resource": resource,
        "search": {"mode": "match"},
    }


def _made(size: str) -> Resource:
    """A call like the measured ones, made up."""
    observations, conditions, prescriptions = _MADE[size]
    bundles = {
        "observations": list(_observations(observations)),
        "conditions": [
            _condition(f"c{n}", "http://snomed.info/sct", "444814009", _PATIENT, "2019-03-01")
            for n in range(conditions)
        ],
        "medications": [_prescription(n) for n in range(prescriptions)],
    }
    patient = {"resourceType": "Patient", "id": _PATIENT, "gender": "female", "birthDate": "1959-09-14"}
    prefetch = {key: _searchset([_entry(r) for r in resources]) for key, resources in bundles.items()}
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.UUID(int=1)),
        "context": {"userId": "Practitioner/bench", "patientId": _PATIENT},
        "prefetch": {"patient": patient} | prefetch,
    }


def _observations(count: int) -> Iterator[Resource]:
    for n in range(count):
        code, display, value, unit = _ORDINARY[n % len(_ORDINARY)]
        category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}
        taken = f"20{10 + n % 15:02}-{1 + n % 12:02}-{1 + n % 28:02}T08:57:54-04:00"
        yield {
            "resourceType": "Observation",
            "id": f"o{n}",
            "status": "final",
            "category": [{"coding": [category | {"display": "laboratory"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}], "text": display},
            "subject": {"reference": f"Patient/{_PATIENT}"},
            "encounter": {"reference": f"Encounter/e{n % 9}"},
            "effectiveDateTime": taken,
            "issued": taken,
            "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        }


def _prescription(n: int) -> Resource:
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "314076", "display": "lisinopril 10 MG"}
    return {
        "resourceType": "MedicationRequest",
        "id": f"m{n}",
        "status": "stopped",
        "intent": "order",
        "medicationCodeableConcept": {"coding": [coding], "text": "lisinopril 10 MG Oral Tablet"},
        "subject": {"reference": f"Patient/{_PATIENT}"},
        "authoredOn": "2015-05-05",
    }
