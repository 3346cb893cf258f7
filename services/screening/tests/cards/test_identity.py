"""Card ids: the same while patient, encounter and content are; another for anything else (rules 1.0.6; 6, 29)."""

from datetime import timedelta
from typing import Any

import edge_samples as s
import pytest

from chassis.testing import CALLER, KEYS, signed
from screening.app import create_app
from screening.cards.identity import Identity
from screening.settings import Settings

CLIENT = s.application().test_client()


def ids(body: Any, client: Any = CLIENT) -> dict[str, str]:
    """Module -> id of its card."""
    path = s.PATIENT_VIEW if body["hook"] == "patient-view" else s.ORDER_SELECT
    cards = client.post(path, json=body).get_json()["cards"]
    return {card["extension"]["example.dystonia-cds.decision"]["module"]: card["uuid"] for card in cards}


def own(values: Any, patient_id: str) -> Any:
    """The same prefetch for another patient."""
    return {key: _renamed(value, patient_id) for key, value in values.items()}


def _renamed(node: Any, patient_id: str) -> Any:
    if isinstance(node, dict):
        return {key: _renamed(value, patient_id) for key, value in node.items()}
    if isinstance(node, list):
        return [_renamed(one, patient_id) for one in node]
    return node.replace(s.PATIENT_ID, patient_id) if isinstance(node, str) else node


VALUES = s.prefetch(s.observation())
HERE = ids(s.call(VALUES, encounterId="e1"))


def test_the_sample_has_a_result_card_and_screen() -> None:
    assert set(HERE) == {"B12", "SCREEN"}


@pytest.mark.parametrize(
    "same",
    [
        {**s.call(VALUES, encounterId="e1"), "hookInstance": "00000000-0000-0000-0000-000000000001"},
        {**s.call(VALUES, encounterId="e1"), "extension": {"x": 1}},
        s.call(VALUES, encounterId="e1", userId="PractitionerRole/another"),
        s.call(dict(reversed(VALUES.items())), encounterId="e1"),
    ],
)
def test_what_does_not_change_an_id(same: Any) -> None:
    assert ids(same) == HERE


@pytest.mark.parametrize(
    "other",
    [
        s.call(own(VALUES, "synthetic-2"), patientId="synthetic-2", encounterId="e1"),
        {**s.call(VALUES, encounterId="e1"), "fhirServer": "https://other.example/fhir"},
        s.call(VALUES, encounterId="e2"),
        s.call(VALUES),
        s.call(VALUES, encounterId=f"e1/{s.PATIENT_ID}"),
    ],
)
def test_another_patient_server_or_encounter_has_other_ids(other: Any) -> None:
    there = ids(other)
    assert set(there) == set(HERE)
    assert not set(there.values()) & set(HERE.values())


@pytest.mark.parametrize("who", [{"client": "another"}, {"client": "tests", "tenant": "another"}])
def test_another_client_or_tenant_has_other_ids_for_the_same_patient(who: dict[str, str]) -> None:
    other = s.application().test_client()
    other.caller = {**CALLER, **who}
    there = ids(s.call(VALUES, encounterId="e1"), other)
    assert set(there) == set(HERE)
    assert not set(there.values()) & set(HERE.values())


def test_another_key_has_other_ids_and_the_day_changes_nothing() -> None:
    body = s.call(VALUES, encounterId="e1")
    other = s.application(identity_key=b"another-key-another-key-another-").test_client()
    assert not set(ids(body, other).values()) & set(HERE.values())
    settings = Settings(identity_key=s.IDENTITY_KEY, internal_keys=KEYS)
    tomorrow = signed(create_app(settings, clock=lambda: s.NOW + timedelta(days=1))).test_client()
    assert ids(body, tomorrow) == HERE


@pytest.mark.parametrize(
    "values",
    [
        s.prefetch(s.observation(), conditions=s.bundle(s.condition(recordedDate="2026-11-20", id="other"))),
        s.prefetch(s.observation(), conditions=s.bundle(s.condition(), s.condition("15802004", id="c2"))),
        s.prefetch(s.observation(), orders=s.DROP),
        s.prefetch(s.observation(id="newer", effectiveDateTime="2026-11-20")),
    ],
)
def test_screen_is_the_same_while_its_modules_and_indicator_are(values: Any) -> None:
    assert ids(s.call(values, encounterId="e1"))["SCREEN"] == HERE["SCREEN"]


@pytest.mark.parametrize(
    "values",
    [
        s.prefetch(s.observation(), labs_vitamin_e=s.bundle(s.observation("1823-4", 30, "umol/L", id="ve"))),
        s.prefetch(s.observation(), procedures=s.bundle(s.procedure())),
    ],
)
def test_screen_with_other_modules_or_another_indicator_is_another(values: Any) -> None:
    there = ids(s.call(values, encounterId="e1"))
    assert there.get("SCREEN") != HERE["SCREEN"]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "another"},
        {"effectiveDateTime": "2026-11-02"},
        {"valueQuantity": s.quantity(91, "pg/mL")},
    ],
)
def test_a_result_card_is_about_its_result(changes: Any) -> None:
    there = ids(s.call(s.prefetch(s.observation(**changes)), encounterId="e1"))
    assert there["B12"] != HERE["B12"]


def test_parts_cannot_run_into_each_other() -> None:
    made = Identity(b"k" * 32, ("a", "b"))
    names = [("ab", ""), ("a", "b"), ("", "ab"), ("a\x1fb",), ("1:a", "b"), ("a", "1:b"), ("a",), ("ab",)]
    assert len({made.uuid(*name) for name in names}) == len(names)
    assert Identity(b"k" * 32, ("ab", "")).uuid("x") != made.uuid("x")


def test_the_same_server_may_be_spelled_with_a_slash() -> None:
    assert ids({**s.call(VALUES, encounterId="e1"), "fhirServer": s.SERVER + "/"}) == HERE
