"""What an answer covers: which card of which module, and for orders which order. Clinical rules 1.0.7."""

from dataclasses import replace

import pytest
from answering import (
    ANSWERED,
    answer,
    answered,
    card,
    chart,
    draft,
    dystonia,
    hold,
    later,
    mark,
    remembered,
    screened,
    silent,
)
from small_facts import condition, result

from screening.domain import analytes, screen
from screening.domain.answers import Shown, Terms, held_by, shown
from screening.domain.chart import Chart, Condition
from screening.domain.codes import ICD10CM, SNOMED, Coding
from screening.domain.findings import Finding, Hold
from screening.domain.labs import LabResult


def b12(number: str, days: int = 120) -> LabResult:
    return result(analytes.B12, number, "pg/mL", days)


# --- the consolidated card ---


def undelivered(*names: str) -> Chart:
    ids = ("vitamin-b12", "calcium-vitamin-d", "copper-wilson", "vitamin-e", "manganese", "iron-nbia")
    return chart(not_looked_up=frozenset(names or ids))


def test_the_card_that_stands_in_its_place_is_held_with_it() -> None:
    said = answered(chart(), "SCREEN", "not-indicated")
    assert [f.module for f in screened(undelivered()).findings] == ["DATA"]
    assert silent(undelivered(), "DATA", said)
    assert not silent(later(undelivered(), days=366), "DATA", said)


def test_a_dismissal_without_a_reason_holds_it_as_long() -> None:
    said = answered(chart(), "SCREEN")
    assert silent(later(undelivered(), days=365), "DATA", said)
    assert not silent(later(undelivered(), days=366), "DATA", said)
    assert not silent(later(undelivered(), days=181), "DATA", answered(undelivered(), "DATA"))


def test_a_new_high_risk_fact_brings_the_card_in_its_place_back() -> None:
    said = answered(undelivered(), "DATA")
    bypass = condition(
        "B12_RISK_STRONG", "B12_HIGH", "HISTORY", code="Z98.84", recorded=ANSWERED.date().replace(day=16)
    )
    now = later(replace(undelivered(), conditions=(dystonia(), bypass)), days=2)
    assert not silent(now, "DATA", said)
    assert silent(later(undelivered(), days=2), "DATA", said)


def test_an_answer_to_that_card_says_nothing_about_the_consolidated_one() -> None:
    said = answered(undelivered(), "DATA", "done-elsewhere")
    assert silent(undelivered(), "DATA", said)
    assert not silent(chart(), "SCREEN", said)


def test_a_newer_answer_to_the_card_in_its_place_does_not_shorten_the_older_one() -> None:
    year, month = answered(chart(), "SCREEN", "not-indicated"), answered(undelivered(), "DATA", "deferred")
    assert silent(later(undelivered(), days=200), "DATA", year, replace(month, at=ANSWERED.replace(hour=12)))


def test_it_is_silent_although_more_is_missing_than_before() -> None:
    before = chart(b12("500", days=300))
    said = answered(before, "SCREEN", "patient-declined")
    now = later(before, days=180)
    assert card(before, "SCREEN").includes == ("CA", "CU")
    assert card(now, "SCREEN").includes == ("B12", "CA", "CU")
    assert silent(now, "SCREEN", said)


def test_an_order_card_about_missing_data_is_not_the_one_of_the_chart() -> None:
    ordered = chart(
        drafts=(draft("1823-4", "L_VE", reference="ServiceRequest/1"),), not_looked_up=frozenset({"vitamin-e"})
    )
    assert [f.module for f in screened(ordered).findings] == ["DATA"]
    assert not silent(ordered, "DATA", answered(chart(), "SCREEN", "not-indicated"))
    assert not silent(ordered, "DATA", answered(undelivered(), "DATA"))
    assert not silent(undelivered(), "DATA", answered(ordered, "DATA"))
    assert silent(ordered, "DATA", answered(ordered, "DATA"))


# --- result cards ---


def test_an_answer_is_about_its_module() -> None:
    both = chart(b12("250"), result(analytes.MAGNESIUM, "0.40", "mmol/L", 120))
    assert {f.module for f in screened(both).findings} == {"B12", "CA", "SCREEN"}
    said = answered(both, "B12", "not-indicated")
    assert [f.module for f in remembered(both, [said]).findings] == ["CA", "SCREEN"]


def test_a_milder_card_on_the_same_results_is_covered() -> None:
    said = answered(chart(b12("150")), "B12", "not-indicated")
    assert silent(chart(b12("250")), "B12", said)


