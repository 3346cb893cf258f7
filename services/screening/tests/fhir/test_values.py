"""Numbers, units, comparators and reference ranges, exactly as they were written."""

import json
from decimal import Decimal
from typing import Any

import edge_samples as s
import pytest
from msgspec import Raw

from screening.app import reader
from screening.domain import labs
from screening.domain.chart import Chart
from screening.domain.labs import LabResult
from screening.fhir.reading import Call
from screening.fhir.results import unit_of
from screening.fhir.shapes import Quantity
from screening.knowledge import loading

READER = reader(loading.code_book(), s.SITE_FACTS.removesuffix("/CodeSystem/site-facts"))


def results(analyte: str, *observations: Any) -> tuple[LabResult, ...]:
    return s.chart(*observations).labs.get(analyte, ())


def written(number: str, code: str = "2132-9", unit: str = "pg/mL", **changes: Any) -> Chart:
    """A chart with one result whose number stands in the JSON exactly as given."""
    text = json.dumps(s.bundle(s.observation(code, 4711, unit, **changes))).replace("4711", number)
    return READER.chart(Call(s.PATIENT_ID, {"labs_vitamin_b12": Raw(text.encode())}), s.NOW)[0]


@pytest.mark.parametrize(
    ("number", "exact"),
    [
        ("180", "180"),
        ("180.0", "180.0"),
        ("179.99999999999999", "179.99999999999999"),
        ("0.1e4", "1E+3"),
        ("1.8E2", "1.8E+2"),
        ("180.00000000000000000001", "180.00000000000000000001"),
        ('"181.5"', "181.5"),
    ],
)
def test_numbers_are_read_as_written(number: str, exact: str) -> None:
    (result,) = written(number).labs["B12"]
    assert result.value is not None
    assert result.value.low == result.value.high == Decimal(exact)
    assert result.printed == exact


@pytest.mark.parametrize(
    "number",
    [
        "-1", "-0.5", "1e400", "1e-400", "1E+30", "1e99999", "0", "1e6", "0.0001", "9" * 400, '"NaN"', '"sNaN"',
        '"-Infinity"', '"Infinity"', '"12 apples"', '""', "true", "null", "[90]", '{"value": 90}',
    ],
)  # fmt: skip
def test_what_is_no_plausible_number_is_unreadable(number: str) -> None:
    (result,) = written(number).labs["B12"]
    assert result.value is None
    assert result.unreadable


@pytest.mark.parametrize(
    ("number", "code", "unit"),
    [
        ("1e999999999", "2132-9", "pg/mL"),
        ("1e999999", "13964-2", "ng/mL"),
        ("1e400", "13964-2", "umol/L"),
        ("1e999999", "1823-4", "mg/dL"),
    ],
)
def test_numbers_beyond_all_measure_are_unreadable(number: str, code: str, unit: str) -> None:
    results = [one for found in written(number, code, unit).labs.values() for one in found]
    assert [one.value for one in results] == [None]


def test_a_reference_range_beyond_all_measure_is_passed_over() -> None:
    given = '[{"low": {"value": 1, "unit": "ug/dL"}, "high": {"value": 1e999999, "unit": "ug/dL"}}]'
    text = json.dumps(s.bundle(s.observation("5681-2", 900, "nmol/L", referenceRange="HERE"))).replace('"HERE"', given)
    chart = READER.chart(Call(s.PATIENT_ID, {"labs_manganese": Raw(text.encode())}), s.NOW)[0]
    assert [one.upper_normal for one in chart.labs["MN_BLOOD"]] == [None]


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        ({"unit": "pg/mL", "system": s.UCUM, "code": "pg/mL"}, "pg/mL"),
        ({"unit": "picograms per milliliter", "system": s.UCUM, "code": "pg/mL"}, "pg/mL"),
        ({"system": s.UCUM, "code": "pg/mL"}, "pg/mL"),
        ({"code": "pg/mL"}, "pg/mL"),
        ({"unit": "pg/mL"}, "pg/mL"),
        ({"unit": " pg/ml "}, "pg/mL"),
        ({"unit": "PG/ML", "system": s.UCUM, "code": "pg/mL"}, "pg/mL"),
        ({"unit": "pg/mL", "system": "urn:example:units", "code": "17"}, "pg/mL"),
        ({"unit": "pg/mL", "code": "17"}, "pg/mL"),
        ({"unit": "ng/L", "system": s.UCUM, "code": "ng/L"}, "ng/L"),
        # code and text contradict each other
        ({"unit": "pmol/L", "system": s.UCUM, "code": "pg/mL"}, None),
        ({"unit": "pmol/L", "code": "pg/mL"}, None),
        ({"unit": "mg/dL", "system": s.UCUM, "code": "pg/mL"}, None),
        # neither says a unit of ours
        ({}, None),
        ({"unit": "", "code": " "}, None),
        ({"unit": None, "code": None}, None),
        ({"unit": "IU/L"}, None),
        ({"unit": "pg/mL", "system": s.UCUM, "code": "{made-up}"}, None),
        ({"unit": "see note"}, None),
        ({"unit": "pgmL"}, None),
        ({"unit": 5}, None),
        ({"unit": "<b>pg/mL</b>"}, None),
    ],
)
def test_the_unit_that_was_sent_decides(quantity: dict[str, Any], unit: str | None) -> None:
    (result,) = results("B12", s.observation(valueQuantity={"value": 200, **quantity}))
    assert (result.value.unit if result.value is not None else None) == ("ng/L" if unit else None)
    assert bool(result.unreadable) is (unit is None)


