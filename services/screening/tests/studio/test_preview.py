"""Cards without a call are the cards of the call."""

from datetime import timedelta
from typing import Any

import pytest
from chart_builder import NOW, build
from judging import screened
from previewing import PREVIEW, cards_of
from scenario_files import written

from screening.domain.findings import Finding

DECISION = "example.dystonia-cds.decision"
SAMPLE = [
    case.scenario
    for case in written()[::97]
    if "overrides" not in case.scenario and case.scenario.get("user", "Practitioner").startswith("Practitioner")
]


def told(finding: Finding) -> tuple[str, str, str]:
    return finding.module, finding.state, finding.summary


@pytest.mark.parametrize("scenario", SAMPLE, ids=lambda one: one["id"])
def test_the_cards_are_those_of_the_rules(scenario: dict[str, Any]) -> None:
    expected = screened(build(scenario, PREVIEW.reader.book), scenario).findings
    cards = [card["extension"][DECISION] | {"summary": card["summary"]} for card in cards_of(scenario)]
    assert [(c["module"], c.get("state", ""), c["summary"]) for c in cards] == [told(one) for one in expected]


def test_what_was_not_delivered_is_not_called_absent() -> None:
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01", "gender": "female"}
    code = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G24.9"}]}
    dystonia = {"resourceType": "Condition", "id": "c", "code": code, "subject": {"reference": "Patient/p"}}
    record = [patient, dystonia]
    (whole,) = PREVIEW.cards(record, "patient-view", as_of=NOW)
    assert whole["source"]["topic"]["code"] == "ScreenIncomplete"
    labs = ("vitamin-b12", "calcium-vitamin-d", "copper-wilson", "labs_vitamin_e", "manganese", "iron-nbia")
    (unknown,) = PREVIEW.cards(record, "patient-view", as_of=NOW, not_delivered=labs)
    assert unknown["source"]["topic"]["code"] == "DataNotAssessed"
    assert PREVIEW.cards(record, "patient-view", as_of=NOW + timedelta(days=1)) == [whole], "ids stay the same"