@pytest.mark.parametrize("reason", ["", "not-indicated", "on-treatment", "specialist-managing", "wrong-data"])
def test_a_worse_card_is_not_covered(reason: str) -> None:
    said = answered(chart(b12("250")), "B12", reason)
    assert not silent(chart(b12("150")), "B12", said)


def test_a_higher_indicator_is_not_covered() -> None:
    undated = Condition(Coding(ICD10CM, "F18.10"), frozenset({"B12_N2O"}))
    now = chart(b12("250"), conditions=(dystonia(), undated))
    said = answered(chart(b12("250")), "B12", "not-indicated")
    assert (card(now, "B12").state, card(now, "B12").indicator) == ("BORDERLINE", "warning")
    assert not silent(now, "B12", said)
    assert silent(now, "B12", answered(now, "B12", "not-indicated"))


def worst_first() -> list[Shown]:
    bands = ("CRITICAL", "ABNORMAL", "DISCORDANT", "BORDERLINE")
    return [Shown("B12", band, "warning", (), "", ()) for band in bands]


@pytest.mark.parametrize("was", range(4))
@pytest.mark.parametrize("now", range(4))
def test_the_order_of_the_bands(was: int, now: int) -> None:
    made = Finding("B12", worst_first()[now].state, "warning", "")
    held = remembered_alone(made, worst_first()[was])
    assert (held is not None) is (now >= was)


def remembered_alone(finding: Finding, was: Shown) -> Hold | None:
    return held_by(finding, chart(), [answer(was, "not-indicated")], mark, Terms())


# --- a card that another one speaks for ---


IRON = (
    result(analytes.FERRITIN, "900", "ug/L", 120),
    result(analytes.IRON, "5", "umol/L", 120),
    result(analytes.CERULOPLASMIN, "0.05", "g/L", 120),
)


def test_what_another_card_spoke_for_was_answered_with_it() -> None:
    now = chart(*IRON)
    said = answered(now, "FE", "specialist-managing")
    held = {h.module: h.hold.by for h in remembered(now, [said]).held}
    assert {"FE": "answer", "CU": "answer"}.items() <= held.items()
    assert [f.module for f in remembered(now, [said]).findings] == ["SCREEN"]


def test_unless_it_is_critical() -> None:
    now = chart(*IRON, result(analytes.INR, "1.8", "1", 105))
    said = answered(now, "FE", "specialist-managing")
    first = remembered(now, [said]).findings[0]
    assert (first.module, first.indicator) == ("CU", "critical")


@pytest.mark.parametrize("by", ["off", "silent", "canary"])
def test_what_is_switched_off_speaks_for_nobody(by: str) -> None:
    found = screen.patient_view(chart(*IRON), hold=lambda f: Hold(by, "not now") if f.module == "FE" else None)
    assert [f.module for f in found.findings] == ["CU", "SCREEN"]


def test_the_facts_of_the_card_that_was_taken_in_are_not_its_own() -> None:
    now = chart(*IRON)
    assert len(shown(card(now, "FE"), now, mark).cited) == 4  # three results and the dystonia


# --- a held card gives its place to others ---


def test_a_held_card_gives_its_place_and_is_not_appended() -> None:
    now = chart(
        b12("150"),
        result(analytes.MAGNESIUM, "0.40", "mmol/L", 120),
        result(analytes.CERULOPLASMIN, "0.05", "g/L", 120),
        result(analytes.MANGANESE_BLOOD, "60", "ug/L", 120),
        result(analytes.ALPHA_TOCOPHEROL, "2", "mg/L", 120),
    )
    before = screened(now)
    assert [f.module for f in before.findings] == ["B12", "CA", "CU"]
    assert {h.module: h.hold.by for h in before.held} == {"VITE": "cap", "MN": "cap"}
    after = remembered(now, [answered(now, "CU", "specialist-managing")])
    assert [f.module for f in after.findings] == ["B12", "CA", "VITE"]
    assert {h.module: h.hold.by for h in after.held} == {"CU": "answer", "MN": "cap"}
    assert not any("Copper tests" in words for f in after.findings for words in f.statements)


# --- order cards ---


HALOPERIDOL = draft("5093", "RX_DRBA_HIGH")
METOCLOPRAMIDE = draft("6915", "RX_DRBA_HIGH", reference="MedicationRequest/2")
RISPERIDONE = draft("35636", "RX_DRBA_LOW", reference="MedicationRequest/3")