def test_a_unit_is_never_taken_from_the_code_of_the_test() -> None:
    (result,) = results("B12", s.observation("14685-2", 200, "pg/mL"))  # a molar code with a mass unit
    assert result.value is not None
    assert result.value.unit == "ng/L"


def test_unit_of_prefers_text_only_where_the_code_says_nothing() -> None:
    assert unit_of(Quantity(code="pg/mL", unit="ng/L")) is None
    assert unit_of(Quantity(code="pg/mL", unit="whatever")) == "pg/mL"
    assert unit_of(Quantity(code="whatever", unit="ng/L")) == "ng/L"
    assert unit_of(Quantity()) == ""


@pytest.mark.parametrize(
    ("comparator", "bounds"),
    [
        (s.DROP, ("150", "150", False, False)),
        ("", ("150", "150", False, False)),
        (None, ("150", "150", False, False)),
        ("<", ("0", "150", False, True)),
        ("<=", ("0", "150", False, False)),
        (">", ("150", "Infinity", True, True)),
        (">=", ("150", "Infinity", False, True)),
        ("ad", None),
        ("~", None),
        ("<<", None),
    ],
)
def test_comparators(comparator: Any, bounds: tuple[Any, ...] | None) -> None:
    quantity = s.changed(s.quantity(150, "pg/mL"), {"comparator": comparator})
    (result,) = results("B12", s.observation(valueQuantity=quantity))
    value = result.value
    read = (str(value.low), str(value.high), value.low_open, value.high_open) if value is not None else None
    assert read == bounds


@pytest.mark.parametrize("value", [{"valueString": "<0 mg/dL"}, *(
    {"valueQuantity": {**s.quantity(0, "mg/dL"), "comparator": one}} for one in ("<", "<=")
)])  # fmt: skip
def test_below_nothing_there_is_no_interval(value: dict[str, Any]) -> None:
    """Such a result would count as an exact number, and what is printed of it ("<0") is none: the whole call failed."""
    sent = s.observation("2093-3", **{"valueQuantity": s.DROP, **value})
    (result,) = results("CHOL", sent)
    assert (result.value, result.unreadable) == (None, "not a plausible number")


@pytest.mark.parametrize("comparator", [5, ["<"], {"code": "<"}, True])
def test_a_comparator_that_cannot_be_read_is_not_left_out(comparator: Any) -> None:
    quantity = {**s.quantity(150, "pg/mL"), "comparator": comparator}
    (result,) = results("B12", s.observation(valueQuantity=quantity))
    assert result.value is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("150 pg/mL", "150"),
        ("150pg/mL", "150"),
        ("  <150 pg/mL ", "<150"),
        ("<= 150 pg/mL", "<=150"),
        (">2000 pg/ml", ">2000"),
        ("150.5 pmol/L", "150.5"),
        *(
            (text, None)
            for text in (
                "", " ", "150", "see comment", "pending", "hemolyzed", "150 pg/mL (low)", "150-200 pg/mL", "~150 pg/mL",
                "1,500 pg/mL", "1.5e2 pg/mL", "-150 pg/mL", "+150 pg/mL", "150 pg/mL 160 pg/mL", "NaN pg/mL",
                "٩٠ pg/mL",
                "150 pg/mL\nsee comment", "150", "≤150 pg/mL", "less than 150 pg/mL", ".5 pg/mL", "150. pg/mL",
            )
        ),
    ],
)  # fmt: skip
def test_textual_results(text: str, read: str | None) -> None:
    (result,) = results("B12", s.observation(valueQuantity=s.DROP, valueString=text))
    assert (result.printed if result.value is not None else None) == read


