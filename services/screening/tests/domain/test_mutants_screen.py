"""What is said around a card: what mutation testing found that no scenario would notice. Synthetic charts."""

from typing import Any

import pytest
from chart_builder import build
from judging import screened

from screening.domain.findings import Finding
from screening.knowledge.loading import code_book

BOOK = code_book()
SIGNAL = "T1 pallidal hyperintensity: a normal manganese level does not exclude past exposure."
DYSTONIA = {"code": "G24.9", "onsetAge": 48}
MANGANESE_LEVEL = {"code": "5681-2", "v": 10, "u": "ug/L", "ago": 20}


def cards(**said: Any) -> dict[str, Finding]:
    """The cards of a chart, by module."""
    scenario = {"id": None, "hook": "patient-view", "age": 50, "sex": "female", "conditions": [DYSTONIA], **said}
    return {finding.module: finding for finding in screened(build(scenario, BOOK), scenario).findings}


def ordered(*drafts: dict[str, Any], **said: Any) -> dict[str, Finding]:
    """The order cards of a chart, by rule."""
    return cards(hook="order-select", draft=[{"id": f"o{n}", **one} for n, one in enumerate(drafts)], **said)


@pytest.mark.parametrize(
    ("facts", "labs", "said"),
    [
        ({"t1_pallidal": True}, [MANGANESE_LEVEL], True),
        ({"t1_pallidal": True}, [], False),
        ({}, [MANGANESE_LEVEL], False),
        ({}, [], False),
    ],
)
def test_the_pallidal_signal_beside_a_normal_level(facts: dict[str, bool], labs: list[Any], said: bool) -> None:
    assert (SIGNAL in cards(facts=facts, labs=labs)["SCREEN"].statements) is said


@pytest.mark.parametrize("code", ["5093", "35636"])  # haloperidol (RX_DRBA_HIGH), risperidone (RX_DRBA_LOW)
def test_a_dopamine_receptor_blocker_is_spoken_of(code: str) -> None:
    screen = cards(meds=[{"code": code, "start": 200}])["SCREEN"]
    assert sum("drug-induced or tardive dystonia is possible" in words for words in screen.statements) == 1


def test_a_patient_without_a_dopamine_receptor_blocker_hears_nothing_of_it() -> None:
    assert not any("tardive" in words for words in cards()["SCREEN"].statements)


def nutrition(**said: Any) -> dict[str, Finding]:
    session = {"code": "225372007", "ago": 20, "status": "in-progress"}
    order = {"type": "MedicationRequest", "code": "6623"}
    return ordered(order, *said.pop("beside", ()), procs=[session], **said)


def test_an_order_of_manganese_asks_for_a_level_unless_it_is_drafted_or_pending() -> None:
    level = {"type": "ServiceRequest", "code": "5681-2"}
    assert "ORD_PN_MN" in nutrition()
    assert "ORD_PN_MN" not in nutrition(beside=(level,))
    assert "ORD_PN_MN" not in nutrition(orders=[{"code": "5681-2", "ago": 5}])


def test_what_is_critical_comes_first_and_information_last() -> None:
    """Vitamin B12 stands before calcium where both are alike, so the indicator alone puts them in this order."""
    calcium = [
        {"code": "17861-6", "v": 6.8, "u": "mg/dL", "ago": 2},
        {"code": "1751-7", "v": 4.0, "u": "g/dL", "ago": 2},
    ]
    low = {"code": "2132-9", "v": 150, "u": "pg/mL", "ago": 20}
    unclear = {"code": "2132-9", "v": 250, "u": "pg/mL", "ago": 20}
    copper = {"code": "2064-4", "v": 5, "u": "mg/dL", "ago": 20}
    assert list(cards(labs=[*calcium, low]))[:2] == ["CA", "B12"]
    assert list(cards(labs=[unclear, copper]))[:2] == ["CU", "B12"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("medications", "Medication list not available"),
        ("procedures", "Procedure list not available"),
        ("family_history", "Family history not available"),
        ("orders", "Order list not available"),
        ("site_facts", "Facts that the site supplies"),
    ],
)
def test_a_list_that_was_not_delivered_is_said_and_no_other(name: str, words: str) -> None:
    def said(**more: Any) -> list[str]:
        return [one for one in cards(**more)["SCREEN"].statements if "not available" in one]

    assert [one for one in said(not_delivered=[name]) if words in one]
    assert len(said(not_delivered=[name])) == 1
    assert not said()


def test_an_incomplete_problem_list_is_said() -> None:
    words = "Problem list incomplete: a recorded cause may not have been seen."
    assert words in cards(not_delivered=["conditions"])["SCREEN"].statements
    assert words not in cards()["SCREEN"].statements


@pytest.mark.parametrize(("level", "shown"), [("2132-9", False), ("72160-5", False), ("2276-4", True)])
def test_folic_acid_is_spoken_of_unless_vitamin_b12_is_drafted_too(level: str, shown: bool) -> None:
    drafts = ({"type": "MedicationRequest", "code": "4511"}, {"type": "ServiceRequest", "code": level})
    assert ("ORD_FOLATE" in ordered(*drafts)) is shown
