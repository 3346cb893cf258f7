"""Facts that count, and until when: what mutation testing found that no scenario would notice. Synthetic charts."""

from typing import Any

import pytest
from small_facts import ago, chart, condition, medication, order, pending, procedure, result

from screening.domain import analytes
from screening.domain.chart import SiteFact
from screening.domain.codes import EXEMPT_FROM, SINGLE_INGREDIENT_SETS, without_exempt
from screening.domain.findings import ABNORMAL, BORDERLINE, NORMAL, UNREADABLE
from screening.domain.orders import contrast
from screening.domain.phenotype import of as phenotype_of
from screening.domain.workups import copper_wilson, vitamin_e
from screening.domain.workups.manganese_facts import liver_or_shunt, on_parenteral_nutrition, polycythemia
from screening.domain.workups.vitamin_b12_facts import nitrous_oxide, replacement, strong_risk_since

DYSTONIA = condition("D_GEN", onset_age=48)


def test_in_which_sets_a_mixture_does_not_count() -> None:
    assert {"B12_RX", "VE_RX", "CA_RX", "CU_RX", "FOLATE_RX"} == SINGLE_INGREDIENT_SETS


def test_what_an_exemption_rules_out() -> None:
    assert {"RX_DRBA_EXEMPT": {"RX_DRBA_HIGH", "RX_DRBA_LOW"}} == EXEMPT_FROM
    blockers = frozenset({"RX_DRBA_HIGH", "RX_DRBA_LOW", "B12_RX"})
    assert without_exempt(blockers) == blockers
    assert without_exempt(blockers | {"RX_DRBA_EXEMPT"}) == {"RX_DRBA_EXEMPT", "B12_RX"}


@pytest.mark.parametrize(
    ("given", "starts"),
    [
        ({"sets": "B12_RX", "given": True, "status": "completed", "start": ago(30)}, (ago(30),)),
        ({"sets": "B12_RX", "given": True, "status": "not-done", "start": ago(30)}, None),
        ({"sets": "FOLATE_RX", "given": True, "status": "completed", "start": ago(30)}, None),
        ({"sets": "B12_RX", "given": True, "status": "completed", "start": ago(121)}, None),
        ({"sets": "B12_RX", "start": None}, (None,)),
        ({"sets": "B12_RX", "status": "on-hold", "start": ago(30)}, None),
    ],
)
def test_what_replaces_vitamin_b12(given: dict[str, Any], starts: Any) -> None:
    found = replacement(chart(medications=(medication(given.pop("sets"), **given),)))
    assert (found.starts if found is not None else None) == starts


@pytest.mark.parametrize(("on", "counts"), [(None, True), (ago(365), True), (ago(366), False)])
def test_how_long_recreational_nitrous_oxide_counts(on: Any, counts: bool) -> None:
    made = chart(site_facts=(SiteFact("n2o-recreational", present=True, on=on),))
    assert bool(nitrous_oxide(made)) is counts


def test_one_exposure_that_does_not_count_hides_no_other() -> None:
    unnamed, named = condition("B12_N2O_TEXT"), condition("B12_N2O_TEXT", text="laughing gas")
    old, new = (medication("B12_N2O", status="completed", start=ago(days)) for days in (400, 20))
    draft = medication("B12_N2O", status="draft", start=ago(20))
    assert len(nitrous_oxide(chart(conditions=(unnamed, named), medications=(draft, old, new)))) == 2


def test_parenteral_nutrition_that_goes_on() -> None:
    """A coded condition and a medicine go on; a procedure while in progress or within its look-back."""
    for goes_on in (
        {"conditions": (condition("MN_PN"),)},
        {"medications": (medication("MN_PN"),)},
        {"procedures": (procedure("MN_PN", status="in-progress"),)},
        {"procedures": (procedure("MN_PN", done=ago(5)),)},
    ):
        assert len(on_parenteral_nutrition(chart(**goes_on))) == 1, goes_on
    assert not on_parenteral_nutrition(chart(procedures=(procedure("MN_PN", done=ago(2000)),)))


