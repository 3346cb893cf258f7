"""The gravest hazards of the hazard log, each through FHIR JSON and HTTP: what must be said, and what must not be.

Synthetic. Times are days before the day of the call.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.testing import KEYS, signed
from screening.app import create_app
from screening.settings import Settings
from screening.synthetic import charts as wire

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SERVICE = "dystonia-patient-view"
EXTENSION = "example.dystonia-cds.decision"

URINE_COPPER = "5633-3"
IONIZED_CALCIUM, WHOLE_PANEL = "1995-0", "24323-8"

DYSTONIA = [{"code": "G24.9", "onsetAge": 44}]
NORMAL = [
    {"code": "2132-9", "v": 520, "u": "pg/mL", "ago": 20},
    {"code": "1823-4", "v": 9.5, "u": "mg/L", "ago": 20},
]
CALCIUM = [{"code": "17861-6", "v": 9.4, "u": "mg/dL", "ago": 20}, {"code": "1751-7", "v": 4.2, "u": "g/dL", "ago": 20}]
COPPER = [{"code": "2064-4", "v": 27, "u": "mg/dL", "ago": 20}]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return signed(create_app(Settings(identity_key=b"k" * 32, internal_keys=KEYS), clock=lambda: NOW)).test_client()


def cards(client: FlaskClient, **patient: Any) -> list[dict[str, Any]]:
    """The cards that a patient gets: 45 years old and with dystonia unless said otherwise."""
    scenario: Mapping[str, Any] = {
        "id": "hazard", "hook": "patient-view", "age": 45, "sex": "female", "conditions": DYSTONIA, **patient,
    }  # fmt: skip
    listed = {one["id"]: one for one in client.get("/cds-services").get_json()["services"]}
    call = wire.call(scenario, listed[SERVICE]["prefetch"], NOW.date(), wire.answer_by_type)
    answer = client.post(f"/cds-services/{SERVICE}", json=call)
    assert answer.status_code == 200
    return list(answer.get_json()["cards"])


def card(found: list[dict[str, Any]], module: str) -> dict[str, Any]:
    """The one card of a module."""
    named = [one for one in found if one["extension"][EXTENSION]["module"] == module]
    assert len(named) == 1, [one["summary"] for one in found]
    return named[0]


def modules(found: list[dict[str, Any]]) -> set[str]:
    return {one["extension"][EXTENSION]["module"] for one in found}


def drafted(one: dict[str, Any]) -> set[str]:
    """The codes that a card offers to order."""
    actions = [action for suggestion in one.get("suggestions", ()) for action in suggestion["actions"]]
    return {action["resource"]["code"]["coding"][0]["code"] for action in actions if action["type"] == "create"}


def test_a_normal_ceruloplasmin_does_not_exclude_wilson_disease_in_liver_disease(client: FlaskClient) -> None:
    sick = [*DYSTONIA, {"code": "K74.60"}]
    found = card(cards(client, conditions=sick, labs=[*NORMAL, *CALCIUM, *COPPER]), "CU")
    assert found["extension"][EXTENSION]["state"] == "BORDERLINE"
    assert "cannot exclude Wilson disease" in found["summary"]
    assert URINE_COPPER in drafted(found)


def test_a_raised_inr_with_copper_results_of_wilson_disease_is_critical(client: FlaskClient) -> None:
    labs = [*NORMAL, *CALCIUM, {"code": "2064-4", "v": 6, "u": "mg/dL", "ago": 20}]
    raised = [*labs, {"code": "6301-6", "v": 1.8, "u": "{INR}", "ago": 5}]
    assert card(cards(client, labs=labs), "CU")["indicator"] == "warning"
    assert card(cards(client, labs=raised), "CU")["indicator"] == "critical"
    anticoagulated = card(cards(client, labs=raised, meds=[{"code": "11289", "name": "warfarin", "start": 90}]), "CU")
    assert anticoagulated["indicator"] == "warning"
    assert "INR" in anticoagulated["summary"]


def test_a_concentration_of_urine_copper_is_no_24_hour_urine_copper(client: FlaskClient) -> None:
    labs = [*NORMAL, *CALCIUM, {"code": "2064-4", "v": 15, "u": "mg/dL", "ago": 20}]
    found = card(cards(client, labs=[*labs, {"code": "5632-5", "v": 90, "u": "ug/L", "ago": 20}]), "CU")
    assert found["extension"][EXTENSION]["state"] == "BORDERLINE"
    assert URINE_COPPER in drafted(found)


def test_a_suspected_wilson_disease_does_not_silence_copper(client: FlaskClient) -> None:
    suspected = [*DYSTONIA, {"code": "E83.01", "ver": "provisional"}]
    low = [*NORMAL, *CALCIUM, {"code": "2064-4", "v": 6, "u": "mg/dL", "ago": 20}]
    assert "CU" in modules(cards(client, conditions=suspected, labs=low))
    confirmed = [*DYSTONIA, {"code": "E83.01", "ver": "confirmed"}]
    assert "CU" not in modules(cards(client, conditions=confirmed, labs=low))


@pytest.mark.parametrize(
    ("albumin", "said"),
    [
        ([], "critical"),
        ([{"code": "1751-7", "v": 4.0, "u": "g/dL", "ago": 2}], "critical"),
        ([{"code": "1751-7", "v": 2.0, "u": "g/dL", "ago": 2}], None),  # adjusted: 1.85 + 0.02 x 20 = 2.25 mmol/L
    ],
    ids=["no albumin", "normal albumin", "low albumin"],
)
def test_a_very_low_calcium_is_an_emergency_unless_albumin_explains_it(
    client: FlaskClient, albumin: list[dict[str, Any]], said: str | None
) -> None:
    labs = [*NORMAL, *COPPER, {"code": "2000-8", "v": 1.85, "u": "mmol/L", "ago": 2}, *albumin]
    found = cards(client, labs=labs)
    if said is None:
        assert "CA" not in modules(found)
    else:
        urgent = card(found, "CA")
        assert urgent["indicator"] == said
        assert "same-day" in urgent["summary"]
        assert {IONIZED_CALCIUM, WHOLE_PANEL} <= drafted(urgent)


def test_treatment_lowers_the_urgency_of_a_very_low_calcium_and_never_silences_a_fresh_one(
    client: FlaskClient,
) -> None:
    labs = [*NORMAL, *COPPER, {"code": "2000-8", "v": 1.7, "u": "mmol/L", "ago": 5}]
    treated = cards(client, labs=labs, meds=[{"code": "1901", "name": "calcium gluconate", "start": 4}])
    assert card(treated, "CA")["indicator"] == "warning"
    plain_vitamin_d = cards(client, labs=labs, meds=[{"code": "11253", "name": "vitamin D", "start": 4}])
    assert card(plain_vitamin_d, "CA")["indicator"] == "critical"


def test_a_critical_calcium_that_nobody_repeated_is_still_said(client: FlaskClient) -> None:
    labs = [*NORMAL, *COPPER, {"code": "2000-8", "v": 1.7, "u": "mmol/L", "ago": 120}]
    found = card(cards(client, labs=labs), "CA")
    assert found["indicator"] == "warning"
    assert "never repeated or treated" in found["summary"]


def test_vitamin_d_alone_is_never_a_card(client: FlaskClient) -> None:
    labs = [*NORMAL, *CALCIUM, *COPPER, {"code": "62292-8", "v": 5, "u": "ng/mL", "ago": 20}]
    assert cards(client, labs=labs) == []


def test_the_pattern_of_aceruloplasminemia_is_no_iron_deficiency_and_no_wilson_disease(client: FlaskClient) -> None:
    pattern = [
        {"code": "2276-4", "v": 1200, "u": "ng/mL", "ago": 20},
        {"code": "2498-4", "v": 30, "u": "ug/dL", "ago": 20},
        {"code": "2064-4", "v": 2, "u": "mg/dL", "ago": 20},
    ]
    found = cards(client, labs=[*NORMAL, *CALCIUM, *pattern])
    one = card(found, "FE")
    assert one["indicator"] == "warning"
    assert "CU" not in modules(found), "one card for one biochemistry"
    actions = [action for suggestion in one["suggestions"] for action in suggestion["actions"]]
    assert {action["resource"]["resourceType"] for action in actions} == {"ServiceRequest"}, "tests and referrals only"
    assert "not simple iron deficiency" in one["summary"]


@pytest.mark.parametrize("ferritin", [5, 1200])
def test_ferritin_alone_is_never_a_card(client: FlaskClient, ferritin: int) -> None:
    labs = [*NORMAL, *CALCIUM, *COPPER, {"code": "2276-4", "v": ferritin, "u": "ng/mL", "ago": 20}]
    assert cards(client, labs=labs) == []
