"""A site's ConceptMaps: what counts, what is left out, and every mistake said at once."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fhirclient.models.conceptmap import ConceptMap

from chassis.environment import SettingsError
from chassis.testing import KEYS
from screening.app import code_book as site_book
from screening.app import create_app, discovery
from screening.domain.codes import ATC, ICD10_WHO, ICD10CM, LOINC, RXNORM, SNOMED, CodeBook
from screening.knowledge import concept_maps, loading, local_codes
from screening.services import LARGEST_DISCOVERY, prefetch_templates
from screening.settings import Settings, load

DOCUMENT = Path(__file__).parents[3] / "docs" / "local-codes.md"
LAB = "urn:oid:1.2.36.1.9999.1"
DRUGS = "https://hospital.example/drugs"
KEY = b"only-for-tests-only-for-tests-00"
BOOK = loading.code_book()


def target(code: Any, equivalence: str = "equivalent", **more: Any) -> dict[str, Any]:
    return {"code": code, "equivalence": equivalence, **more}


def element(code: Any, *targets: dict[str, Any]) -> dict[str, Any]:
    return {"code": code, "target": list(targets)}


def group(*elements: dict[str, Any], source: Any = LAB, to: Any = LOINC, **more: Any) -> dict[str, Any]:
    return {"source": source, "target": to, "element": list(elements), **more}


def written(folder: Path, *groups: dict[str, Any], name: str = "labs.json", **more: Any) -> Path:
    file = folder / name
    told = {"resourceType": "ConceptMap", "status": "active", "group": list(groups), **more}
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def faults(*files: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        local_codes.read(files, BOOK)
    head, _, told = str(caught.value).partition("LOCAL_CODE_MAPS: ")
    assert head == "settings at fault: "
    return told.split("; ")


GOOD = element("VB12", target("2132-9"))


# --- what counts ---


def test_equal_and_equivalent_count_and_nothing_else(tmp_path: Path) -> None:
    others = [
        "relatedto", "wider", "subsumes", "narrower", "specializes", "inexact", "unmatched", "disjoint",
    ]  # fmt: skip
    left = [element(f"X-{word}", target("2132-9", word)) for word in others]
    read = local_codes.read([written(tmp_path, group(GOOD, element("B", target("14685-2", "equal")), *left))], BOOK)
    assert [(c.code, c.targets) for c in read.codes] == [("VB12", ((LOINC, "2132-9"),)), ("B", ((LOINC, "14685-2"),))]
    assert [(one.code, one.reason) for one in read.left_out] == [
        (f"X-{word}", f"equivalence {word} is not used") for word in others
    ]
    assert {one.file for one in read.left_out} == {"labs.json"}


def test_r5_calls_the_equivalence_a_relationship(tmp_path: Path) -> None:
    told = [{"code": "2132-9", "relationship": "equivalent"}]
    wider = [{"code": "2132-9", "relationship": "source-is-narrower-than-target"}]
    file = written(tmp_path, group({"code": "VB12", "target": told}, {"code": "DBS", "target": wider}))
    read = local_codes.read([file], BOOK)
    assert [c.code for c in read.codes] == ["VB12"]
    assert [one.code for one in read.left_out] == ["DBS"]


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (LOINC, "2132-9", {"L_B12"}),
        (RXNORM, "5514", {"B12_RX"}),
        (RXNORM, "860975", {"B12_RISK_WEAK", "RX_METFORMIN", "B12_WEAK_METFORMIN"}),  # a product
        (ATC, "B03BA01", {"B12_RX"}),
        (SNOMED, "15802004", {"D_GEN"}),
        (ICD10CM, "G2402", {"D_DRUG"}),
        (ICD10_WHO, "G24.9", {"D_GEN"}),
        ("urn:oid:2.16.840.1.113883.6.1", "2132-9", {"L_B12"}),
    ],
)
def test_codes_of_every_system_may_be_meant(tmp_path: Path, system: str, code: str, expected: set[str]) -> None:
    read = local_codes.read([written(tmp_path, group(element("OWN", target(code)), to=system))], BOOK)
    book = BOOK.with_local(read.codes)
    found = book.find(LAB, "OWN")
    assert found is not None
    assert found == ((LAB, "OWN"), expected)
    assert BOOK.find(LAB, "OWN") is None


def test_a_standard_code_that_no_rule_reads_may_be_a_source(tmp_path: Path) -> None:
    file = written(tmp_path, group(element("16695-9", target("2132-9")), source=LOINC))
    book = BOOK.with_local(local_codes.read([file], BOOK).codes)
    assert book.find(LOINC, "16695-9") == ((LOINC, "16695-9"), {"L_B12"})


def test_targets_in_different_systems_stand_side_by_side(tmp_path: Path) -> None:
    one = written(tmp_path, group(element("M", target("6809")), source=DRUGS, to=RXNORM), name="rxnorm.json")
    other = written(tmp_path, group(element("M", target("A10BA02")), source=DRUGS, to=ATC), name="atc.json")
    read = local_codes.read([one, other], BOOK)
    assert [c.targets for c in read.codes] == [((RXNORM, "6809"), (ATC, "A10BA02"))]


def test_a_mapped_combination_is_no_single_treatment(tmp_path: Path) -> None:
    products = json.loads((Path(loading.__file__).parent / "reviewed" / "rxnorm-products.json").read_bytes())
    combination = products["ingredients"]["6809"]["combination"][0]
    file = written(tmp_path, group(element("MIX", target(combination)), source=DRUGS, to=RXNORM))
    book = BOOK.with_local(local_codes.read([file], BOOK).codes)
    assert book.meanings(DRUGS, "MIX") == ((DRUGS, "MIX"), (RXNORM, combination))
    found = book.find(DRUGS, "MIX")
    assert found is not None
    assert "RX_METFORMIN" in found[1]


def test_what_is_said_twice_is_taken_once(tmp_path: Path) -> None:
    file = written(tmp_path, group(GOOD), group(GOOD, element("C", target("2132-9"))))
    assert [c.code for c in local_codes.read([file], BOOK).codes] == ["VB12", "C"]


def test_no_map_is_no_local_code() -> None:
    assert local_codes.read((), BOOK) == local_codes.LocalCodes()


# --- what is left out ---


def test_what_cannot_be_used_is_left_out_by_name(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        group(
            GOOD,
            element("K", target("2823-3")),  # potassium: a laboratory's whole catalog may be in the map
            element("D", target("2132-9", dependsOn=[{"property": "x", "value": "y"}])),
            element("E"),
            {"code": "F"},
            unmapped={"mode": "provided"},
        ),
        group(element("W", target("K50.9")), to=ICD10_WHO),
    )
    read = local_codes.read([file], BOOK)
    assert [c.code for c in read.codes] == ["VB12"]
    assert {(one.code, one.reason) for one in read.left_out} == {
        ("", "unmapped: only listed elements are used"),
        ("K", "no rule reads the target 2823-3"),
        ("D", "a target that depends on other values is not used"),
        ("E", "no target"),
        ("F", "no target"),
        ("W", "no rule reads the target K50.9"),
    }


def test_a_v2_code_counts_only_where_it_is_loaded(tmp_path: Path) -> None:
    file = written(
        tmp_path, group(element("H", target("427232004")), GOOD | {"target": [target("15802004")]}, to=SNOMED)
    )
    assert [one.code for one in local_codes.read([file], BOOK).left_out] == ["H"]
    assert local_codes.read([file], loading.code_book(include_v2=True)).left_out == ()


def test_left_out_codes_are_logged_and_from_the_hundredth_on_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    many = [element(f"X{number}", target("2132-9", "wider")) for number in range(103)]
    site_book(Settings(identity_key=KEY, internal_keys=KEYS, local_code_maps=(written(tmp_path, group(GOOD, *many)),)))
    told = [vars(record)["fields"] for record in caplog.records if record.levelname == "WARNING"]
    assert told[0] == {"path": "labs.json", "code": "X0", "reason": "equivalence wider is not used"}
    assert len(told) == 101
    assert told[-1] == {"count": 3}


# --- mistakes ---


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        (group(element("X", target("2132-8"))), "group 1, element X: target 2132-8 is no code of its system"),
        (group(element("X", target("213209"))), "target 213209 is no code"),
        (group(element("X", target("15802005")), to=SNOMED), "target 15802005 is no code"),
        (group(element("X", target("11248a")), to=RXNORM), "target 11248a is no code"),
        (group(element("X", target("B3BA01")), to=ATC), "target B3BA01 is no code"),
        (group(element("X", target("dystonia")), to=ICD10CM), "target dystonia is no code"),
        (group(GOOD, source="our-lab"), "source is not an absolute URI"),
        (group(GOOD, source=None), "source is not an absolute URI"),
        (group(GOOD, to=5), "target is not an absolute URI"),
        (group(GOOD, to="http://loinc.org/"), "no rule reads codes of the target system http://loinc.org/"),
        (group(GOOD, to="http://hl7.org/fhir/sid/cvx"), "no rule reads codes of the target system"),
        (group({"target": [target("2132-9")]}), "an element without a code"),
        (group(element(" ", target("2132-9"))), "an element without a code"),
        (group(element(5, target("2132-9"))), "an element without a code"),
        (group(element("X", target(None))), "a target without a code"),
        (group(element("X", {"code": "2132-9"})), "a target without a known equivalence"),
        (group(element("X", target("2132-9", "same"))), "a target without a known equivalence"),
        (group(element("VB12", target("14685-2"))), "mapped to different codes of one system, 2132-9 and 14685-2"),
        (group(element("Y", target("2132-9"), target("14685-2"))), "mapped to different codes of one system"),
        (group(element("1649-3", target("62292-8")), source=LOINC), "has a meaning of its own in our sets"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_place(tmp_path: Path, bent: dict[str, Any], said: str) -> None:
    good = written(tmp_path, group(GOOD), name="good.json")
    (fault,) = faults(good, written(tmp_path, bent, group(element("Z", target("2132-9"))), name="bent.json"))
    assert fault.startswith("bent.json, group 1")
    assert said in fault


def test_files_that_are_no_maps_are_said(tmp_path: Path) -> None:
    contents = {
        "broken.json": b"{", "latin.json": b'{"x": "\xe4"}', "list.json": b"[]", "deep.json": b"[" * 100_000,
        "patient.json": b'{"resourceType": "Patient"}', "empty.json": b'{"resourceType": "ConceptMap"}',
        "bent.json": b'{"resourceType": "ConceptMap", "group": {"element": 5}}',
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    retired = written(tmp_path, group(GOOD), name="retired.json", status="retired")
    told = faults(*sorted(tmp_path.glob("*.json")), tmp_path / "gone.json")
    assert told == [
        "bent.json holds nothing that a rule reads",
        "broken.json is not JSON",
        "deep.json is not JSON",
        "empty.json holds nothing that a rule reads",
        "latin.json is not JSON",
        "list.json is not a FHIR ConceptMap",
        "patient.json is not a FHIR ConceptMap",
        f"{retired.name} says that it is retired",
        "gone.json cannot be read",
    ]


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    file = written(tmp_path, group(GOOD))
    content = file.read_bytes()
    file.write_bytes(content + b" " * (concept_maps.LARGEST_FILE - len(content)))
    assert len(local_codes.read([file], BOOK).codes) == 1
    file.write_bytes(file.read_bytes() + b" ")
    assert faults(file) == ["labs.json is too large: 5000001 bytes, at most 5000000"]


def test_of_very_many_mistakes_the_first_are_said_and_the_rest_counted(tmp_path: Path) -> None:
    told = faults(written(tmp_path, group(*(element(f"X{number}", target("2132-8")) for number in range(3_000)))))
    assert [fault.split()[4] for fault in told[:20]] == [f"X{number}:" for number in range(20)]
    assert told[20:] == ["and 2980 more"]


def test_a_code_must_fit_into_a_search(tmp_path: Path) -> None:
    longest = "x" * (300 - len(LAB) - 1)
    file = written(tmp_path, group(element(longest, target("2132-9"))))
    assert [one.code for one in local_codes.read([file], BOOK).codes] == [longest]
    for code, said in (
        (longest + "x", "make a search token of 301 characters, at most 300"),
        (longest[:-1] + "|", "make a search token of 305 characters, at most 300"),  # %5C%7C: escaped, then encoded
        ("x" * 9_000, f"make a search token of {9_001 + len(LAB)} characters"),
        ("\ud800", "are not text that a URL can carry"),
    ):
        (fault,) = faults(written(tmp_path, group(element(code, target("2132-9")), GOOD)))
        assert said in fault
        assert len(fault) < 500


# --- what an EHR can be asked for ---


def large(folder: Path, count: int, sets: int = 1) -> Path:
    meant = ("2132-9", "5681-2", "2498-4", "1823-4", "17861-6", "5633-3")[:sets]
    padding = "x" * 240
    return written(
        folder,
        *(group(*(element(f"{to}-{n:04d}-{padding}", target(to)) for n in range(count))) for to in meant),
        name="catalog.json",
    )


def test_a_workup_that_would_need_too_many_searches_keeps_the_service_from_starting(tmp_path: Path) -> None:
    fits = Settings(identity_key=KEY, internal_keys=KEYS, local_code_maps=(large(tmp_path, 100),))
    assert len(discovery(fits, site_book(fits))) < LARGEST_DISCOVERY
    settings = Settings(identity_key=KEY, internal_keys=KEYS, local_code_maps=(large(tmp_path, 200),))
    with pytest.raises(SettingsError) as caught:
        create_app(settings)
    said = str(caught.value)
    assert re.fullmatch(
        r"settings at fault: LOCAL_CODE_MAPS: vitamin-b12 would need \d\d laboratory searches, at most 20; "
        r"map fewer codes in catalog\.json",
        said,
    ), said


def test_a_discovery_document_that_would_be_too_large_keeps_the_service_from_starting(tmp_path: Path) -> None:
    settings = Settings(identity_key=KEY, internal_keys=KEYS, local_code_maps=(large(tmp_path, 115, sets=6),))
    with pytest.raises(
        SettingsError, match=r"MAPS: discovery would have \d{6} bytes, at most 500000; map fewer"
    ) as caught:
        create_app(settings)
    assert "catalog.json" in str(caught.value)


# --- settings ---


def test_the_setting_names_files_or_a_directory(tmp_path: Path) -> None:
    environ = {"IDENTITY_KEY": KEY.decode(), "INTERNAL_KEY": KEY.decode()}
    assert load(environ).local_code_maps == ()
    first, second = (written(tmp_path, group(GOOD), name=name) for name in ("a.json", "b.json"))
    (tmp_path / "notes.txt").write_text("not a map", encoding="utf-8")
    assert load({**environ, "LOCAL_CODE_MAPS": str(tmp_path)}).local_code_maps == (first, second)
    assert load({**environ, "LOCAL_CODE_MAPS": f"{second}, {first},{second}"}).local_code_maps == (second, first)
    empty = tmp_path / "empty"
    empty.mkdir()
    for value, said in (
        (str(empty), "no *.json in the directory empty"),
        ("/none/x.json", "no such file: x.json"),
        ("/none/x.json,/none/y.json", "no such file: x.json; LOCAL_CODE_MAPS: no such file: y.json"),
        (str(tmp_path / ("x" * 300)), "cannot be looked at: xxx"),
    ):
        with pytest.raises(SettingsError, match=re.escape(f"LOCAL_CODE_MAPS: {said}")):
            load({**environ, "LOCAL_CODE_MAPS": value})


# --- the document ---


def test_the_example_of_the_document_works(tmp_path: Path) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert ConceptMap(json.loads(example), strict=True).as_json() == json.loads(example)
    file = tmp_path / "example.json"
    file.write_text(example, encoding="utf-8")
    book: CodeBook = site_book(Settings(identity_key=KEY, internal_keys=KEYS, local_code_maps=(file,)))
    expected = {
        (LAB, "VB12"): {"L_B12"},
        (LAB, "MNB"): {"L_MNB"},
        (DRUGS, "HYDROXO-1MG-AMP"): {"B12_RX"},
        (DRUGS, "METFORMIN-850"): {"B12_RISK_WEAK", "RX_METFORMIN", "B12_WEAK_METFORMIN"},
        ("https://hospital.example/problems", "DYST-GEN"): {"D_GEN", "D_GEN_SPECIFIED"},
    }
    if "425492002" not in BOOK.codes("D_GEN"):
        pytest.fail("the example must use codes that are loaded by default")
    for name, sets in expected.items():
        assert book.find(*name) == (name, sets)
    assert book.find(LAB, "VB12DBS") is None
    templates = prefetch_templates(book, "https://dystonia-cds.example/fhir")
    assert f"{LAB}|VB12&" in templates["labs_vitamin_b12"]
    assert f"{LAB}|MNB&" in templates["labs_manganese"]
