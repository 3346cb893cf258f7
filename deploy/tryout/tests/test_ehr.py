"""The played EHR: prefetch answers and calls from small synthetic Bundles."""

import copy
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest

from tryout import ehr
from tryout.ehr import (
    DEFAULT_USER,
    NoSinglePatient,
    add_condition,
    answer_prefetch,
    build_call,
    draft_bundle,
    patient_of,
    resolve,
)
from tryout.record import NotABundle, read_record

TODAY = date(2026, 11, 22)
CONTEXT = {"patientId": "p1", "userId": "Practitioner/d1"}
LOINC = "http://loinc.org"


def observation(name: str, when: dict[str, Any], *codes: str, status: str = "final", **rest: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": status,
        "subject": {"reference": "urn:uuid:p1"},
        "code": {"coding": [{"system": LOINC, "code": code} for code in codes]},
        "category": [{"coding": [{"code": "laboratory"}]}],
    } | when | rest  # fmt: skip


BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {"fullUrl": "urn:uuid:p1", "resource": {"resourceType": "Patient", "id": "p1", "text": {"div": "synthetic"}}},
        {
            "fullUrl": "urn:uuid:d1",
            "resource": {
                "resourceType": "Practitioner",
                "id": "d1",
                "identifier": [{"system": "urn:example", "value": "7"}],
            },
        },
        {"resource": observation("old", {"effectiveDateTime": "2020-01-02T08:00:00+00:00"}, "2132-9")},
        {"resource": observation("new", {"effectiveDateTime": "2026-11-02"}, "2132-9", "14685-6")},
        {"resource": observation("period", {"effectivePeriod": {"start": "2026-10-01"}}, "1823-4")},
        {"resource": observation("dateless", {}, "2132-9")},
        {"resource": observation("void", {"effectiveDateTime": "2026-11-03"}, "2132-9", status="entered-in-error")},
        {
            "resource": observation(
                "others", {"effectiveDateTime": "2026-11-03"}, "2132-9", subject={"reference": "Patient/p2"}
            )
        },
        {
            "resource": {
                "resourceType": "MedicationRequest",
                "id": "m1",
                "status": "active",
                "subject": {"reference": "Patient/p1"},
                "authoredOn": "2026-05-01",
                "medicationReference": {"reference": "urn:uuid:drug"},
                "requester": {"reference": "Practitioner?identifier=urn:example|7"},
            }
        },
        {"fullUrl": "urn:uuid:drug", "resource": {"resourceType": "Medication", "id": "x9"}},
        {
            "resource": {
                "resourceType": "Condition",
                "id": "c1",
                "subject": {"reference": "Patient/p1"},
                "clinicalStatus": {"coding": [{"system": "s", "code": "active"}]},
                "verificationStatus": {"coding": [{"system": "v", "code": "confirmed"}]},
                "category": {"coding": [{"code": "problem-list-item"}]},
            }
        },
        {"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome", "issue": []}},
        {"request": {"method": "DELETE", "url": "Patient/p3"}},
        "not an entry",
    ],
}


def ask(template: str, bundle: dict[str, Any] = BUNDLE, context: dict[str, Any] = CONTEXT) -> Any:
    return answer_prefetch(bundle, {"key": template}, context, TODAY).get("key", "left out")


def ids(template: str, bundle: dict[str, Any] = BUNDLE) -> list[str]:
    answer = ask(template, bundle)
    assert answer["resourceType"] == "Bundle", answer
    return [entry["resource"]["id"] for entry in answer.get("entry", [])]


def test_reads_the_patient_and_the_user() -> None:
    assert ask("Patient/{{context.patientId}}")["id"] == "p1"
    assert ask("{{context.userId}}")["id"] == "d1"
    assert ask("Practitioner/{{userPractitionerId}}")["id"] == "d1"


def test_a_resource_that_is_not_there_is_null() -> None:
    assert ask("Practitioner/nobody") is None


