"""What each card offers, whole and in its order: mutation testing found that scenarios name only what they are about.

Codes of the drafts, then reasons to override, as clinical rules 1.0.8 and section 6 list them for the card. One
suggestion a line, `;` between suggestions; `!stat` and `!urgent` for all of its drafts, `-` for a draft taken back.
"""

from functools import cache
from typing import Any

import pytest
from chart_builder import build
from judging import screened
from scenario_files import written

from screening.domain.findings import Finding, Suggestion
from screening.knowledge.loading import code_book

SCREEN = "done-elsewhere cause-known not-indicated patient-declined deferred"
PANEL_FIRST = "done-elsewhere deferred cause-known"
SYMPTOMATIC = "done-elsewhere cause-known not-indicated"
B12_LOW = "on-treatment done-elsewhere wrong-data specialist-managing"
B12_UNCLEAR = "deferred on-treatment not-indicated done-elsewhere"
CA_NOW = "on-treatment wrong-data specialist-managing"
CU_FOUND = "specialist-managing done-elsewhere wrong-data"
CU_UNCLEAR = "deferred done-elsewhere not-indicated"
VE_LOW = "on-treatment specialist-managing done-elsewhere"
EVERYTHING = (
    "2132-9 58410-2; 24323-8 19123-9; 2064-4 5633-3 24325-3; 1823-4 24331-1; 5681-2 2276-4 58410-2;"
    " 2276-4 50190-8 2064-4 30657-1"
)
CA_STAT = "24323-8 1995-0 19123-9 2777-1 2731-8 62292-8 164847006"
WILSON = "5633-3 24325-3 6301-6 55468007 5631-7 HGNC:870"
OFFERED = [
    ("B12-30", "B12", "13964-2 13965-9 2160-0 58410-2 30530-0; 183521007", B12_LOW),
    ("CA-09", "B12", "13964-2 13965-9 2160-0 58410-2 30530-0; 183521007", B12_LOW),
    ("B12-EGFR-05", "B12", "13964-2 13965-9 58410-2 30530-0; 183521007", B12_LOW),
    ("B12-06", "B12", "72160-5 25116-5", B12_UNCLEAR),
    ("B12-07", "B12", "72160-5 25116-5; 183521007", B12_UNCLEAR),
    ("SCREEN-CAP-05", "B12", "13964-2 13965-9 2160-0 2284-8", B12_UNCLEAR),
    ("B12-08", "B12", "13964-2 13965-9 2160-0 2284-8; 183521007", B12_UNCLEAR),
    ("B12-13", "B12", "13964-2 13965-9 2160-0 30530-0", "on-treatment specialist-managing"),
    ("B12-31", "B12", "13964-2 13965-9 2160-0", "on-treatment specialist-managing"),
    ("B12-27", "B12", "13965-9 13964-2 2160-0; 183521007", "on-treatment done-elsewhere"),
    ("CA-06", "CA", "2731-8 2777-1 62292-8 19123-9 24323-8 1995-0; 183521007", "on-treatment specialist-managing"),
    ("CA-ALBUMIN-SI-13", "CA", "24323-8; 1995-0", "deferred done-elsewhere"),
    ("CA-UNSEEN-02", "CA", f"{CA_STAT} !stat; 183521007", CA_NOW),
    ("CA-CRITICAL-AGE-03", "CA", f"{CA_STAT} !urgent; 183521007", "on-treatment done-elsewhere"),
    ("CA-UNSEEN-01", "CA", f"{CA_STAT} !urgent; 183521007", "on-treatment done-elsewhere"),
    ("CA-CRITICAL-TREATED-01", "CA", f"{CA_STAT} !stat; 183521007", CA_NOW),
    ("CA-TOTAL-NEAREST-01", "CA", f"{CA_STAT} !stat; 183521007", CA_NOW),
    ("CU-INR-02", "CU", f"{WILSON} !stat; 183521007 183523005 306279004 !stat", "specialist-managing wrong-data"),
    ("CU-UNSEEN-02", "CU", f"{WILSON}; 183521007 183523005 306279004", CU_FOUND),
    ("CU-ANTICOAGULANT-01", "CU", "5633-3 24325-3 55468007 5631-7 HGNC:870; 183521007 183523005 306279004", CU_FOUND),
    ("CU-NO-CP-03", "CU", "5633-3 24325-3 55468007 5631-7", CU_UNCLEAR),
    ("CU-RISK-NO-CP-03", "CU", "5633-3 24325-3 6301-6 55468007 5631-7", CU_UNCLEAR),
    ("CU-01", "CU", "5633-3 24325-3 55468007 5631-7", CU_UNCLEAR),
    ("CU-FAMILY-URINE-01", "CU", "55468007 24325-3; 183523005", CU_UNCLEAR),
    ("CU-CP15-06", "CU", "5763-8 5631-7 58410-2", "specialist-managing"),
    ("CU-CP05-06", "CU", "55468007 5633-3 5763-8 58410-2; 183521007", "specialist-managing"),
    ("FE-04", "FE", "30657-1 1988-5 HGNC:2295; 183521007 306279004 308479007", "specialist-managing done-elsewhere"),
    ("MN-04", "MN", "5681-2 2276-4 50190-8 58410-2 24325-3 30657-1; 183521007 306279004",
     "specialist-managing wrong-data done-elsewhere"),
    ("MN-05", "MN", "5681-2 2276-4 50190-8 58410-2 24325-3 30657-1; HGNC:25355 HGNC:20858; 183521007 306279004",
     "specialist-managing wrong-data done-elsewhere"),
    ("MN-10", "MN", "2276-4 5681-2", "deferred not-indicated"),
    ("SCREEN-03", "VITE", "1823-4 24331-1 58410-2; HGNC:12404; 183521007 306279004", VE_LOW),
    ("VITE-03", "VITE", "1823-4 24331-1 58410-2; 183521007 306279004", VE_LOW),
    ("VITE-06", "VITE", "24331-1 1823-4", "deferred not-indicated"),
    ("VITE-RATIO-LOW-01", "VITE", "24331-1 1823-4", "deferred not-indicated"),
    ("VITE-12", "VITE", "1823-4 24331-1", "specialist-managing done-elsewhere"),
    ("VITE-DISCORDANT-01", "VITE", "1823-4 24331-1; 183521007", "specialist-managing done-elsewhere"),
    ("CA-01", "SCREEN", "24323-8 19123-9", SCREEN),
    ("CA-LOOKBACK-RISK-03", "SCREEN", "24323-8 19123-9 1995-0", SCREEN),
    ("CA-08", "SCREEN", "24323-8 19123-9 2731-8 2777-1 62292-8", SCREEN),
    ("MN-03", "SCREEN", "5681-2 2276-4 58410-2 24325-3", SCREEN),
    ("CA-07", "DATA", "", "done-elsewhere not-indicated deferred"),
    ("OR-03", "ORD_B12_ON_TX", "13964-2 -ServiceRequest/d1", "benefit-outweighs"),
    ("OR-03", "ORD_B12_REFLEX", "13964-2 13965-9 2160-0", "not-indicated deferred"),
    ("OR-05", "ORD_B12_REFLEX", "13965-9 13964-2", "done-elsewhere"),
    ("OW-WHO-01", "ORD_CERULO_ALONE", "5633-3 24325-3", "done-elsewhere not-indicated"),
    ("OC-03", "ORD_CHELATOR", "183521007", "specialist-managing"),
    ("OM-02", "ORD_CONTRAST_METAL", "", "benefit-outweighs"),
    ("OD-01", "ORD_DRBA", "", "benefit-outweighs specialist-managing"),
    ("OC-01", "ORD_EDTA", "", "wrong-data specialist-managing"),
    ("OC-02", "ORD_EDTA", "", "wrong-data specialist-managing"),
    ("OR-02", "ORD_FOLATE", "2132-9", "benefit-outweighs done-elsewhere"),
    ("OR-01", "ORD_FOLATE", "", "on-treatment benefit-outweighs"),
    ("OR-FOLATE-WHO-06", "ORD_FOLATE", "13964-2 13965-9", "on-treatment benefit-outweighs"),
    ("OI-WHO-19", "ORD_IRON", "50190-8 2276-4", "specialist-managing benefit-outweighs"),
    ("OR-METFORMIN-02", "ORD_METFORMIN", "13964-2", "benefit-outweighs"),
    ("OR-07", "ORD_MN_SPECIMEN", "5681-2 -ServiceRequest/d1", "specialist-managing lab-unavailable"),
    ("OR-01", "ORD_N2O", "13965-9 13964-2 -MedicationRequest/d1", "benefit-outweighs on-treatment"),
    ("OR-N2O-17", "ORD_N2O", "2132-9 13965-9", "benefit-outweighs"),
    ("OS-02", "ORD_PANEL_FIRST", EVERYTHING, PANEL_FIRST),
    ("OR-PN-WHO-12", "ORD_PN_MN", "5681-2", "done-elsewhere"),
    ("OS-07", "ORD_PN_MN", "5681-2", "specialist-managing benefit-outweighs"),
    ("OS-01", "ORD_SYMPT_TX", EVERYTHING, SYMPTOMATIC),
    ("OR-11", "ORD_VITE_LIPID", "24331-1", "done-elsewhere not-indicated"),
    ("OR-VITE-RX-06", "ORD_VITE_RX", "1823-4 24331-1", "done-elsewhere"),
    ("OR-VITE-RX-01", "ORD_VITE_RX", "6301-6", "benefit-outweighs specialist-managing"),
    ("OR-VITE-RX-03", "ORD_VITE_RX", "", "benefit-outweighs specialist-managing"),
]  # fmt: skip


