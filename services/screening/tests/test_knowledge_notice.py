"""NOTICE names the owners of every code that we quote, with counts that are true; GLOSSARY keeps its order."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from screening.domain import catalog
from screening.domain.codes import ICD10_WHO
from screening.knowledge import loading

ROOT = Path(__file__).parents[3]
NOTICE = re.sub(r"\s+", " ", (ROOT / "NOTICE").read_text(encoding="utf-8"))
REVIEWED: dict[str, Any] = json.loads(
    (Path(loading.__file__).parent / "reviewed" / "codes.json").read_text(encoding="utf-8")
)
CONCEPTS = {(entry["system"], entry["code"]): entry for told in REVIEWED["sets"].values() for entry in told["codes"]}
COUNTED = {"loinc": "codes", "snomed": "concepts", "rxnorm": "codes", "atc": "codes", "icd10cm": "codes"}


def test_every_system_of_the_value_sets_is_named() -> None:
    systems = {include["system"] for told in loading.value_sets() for include in told["compose"]["include"]}
    assert systems == {told["url"] for told in REVIEWED["systems"].values()}
    for system in systems | {ICD10_WHO, catalog.GENE_ID_SYSTEM}:
        assert system in NOTICE


@pytest.mark.parametrize("key", COUNTED)
def test_the_count_of_every_system_is_true(key: str) -> None:
    system = REVIEWED["systems"][key]
    number = sum(1 for owner, _ in CONCEPTS if owner == key)
    assert f"{system['title']} - {system['url']} {number} {COUNTED[key]}" in NOTICE


@pytest.mark.parametrize("key", [key for key in COUNTED if key != "snomed"])
def test_the_attribution_is_the_one_in_the_value_sets(key: str) -> None:
    assert REVIEWED["systems"][key]["copyright"] in NOTICE


def test_the_free_and_the_licensed_part_of_snomed_ct_are_told_apart() -> None:
    snomed = [entry for (system, _), entry in CONCEPTS.items() if system == "snomed"]
    licensed = [entry for entry in snomed if not entry["gps"]]
    assert f'{len(snomed) - len(licensed)} concepts ("gps": true)' in NOTICE
    assert f'{len(licensed)} concepts ("gps": false)' in NOTICE
    assert f"Of these, {sum(1 for e in licensed if e['level'] == 'V2')} are not loaded" in NOTICE
    assert all(entry["level"] == "V1" for entry in snomed if entry["gps"])


def test_the_files_that_notice_points_to_exist() -> None:
    paths = re.findall(r"services/[\w/.-]*\w/?", NOTICE)
    assert len(paths) == 4
    assert all((ROOT / path).exists() for path in paths)


def test_the_glossary_is_in_order_and_explains_each_word_once() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", (ROOT / "GLOSSARY.md").read_text(encoding="utf-8"), re.MULTILINE)
    words = [word for word, _ in rows[1:]]
    assert len(words) == 32
    assert words == sorted(set(words), key=str.lower)
    assert all(meaning.endswith(".") for _, meaning in rows[1:])