def test_a_token_that_the_context_does_not_resolve_leaves_the_key_out() -> None:
    assert ask("Encounter/{{context.encounterId}}") == "left out"
    assert ask("Observation?patient={{Patient.id}}") == "left out"
    assert ask("Condition?patient={{context.patientId}}&x={{today() - 6 months}}") == "left out"


@pytest.mark.parametrize(
    ("expression", "day"),
    [
        ("{{today()}}", "2026-11-22"),
        ("{{today() - 365 days}}", "2025-11-22"),
        ("{{ today()-1 days }}", "2026-11-21"),
        ("{{today() + 10 days}}", "2026-12-02"),
    ],
)
def test_today_counts_calendar_days(expression: str, day: str) -> None:
    assert resolve(f"Observation?date=ge{expression}", {}, TODAY) == f"Observation?date=ge{day}"


def test_patient_finds_uuid_and_relative_references_and_nobody_elses() -> None:
    found = ids("Observation?patient={{context.patientId}}")
    assert found == ["old", "new", "period", "dateless", "void"]
    assert ids("Condition?patient=Patient/p1") == ["c1"]
    assert ask("Condition?patient=p7") == {"resourceType": "Bundle", "type": "searchset", "total": 0}


def test_references_come_out_as_a_server_would_have_them() -> None:
    answer = ask("MedicationRequest?patient={{context.patientId}}")
    request = answer["entry"][0]["resource"]
    assert request["medicationReference"]["reference"] == "Medication/x9"
    assert request["requester"]["reference"] == "Practitioner/d1"
    assert BUNDLE["entry"][8]["resource"]["medicationReference"]["reference"] == "urn:uuid:drug", "input untouched"


def test_code_takes_lists_systems_and_any_of_several_codings() -> None:
    base = "Observation?patient=p1&code="
    assert ids(f"{base}{LOINC}|14685-6,{LOINC}|1823-4") == ["new", "period"]
    assert ids(f"{base}http%3A%2F%2Floinc.org%7C14685-6") == ["new"]
    assert ids(f"{base}14685-6") == ["new"]
    assert ids(f"{base}|14685-6") == []
    assert ids(f"{base}other|14685-6") == []
    assert ids(f"{base}other|,{LOINC}|1823-4") == ["period"]


def test_status_and_category_and_condition_statuses() -> None:
    assert ids("Observation?patient=p1&status=final,amended") == ["old", "new", "period", "dateless"]
    assert ids("Observation?patient=p1&category=laboratory&status=entered-in-error") == ["void"]
    assert ids("Condition?patient=p1&clinical-status=active&verification-status=confirmed") == ["c1"]
    assert ids("Condition?patient=p1&clinical-status=resolved") == []
    assert ids("Condition?patient=p1&category=problem-list-item") == ["c1"], "a category that is no list counts"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ge2026-11-02", ["new", "period"]),
        ("gt2026-11-02", ["period"]),
        ("le2020-01-02", ["old"]),
        ("lt2020-01-02", []),
        ("lt2020-01-03", ["old"]),
        ("eq2026-11", ["new"]),
        ("2020-01-02", ["old"]),
        ("ge2020-01-02T08:00:00Z", ["old", "new", "period"]),
        ("ge{{today() - 20 days}}", ["new", "period"]),
        ("ge{{today() - 19 days}}", ["period"]),
    ],
)
def test_date_compares_stretches_of_time_and_skips_what_has_none(value: str, expected: list[str]) -> None:
    assert ids(f"Observation?patient=p1&status=final&date={value}") == expected


def test_authoredon() -> None:
    assert ids("MedicationRequest?patient=p1&authoredon=ge2026-05-01") == ["m1"]
    assert ids("MedicationRequest?patient=p1&authoredon=gt2026-05-01") == []


def test_sort_puts_what_has_no_date_last() -> None:
    assert ids("Observation?patient=p1&status=final&_sort=-date") == ["period", "new", "old", "dateless"]
    assert ids("Observation?patient=p1&status=final&_sort=date") == ["old", "period", "new", "dateless"]


