"""What ends a silence before its term: new evidence by its own date. Clinical rules 1.0.7 and section 6, 5."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from answering import ANSWERED, answer, answered, card, chart, draft, dystonia, later, mark, silent
from hypothesis import given, settings
from hypothesis import strategies as st
from small_facts import result

from screening.domain import analytes, new_evidence
from screening.domain.answers import shown
from screening.domain.chart import Chart, Condition, Medication, Procedure, Relative, SiteFact
from screening.domain.codes import ICD10CM, RXNORM, SNOMED, Coding
from screening.domain.labs import LabResult

TODAY = ANSWERED.date()
NEXT_DAY = TODAY + timedelta(days=1)
DATES = pytest.mark.parametrize(
    ("day", "again"), [(TODAY - timedelta(days=1), False), (TODAY, False), (NEXT_DAY, True), (None, False)]
)


def problem(code: str, *sets: str, **said: Any) -> Condition:
    coded = {"codes": frozenset({code}), "reference": f"Condition/{code}", **said}
    return Condition(Coding(ICD10CM, code), frozenset(sets), **coded)


def bypass(**said: Any) -> Condition:
    return problem("Z98.84", "B12_RISK_STRONG", "B12_HIGH", "HISTORY", **said)


def two_days_later(before: Chart, **said: Any) -> Chart:
    return later(replace(before, **said), days=2)


def ataxia(**said: Any) -> Condition:
    return problem("G11.9", "M_ATAXIA", **said)


# --- the consolidated card ---


SCREEN = chart()
REASONS = pytest.mark.parametrize("reason", ["", "not-indicated", "deferred", "wrong-data"])


@DATES
@REASONS
def test_a_new_phenotype_code_ends_it(day: date | None, again: bool, reason: str) -> None:
    now = two_days_later(SCREEN, conditions=(dystonia(), ataxia(recorded=day)))
    assert silent(now, "SCREEN", answered(SCREEN, "SCREEN", reason)) is not again


@DATES
def test_so_does_a_new_high_risk_fact(day: date | None, again: bool) -> None:
    now = two_days_later(SCREEN, conditions=(dystonia(), bypass(recorded=day)))
    assert card(now, "SCREEN").indicator == "warning"
    assert silent(now, "SCREEN", answered(SCREEN, "SCREEN", "not-indicated")) is not again


def test_the_record_counts_before_the_onset() -> None:
    old, new = date(2015, 1, 1), NEXT_DAY
    said = answered(SCREEN, "SCREEN")
    for recorded, onset, again in ((new, old, True), (old, new, False), (None, new, True), (None, old, False)):
        now = two_days_later(SCREEN, conditions=(dystonia(), bypass(recorded=recorded, onset=onset)))
        assert silent(now, "SCREEN", said) is not again, (recorded, onset)


def test_the_same_diagnosis_coded_again_is_not_new() -> None:
    again = dystonia(reference="Condition/2", recorded=NEXT_DAY)
    both = replace(again, codes=frozenset({"G24.9", "15802004"}))  # with a second coding that it did not have
    for repeat in (again, both):
        now = two_days_later(SCREEN, conditions=(dystonia(), repeat))
        assert silent(now, "SCREEN", answered(SCREEN, "SCREEN"))


def test_nor_is_one_that_an_undated_entry_had() -> None:
    undated = dystonia(recorded=None, onset_age=None)
    before = chart(conditions=(undated,))
    now = two_days_later(before, conditions=(undated, dystonia(reference="Condition/2", recorded=NEXT_DAY)))
    assert silent(now, "SCREEN", answered(before, "SCREEN"))


@pytest.mark.parametrize("denied", ["refuted", "entered-in-error", "differential"])
def test_what_was_denied_before_is_new_when_it_is_recorded(denied: str) -> None:
    before = chart(conditions=(dystonia(), ataxia(recorded=date(2021, 1, 1), verification=denied)))
    now = two_days_later(before, conditions=(*before.conditions, ataxia(recorded=NEXT_DAY, reference="Condition/2")))
    assert not silent(now, "SCREEN", answered(before, "SCREEN"))


def test_a_resolved_one_was_known() -> None:
    before = chart(conditions=(dystonia(), ataxia(recorded=date(2021, 1, 1), clinical="resolved")))
    now = two_days_later(before, conditions=(*before.conditions, ataxia(recorded=NEXT_DAY, reference="Condition/2")))
    assert silent(now, "SCREEN", answered(before, "SCREEN"))


def test_a_risk_that_is_no_high_risk_ends_nothing() -> None:
    crohn = problem("K50.90", "B12_RISK_STRONG", recorded=NEXT_DAY)
    now = two_days_later(SCREEN, conditions=(dystonia(), crohn))
    assert silent(now, "SCREEN", answered(SCREEN, "SCREEN"))


@pytest.mark.parametrize("reason", ["", "not-indicated"])
def test_no_result_ends_it(reason: str) -> None:
    normal = result(analytes.B12, "500", "pg/mL", 98)
    macrocytosis = result(analytes.MCV, "110", "fL", 98)  # a high-risk fact, and a result
    now = later(chart(normal, macrocytosis), days=2)
    assert normal.taken.date() == NEXT_DAY
    assert silent(later(chart(normal), days=2), "SCREEN", answered(SCREEN, "SCREEN", reason))
    assert silent(later(chart(macrocytosis), days=2), "SCREEN", answered(SCREEN, "SCREEN", reason))
    assert silent(now, "SCREEN", answered(SCREEN, "SCREEN", reason))


def test_an_established_cause_is_doubted_by_a_new_phenotype_code_only() -> None:
    said = answered(SCREEN, "SCREEN", "cause-known")
    assert silent(two_days_later(SCREEN, conditions=(dystonia(), bypass(recorded=NEXT_DAY))), "SCREEN", said)
    assert not silent(two_days_later(SCREEN, conditions=(dystonia(), ataxia(recorded=NEXT_DAY))), "SCREEN", said)


def test_an_acceptance_ends_with_the_same_evidence() -> None:
    said = answered(SCREEN, "SCREEN", accepted=True)
    assert not silent(two_days_later(SCREEN, conditions=(dystonia(), bypass(recorded=NEXT_DAY))), "SCREEN", said)


# --- events: nitrous oxide each time, everything else by its code ---


GAS = frozenset({"B12_N2O", "B12_N2O_GAS"})


def gas(day: date | None, number: int) -> Procedure:
    return Procedure(Coding(SNOMED, "1"), GAS, "completed", day, f"Procedure/{number}")


def nutrition(day: date, number: int) -> Procedure:
    return Procedure(
        Coding(SNOMED, "225372007"), frozenset({"MN_PN", "MN_RISK"}), "completed", day, f"Procedure/{number}"
    )


@DATES
def test_each_exposure_to_nitrous_oxide_is_new(day: date | None, again: bool) -> None:
    before = chart(procedures=(gas(date(2026, 5, 1), 1),))
    said = answered(before, "SCREEN")
    assert card(before, "SCREEN").indicator == "warning"
    now = two_days_later(before, procedures=(*before.procedures, gas(day, 2)))
    assert silent(now, "SCREEN", said) is not again


def test_so_is_nitrous_oxide_as_a_medicine_and_as_a_statement_of_the_site() -> None:
    ordered = Medication(Coding(RXNORM, "7486"), GAS, "completed", NEXT_DAY, reference="MedicationRequest/1")
    earlier = replace(ordered, start=date(2026, 5, 1), reference="MedicationRequest/0")
    stated = SiteFact("n2o-recreational", True, NEXT_DAY, "Observation/2")
    before = chart(
        medications=(earlier,), site_facts=(SiteFact("n2o-recreational", True, date(2026, 5, 1), "Observation/1"),)
    )
    said = answered(before, "SCREEN")
    assert not silent(two_days_later(before, medications=(earlier, ordered)), "SCREEN", said)
    assert not silent(two_days_later(before, site_facts=(*before.site_facts, stated)), "SCREEN", said)


def test_another_session_of_a_treatment_that_goes_on_is_not_new() -> None:
    before = chart(procedures=(nutrition(date(2026, 8, 1), 1),))
    said = answered(before, "SCREEN")
    now = two_days_later(before, procedures=(*before.procedures, nutrition(NEXT_DAY, 2)))
    assert silent(now, "SCREEN", said)
    assert not silent(
        two_days_later(SCREEN, procedures=(nutrition(NEXT_DAY, 2),)), "SCREEN", answered(SCREEN, "SCREEN")
    )


def test_a_renewed_prescription_is_not_new() -> None:
    feeding = Medication(
        Coding(RXNORM, "9"), frozenset({"MN_PN", "MN_RISK"}), "stopped", date(2026, 8, 1), reference="M/1"
    )
    renewed = replace(feeding, status="active", start=NEXT_DAY, reference="M/2")
    before = chart(medications=(replace(feeding, status="active"),))
    said = answered(before, "SCREEN")
    assert silent(two_days_later(before, medications=(feeding, renewed)), "SCREEN", said)
    assert not silent(two_days_later(before, medications=(renewed,)), "SCREEN", said)


def test_a_signal_that_the_site_states_again_is_not_new() -> None:
    signal = SiteFact("t1-pallidal", True, date(2026, 8, 1), "Observation/1")
    before = chart(conditions=(dystonia(), problem("G21.9", "M_PARK", recorded=date(2020, 1, 1))), site_facts=(signal,))
    repeat = replace(signal, on=NEXT_DAY, reference="Observation/2")
    said = answered(before, "SCREEN")
    assert card(before, "SCREEN").indicator == "warning"
    assert silent(two_days_later(before, site_facts=(signal, repeat)), "SCREEN", said)
    denied = replace(signal, present=False)
    without = replace(before, site_facts=(denied,))
    assert not silent(two_days_later(without, site_facts=(denied, repeat)), "SCREEN", answered(without, "SCREEN"))


def test_a_relative_has_no_date() -> None:
    relative = Relative(Coding(SNOMED, "88518009"), frozenset({"CU_DX"}), "SIB", "FamilyMemberHistory/1")
    now = two_days_later(SCREEN, family=(relative,))
    assert card(now, "SCREEN").indicator == "warning"
    assert silent(now, "SCREEN", answered(SCREEN, "SCREEN"))


# --- result cards ---


def protein(number: str, day: date, hour: int = 8, **said: Any) -> LabResult:
    taken = datetime.combine(day, time(hour), UTC)
    made = result(analytes.CERULOPLASMIN, number, "g/L")
    return replace(made, taken=taken, code="2064-4", reference=f"Observation/{day}-{hour}", **said)


BEFORE = date(2026, 7, 1)
LOW = chart(protein("0.15", BEFORE))


@pytest.mark.parametrize("reason", ["", "not-indicated", "deferred", "done-elsewhere", "cause-known", "wrong-data"])
def test_a_newer_result_ends_it(reason: str) -> None:
    said = answered(LOW, "CU", reason)
    assert silent(later(LOW, days=2), "CU", said)
    newer = later(chart(protein("0.15", BEFORE), protein("0.15", BEFORE, 9)), days=2)
    assert not silent(newer, "CU", said)
    older = later(chart(protein("0.15", BEFORE), protein("0.15", BEFORE, 7)), days=2)
    assert silent(older, "CU", said)


@pytest.mark.parametrize("reason", ["on-treatment", "specialist-managing"])
def test_for_a_specialist_only_a_worse_one_does(reason: str) -> None:
    said = answered(LOW, "CU", reason)
    same = later(chart(protein("0.15", BEFORE), protein("0.14", NEXT_DAY)), days=2)
    worse = later(chart(protein("0.15", BEFORE), protein("0.05", NEXT_DAY)), days=2)
    assert silent(same, "CU", said)
    assert card(worse, "CU").state == "ABNORMAL"
    assert not silent(worse, "CU", said)


def test_a_result_of_another_analyte_that_the_card_now_cites_is_newer_too() -> None:
    said = answered(LOW, "CU", "done-elsewhere")
    urine = replace(result(analytes.COPPER_URINE, "50", "ug/(24.h)"), reference="Observation/urine", code="5633-3")
    now = later(chart(protein("0.15", BEFORE), replace(urine, taken=datetime.combine(NEXT_DAY, time(), UTC))), days=2)
    assert not silent(now, "CU", said)


def test_the_first_result_is_newer_than_none() -> None:
    ring = problem("H18.04", "CU_KF", recorded=BEFORE)
    before = chart(conditions=(dystonia(), ring))
    said = answered(before, "CU", "done-elsewhere")
    assert said.shown.newest_result == ""
    now = later(chart(protein("0.05", BEFORE), conditions=before.conditions), days=2)
    assert not silent(now, "CU", said)
    assert silent(later(before, days=2), "CU", said)


def test_a_result_of_a_later_day_than_the_answer_is_new_although_the_answered_card_cited_it() -> None:
    drawn = datetime.combine(BEFORE, time(), UTC)
    assert silent(LOW, "CU", answered(LOW, "CU", "done-elsewhere", at=drawn))
    assert not silent(LOW, "CU", answered(LOW, "CU", "done-elsewhere", at=drawn - timedelta(days=1)))
    for whatever_the_result in ("specialist-managing", "on-treatment"):
        assert silent(LOW, "CU", answered(LOW, "CU", whatever_the_result, at=drawn - timedelta(days=1)))


@DATES
def test_a_new_entry_that_the_card_cites_ends_it(day: date | None, again: bool) -> None:
    cirrhosis = problem("K74.60", "CU_RISK", recorded=day)
    now = two_days_later(LOW, conditions=(dystonia(), cirrhosis))
    for reason in ("", "on-treatment", "specialist-managing"):
        assert silent(now, "CU", answered(LOW, "CU", reason)) is not again


# --- order cards ---


def test_an_order_card_ends_with_what_it_cites() -> None:
    drug = draft("4511", "FOLATE_RX")
    low = replace(result(analytes.B12, "250", "pg/mL", 200), code="2132-9", reference="Observation/1")
    before = chart(low, drafts=(drug,))
    for reason in ("benefit-outweighs", ""):
        said = answered(before, "ORD_FOLATE", reason)
        newer = replace(low, taken=low.taken + timedelta(days=1), reference="Observation/2")
        assert silent(later(before, days=2), "ORD_FOLATE", said)
        assert not silent(later(chart(low, newer, drafts=(drug,)), days=2), "ORD_FOLATE", said)
        assert silent(
            later(chart(low, newer, drafts=(drug,)), days=2), "ORD_FOLATE", replace(said, reason="on-treatment")
        )


def test_the_order_itself_is_no_evidence() -> None:
    edetate = chart(drafts=(draft("42662", "RX_EDTA_DANGER"),))
    assert shown(card(edetate, "ORD_EDTA"), edetate, mark).cited == ()


@pytest.mark.parametrize("code", ["L_GENE", "RX_SYMPT_NOT_VMAT2"])
def test_the_cards_that_list_what_is_missing_end_as_the_consolidated_one_does(code: str) -> None:
    gene = code == "L_GENE"
    rule, kind = ("ORD_PANEL_FIRST", "ServiceRequest/1") if gene else ("ORD_SYMPT_TX", "MedicationRequest/1")
    before = chart(drafts=(draft("1", code, reference=kind),))
    said = answered(before, rule, "done-elsewhere")
    crohn = problem("K50.90", "B12_RISK_STRONG", recorded=NEXT_DAY)
    assert silent(two_days_later(before, conditions=(dystonia(), crohn)), rule, said)
    assert not silent(two_days_later(before, conditions=(dystonia(), bypass(recorded=NEXT_DAY))), rule, said)
    assert not silent(two_days_later(before, conditions=(dystonia(), ataxia(recorded=NEXT_DAY))), rule, said)


# --- wrong data ---


def test_wrong_data_is_silent_until_what_it_cites_changes() -> None:
    said = answered(LOW, "CU", "wrong-data")
    held = silent(later(LOW, days=3000), "CU", said)
    assert held
    (was,) = LOW.labs["CP"]
    corrected = replace(was, status="corrected", printed="0.16")
    assert not silent(later(chart(corrected), days=2), "CU", said)
    assert not silent(later(chart(replace(was, reference="Observation/other")), days=2), "CU", said)


@pytest.mark.parametrize(
    "edited",
    [
        {"verification": "provisional"}, {"clinical": "recurrence"}, {"onset_age": 39}, {"recorded": date(2020, 1, 2)},
        {"text": "corrected"}, {"codes": frozenset({"G24.9", "15802004"})}, {"onset": date(2019, 1, 1)},
    ],
)  # fmt: skip
def test_any_edit_of_a_cited_problem_is_a_change(edited: dict[str, Any]) -> None:
    said = answered(SCREEN, "SCREEN", "wrong-data")
    assert silent(later(SCREEN, days=900), "SCREEN", said)
    assert not silent(two_days_later(SCREEN, conditions=(dystonia(**edited),)), "SCREEN", said)
    assert silent(two_days_later(SCREEN, conditions=(dystonia(**edited),)), "SCREEN", answered(SCREEN, "SCREEN"))


def test_what_is_gone_has_changed_if_everything_was_looked_up() -> None:
    before = chart(conditions=(dystonia(), ataxia(recorded=date(2020, 1, 1))))
    said = answered(before, "SCREEN", "wrong-data")
    left = later(replace(before, conditions=(ataxia(recorded=date(2020, 1, 1)),)), days=2)
    assert not silent(left, "SCREEN", said)
    assert silent(replace(left, not_looked_up=frozenset({"conditions"})), "SCREEN", said)


def test_without_a_cited_entry_it_counts_as_no_reason() -> None:
    lipids = chart(drafts=(draft("1823-4", "L_VE", reference="ServiceRequest/1"),))
    said = answered(lipids, "ORD_VITE_LIPID", "wrong-data")
    assert silent(later(lipids, days=180), "ORD_VITE_LIPID", said)
    assert not silent(later(lipids, days=181), "ORD_VITE_LIPID", said)


def test_an_entry_without_an_id_is_known_by_its_content() -> None:
    before = chart(conditions=(dystonia(reference=""),))
    said = answered(before, "SCREEN", "wrong-data")
    assert silent(later(before, days=500), "SCREEN", said)
    assert not silent(two_days_later(before, conditions=(dystonia(reference="", text="edited"),)), "SCREEN", said)


# --- what is kept ---


def test_nothing_plain_is_kept() -> None:
    now = chart(protein("0.05", BEFORE), conditions=(dystonia(text="a name"),))
    kept = repr(shown(card(now, "CU"), now, mark))
    for plain in ("Condition", "Observation", "G24.9", "2064-4", "0.05", "a name"):
        assert plain not in kept
    assert shown(card(now, "CU"), now, mark).newest_result == "2026-07-01T08:00:00+00:00"


@settings(max_examples=40, deadline=None)
@given(
    days=st.integers(0, 6000), given_ago=st.integers(0, 6000), reason=st.sampled_from(["", "deferred", "cause-known"])
)
def test_time_alone_never_brings_silence_back(days: int, given_ago: int, reason: str) -> None:
    said = answer(shown(card(SCREEN, "SCREEN"), SCREEN, mark), reason, at=ANSWERED - timedelta(days=given_ago))
    if not silent(later(SCREEN, days=days), "SCREEN", said):
        assert not silent(later(SCREEN, days=days + 1), "SCREEN", said)


@pytest.mark.parametrize(("missing", "held"), [("family_history", False), ("copper-wilson", True)])
def test_what_is_gone_is_known_where_it_would_have_come(missing: str, held: bool) -> None:
    older, newer = protein("0.06", BEFORE - timedelta(days=9)), protein("0.05", BEFORE)
    said = answered(chart(older, newer), "CU", "wrong-data")
    left = replace(chart(older), not_looked_up=frozenset({missing}))
    assert silent(left, "CU", said) is held


@pytest.mark.parametrize("missing", [frozenset[str](), frozenset({"orders"})])
def test_what_an_order_card_cited_is_gone_for_sure_only_where_all_came(missing: frozenset[str]) -> None:
    drug = draft("4511", "FOLATE_RX")
    low = replace(result(analytes.B12, "100", "pg/mL", 200), code="2132-9", reference="Observation/1")
    newer, older = replace(low, reference="Observation/2"), replace(low, taken=low.taken - timedelta(days=9))
    said = answered(chart(newer, older, drafts=(drug,)), "ORD_FOLATE", "wrong-data")
    assert silent(chart(older, drafts=(drug,), not_looked_up=missing), "ORD_FOLATE", said) is bool(missing)


def test_each_entry_is_known_by_the_data_that_bring_it() -> None:
    coding = Coding(SNOMED, "1")
    procedure, medicine = Procedure(coding, frozenset(), "completed"), Medication(coding, frozenset(), "active")
    relative, fact = Relative(coding, frozenset(), "FTH"), SiteFact("t1-pallidal", present=True)
    entries = (dystonia(), procedure, medicine, relative, fact, result(analytes.B12, "100", "pg/mL"))
    names = ["conditions", "procedures", "medications", "family_history", "site_facts", ""]
    assert [new_evidence.key(one) for one in entries] == names
