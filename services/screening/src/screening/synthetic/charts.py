"""A scenario as FHIR JSON and as a CDS Hooks call. Pure: no clock, no network, no randomness.

A scenario is a mapping in the form that the `_schema` of the clinical scenario file explains: times are whole
days before "today", ages are completed years, and only what matters is written down. A few keys go beyond it:
`title` (instead of a name), `deceased` (true or false), `user` (`Type/id`), `not_delivered` (prefetch keys or workup
ids that the EHR does not answer by their name; what stands there arrives under a name that nobody asked for). It may
come from JSON or from YAML. Everything made here is synthetic and carries the FHIR test-data tag.
"""

import copy
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

Scenario = Mapping[str, Any]
Resource = dict[str, Any]
Display = Callable[[str, str], str]
"""(system, code) -> display; empty where there is none."""
Answer = Callable[[Mapping[str, Any], Mapping[str, str], Mapping[str, Any], date], dict[str, Any]]
"""(bundle, templates, context, today) -> prefetch; `tryout.ehr.answer_prefetch` is one."""

SYSTEMS: Final[Mapping[str, str]] = {
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "snomed": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "atc": "http://www.whocc.no/atc",
    "local": "urn:oid:1.2.36.1.9999.1",
}
SITE_FACTS: Final = "https://dystonia-cds.example/fhir/CodeSystem/site-facts"
USER: Final = "Practitioner/example-clinician"

_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
_TEST_DATA: Final = {"system": f"{_TERMINOLOGY}/v3-ActReason", "code": "HTEST", "display": "test health data"}
_BIRTHDAY_DAYS_AGO: Final = 182
_UNDATED_PROCEDURE_DAYS: Final = 30
_FACT_DAYS: Final = 30
_UNASKED: Final = "site_"
_NAMES: Final = uuid.UUID("6f1a3a0e-50fe-5c3d-9a55-3f0f5f1d2c11")


def patient_id(scenario: Scenario) -> str:
    """The FHIR id of the scenario's patient."""
    return f"syn-{str(scenario['id']).lower().replace('_', '-')}"


def hook_instance(scenario: Scenario) -> str:
    """A UUID that stays the same for the same scenario."""
    return str(uuid.uuid5(_NAMES, str(scenario["id"])))


def chart(scenario: Scenario, today: date, *, medications_as: str = "MedicationRequest") -> list[Resource]:
    """The patient's record as FHIR R4 resources, Patient first, every id unique.

    Args:
        scenario: see the module's words.
        today: the day that all times count back from.
        medications_as: `MedicationRequest` or `MedicationStatement`.
    """
    who = f"Patient/{patient_id(scenario)}"
    made = [_patient(scenario, today)]
    made += [_condition(item, who, today) for item in scenario.get("conditions", ())]
    made += [_family(item, who) for item in scenario.get("fhx", ())]
    made += [_procedure(item, who, today) for item in scenario.get("procs", ())]
    made += [_medication(item, who, today, medications_as) for item in scenario.get("meds", ())]
    made += [_laboratory(item, who, today) for item in scenario.get("labs", ())]
    made += [_order(item, who, today) for item in scenario.get("orders", ())]
    made += [_fact(name, value, who, today) for name, value in scenario.get("facts", {}).items()]
    for number, resource in enumerate(made):
        resource.setdefault("id", f"{patient_id(scenario)}-{number}")
        resource["meta"] = {"tag": [dict(_TEST_DATA)]}
    return made


def named(resources: Sequence[Resource], display: Display) -> list[Resource]:
    """The same resources with a display in each coding that has none, where `display` knows one."""
    return [_named(resource, display) for resource in resources]


def _named(part: Any, display: Display) -> Any:
    if isinstance(part, list):
        return [_named(one, display) for one in part]
    if not isinstance(part, dict):
        return part
    made = {key: _named(value, display) for key, value in part.items()}
    for coding in made.get("coding", ()):
        if "display" not in coding and (shown := display(coding["system"], coding["code"])):
            coding["display"] = shown
    return made