def test_include_adds_the_medication_and_does_not_count_it() -> None:
    answer = ask("MedicationRequest?patient=p1&_include=MedicationRequest:medication")
    assert [(e["resource"]["id"], e["search"]["mode"]) for e in answer["entry"]] == [("m1", "match"), ("x9", "include")]
    assert answer["total"] == 1


@pytest.mark.parametrize(
    "template",
    [
        "Observation?patient=p1&code:in=http://example.org/vs",
        "Observation?patient=p1&_count=10",
        "Observation?patient.birthdate=2000",
        "Observation?patient=p1&date=ap2026-01-01",
        "Observation?patient=p1&date=soon",
        "Observation?patient=p1&code=",
        "Condition?patient=p1&date=ge2020-01-01",
        "MedicationRequest?patient=p1&_include=MedicationRequest:requester",
        "Observation?patient=p1&_sort=code",
        "Coverage?patient=p1",
        "nonsense",
    ],
)
def test_what_is_not_searched_by_is_refused_and_said(template: str) -> None:
    answer = ask(template)
    assert answer["resourceType"] == "OperationOutcome"
    assert answer["issue"][0]["details"]["text"].startswith("Search refused: ")


def test_ids_come_from_full_urls_where_missing_and_the_later_of_two_stands() -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": "urn:uuid:aa-1", "resource": {"resourceType": "Patient"}},
            {"resource": {"resourceType": "Condition", "id": "c", "subject": {"reference": "urn:uuid:aa-1"}}},
            {"resource": {"resourceType": "Condition", "id": "c", "note": [{"text": "later"}]}},
        ],
    }
    record = read_record(bundle)
    assert patient_of(bundle) == "aa-1"
    assert record.of_type("Condition") == [{"resourceType": "Condition", "id": "c", "note": [{"text": "later"}]}]


def test_absolute_and_versioned_references_of_the_same_server_are_local() -> None:
    base = "https://ehr.example/fhir"
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [
            {"fullUrl": f"{base}/Patient/1", "resource": {"resourceType": "Patient", "id": "1"}},
            {"resource": {"resourceType": "Condition", "id": "a", "subject": {"reference": f"{base}/Patient/1"}}},
            {"resource": {"resourceType": "Condition", "id": "b", "subject": {"reference": "Patient/1/_history/3"}}},
            {
                "resource": {
                    "resourceType": "Condition",
                    "id": "c",
                    "subject": {"reference": "https://other.example/Patient/1"},
                }
            },
        ],
    }
    assert ids("Condition?patient=1", bundle) == ["a", "b"]


@pytest.mark.parametrize("value", [None, [], "x", {"resourceType": "Patient"}, {"resourceType": "Bundle", "entry": {}}])
def test_what_is_no_bundle_is_refused(value: Any) -> None:
    with pytest.raises(NotABundle):
        read_record(value)


def test_one_patient_or_a_refusal() -> None:
    with pytest.raises(NoSinglePatient, match="no Patient"):
        patient_of({"resourceType": "Bundle"})
    two = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": i}} for i in "ab"]}
    with pytest.raises(NoSinglePatient, match="2 Patients"):
        patient_of(two)


def test_the_call_for_patient_view() -> None:
    service = {"id": "s", "hook": "patient-view", "prefetch": {"patient": "Patient/{{context.patientId}}"}}
    call = build_call(BUNDLE, service, patient_id="p1", today=TODAY, hook_instance="h-1")
    assert call == {
        "hook": "patient-view",
        "hookInstance": "h-1",
        "context": {"userId": "Practitioner/d1", "patientId": "p1"},
        "prefetch": {"patient": {"resourceType": "Patient", "id": "p1", "text": {"div": "synthetic"}}},
    }


def test_a_bundle_without_practitioner_gets_an_example_user() -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "p"}}]}
    call = build_call(bundle, {"hook": "patient-view"}, patient_id="p", today=TODAY, hook_instance="h")
    assert call["context"]["userId"] == DEFAULT_USER
    assert call["prefetch"] == {}