@pytest.mark.parametrize("value", [5, ["150 pg/mL"], {"text": "150 pg/mL"}, True, None])
def test_a_bent_textual_result_is_unreadable(value: Any) -> None:
    (result,) = results("B12", s.observation(valueQuantity=s.DROP, valueString=value))
    assert result.value is None


@pytest.mark.parametrize("text", [" " * 6_000 + "x", "1" * 65, "1 " + "u" * 80])
def test_a_long_text_is_not_searched_for_a_value(text: str) -> None:
    (result,) = results("B12", s.observation(valueQuantity=s.DROP, valueString=text))
    assert result.value is None
    assert labs.parse(text) is None


@pytest.mark.parametrize("reason", [s.concept("x", "unknown"), {"text": "lost"}, "unknown", [], {}])
def test_a_result_with_a_reason_for_its_absence_has_no_value(reason: Any) -> None:
    (result,) = results("B12", s.observation(dataAbsentReason=reason))
    assert result.value is None


def test_a_result_without_any_value_is_on_record_but_unreadable() -> None:
    (result,) = results("B12", s.observation(valueQuantity=s.DROP))
    assert result.value is None
    assert result.unreadable
    (result,) = results("B12", s.observation(valueQuantity={"unit": "pg/mL"}))
    assert result.value is None


# --- codings ---


def coded(*codes: tuple[str, str], value: float = 900, unit: str = "nmol/L", **changes: Any) -> Any:
    codings = [{"system": system, "code": code} for system, code in codes]
    return s.observation("x", value, unit, code={"coding": codings}, **changes)


@pytest.mark.parametrize(
    ("codes", "analytes"),
    [
        ([(s.LOINC, "5681-2")], {"MN_BLOOD"}),
        ([("urn:example:lab", "MNB"), (s.LOINC, "5681-2")], {"MN_BLOOD"}),
        ([("urn:oid:2.16.840.1.113883.6.1", "5681-2")], {"MN_BLOOD"}),
        ([(s.LOINC, "5681-2"), (s.LOINC, "5683-8")], {"MN_SERUM"}),
        ([(s.LOINC, "5683-8"), (s.LOINC, "5681-2")], {"MN_SERUM"}),
        ([(s.LOINC, "5681-2"), (s.LOINC, "5684-6")], set()),
        ([(s.LOINC, "5681-2"), (s.LOINC, "5682-0")], set()),
        ([(s.LOINC, "5682-0")], set()),
        ([("urn:example:lab", "5681-2")], set()),
        ([(s.LOINC, " 5681-2")], set()),
        ([(s.LOINC, "5681-20")], set()),
        ([(s.SNOMED, "5681-2")], set()),
    ],
)
def test_manganese_codings(codes: list[tuple[str, str]], analytes: set[str]) -> None:
    assert set(s.chart(coded(*codes)).labs) == analytes


@pytest.mark.parametrize(
    ("codes", "unit", "analytes"),
    [
        ([(s.LOINC, "13965-9")], "umol/L", {"HCY"}),
        ([(s.LOINC, "20646-6")], "umol/L", set()),
        ([(s.LOINC, "13965-9"), (s.LOINC, "20646-6")], "umol/L", set()),
        ([(s.LOINC, "1823-4")], "umol/L", {"VE"}),
        ([(s.LOINC, "1823-4"), (s.LOINC, "11038-7")], "umol/L", set()),
        ([(s.LOINC, "59205-5")], "umol/L", set()),
    ],
)
def test_look_alike_codes_are_rejected(codes: list[tuple[str, str]], unit: str, analytes: set[str]) -> None:
    assert set(s.chart(coded(*codes, value=20, unit=unit)).labs) == analytes


@pytest.mark.parametrize(
    "code",
    [
        {"text": "Vitamin B12"}, {"coding": []}, {"coding": [{}]}, {"coding": [{"code": "2132-9"}]},
        {"coding": [{"system": s.LOINC}]}, "2132-9", None, ["2132-9"], {"coding": "2132-9"}, {"coding": [None]},
        {"coding": [{"system": s.LOINC, "code": 21329}]},
    ],
)  # fmt: skip
def test_text_and_local_codes_name_nothing(code: Any) -> None:
    assert not s.chart(s.observation(code=code)).labs


@pytest.mark.parametrize(
    "code",
    [
        {"coding": {"system": s.LOINC, "code": "2132-9"}},
        {"coding": [5, {"system": s.LOINC, "code": "2132-9"}]},
        {"coding": [{"system": s.LOINC, "code": "2132-9", "userSelected": "maybe"}], "text": 12},
        {"coding": [{"system": s.LOINC, "code": "2132-9", "display": ["bent"]}, {"system": s.LOINC, "code": "2132-9"}]},
    ],
)
def test_a_bent_coding_does_not_cost_the_others(code: Any) -> None:
    assert set(s.chart(s.observation(code=code)).labs) == {"B12"}