def context(scenario: Scenario, today: date) -> dict[str, Any]:
    """The hook's context: user and patient, and on order hooks the drafts."""
    made: dict[str, Any] = {"userId": scenario.get("user", USER), "patientId": patient_id(scenario)}
    if scenario["hook"] == "patient-view":
        return made
    drafts = [_draft(item, f"Patient/{patient_id(scenario)}", today) for item in scenario.get("draft", ())]
    if scenario["hook"] == "order-select":
        selected = scenario.get("selections")
        made["selections"] = [
            f"{draft['resourceType']}/{draft['id']}" for draft in drafts if selected is None or draft["id"] in selected
        ]
    entries = [{"resource": draft} for draft in drafts]
    made["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return made


def call(
    scenario: Scenario,
    templates: Mapping[str, str],
    today: date,
    answer: Answer,
    *,
    medications_as: str = "MedicationRequest",
) -> dict[str, Any]:
    """The CDS Hooks call that an EHR holding this chart would send.

    A resource about somebody else (`subj`) goes wherever it would stand if it were the patient's: the service
    has to notice by itself.

    Args:
        scenario: see the module's words.
        templates: prefetch of the service as discovery gives it.
        today: the day of the call.
        answer: how this EHR answers prefetch templates.
        medications_as: as for `chart`.
    """
    resources = chart(scenario, today, medications_as=medications_as)
    own = f"Patient/{patient_id(scenario)}"
    elsewhere = {
        resource["id"]: resource["subject"]
        for resource in resources
        if resource.get("subject", {}).get("reference", own) != own
    }
    held = [
        {**resource, "subject": {"reference": own}} if resource["id"] in elsewhere else resource
        for resource in resources
    ]
    about = context(scenario, today)
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": item} for item in held]}
    prefetch = copy.deepcopy(answer(bundle, templates, about, today))
    for resource in _delivered(prefetch):
        if resource.get("id") in elsewhere:
            resource["subject"] = elsewhere[resource["id"]]
    kept = {f"{_UNASKED}{key}" if _is_held_back(key, scenario) else key: value for key, value in prefetch.items()}
    return {
        "hook": scenario["hook"],
        "hookInstance": hook_instance(scenario),
        "context": about,
        "prefetch": kept,
    }


def answer_by_type(
    bundle: Mapping[str, Any], templates: Mapping[str, str], context: Mapping[str, Any], today: date
) -> dict[str, Any]:
    """How a careless EHR answers: it looks at the type alone, ignores every search parameter and sends it all."""
    del context, today
    resources = [entry["resource"] for entry in bundle["entry"]]
    answers: dict[str, Any] = {}
    for key, template in templates.items():
        wanted = template.partition("?")[0].partition("/")[0]
        found = [resource for resource in resources if resource["resourceType"] == wanted]
        if "?" in template:
            entries = [{"resource": resource, "search": {"mode": "match"}} for resource in found]
            answers[key] = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}
            if not entries:
                del answers[key]["entry"]
        elif found:
            answers[key] = found[0]
    return answers


def _is_held_back(key: str, scenario: Scenario) -> bool:
    """Whether `not_delivered` names this key: itself, or the workup in it (`vitamin-b12` of `labs_vitamin_b12`)."""
    names = [str(name).replace("-", "_") for name in scenario.get("not_delivered", ())]
    return any(key == name or key.endswith(f"_{name}") for name in names)


def _delivered(prefetch: Mapping[str, Any]) -> Iterator[Resource]:
    for value in prefetch.values():
        if isinstance(value, dict):
            yield from (entry["resource"] for entry in value.get("entry", ()))


def _day(today: date, ago: int) -> str:
    return (today - timedelta(days=ago)).isoformat()


def _moment(today: date, ago: int) -> str:
    """Midnight UTC of the day: never in the future, whatever the time of the call."""
    return datetime.combine(today - timedelta(days=ago), datetime.min.time(), UTC).isoformat().replace("+00:00", "Z")


def _coding(item: Mapping[str, Any], default: str) -> dict[str, Any]:
    return {"system": SYSTEMS[item.get("sys", default)], "code": str(item["code"])}


def _concept(item: Mapping[str, Any], default: str) -> dict[str, Any]:
    """A CodeableConcept from `code`, `codings` and `text` or `name`, whichever are there."""
    codings: Sequence[Mapping[str, Any]] = item.get("codings") or ([item] if "code" in item else [])
    concept: dict[str, Any] = {}
    if codings:
        concept["coding"] = [_coding(coding, default) for coding in codings]
    if text := item.get("text") or item.get("name"):
        concept["text"] = text
    return concept


def _status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def _subject(item: Mapping[str, Any], who: str) -> dict[str, str]:
    return {"reference": item.get("subj", who)}


def _patient(scenario: Scenario, today: date) -> Resource:
    birthday = today - timedelta(days=_BIRTHDAY_DAYS_AGO)
    leap_safe = min(birthday.day, 28)
    made: Resource = {
        "resourceType": "Patient",
        "id": patient_id(scenario),
        "text": {
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml">Synthetic test patient, no real person.</div>',
        },
        "gender": scenario["sex"],
        "birthDate": date(birthday.year - int(scenario["age"]), birthday.month, leap_safe).isoformat(),
    }
    if "title" in scenario:
        made["name"] = [{"text": f"Synthetic patient: {scenario['title']}"}]
    if "deceased" in scenario:
        made["deceasedBoolean"] = scenario["deceased"]
    return made