def test_the_call_for_order_select_selects_every_draft() -> None:
    drafts = draft_bundle({"resourceType": "ServiceRequest", "code": {"text": "test"}}, "p1")
    call = build_call(
        BUNDLE, {"hook": "order-select"}, patient_id="p1", today=TODAY, hook_instance="h", draft_orders=drafts
    )
    assert call["context"]["selections"] == ["ServiceRequest/draft-1"]
    order = call["context"]["draftOrders"]["entry"][0]["resource"]
    assert order["subject"] == {"reference": "Patient/p1"}
    signed = build_call(
        BUNDLE, {"hook": "order-sign"}, patient_id="p1", today=TODAY, hook_instance="h", draft_orders=drafts
    )
    assert "selections" not in signed["context"]


@pytest.mark.parametrize("value", [{}, [], "x", {"resourceType": "Bundle"}, {"resourceType": "no type"}])
def test_drafts_without_a_resource_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="no draft order"):
        draft_bundle(value, "p1")


def test_an_added_condition_is_found_and_the_bundle_stays_as_it_was() -> None:
    before = copy.deepcopy(BUNDLE)
    more = add_condition(
        BUNDLE,
        patient_id="p1",
        system="http://hl7.org/fhir/sid/icd-10-cm",
        code="G24.9",
        recorded=date(2026, 10, 23),
    )
    query = "Condition?patient=p1&clinical-status=active&code=http://hl7.org/fhir/sid/icd-10-cm|G24.9"
    answer = ask(query, more)
    assert answer["total"] == 1
    assert answer["entry"][0]["resource"]["recordedDate"] == "2026-10-23"
    assert before == BUNDLE


def test_a_rewrapped_bundle_keeps_its_references() -> None:
    patient = {"resourceType": "Patient", "id": "0a8c1bd2-5e0b-4f0e-9f0a-000000000001"}
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "urn:uuid:0a8c1bd2-5e0b-4f0e-9f0a-000000000001"},
    }
    for more in ({}, {"fullUrl": "https://ehr.example/fhir/Condition/c1"}):
        bundle = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": patient}, {"resource": condition, **more}],
        }
        templates = {"conditions": "Condition?patient={{context.patientId}}"}
        answered = ehr.answer_prefetch(bundle, templates, {"patientId": patient["id"]}, date(2026, 11, 22))
        assert [entry["resource"]["id"] for entry in answered["conditions"]["entry"]] == ["c1"]


ESCAPED = r"urn:x:a\,b\$c\\d|e\|f\\\,g"
"""System `urn:x:a,b$c\\d`, code `e|f\\,g`, as FHIR escapes them in a search."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ESCAPED, ["own"]),
        (f"other|x,{ESCAPED}", ["own"]),
        (f"{ESCAPED},other|x", ["own"]),
        (r"e\|f\\\,g", ["own"]),
        (r"urn:x:a\,b\$c\\d|", ["own"]),
        (r"|e\|f\\\,g", []),
        (r"urn:x:a\,b\$c\\d\|e\|f\\\,g", []),  # no bar that is not escaped: all of it is the code
        (r"end\\,other", ["backslash"]),  # an escaped backslash does not escape the comma
        (r"a\b", ["lone"]),  # a backslash that escapes nothing stands for itself
    ],
)
def test_the_four_escapes_of_a_search(value: str, expected: list[str]) -> None:
    codings = {
        "own": ("urn:x:a,b$c\\d", "e|f\\,g"),
        "backslash": ("urn:y", "end\\"),
        "lone": ("urn:y", "a\\b"),
        "cut": ("urn:x:a", "f"),
    }
    entries = [
        {"resource": observation(name, {}, code={"coding": [{"system": system, "code": code}]})}
        for name, (system, code) in codings.items()
    ]
    bundle = {"resourceType": "Bundle", "entry": [BUNDLE["entry"][0], *entries]}
    assert ids(f"Observation?patient=p1&code={quote(value)}", bundle) == expected


@pytest.mark.parametrize("value", ["a|b|c", "|", "", ","])
def test_a_token_that_says_nothing_or_too_much_is_refused(value: str) -> None:
    assert ask(f"Observation?patient=p1&code={quote(value)}")["resourceType"] == "OperationOutcome"
