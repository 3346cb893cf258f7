"""The same facts as DSTU2 and STU3 spell them: read alike, and never taken for their opposite."""

from typing import Any

import edge_samples as s
import pytest

SUBJECT = {"reference": f"Patient/{s.PATIENT_ID}"}
R4 = s.condition(onsetAge=s.quantity(20, "a"), recordedDate="2026-10-01")
STU3 = s.condition(
    clinicalStatus="active", verificationStatus="confirmed", onsetAge=s.quantity(20, "a"), recordedDate=s.DROP,
    assertedDate="2026-10-01", category={"coding": {"code": "problem-list-item"}},
)  # fmt: skip
DSTU2 = s.condition(
    clinicalStatus="active", verificationStatus="confirmed", onsetQuantity=s.quantity(20, "a"), recordedDate=s.DROP,
    dateRecorded="2026-10-01", subject=s.DROP, patient=SUBJECT,
    category={"coding": [{"system": "http://hl7.org/fhir/condition-category", "code": "diagnosis"}]},
)  # fmt: skip


@pytest.mark.parametrize("told", [STU3, DSTU2], ids=["STU3", "DSTU2"])
def test_a_problem(told: Any) -> None:
    assert s.chart(told).conditions == s.chart(R4).conditions != ()


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"clinicalStatus": "relapse"}, True),
        ({"clinicalStatus": "resolved"}, False),
        ({"clinicalStatus": "inactive"}, False),
        ({"verificationStatus": "refuted"}, False),
        ({"verificationStatus": "entered-in-error"}, False),
    ],
)
def test_statuses_that_are_bare_words(changes: Any, counts: bool) -> None:
    told = s.prefetch(s.observation(), conditions=s.bundle({**DSTU2, **changes}))
    answer = s.application().test_client().post(s.PATIENT_VIEW, json=s.call(told)).get_json()
    assert bool(answer["cards"]) is counts


def test_a_result() -> None:
    told = s.observation(
        category={"coding": [{"code": "laboratory"}]}, interpretation=s.concept("http://hl7.org/fhir/v2/0078", "L"),
        comments="as DSTU2 has it",
    )  # fmt: skip
    read = s.chart(told).newest("B12")
    assert read is not None
    assert (str(read.printed), read.unit, read.interpretation) == ("90", "pg/mL", "L")


@pytest.mark.parametrize(("meaning", "counts"), [("normal", True), ("therapeutic", False)])
def test_the_meaning_of_a_reference_range(meaning: str, counts: bool) -> None:
    given = {
        "high": s.quantity(210, "nmol/L"),
        "meaning": s.concept("http://hl7.org/fhir/referencerange-meaning", meaning),
    }
    read = s.chart(s.observation("5681-2", 300, "nmol/L", referenceRange=[given])).newest("MN_BLOOD")
    assert read is not None
    assert (read.upper_normal is not None) is counts


STATEMENT = {
    "resourceType": "MedicationStatement", "id": "m", "status": "active", "patient": SUBJECT,
    "medicationCodeableConcept": s.concept(s.RXNORM, "11248"), "effectiveDateTime": "2026-10-01",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, True),
        ({"wasNotTaken": False}, True),
        ({"wasNotTaken": True}, False),
        ({"wasNotTaken": "true"}, False),
        ({"taken": "y"}, True),
        ({"taken": "unk"}, True),
        ({"taken": "n"}, False),
        ({"status": "not-taken"}, False),
    ],
)
def test_a_medicine_that_was_not_taken_treats_nobody(changes: Any, taken: bool) -> None:
    assert bool(s.chart({**STATEMENT, **changes}).treatments("B12_RX")) is taken


@pytest.mark.parametrize(
    ("changes", "given"), [({}, True), ({"notGiven": True}, False), ({"wasNotGiven": True}, False)]
)
@pytest.mark.parametrize("when", ["effectiveDateTime", "effectiveTimeDateTime"])
def test_an_administration_that_did_not_happen(changes: Any, given: bool, when: str) -> None:
    told = {**STATEMENT, "resourceType": "MedicationAdministration", "status": "completed", **changes}
    told[when] = told.pop("effectiveDateTime")
    read = s.chart(told)
    assert [one.start for one in read.medications] == ([s.NOW.date().replace(month=10, day=1)] if given else [])