# --- which of several ---


def test_the_newest_decides_then_the_corrected_then_the_more_abnormal() -> None:
    older = s.observation("2132-9", 50, "pg/mL", id="a", effectiveDateTime="2026-10-01")
    final = s.observation("2132-9", 400, "pg/mL", id="b")
    amended = s.observation("2132-9", 300, "pg/mL", id="c", status="amended")
    corrected = s.observation("2132-9", 200, "pg/mL", id="d", status="corrected")
    lower = s.observation("2132-9", 350, "pg/mL", id="e")
    found = results("B12", older, final, amended, corrected, lower)
    assert [one.reference[-1] for one in found] == ["d", "c", "e", "b", "a"]


def test_the_same_result_under_several_keys_counts_once() -> None:
    told = s.observation()
    everywhere = dict.fromkeys(("labs_vitamin_b12", "labs_manganese", "renamed"), s.bundle(told, told))
    chart, _ = s.read(everywhere)
    assert len(chart.labs["B12"]) == 1
    several = s.bundle(s.condition(), s.medication_request(), s.procedure(), s.service_request(), s.relative())
    chart, _ = s.read({"a": several, "b": several})
    facts = (chart.conditions, chart.medications, chart.procedures, chart.orders, chart.family)
    assert [len(found) for found in facts] == [1, 1, 1, 1, 1]


# --- reference ranges ---

NORMAL = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/referencerange-meaning", "code": "normal"}]}
THERAPEUTIC = {"coding": [{"code": "therapeutic"}]}


def limits(low: Any, high: Any, unit: str = "nmol/L", **more: Any) -> dict[str, Any]:
    ends = {"low": low, "high": high}
    return {**{name: s.quantity(end, unit) for name, end in ends.items() if end is not None}, **more}


@pytest.mark.parametrize(
    ("given", "upper"),
    [
        ([limits(80, 210)], "210"),
        ([limits(80, 210, type=NORMAL)], "210"),
        ([limits(80, 210, type=THERAPEUTIC)], None),
        ([limits(80, 400, type=THERAPEUTIC), limits(80, 210)], "210"),
        ([limits(None, 210)], "210"),
        ([limits(20, 80, age={"high": {"value": 10, "unit": "a"}}), limits(80, 210)], "210"),
        ([limits(20, 80, age={}), limits(80, 210, appliesTo=[{"text": "x"}])], None),
        ([limits(80, None)], None),
        ([limits(210, 80)], None),
        ([limits(210, 210)], None),
        ([limits(80, 210, unit="mg/dL")], None),
        ([{"low": {"value": 80}, "high": {"value": 210}}], None),
        ([{"text": "80-210 nmol/L"}], None),
        ([limits(4, 10, unit="ug/L")], "182"),
        (limits(80, 210), "210"),
        (["bent", None, limits(80, 210)], "210"),
        ("80-210", None),
        ([], None),
        (None, None),
        ([limits(80, "NaN")], None),
        ([{"low": "80", "high": "210"}], None),
    ],
)
def test_the_laboratorys_limit_for_whole_blood_manganese(given: Any, upper: str | None) -> None:
    (result,) = results("MN_BLOOD", s.observation("5681-2", 300, "nmol/L", referenceRange=given))
    assert result.upper_normal == (Decimal(upper) if upper is not None else None)


def test_a_serum_range_and_other_analytes_ranges_are_never_used() -> None:
    given = [limits(1, 30)]
    (dual,) = results("MN_SERUM", coded((s.LOINC, "5681-2"), (s.LOINC, "5683-8"), referenceRange=given))
    (serum,) = results("MN_SERUM", s.observation("5683-8", 30, "nmol/L", referenceRange=given))
    (b12,) = results("B12", s.observation(referenceRange=[limits(10, 20, unit="pg/mL")]))
    assert dual.upper_normal is serum.upper_normal is b12.upper_normal is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([s.concept("x", "L")], "L"),
        (s.concept("x", "L"), "L"),
        ([s.concept("x", "L"), s.concept("x", "A")], "L, A"),
        ([{"text": "low"}], ""),
        ("L", ""),
        (5, ""),
        ([s.concept("x", "L" * 300)], "L" * 20),
    ],
)
def test_the_laboratorys_flag_is_only_shown(given: Any, shown: str) -> None:
    (result,) = results("B12", s.observation("2132-9", 500, "pg/mL", interpretation=given))
    assert result.interpretation == shown
    assert result.value is not None
