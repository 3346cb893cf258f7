"""Whose resource it is. What belongs to somebody else never gets into the chart."""

from typing import Any

import edge_samples as s
import pytest

OWN = [
    f"Patient/{s.PATIENT_ID}",
    f"Patient/{s.PATIENT_ID}/_history/3",
    f"{s.SERVER}/Patient/{s.PATIENT_ID}",
    f"{s.SERVER}/Patient/{s.PATIENT_ID}/_history/a.b-3",
    f"urn:uuid:{s.PATIENT_ID}",
]
OTHER = [
    "Patient/somebody-else",
    f"Patient/{s.PATIENT_ID}x",
    f"Patient/x{s.PATIENT_ID}",
    f"Patient/{s.PATIENT_ID.upper()}",
    f"{s.SERVER}/Patient/somebody-else",
    f"Patient/somebody-else/_history/{s.PATIENT_ID}",
    f"Patient/somebody-else?x=Patient/{s.PATIENT_ID}x",
    f"Group/{s.PATIENT_ID}",
    f"Practitioner/{s.PATIENT_ID}",
    f"NotPatient/{s.PATIENT_ID}",
    f"urn:uuid:{s.PATIENT_ID}-2",
    "urn:uuid:",
    s.PATIENT_ID,
    "#contained",
]
BENT = [
    f"Patient/{s.PATIENT_ID}x",
    5,
    ["Patient/somebody-else"],
    {"reference": 5},
    {"reference": {"value": "Patient/somebody-else"}},
    [{"reference": "Patient/somebody-else"}],
]
RESOURCES = {
    "Condition": s.condition,
    "Observation": s.observation,
    "MedicationRequest": s.medication_request,
    "Procedure": s.procedure,
    "ServiceRequest": s.service_request,
    "FamilyMemberHistory": lambda **changes: s.relative(**{"patient": s.DROP, **changes}),
    "site fact": s.site_fact,
}


def facts(chart: Any) -> int:
    return sum(
        len(found)
        for found in (
            chart.conditions, chart.medications, chart.procedures, chart.family, chart.labs, chart.orders,
            chart.site_facts,
        )
    )  # fmt: skip


@pytest.mark.parametrize("kind", RESOURCES)
@pytest.mark.parametrize("member", ["subject", "patient"])
def test_own_and_other_subjects(kind: str, member: str) -> None:
    make = RESOURCES[kind]
    for reference in OWN:
        told = make(**{"subject": s.DROP, member: {"reference": reference}})
        assert facts(s.chart(told)) == 1, reference
    for reference in OTHER:
        told = make(**{"subject": s.DROP, member: {"reference": reference}})
        assert facts(s.chart(told)) == 0, reference


def test_one_that_names_nobody_belongs_to_the_patient_it_was_sent_for() -> None:
    for subject in (s.DROP, None, {}, {"display": "Example"}):
        assert facts(s.chart(s.condition(subject=subject))) == 1


@pytest.mark.parametrize("subject", BENT, ids=str)
def test_a_subject_that_cannot_be_read_is_not_the_patient(subject: Any) -> None:
    assert facts(s.chart(s.condition(subject=subject))) == 0


def test_both_members_must_agree() -> None:
    own, other = ({"reference": f"Patient/{one}"} for one in (s.PATIENT_ID, "somebody-else"))
    assert facts(s.chart(s.condition(subject=own, patient=other))) == 0
    assert facts(s.chart(s.condition(subject=other, patient=own))) == 0


def test_another_patients_record_is_not_this_patient() -> None:
    other = s.patient(id="somebody-else", birthDate="1950-01-01", deceasedBoolean=True)
    chart, _ = s.read({"patient": s.patient(), "more": s.bundle(other)})
    assert not chart.patient.deceased
    assert chart.looked_up("patient")
    chart, _ = s.read({"patient": other})
    assert not chart.looked_up("patient")
    assert not chart.patient.deceased


def test_a_draft_of_another_patient_is_not_looked_at() -> None:
    drafts = (s.draft(subject={"reference": "Patient/somebody-else"}), s.draft(id="own"))
    chart, _ = s.read(s.prefetch(), drafts)
    assert [one.reference for one in chart.drafts] == ["ServiceRequest/own"]


@pytest.mark.parametrize(
    "told",
    [
        [s.patient(deceasedBoolean=True), s.patient()],
        [s.patient(), s.patient(deceasedBoolean=True)],
    ],
)
def test_a_death_is_known_whichever_copy_of_the_patient_says_so(told: list[s.Json]) -> None:
    assert s.read({"patient": told[0], "more": s.bundle(told[1])})[0].patient.deceased
    assert s.read({"more": s.bundle(told[0]), "patient": told[1]})[0].patient.deceased


@pytest.mark.parametrize(
    ("told", "deceased"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2020"}, True),
        ({"deceasedDateTime": "2020-02-30"}, True),
        (
            {"deceasedBoolean": "true"}, True,
        ),
        (
            {"deceasedDateTime": {"value": "2020"}}, True,
        ),
    ],
)  # fmt: skip
def test_deceased(told: dict[str, Any], deceased: bool) -> None:
    assert s.chart(s.patient(**told)).patient.deceased is deceased