@pytest.mark.parametrize(("changes", "done"), [({}, 1), ({"notDone": True}, 0), ({"notPerformed": True}, 0)])
def test_a_procedure_that_did_not_happen(changes: Any, done: int) -> None:
    assert len(s.chart(s.procedure(**changes)).procedures) == done


def test_an_order() -> None:
    told = s.service_request(resourceType="ProcedureRequest", authoredOn=s.DROP, orderedOn="2026-11-10")
    (read,), (as_r4,) = s.chart(told).orders, s.chart(s.service_request()).orders
    assert (read.authored, read.sets, read.status) == (as_r4.authored, as_r4.sets, as_r4.status)


def test_a_medication_order_and_its_product() -> None:
    order = {
        "resourceType": "MedicationOrder", "id": "o", "status": "active", "patient": SUBJECT,
        "dateWritten": "2026-10-01", "medicationReference": {"reference": "Medication/p"},
    }  # fmt: skip
    product = {"resourceType": "Medication", "id": "p", "code": s.concept(s.RXNORM, "11248")}
    assert s.chart(order, product).treatments("B12_RX")
    several = {**product, "product": {"ingredient": [{"item": {"display": "a"}}, {"item": {"display": "b"}}]}}
    assert not s.chart(order, several).treatments("B12_RX"), "a multivitamin is no treatment with vitamin B12"
    one = {**product, "product": {"form": {"text": "ampoule"}, "ingredient": {"item": {"display": "a"}}}}
    assert s.chart(order, one).treatments("B12_RX")


def test_a_relative() -> None:
    told = s.relative(
        relationship=s.concept("http://hl7.org/fhir/v3/RoleCode", "NSIB"),
        condition={"code": s.concept(s.SNOMED, "88518009")},
    )
    assert s.chart(told).family == s.chart(s.relative()).family != ()
    both = {
        "coding": [{"system": "urn:x", "code": "99"}, {"system": "http://hl7.org/fhir/v3/RoleCode", "code": "NSIB"}]
    }
    assert s.chart(s.relative(relationship=both)).family == s.chart(s.relative()).family


@pytest.mark.parametrize(
    "told",
    [
        {"resourceType": "MedicationOrder", "dateWritten": "2026-11-22", "patient": SUBJECT,
         "reasonCodeableConcept": {"text": "x"}, "medicationCodeableConcept": s.concept(s.RXNORM, "4511")},
        {"resourceType": "MedicationRequest", "authoredOn": "2026-11-22", "subject": SUBJECT,
         "category": {"coding": []}, "reasonCode": {}, "medicationCodeableConcept": s.concept(s.RXNORM, "4511")},
        {"resourceType": "MedicationOrder", "patient": SUBJECT, "medicationReference": {"reference": "#p"},
         "contained": [{"resourceType": "Medication", "id": "p", "code": s.concept(s.RXNORM, "4511")}]},
    ],
    ids=["DSTU2", "STU3", "DSTU2 contained"],
)  # fmt: skip
def test_a_draft_of_folic_acid(told: Any) -> None:
    told = {"id": "order-123", "status": "draft", **told}
    answer = s.application().test_client().post(s.ORDER_SELECT, json=s.order_call(told)).get_json()
    assert s.modules(answer["cards"]) == ["ORD_FOLATE"]


@pytest.mark.parametrize("edition", ["subject", "patient"])
def test_a_draft_of_serum_manganese_can_be_withdrawn(edition: str) -> None:
    told = s.draft("5683-8", resourceType="ProcedureRequest", subject=s.DROP, orderedOn="2026-11-22")
    told[edition] = SUBJECT
    answer = s.application().test_client().post(s.ORDER_SELECT, json=s.order_call(told)).get_json()
    assert s.modules(answer["cards"]) == ["ORD_MN_SPECIMEN"]
    (first, *_) = answer["cards"][0]["suggestions"][0]["actions"]
    assert (first["type"], first["resourceId"]) == ("delete", "ProcedureRequest/draft-1")