@pytest.mark.parametrize(("days", "counts"), [(365, True), (366, False)])
def test_how_long_a_high_hemoglobin_counts(days: int, counts: bool) -> None:
    assert bool(polycythemia(chart(result(analytes.HEMOGLOBIN, "190", "g/L", days)))) is counts


@pytest.mark.parametrize(
    ("ring", "referred", "held"),
    [
        ({"recorded": ago(10)}, 5, True),
        ({"recorded": ago(10)}, 12, False),
        ({"onset": ago(10)}, 12, False),
        ({"recorded": ago(13), "onset": ago(3)}, 5, True),
        ({}, 5, True),
    ],
)
def test_a_ring_alone_is_acted_on_by_a_referral_after_it(ring: dict[str, Any], referred: int, held: bool) -> None:
    made = chart(
        conditions=(DYSTONIA, condition("CU_KF", **ring)), orders=(order("REF_NEUROLOGY", authored=ago(referred)),)
    )
    assessed = copper_wilson.assess(made, phenotype_of(made))
    assert assessed.state == ABNORMAL
    assert bool(assessed.held) is held


def vitamin(number: str, days: int, comparator: str = "") -> Any:
    return result(analytes.ALPHA_TOCOPHEROL, number, "mg/L", days, comparator=comparator)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ((vitamin("6", 5, "<"), vitamin("4", 40)), ABNORMAL),
        ((vitamin("6", 5, "<"), vitamin("6.5", 20, "<"), vitamin("4", 40)), ABNORMAL),
        ((vitamin("8", 5, "<"), vitamin("4", 40)), UNREADABLE),
        ((vitamin("6", 5, "<"), vitamin("9", 20), vitamin("4", 40)), UNREADABLE),
        ((vitamin("6", 5, "<"),), UNREADABLE),
        ((vitamin("6", 5, "<"), vitamin("9", 20)), UNREADABLE),
    ],
)
def test_a_vitamin_e_that_cannot_be_normal_lets_an_older_one_decide(given: Any, state: str) -> None:
    made = chart(*given, conditions=(DYSTONIA,))
    assert vitamin_e.assess(made, phenotype_of(made)).state == state


def test_only_a_pending_result_of_the_set_that_is_asked_for_is_waited_for() -> None:
    made = chart(pending=(pending("L_MMA", "L_OTHER"), pending("L_FERR", taken=ago(400))))
    assert made.pending_in("L_MMA")
    assert made.pending_in("L_B12", "L_OTHER")
    assert not made.pending_in("L_B12")
    assert not made.pending_in("L_FERR")


@pytest.mark.parametrize("present", [True, False])
def test_of_two_site_facts_of_one_day_that_contradict_each_other_the_denial_holds(present: bool) -> None:
    told = [SiteFact("t1-pallidal", present=said, on=ago(5)) for said in (present, not present)]
    assert chart(site_facts=tuple(told)).site_fact("t1-pallidal") is None


LIPIDS = (result(analytes.CHOLESTEROL, "3", "mmol/L"), result(analytes.TRIGLYCERIDES, "1", "mmol/L"))


@pytest.mark.parametrize(
    ("lipids", "number", "ordered", "held"),
    [
        ((), "6", "L_LIPIDPANEL", True),
        ((), "6", "L_VE", False),
        (LIPIDS[:1], "6", "L_VE", False),
        (LIPIDS[1:], "6", "L_VE", False),
        (LIPIDS, "4.5", "L_LIPIDPANEL", True),
        (LIPIDS, "4.5", "L_VE", True),
        (LIPIDS, "4.5", "L_FERR", False),
    ],
)
def test_what_resolves_a_borderline_vitamin_e_and_is_ordered(
    lipids: tuple[Any, ...], number: str, ordered: str, held: bool
) -> None:
    made = chart(vitamin(number, 10), *lipids, conditions=(DYSTONIA,), orders=(order(ordered, authored=ago(2)),))
    assessed = vitamin_e.assess(made, phenotype_of(made))
    assert assessed.state == BORDERLINE
    assert bool(assessed.held) is held


