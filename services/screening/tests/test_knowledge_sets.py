"""The reviewed codes and the sets made of them: the linter that every change to a code has to pass."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import screening.domain
from screening.domain import analytes, catalog, findings
from screening.domain.codes import EXEMPT_FROM, SINGLE_INGREDIENT_SETS, canonical
from screening.domain.orders.registry import ORDER_RULES
from screening.knowledge import loading
from screening.knowledge.check_digits import mod_10_holds, verhoeff_holds

KNOWLEDGE = Path(loading.__file__).parent
DOMAIN = Path(screening.domain.__file__).parent
REVIEWED: dict[str, Any] = json.loads((KNOWLEDGE / "reviewed" / "codes.json").read_text(encoding="utf-8"))
PRODUCTS: dict[str, Any] = json.loads((KNOWLEDGE / "reviewed" / "rxnorm-products.json").read_text(encoding="utf-8"))
SETS: dict[str, Any] = REVIEWED["sets"]
SHARED = Path(__file__).parents[3].parent / "shared" / "clinical"
NAMED = re.compile("(code from|(substance|class) named in) clinical rules ")
"""What a code says that was added to a set of the clinical source."""
DROPPED = {("CA_RX", "A11CC")}
"""Codes of the clinical source that an amendment takes back: A11CC holds plain vitamin D (section 6, 2)."""

SET_FUNCTIONS = {
    "conditions_in", "has_condition", "known_diagnoses", "procedures_in", "facts_in", "on_medicine", "treatments",
    "pending_in", "drafted_in", "test_in", "medicine_in", "anything_in",
}  # fmt: skip


def entries() -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, entry) for name, told in SETS.items() for entry in told["codes"])


# --- check digits ---


def test_the_check_digit_algorithms_tell_right_from_wrong() -> None:
    assert verhoeff_holds("15802004")
    assert not verhoeff_holds("15802005")
    assert not verhoeff_holds("15800204")
    assert mod_10_holds("2132-9")
    assert not mod_10_holds("2132-8")
    assert not mod_10_holds("2312-9")


def test_every_check_digit_holds() -> None:
    tests = {"snomed": verhoeff_holds, "loinc": mod_10_holds}
    wrong = [
        (name, entry["code"])
        for name, entry in entries()
        if entry["system"] in tests and not tests[entry["system"]](entry["code"])
    ]
    assert wrong == []


# --- entries ---


def test_every_entry_is_complete() -> None:
    for name, entry in entries():
        assert entry["system"] in REVIEWED["systems"], name
        assert entry["code"] == entry["code"].strip() != "", name
        assert entry["display"] == entry["display"].strip().strip('"') != "", (name, entry["code"])
        assert entry["level"] in REVIEWED["levels"], (name, entry["code"])
        assert entry["sources"], (name, entry["code"])


def test_every_snomed_concept_says_whether_it_is_free() -> None:
    assert all(isinstance(entry.get("gps"), bool) for _, entry in entries() if entry["system"] == "snomed")


def test_no_set_holds_a_code_twice() -> None:
    for name, told in SETS.items():
        keys = [(entry["system"], entry["code"]) for entry in told["codes"]]
        assert len(keys) == len(set(keys)), name


def test_a_code_reads_the_same_in_every_set() -> None:
    told: dict[tuple[str, str], tuple[str, str, bool | None]] = {}
    for name, entry in entries():
        facts = (entry["display"], entry["level"], entry.get("gps"))
        assert told.setdefault((entry["system"], entry["code"]), facts) == facts, name


def test_only_icd_and_atc_match_by_prefix() -> None:
    assert {entry["system"] for _, entry in entries() if entry.get("prefix")} == {"icd10cm", "atc"}


def test_codes_are_spelled_as_incoming_codes_are_once_canonical() -> None:
    for name, entry in entries():
        system = REVIEWED["systems"][entry["system"]]["url"]
        assert canonical(system, entry["code"]) == (system, entry["code"]), name


def test_no_trap_is_in_any_other_set() -> None:
    traps = {entry["code"]: name for name, entry in entries() if name.endswith("_TRAP")}
    assert traps
    assert [(name, e["code"]) for name, e in entries() if not name.endswith("_TRAP") and e["code"] in traps] == []


def test_a_look_alike_of_dystonia_is_in_no_phenotype_set() -> None:
    looks = {entry["code"] for entry in SETS["X_NOT_DYST"]["codes"]}
    phenotype = [name for name in SETS if name.startswith(("D_", "M_")) and not name.startswith(("MN_",))]
    assert {"D_GEN", "D_FOCAL", "D_DRUG", "M_ATAXIA"} <= set(phenotype)
    for name in phenotype:
        assert looks.isdisjoint(entry["code"] for entry in SETS[name]["codes"]), name


def test_derived_sets_hold_codes_of_their_sources_or_codes_that_the_rules_name() -> None:
    derived = {name: told for name, told in SETS.items() if "derivedFrom" in told}
    assert len(derived) >= 34
    for name, told in derived.items():
        sources = {(e["system"], e["code"]) for source in told["derivedFrom"] for e in SETS[source]["codes"]}
        for entry in told["codes"]:
            named = any(NAMED.match(source) for source in entry["sources"])
            assert named or (entry["system"], entry["code"]) in sources, (name, entry["code"])
        assert told["rules"] != "2.2", name


def test_calcium_treatment_is_neither_plain_vitamin_d_nor_a_whole_class_of_it() -> None:
    told = {(e["system"], e["code"], e.get("prefix", False)) for e in SETS["CA_RX"]["codes"]}
    rxnorm = {("rxnorm", code, False) for code in ("1894", "12062", "1895", "1897", "47613", "1908", "1901")}
    assert told == rxnorm | {("atc", "A12AA", True), ("atc", "A11CC03", False), ("atc", "A11CC04", False)}


def test_symptomatic_treatments_are_vmat2_inhibitors_or_others() -> None:
    parts = [{(e["system"], e["code"]) for e in SETS[name]["codes"]} for name in ("RX_VMAT2", "RX_SYMPT_NOT_VMAT2")]
    assert parts[0].isdisjoint(parts[1])
    assert parts[0] | parts[1] == {(e["system"], e["code"]) for e in SETS["RX_SYMPT"]["codes"]}


def test_no_exempt_code_is_listed_where_it_is_exempt() -> None:
    for exempt, ruled_out in EXEMPT_FROM.items():
        codes = {(e["system"], e["code"]) for e in SETS[exempt]["codes"]}
        for name in ruled_out:
            assert codes.isdisjoint((e["system"], e["code"]) for e in SETS[name]["codes"]), name


def test_renal_codes_are_either_creatinine_or_egfr() -> None:
    both = [{entry["code"] for entry in SETS[name]["codes"]} for name in ("L_CREATININE", "L_EGFR")]
    assert both[0].isdisjoint(both[1])
    assert both[0] | both[1] == {entry["code"] for entry in SETS["L_RENAL"]["codes"]}


def test_weak_b12_risks_fall_into_exactly_one_class() -> None:
    classes = [name for name in SETS if name.startswith("B12_WEAK_")]
    members = [entry["code"] for name in classes for entry in SETS[name]["codes"]]
    assert sorted(members) == sorted(entry["code"] for entry in SETS["B12_RISK_WEAK"]["codes"])


def test_nothing_of_the_clinical_source_was_lost() -> None:
    source = SHARED / "codes.json"
    if not source.is_file():
        pytest.skip("the clinical source stands beside the project only where it is developed")
    groups = json.loads(source.read_text(encoding="utf-8"))["groups"]
    for name, group in groups.items():
        theirs = [(c["sys"], c["code"], c["level"], c.get("match") == "prefix", c.get("gps")) for c in group["codes"]]
        ours = [(e["system"], e["code"], e["level"], e.get("prefix", False), e.get("gps")) for e in SETS[name]["codes"]]
        kept = [code for code in theirs if (name, code[1]) not in DROPPED]
        assert ours[: len(kept)] == kept, name
        for entry in SETS[name]["codes"][len(kept) :]:
            assert NAMED.match(entry["sources"][0]), (name, entry["code"])


def test_no_product_was_lost_or_moved() -> None:
    source = SHARED / "rxnorm_expansion.json"
    if not source.is_file():
        pytest.skip("the clinical source stands beside the project only where it is developed")
    theirs = json.loads(source.read_text(encoding="utf-8"))["ingredients"]
    assert {
        code: {"name": p["name"], "single": p["single"], "combo": p["combination"]}
        for code, p in PRODUCTS["ingredients"].items()
    } == theirs


def test_products_lead_to_ingredients_of_ours_and_are_single_or_combined() -> None:
    ours = {entry["code"] for _, entry in entries() if entry["system"] == "rxnorm"}
    for code, products in PRODUCTS["ingredients"].items():
        assert code in ours, code
        assert set(products["single"]).isdisjoint(products["combination"]), code


def test_the_artefacts_say_who_made_checked_and_reviewed_them() -> None:
    for artefact in (REVIEWED, PRODUCTS):
        assert artefact["author"] == "dystonia-cds project"
        assert artefact["checker"] == "awaiting clinical sign-off"
        assert artefact["reviewed"] == "2026-11-22"
        assert artefact["version"]
    assert PRODUCTS["vintage"] == "2014-2016"


# --- what the rules ask for ---


def domain_trees() -> Iterator[tuple[Path, ast.Module]]:
    return ((path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(DOMAIN.rglob("*.py")))


def domain_strings() -> Iterator[tuple[Path, str]]:
    for path, tree in domain_trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path, node.value


def other_capitals() -> set[str]:
    """Names in capitals with an underscore that the rules use for something else than sets."""
    states = {value for value in vars(findings).values() if isinstance(value, str)}
    return states | {analyte.key for analyte in analytes.ANALYTES} | {rule.name for rule in ORDER_RULES}


def is_set_name(text: str) -> bool:
    return text == "HISTORY" or (
        "_" in text
        and not text.endswith("_")
        and text.replace("_", "").isalnum()
        and text.isupper()
        and text[0].isalpha()
    )


def test_every_set_that_the_rules_name_exists() -> None:
    allowed = set(SETS) | other_capitals()
    unknown = [(path.name, text) for path, text in domain_strings() if is_set_name(text) and text not in allowed]
    assert unknown == []


def test_whatever_is_passed_to_a_function_that_takes_sets_is_one() -> None:
    passed = [
        (path.name, argument.value)
        for path, tree in domain_trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in SET_FUNCTIONS
        for argument in node.args
        if isinstance(argument, ast.Constant)
    ]
    assert len(passed) > 50
    assert [found for found in passed if found[1] not in SETS] == []


def test_analytes_orderables_and_single_ingredient_sets_exist() -> None:
    wanted = set(SINGLE_INGREDIENT_SETS) | {analyte.value_set for analyte in analytes.ANALYTES}
    wanted |= {name for analyte in analytes.ANALYTES for name in analyte.conflicts}
    orderables = [value for value in vars(catalog).values() if isinstance(value, catalog.Orderable)]
    wanted |= {name for orderable in orderables for name in orderable.same_as}
    assert len(orderables) > 15
    assert wanted <= set(SETS)


def test_what_we_suggest_to_order_is_a_reviewed_code_with_its_reviewed_display() -> None:
    book = loading.code_book()
    for orderable in (value for value in vars(catalog).values() if isinstance(value, catalog.Orderable)):
        assert book.display(orderable.system, orderable.code) == orderable.display, orderable.label


def test_every_set_is_read_by_a_rule_or_listed_as_waiting() -> None:
    used = {text for _, text in domain_strings()} & set(SETS)
    listed = [name for names in REVIEWED["notYetRead"].values() for name in names]
    assert len(listed) == len(set(listed))
    assert set(SETS) - used == set(listed)


def texts(node: ast.AST) -> set[str]:
    return {leaf.value for leaf in ast.walk(node) if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)}


def test_override_reasons_and_site_facts_of_the_rules_are_published() -> None:
    reasons: set[str] = set()
    facts: set[str] = set()
    for _, tree in domain_trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "override_reasons":
                reasons |= texts(node.value)
            if isinstance(node, ast.AnnAssign) and "OVERRIDES" in ast.unparse(node.target) and node.value:
                reasons |= texts(node.value)
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "site_fact":
                facts |= {text for argument in node.args for text in texts(argument)}
    assert {"deferred", "benefit-outweighs", "cause-known"} <= reasons <= set(loading.override_reasons())
    assert {"t1-pallidal", "n2o-recreational"} <= facts <= set(loading.site_facts())
    assert set(loading.site_facts()) <= {text for _, text in domain_strings()}
