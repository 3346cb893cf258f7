"""Which resources count, by their status: as R4 writes it, as older editions did, and as nobody should."""

from typing import Any

import edge_samples as s
import pytest

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def counts(**changes: Any) -> bool:
    return s.chart(s.condition(**changes)).has_condition("D_GEN")


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        (s.DROP, True),
        (None, True),
        *((s.concept(CLINICAL, code), True) for code in ("active", "recurrence", "relapse")),
        *((s.concept(CLINICAL, code), False) for code in ("inactive", "remission", "resolved", "made-up")),
        ("active", True),
        ("relapse", True),
        ("resolved", False),
        ("made-up", False),
        ({"text": "Active"}, True),
        ({"text": "Resolved"}, False),
        ({"coding": {"system": CLINICAL, "code": "active"}}, True),
        ({"coding": {"system": CLINICAL, "code": "resolved"}}, False),
        (5, False),
        (True, False),
        ([], False),
        ([s.concept(CLINICAL, "resolved")], False),
        ({"coding": [{"system": CLINICAL, "code": 7}]}, False),
        ({"coding": "active"}, False),
        (
            {"coding": [{"system": "urn:example:local", "code": "L-1"}, {"system": CLINICAL, "code": "active"}]},
            True,
        ),
        (
            {"coding": [{"system": "urn:example:local", "code": "active"}, {"system": CLINICAL, "code": "resolved"}]},
            False,
        ),
    ],
)
def test_clinical_status(status: Any, counted: bool) -> None:
    assert counts(clinicalStatus=status) is counted


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        (s.DROP, True),
        (None, True),
        *((s.concept(VERIFICATION, code), True) for code in ("confirmed", "provisional", "unconfirmed")),
        *((s.concept(VERIFICATION, code), False) for code in ("refuted", "entered-in-error", "differential", "x")),
        ("confirmed", True),
        ("refuted", False),
        ("entered-in-error", False),
        ({"coding": [{"code": "refuted"}]}, False),
        ({"coding": {"code": "refuted"}}, False),
        ({"text": "Refuted"}, False),
        (["refuted"], False),
        (3.5, False),
    ],
)
def test_verification_status(status: Any, counted: bool) -> None:
    assert counts(verificationStatus=status) is counted


@pytest.mark.parametrize(
    ("status", "known"),
    [
        (s.DROP, True),
        (s.concept(VERIFICATION, "confirmed"), True),
        *((s.concept(VERIFICATION, code), False) for code in ("provisional", "unconfirmed", "differential", "refuted")),
        (17, False),
    ],
)
def test_only_a_confirmed_cause_is_known(status: Any, known: bool) -> None:
    chart = s.chart(s.condition("88518009", verificationStatus=status))
    assert any(chart.known_diagnoses("CU_DX")) is known


@pytest.mark.parametrize(
    ("status", "results", "pending"),
    [
        *((status, 1, 0) for status in ("final", "amended", "corrected")),
        *((status, 0, 1) for status in ("preliminary", "registered")),
        *((status, 0, 0) for status in ("cancelled", "entered-in-error", "unknown", "Final", "", "made-up")),
        *((status, 0, 0) for status in (s.DROP, None, 5, ["final"], {"code": "final"}, True)),
    ],
)
def test_observation_status(status: Any, results: int, pending: int) -> None:
    chart = s.chart(s.observation(status=status))
    assert len(chart.results("B12")) == results
    assert len(chart.pending) == pending


@pytest.mark.parametrize(
    ("status", "treats", "risks"),
    [
        ("active", True, True),
        ("on-hold", False, True),
        *((code, False, False) for code in ("stopped", "cancelled", "entered-in-error", "completed", "draft", "x")),
        *((bent, False, False) for bent in (s.DROP, None, 1, ["active"], {"coding": []})),
    ],
)
@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationOrder", "MedicationStatement"])
def test_medication_status(kind: str, status: Any, treats: bool, risks: bool) -> None:
    chart = s.chart(s.medication_request("11248", resourceType=kind, status=status))
    assert bool(chart.treatments("B12_RX")) is treats
    assert (chart.on_medicine("B12_RX") is not None) is risks


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        ("completed", True),
        ("in-progress", True),
        *((code, False) for code in ("not-done", "entered-in-error", "preparation", "stopped", "unknown", "")),
        *((bent, False) for bent in (s.DROP, None, 0, ["completed"])),
    ],
)
def test_procedure_status(status: Any, counted: bool) -> None:
    chart = s.chart(s.procedure(status=status))
    assert any(chart.procedures_in("MN_PN")) is counted


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        *((code, True) for code in ("active", "draft", "on-hold")),
        *((code, False) for code in ("revoked", "completed", "entered-in-error", "unknown", "")),
        *((bent, False) for bent in (s.DROP, None, 4, ["active"])),
    ],
)
@pytest.mark.parametrize("kind", ["ServiceRequest", "ProcedureRequest"])
def test_order_status(kind: str, status: Any, counted: bool) -> None:
    chart = s.chart(s.service_request(resourceType=kind, status=status))
    assert chart.pending_in("L_B12") is counted


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({}, 1),
        ({"status": "entered-in-error"}, 0),
        ({"patient": {"reference": "Patient/somebody-else"}}, 0),
        ({"condition": {"code": s.concept(s.SNOMED, "88518009")}}, 1),
        ({"condition": [{"code": "x"}, {"code": s.concept(s.SNOMED, "88518009")}, 5]}, 1),
        ({"condition": "x"}, 0),
        ({"condition": s.DROP}, 0),
    ],
)
def test_family_history(changes: dict[str, Any], counted: int) -> None:
    chart = s.chart(s.relative(**changes))
    assert [one.relation for one in chart.family] == ["NSIB"] * counted


def test_the_relation_is_the_role_code_among_several_codings() -> None:
    role = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "NSIB"}
    other = {"system": s.SNOMED, "code": "375005"}
    told = s.chart(s.relative(relationship={"coding": [other, role]}))
    assert [one.relation for one in told.family] == ["NSIB"]


@pytest.mark.parametrize(
    ("said", "status", "present"),
    [
        (True, "final", True),
        (True, "amended", True),
        (True, "corrected", True),
        (False, "final", False),
        (True, "preliminary", False),
        (True, "entered-in-error", False),
        ("true", "final", False),
        (1, "final", False),
        (None, "final", False),
    ],
)
def test_site_facts(said: Any, status: str, present: bool) -> None:
    chart = s.chart(s.site_fact(valueBoolean=said, status=status))
    assert (chart.site_fact("t1-pallidal") is not None) is present


def test_a_site_fact_of_another_system_is_none() -> None:
    assert not s.chart(s.site_fact(code=s.concept("https://other.example/site-facts", "t1-pallidal"))).site_facts