@pytest.mark.parametrize(
    ("number", "cholesterol", "triglycerides", "state", "ratio"),
    [
        ("14.4", "6", "3", NORMAL, ["1.6"]),
        ("14.3", "6", "3", ABNORMAL, ["1.59"]),
        ("13.9", "5", "1", NORMAL, ["2.32"]),
        ("13.9", "<10", "2", BORDERLINE, []),
        ("13.9", ">10", "2", ABNORMAL, []),
        ("13.9", "<5", "<2", BORDERLINE, []),
        ("13.9", "<5", "0.9", NORMAL, []),
    ],
)
def test_the_ratio_of_vitamin_e_to_lipids(
    number: str, cholesterol: str, triglycerides: str, state: str, ratio: list[str]
) -> None:
    def lipid(analyte: Any, printed: str) -> Any:
        return result(analyte, printed.lstrip("<>"), "mmol/L", comparator=printed[0] if printed[0] in "<>" else "")

    sample = result(analytes.ALPHA_TOCOPHEROL, number, "umol/L")
    lipids = (lipid(analytes.CHOLESTEROL, cholesterol), lipid(analytes.TRIGLYCERIDES, triglycerides))
    made = chart(sample, *lipids, conditions=(DYSTONIA,))
    assessed = vitamin_e.assess(made, phenotype_of(made))
    assert assessed.state == state
    assert [str(e.value) for e in assessed.evidence if e.code == "vitamin-e-lipid-ratio"] == ratio


def test_pending_lipids_resolve_a_borderline_vitamin_e_together_or_as_a_panel() -> None:
    def held(*pending_sets: str) -> bool:
        waited = tuple(pending(name) for name in pending_sets)
        made = chart(vitamin("6", 10), conditions=(DYSTONIA,), pending=waited)
        return bool(vitamin_e.assess(made, phenotype_of(made)).held)

    assert held("L_LIPIDPANEL")
    assert held("L_CHOL", "L_TG")
    assert not held("L_CHOL")
    assert not held("L_TG")


@pytest.mark.parametrize("status", ["active", "completed", "stopped", "in-progress"])
def test_nitrous_oxide_that_was_given_or_is_being_given_counts(status: str) -> None:
    assert nitrous_oxide(chart(medications=(medication("B12_N2O", status=status, start=ago(20)),)))


@pytest.mark.parametrize("status", ["completed", "in-progress"])
def test_an_injection_that_was_given_or_is_being_given_counts(status: str) -> None:
    assert replacement(chart(medications=(medication("B12_RX", given=True, status=status, start=ago(20)),)))


@pytest.mark.parametrize("name", ["MN_CHOLESTASIS_LIVER", "MN_SHUNT"])
def test_liver_disease_and_shunts_keep_manganese(name: str) -> None:
    assert liver_or_shunt(chart(conditions=(condition(name),)))


def test_which_metals_contrast_spoils() -> None:
    assert set(contrast._METALS) == {
        "L_MNB", "L_MNS", "L_MNRBC", "L_MNU", "L_CUS", "L_CUU24", "L_CUU_TRAP", "L_ZN",
    }  # fmt: skip


def test_an_exposure_without_a_result_of_that_day_needs_one_after_it() -> None:
    """Nitrous oxide itself makes no earlier vitamin B12 out of date: it has a rule of its own."""
    gas = procedure("B12_RISK_STRONG", "B12_N2O", "B12_N2O_GAS", done=ago(5))
    surgery = procedure("B12_RISK_STRONG", done=ago(7))
    assert strong_risk_since(chart(procedures=(gas,))) is None
    assert strong_risk_since(chart(procedures=(gas, surgery))) == ago(7)