def _condition(item: Mapping[str, Any], who: str, today: date) -> Resource:
    made: Resource = {
        "resourceType": "Condition",
        "clinicalStatus": _status("condition-clinical", item.get("clin", "active")),
        "verificationStatus": _status("condition-ver-status", item.get("ver", "confirmed")),
        "code": _concept(item, "icd10cm"),
        "subject": _subject(item, who),
    }
    if item.get("onsetAge") is not None:
        unit = {"unit": "years", "system": "http://unitsofmeasure.org", "code": "a"}
        made["onsetAge"] = {"value": item["onsetAge"], **unit}
    if item.get("onsetAgo") is not None:
        made["onsetDateTime"] = _day(today, item["onsetAgo"])
    if item.get("rec") is not None:
        made["recordedDate"] = _day(today, item["rec"])
    return made


def _family(item: Mapping[str, Any], who: str) -> Resource:
    return {
        "resourceType": "FamilyMemberHistory",
        "status": "completed",
        "patient": _subject(item, who),
        "relationship": {"coding": [{"system": f"{_TERMINOLOGY}/v3-RoleCode", "code": item["rel"]}]},
        "condition": [{"code": _concept(item, "snomed")}],
    }


def _procedure(item: Mapping[str, Any], who: str, today: date) -> Resource:
    status = item.get("status", "completed")
    start = _day(today, item.get("ago", _UNDATED_PROCEDURE_DAYS))
    made: Resource = {
        "resourceType": "Procedure",
        "status": status,
        "code": _concept(item, "snomed"),
        "subject": _subject(item, who),
    }
    if status == "in-progress":
        made["performedPeriod"] = {"start": start}
    else:
        made["performedDateTime"] = start
    return made


def _medication(item: Mapping[str, Any], who: str, today: date, shape: str) -> Resource:
    made: Resource = {
        "resourceType": shape,
        "status": item.get("status", "active"),
        "medicationCodeableConcept": _concept(item, "rxnorm"),
        "subject": _subject(item, who),
    }
    if shape == "MedicationRequest":
        made["intent"] = "order"
    if item.get("start") is not None:
        start = _day(today, item["start"])
        made.update({"authoredOn": start} if shape == "MedicationRequest" else {"effectivePeriod": {"start": start}})
    return made


def _quantity(value: float, unit: str | None, comparator: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"value": value}
    if comparator:
        made["comparator"] = comparator
    if unit:
        made.update(unit=unit, system="http://unitsofmeasure.org", code=unit)
    return made


def _laboratory(item: Mapping[str, Any], who: str, today: date) -> Resource:
    made: Resource = {
        "resourceType": "Observation",
        "status": item.get("status", "final"),
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/observation-category", "code": "laboratory"}]}],
        "code": _concept(item, "loinc"),
        "subject": _subject(item, who),
        "effectiveDateTime": _moment(today, item["ago"]),
    }
    if item.get("v") is not None:
        made["valueQuantity"] = _quantity(item["v"], item.get("u"), item.get("cmp"))
    if item.get("vs") is not None:
        made["valueString"] = item["vs"]
    if item.get("dar") is not None:
        made["dataAbsentReason"] = {"coding": [{"system": f"{_TERMINOLOGY}/data-absent-reason", "code": item["dar"]}]}
    if item.get("rr") is not None:
        low, high = item["rr"]
        made["referenceRange"] = [{"low": _quantity(low, item.get("u")), "high": _quantity(high, item.get("u"))}]
    return made


def _order(item: Mapping[str, Any], who: str, today: date) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "status": item.get("status", "active"),
        "intent": "order",
        "code": _concept(item, "loinc"),
        "subject": _subject(item, who),
        "authoredOn": _day(today, item["ago"]),
    }


def _fact(name: str, value: bool, who: str, today: date) -> Resource:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": SITE_FACTS, "code": name.replace("_", "-")}]},
        "subject": {"reference": who},
        "effectiveDateTime": _moment(today, _FACT_DAYS),
        "valueBoolean": value,
    }


def _draft(item: Mapping[str, Any], who: str, today: date) -> Resource:
    drug = item["type"] == "MedicationRequest"
    concept = _concept(item, "rxnorm" if drug else "loinc")
    return {
        "resourceType": item["type"],
        "id": item["id"],
        "status": "draft",
        "intent": "order",
        "subject": {"reference": who},
        "authoredOn": today.isoformat(),
        ("medicationCodeableConcept" if drug else "code"): concept,
    }