PAGES = {
    "vitamin-b12": "B12 ORD_B12_ON_TX ORD_B12_REFLEX ORD_FOLATE ORD_METFORMIN ORD_N2O",
    "calcium-vitamin-d": "CA",
    "copper-wilson": "CU ORD_CERULO_ALONE",
    "iron-nbia": "FE ORD_IRON",
    "manganese": "MN ORD_CONTRAST_METAL ORD_MN_SPECIMEN ORD_PN_MN",
    "vitamin-e": "VITE ORD_VITE_LIPID ORD_VITE_RX",
    "safety": "ORD_CHELATOR ORD_DRBA ORD_EDTA",
    "genetic-vs-acquired": "DATA ORD_PANEL_FIRST ORD_SYMPT_TX",
}
"""The page behind a card; SCREEN leads to that of its only workup."""


@cache
def scenarios() -> dict[str, dict[str, Any]]:
    """The written scenarios by their id."""
    return {str(case): case.scenario for case in written()}


@cache
def cards(scenario_id: str) -> dict[str, Finding]:
    """The cards of a written scenario, by module."""
    scenario = scenarios()[scenario_id]
    return {finding.module: finding for finding in screened(build(scenario, code_book()), scenario).findings}


def in_words(suggestion: Suggestion) -> str:
    """A suggestion as the table has it."""
    drafts = [order.gene or order.code for order in suggestion.orders]
    priorities = {order.priority for order in suggestion.orders}
    assert len(priorities) <= 1, "one priority for all drafts of a suggestion"
    said = [f"!{priority}" for priority in priorities if priority]
    return " ".join((*drafts, *said, *(f"-{reference}" for reference in suggestion.withdraw)))


