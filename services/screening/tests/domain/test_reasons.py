"""Why and why not, in a clinician's words: the deciding fact or the first failing condition of every scenario."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from answering import ANSWERED, answered, chart, dystonia, later, mark
from chart_builder import build
from judging import screened
from scenario_files import shared, written
from small_facts import result

from screening.domain import analytes, screen
from screening.domain.answers import Terms, held_by
from screening.domain.chart import Chart, Condition
from screening.domain.codes import ICD10CM, Coding
from screening.domain.reasons import Explained, ModuleReason, explained
from screening.domain.screen import Screening
from screening.domain.workups.registry import WORKUPS
from screening.knowledge.loading import code_book

BOOK = code_book()
OURS = [case.scenario for case in written()]
SAMPLE = 7
NAME = "the name of a medicine"
DATE = re.compile(r"(?<!answered on )(?<!silent until )\d{4}-\d{2}")
"""A date of the record; that of an answer may be told."""
CARD_STATES = {"CRITICAL", "ABNORMAL", "DISCORDANT", "BORDERLINE", "NORMAL", "TREATED", "KNOWN_DX", "ORDER_PENDING"}


def told(scenario: Mapping[str, Any]) -> tuple[Chart, Screening, Explained]:
    now = build(scenario, BOOK)
    screening = screened(now, scenario)
    return now, screening, explained(screening, now)


def sentences(said: Explained) -> list[str]:
    own = [said.silence, said.phenotype.because, *(r.because for r in said.rules)]
    return [*own, *(m.because for m in said.modules), *(m.asked_because for m in said.modules)]


def printed_values(now: Chart) -> set[str]:
    """Values with their units, as they stand in the record."""
    return {f"{r.printed} {r.unit}" for found in now.labs.values() for r in found if r.unit}


def check(scenario: Mapping[str, Any]) -> None:
    named = [{**medicine, "name": NAME} for medicine in scenario.get("meds", ())]
    now, screening, said = told({**scenario, "meds": named})
    name = scenario["id"]
    assert bool(said.silence) is (not screening.findings), name
    assert said.phenotype.outcome == screening.phenotype.tier
    assert said.phenotype.because
    assert bool(said.phenotype.facts) >= screening.phenotype.present, name
    for sentence in sentences(said):
        assert not DATE.search(sentence), (name, sentence)
        assert not any(plain in sentence for plain in printed_values(now)), (name, sentence)
        assert NAME not in sentence, (name, sentence)
        assert "None" not in sentence
    for module in said.modules:
        _check_module(name, module)
        if scenario["hook"] == "patient-view" and module.came_of_it == "listed":
            assert module.asked_for, (name, module.module)
    cards = {f.module for f in screening.findings}
    assert {m.module for m in said.modules if m.came_of_it == "shown"} == cards & {m.module for m in said.modules}
    assert [rule.subject for rule in said.rules] == [rule.rule for rule in screening.rules]
    for rule in said.rules:
        assert rule.because, name
        assert (rule.outcome == "shown") is (rule.subject in cards), name
        assert bool(rule.facts) is (rule.outcome in ("shown", "held")), name


def _check_module(name: str, module: ModuleReason) -> None:
    assert module.because, (name, module.module)
    assert module.asked_because, (name, module.module)
    if module.state in CARD_STATES:
        assert module.facts, (name, module.module, module.state)


def test_written_scenarios_are_explained() -> None:
    for scenario in OURS[::SAMPLE]:
        check(scenario)


@pytest.mark.wide
def test_every_written_scenario_is_explained() -> None:
    for scenario in OURS:
        check(scenario)


def test_every_shared_scenario_is_explained() -> None:
    if not shared():
        pytest.skip("shared/clinical/scenarios.json is not beside this checkout")
    for scenario in shared():
        check(scenario)


# --- what the silent ones say ---


def small(**said: Any) -> dict[str, Any]:
    return {
        "id": "small",
        "hook": "patient-view",
        "age": 50,
        "sex": "female",
        "conditions": [{"code": "G24.9"}],
        **said,
    }


@pytest.mark.parametrize(
    ("given", "because"),
    [
        ({"deceased": True}, "the patient has died"),
        ({"user": "Patient/1"}, "the user does not order"),
        ({"conditions": [{"text": "dystonia"}]}, "no coded movement disorder that is screened"),
        ({"conditions": [{"code": "G24.9", "ver": "refuted"}]}, "resolved, inactive, refuted or not established"),
        ({"conditions": [{"code": "G62.9"}]}, "no coded movement disorder that is screened"),
        (
            {"conditions": [{"code": "M43.6"}]},
            "an unspecified torticollis, a hemifacial spasm or a cramp is no dystonia",
        ),
        ({"conditions": [{"code": "G25.0"}]}, "essential tremor alone is not screened"),
        (
            {"conditions": [{"code": "R27.0"}, {"code": "I69.393"}]},
            "the ataxia on record is explained by another disorder",
        ),
        ({"conditions": [{"code": "G24.3", "onsetAge": 45}]}, "isolated focal dystonia with onset after 40 years"),
        ({"conditions": [{"code": "G24.9"}, {"code": "Z51.5"}]}, "in palliative care only critical cards are shown"),
        ({"conditions": [{"code": "G24.9"}, {"code": "E83.01"}]}, "Wilson disease is already recorded"),
        ({"conditions": [{"code": "G24.02"}]}, "drug-induced dystonia only"),
        (
            {"conditions": [{"code": "G21.9"}, {"code": "Z57.5"}]},
            "an occupational exposure is recorded, but its text names no source of manganese",
        ),
        (
            {"conditions": [{"code": "G24.3", "onsetAge": 45}], "meds": [{"code": "7646"}]},
            "one weak risk of vitamin B12 deficiency alone does not ask for a test",
        ),
    ],
)
def test_silence_names_what_it_rests_on(given: dict[str, Any], because: str) -> None:
    scenario = small(**given)
    if not any(c.get("code") for c in scenario["conditions"]):
        scenario["conditions"] = []
    _, screening, said = told(scenario)
    assert not screening.findings
    assert because in said.silence, said.silence
    assert "ataxia" not in said.silence or "R27.0" in str(given)


def test_silence_after_normal_tests_names_each() -> None:
    labs = [
        {"code": "2132-9", "v": 520, "u": "pg/mL", "ago": 20},
        {"code": "29265-6", "v": 2.3, "u": "mmol/L", "ago": 20},
        {"code": "2064-4", "v": 27, "u": "mg/dL", "ago": 20},
    ]
    _, _, said = told(small(labs=labs))
    assert "vitamin B12 is normal" in said.silence
    assert "calcium is not low" in said.silence
    assert "do not suggest Wilson disease" in said.silence


def module(said: Explained, name: str) -> ModuleReason:
    return next(m for m in said.modules if m.module == name)


def test_a_suspected_diagnosis_is_said_to_settle_nothing() -> None:
    _, _, said = told(small(conditions=[{"code": "G24.9"}, {"code": "E83.01", "ver": "provisional"}]))
    copper = module(said, "CU")
    assert "suspected, not confirmed" in copper.because
    assert [fact.code for fact in copper.facts] == ["E83.01"]


@pytest.mark.parametrize(
    ("lab", "state", "because"),
    [
        ({"v": 500, "u": "pg/mL", "ago": 366}, "STALE", "the last result is older than 365 days"),
        ({"v": 500, "u": "furlong", "ago": 6}, "UNREADABLE", "the newest result cannot be used: unit not accepted"),
        (
            {"v": 300, "u": "pg/mL", "cmp": ">", "ago": 6},
            "UNREADABLE",
            "the newest result cannot be used: the reported range",
        ),
    ],
)
def test_a_result_that_cannot_be_used_is_named_without_its_day(lab: dict[str, Any], state: str, because: str) -> None:
    _, _, said = told(small(labs=[{"code": "2132-9", **lab}]))
    b12 = module(said, "B12")
    assert (b12.state, b12.came_of_it) == (state, "listed")
    assert because in b12.because
    assert [fact.code for fact in b12.facts] == ["2132-9"]


def test_a_result_from_before_a_new_risk() -> None:
    bypass = {"code": "Z98.84", "rec": 20}
    _, _, said = told(
        small(conditions=[{"code": "G24.9"}, bypass], labs=[{"code": "2132-9", "v": 500, "u": "pg/mL", "ago": 40}])
    )
    assert module(said, "B12").because == "the last result is from before a new strong risk"


def test_what_was_not_delivered_is_not_called_missing() -> None:
    now = chart(not_looked_up=frozenset({"copper-wilson"}))
    copper = module(explained(screen.patient_view(now), now), "CU")
    assert copper.because == "its results were not delivered with this call"


@pytest.mark.parametrize(
    ("orders", "held"),
    [
        (
            [{"sys": "snomed", "code": "183521007", "ago": 3}],
            "a confirmatory order or referral was made in the last 14 days",
        ),
        ([], ""),
    ],
)
def test_what_was_acted_on_names_the_order(orders: list[dict[str, Any]], held: str) -> None:
    _, _, said = told(small(labs=[{"code": "2064-4", "v": 5, "u": "mg/dL", "ago": 20}], orders=orders))
    copper = module(said, "CU")
    assert copper.came_of_it == ("held" if held else "shown")
    assert copper.because.endswith(held or "suggest Wilson disease")
    assert ("183521007" in {fact.code for fact in copper.facts}) is bool(held)


def test_a_pending_order_is_the_fact_behind_the_state() -> None:
    _, _, said = told(small(orders=[{"code": "2132-9", "ago": 3}]))
    b12 = module(said, "B12")
    assert (b12.state, [fact.code for fact in b12.facts]) == ("ORDER_PENDING", ["2132-9"])


def test_treatment_is_the_fact_behind_the_state() -> None:
    _, _, said = told(small(meds=[{"code": "5514", "start": 100}]))
    assert module(said, "B12").because == "vitamin B12 replacement is active"
    assert [fact.code for fact in module(said, "B12").facts] == ["5514"]


# --- what is held back ---


def test_an_answer_is_the_reason() -> None:
    before = chart(result(analytes.CERULOPLASMIN, "0.05", "g/L", 120))
    now = later(before, days=20)
    answers = [answered(before, "CU", "specialist-managing"), answered(before, "SCREEN", "not-indicated")]
    screening = screen.patient_view(now, hold=lambda f: held_by(f, now, answers, mark, Terms()))
    said = explained(screening, now)
    assert module(said, "CU").came_of_it == "held"
    assert "a specialist is managing; silent until 2027-08-15" in module(said, "CU").because
    assert module(said, "B12").came_of_it == "held"
    assert "not indicated for this phenotype" in said.silence
    assert ANSWERED.date().isoformat() in said.silence


def test_the_copper_card_that_the_iron_card_covers() -> None:
    now = chart(
        result(analytes.FERRITIN, "900", "ug/L", 120),
        result(analytes.IRON, "5", "umol/L", 120),
        result(analytes.CERULOPLASMIN, "0.05", "g/L", 120),
    )
    said = explained(screen.patient_view(now), now)
    assert (module(said, "CU").came_of_it, module(said, "FE").came_of_it) == ("held", "shown")
    assert module(said, "CU").because.endswith("another card shown says the same and covers it")


def test_drug_induced_dystonia_holds_some_results_back() -> None:
    drug_induced = Condition(Coding(ICD10CM, "G24.02"), frozenset({"D_DRUG"}), onset_age=30)
    now = chart(result(analytes.MANGANESE_BLOOD, "60", "ug/L", 120), conditions=(drug_induced,))
    screening = screen.patient_view(now)
    assert [(h.module, h.indicator, h.hold.by) for h in screening.held] == [("MN", "warning", "drug-induced")]
    assert module(explained(screening, now), "MN").came_of_it == "held"


def test_an_acute_reaction_delays_the_consolidated_card() -> None:
    onset = {"code": "G24.9", "onsetAgo": 10}
    _, screening, said = told(small(conditions=[onset], meds=[{"code": "5093", "start": 12}]))
    assert [(h.module, h.state, h.hold.by) for h in screening.held] == [("SCREEN", "INCOMPLETE", "acute-reaction")]
    assert said.silence.startswith("tests without a current result: possible acute dystonic reaction")


# --- orders ---


@pytest.mark.parametrize(
    ("drafts", "said"),
    [
        ([{"type": "MedicationRequest", "code": "6375"}], "a levodopa trial is never remarked on"),
        (
            [{"type": "MedicationRequest", "code": "51272"}],
            "this drug is exempt from the remark on dopamine-receptor blockers",
        ),
        ([{"type": "ServiceRequest", "code": "718-7"}], "no rule is about the selected orders"),
        (
            [{"type": "ServiceRequest", "code": "718-7"}, {"type": "ServiceRequest", "code": "1823-4"}],
            "no rule is about the other selected orders",
        ),
    ],
)
def test_orders_that_no_rule_is_about(drafts: list[dict[str, Any]], said: str) -> None:
    scenario = small(hook="order-select", draft=[{"id": f"o{n}", **one} for n, one in enumerate(drafts)])
    _, screening, _ = told(scenario)
    assert [rule.because for rule in screening.rules if not rule.rule] == [said]


def test_no_order_is_selected() -> None:
    one = {"id": "o1", "type": "ServiceRequest", "code": "1823-4"}
    _, screening, said = told(small(hook="order-select", draft=[one], selections=[]))
    assert [rule.because for rule in screening.rules] == ["no order is selected"]
    assert said.silence == "no order is selected"


def test_a_rule_that_could_not_look_says_so() -> None:
    one = {"id": "o1", "type": "ServiceRequest", "code": "1823-4"}
    now = replace(build(small(hook="order-select", draft=[one]), BOOK), not_looked_up=frozenset({"vitamin-e"}))
    screening = screen.order_hook(now)
    assert [(r.rule, r.outcome) for r in screening.rules] == [("ORD_VITE_LIPID", "cannot-tell")]
    assert "results for vitamin E" in screening.rules[0].because


def test_a_rule_that_needs_the_problem_list_says_so() -> None:
    one = {"id": "o1", "type": "ServiceRequest", "code": "2132-9"}
    now = replace(
        build(small(hook="order-select", draft=[one]), BOOK), conditions=(), not_looked_up=frozenset({"conditions"})
    )
    screening = screen.order_hook(now)
    assert screening.undecided
    assert {r.outcome for r in screening.rules} == {"needs-phenotype"}


@pytest.mark.parametrize(("delivered", "outcome"), [(True, "nothing"), (False, "needs-phenotype")])
def test_no_dystonia_is_only_known_from_a_whole_problem_list(delivered: bool, outcome: str) -> None:
    one = {"id": "o1", "type": "MedicationRequest", "code": "5093"}
    absent = frozenset() if delivered else frozenset({"conditions"})
    now = replace(build(small(hook="order-select", draft=[one]), BOOK), conditions=(), not_looked_up=absent)
    assert [(r.rule, r.outcome) for r in screen.order_hook(now).rules] == [("ORD_DRBA", outcome)]


def test_a_gene_panel_cannot_be_judged_without_the_results() -> None:
    one = {"id": "o1", "type": "ServiceRequest", "code": "405825005", "sys": "snomed"}
    names = frozenset(workup.id for workup in WORKUPS)
    now = replace(build(small(hook="order-select", draft=[one]), BOOK), not_looked_up=names)
    assert [(r.rule, r.outcome) for r in screen.order_hook(now).rules] == [("ORD_PANEL_FIRST", "cannot-tell")]


def test_before_signing_what_only_informs_is_held() -> None:
    risperidone = {"id": "o1", "type": "MedicationRequest", "code": "35636"}
    _, screening, said = told(small(hook="order-sign", draft=[risperidone]))
    assert [(h.module, h.indicator, h.hold.by) for h in screening.held] == [("ORD_DRBA", "info", "signing")]
    assert said.rules[0].outcome == "held"
    assert said.rules[0].facts
    assert dystonia().coding.code in {fact.code for fact in said.rules[0].facts}