@pytest.mark.parametrize("reason", ["", "specialist-managing", "benefit-outweighs"])
def test_a_warning_about_another_drug_is_another_decision(reason: str) -> None:
    said = answered(chart(drafts=(HALOPERIDOL,)), "ORD_DRBA", reason)
    again = replace(HALOPERIDOL, reference="MedicationRequest/77")  # ids of drafts change
    assert silent(chart(drafts=(again,)), "ORD_DRBA", said)
    assert not silent(chart(drafts=(METOCLOPRAMIDE,)), "ORD_DRBA", said)
    assert not silent(chart(drafts=(again, METOCLOPRAMIDE)), "ORD_DRBA", said)


def test_an_order_card_that_informs_is_silent_for_its_rule() -> None:
    other = draft("41493", "RX_DRBA_LOW", reference="MedicationRequest/4")
    said = answered(chart(drafts=(RISPERIDONE,)), "ORD_DRBA", "specialist-managing")
    assert card(chart(drafts=(other,)), "ORD_DRBA").indicator == "info"
    assert silent(chart(drafts=(other,)), "ORD_DRBA", said)
    assert not silent(chart(drafts=(HALOPERIDOL,)), "ORD_DRBA", said)


def test_the_benefit_outweighs_for_one_order_without_an_end() -> None:
    now = chart(drafts=(RISPERIDONE,))
    said = answered(now, "ORD_DRBA", "benefit-outweighs")
    held = hold(later(now, days=3000), "ORD_DRBA", said)
    assert held is not None
    assert held.until is None
    assert held.words.endswith("the benefit outweighs the risk; silent until another order or new evidence")
    other = draft("41493", "RX_DRBA_LOW", reference="MedicationRequest/4")
    assert not silent(chart(drafts=(other,)), "ORD_DRBA", said)


def test_without_an_order_it_counts_as_no_reason() -> None:
    now = chart(result(analytes.CERULOPLASMIN, "0.05", "g/L", 120))
    said = answered(now, "CU", "benefit-outweighs")
    assert silent(later(now, days=180), "CU", said)
    assert not silent(later(now, days=181), "CU", said)


def test_an_order_without_a_code_is_known_by_its_words() -> None:
    worded = replace(draft("0", reference="ServiceRequest/1"), codings=(), text="Dystonia gene panel")
    said = answered(chart(drafts=(worded,)), "ORD_PANEL_FIRST", "benefit-outweighs")
    same = replace(worded, reference="ServiceRequest/9", text=" dystonia GENE panel")
    assert silent(chart(drafts=(same,)), "ORD_PANEL_FIRST", said)
    assert not silent(chart(drafts=(replace(worded, text="Whole exome"),)), "ORD_PANEL_FIRST", said)


def test_rules_are_answered_one_by_one() -> None:
    now = chart(
        conditions=(dystonia(), condition("B12_RISK_STRONG", code="K50.90")),
        drafts=(draft("2132-9", "L_B12", reference="ServiceRequest/1"), RISPERIDONE),
    )
    assert [f.module for f in screened(now).findings] == ["ORD_B12_REFLEX", "ORD_DRBA"]
    said = answered(now, "ORD_B12_REFLEX", "not-indicated")
    assert [f.module for f in remembered(now, [said]).findings] == ["ORD_DRBA"]


def test_a_held_order_card_gives_its_place() -> None:
    now = chart(
        conditions=(dystonia(), Condition(Coding(SNOMED, "1"), frozenset({"B12_RISK_STRONG"}))),
        drafts=(
            draft("2132-9", "L_B12", reference="ServiceRequest/1"),
            draft("1823-4", "L_VE", reference="ServiceRequest/2"),
            RISPERIDONE,
        ),
    )
    assert [f.module for f in screened(now).findings] == ["ORD_B12_REFLEX", "ORD_VITE_LIPID"]
    assert [(h.module, h.hold.by) for h in screened(now).held] == [("ORD_DRBA", "cap")]
    said = answered(now, "ORD_VITE_LIPID")
    assert [f.module for f in remembered(now, [said]).findings] == ["ORD_B12_REFLEX", "ORD_DRBA"]


def test_what_is_answered_when_an_order_is_selected_is_silent_when_it_is_signed() -> None:
    now = chart(drafts=(HALOPERIDOL,))
    said = answered(now, "ORD_DRBA", "specialist-managing")
    signed = screen.order_hook(now, hold=lambda f: held_by(f, now, [said], mark, Terms()), signing=True)
    assert signed.findings == ()
    assert [h.hold.by for h in signed.held] == ["answer"]