@pytest.mark.parametrize(
    ("scenario_id", "module", "drafts", "reasons"), OFFERED, ids=[f"{module}-{which}" for which, module, *_ in OFFERED]
)
def test_what_a_card_offers(scenario_id: str, module: str, drafts: str, reasons: str) -> None:
    card = cards(scenario_id)[module]
    assert "; ".join(map(in_words, card.suggestions)) == drafts
    assert " ".join(card.override_reasons) == reasons


@pytest.mark.parametrize(
    ("scenario_id", "rule"),
    [
        ("OI-01", "ORD_IRON"),
        ("OR-01", "ORD_N2O"),
        ("OR-PN-WHO-02", "ORD_PN_MN"),
        ("OR-11", "ORD_VITE_LIPID"),
        ("OR-VITE-RX-01", "ORD_VITE_RX"),
        ("OC-01", "ORD_EDTA"),
        ("OM-02", "ORD_CONTRAST_METAL"),
    ],
)
def test_a_rule_that_needs_no_problem_list_speaks_without_one(scenario_id: str, rule: str) -> None:
    blind = {**scenarios()[scenario_id], "id": None, "conditions": [], "not_delivered": ["conditions"]}
    shown = screened(build(blind, code_book()), blind)
    assert rule in {finding.module for finding in shown.findings}


@pytest.mark.parametrize(("scenario_id", "module"), [(which, module) for which, module, *_ in OFFERED])
def test_which_page_stands_behind_a_card(scenario_id: str, module: str) -> None:
    card = cards(scenario_id)[module]
    pages = [page for page, modules in PAGES.items() if module in modules.split()]
    if module == "SCREEN":
        pages = [page for page, modules in PAGES.items() if card.includes == (modules.split()[0],)]
    assert [card.explanation] == pages


def test_a_list_of_several_workups_leads_to_the_page_about_all() -> None:
    several = cards("SCREEN-01")["SCREEN"]
    assert len(several.includes) > 1
    assert several.explanation == "genetic-vs-acquired"
