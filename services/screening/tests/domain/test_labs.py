"""Results: comparators, intervals, wordings, plausibility, bands, and which result decides."""

from decimal import Decimal

import pytest
from small_facts import result

from screening.domain import analytes
from screening.domain.labs import INFINITY, Scale, Value, above, below, newest_first, parse, up_to, value_of
from screening.domain.units import limit
from screening.domain.workups import vitamin_b12, vitamin_e

CUT = limit("180 ng/L", "133 pmol/L")


def b12(number: str, comparator: str = "", unit: str = "ng/L") -> Value:
    value = value_of(analytes.B12, Decimal(number), comparator, unit)
    assert isinstance(value, Value)
    return value


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("150 pg/mL", ("150", "", "pg/mL")),
        ("<150 pg/mL", ("150", "<", "pg/mL")),
        ("<= 150pg/mL", ("150", "<=", "pg/mL")),
        (">150.5 pg/mL ", ("150.5", ">", "pg/mL")),
        (" >=2000 pg/mL", ("2000", ">=", "pg/mL")),
        ("150", ("150", "", "")),
        ("0.5 umol/L", ("0.5", "", "umol/L")),
        ("90 mL/min/1.73 m2", ("90", "", "mL/min/1.73 m2")),
    ],
)
def test_a_text_is_a_number_with_a_unit(text: str, read: tuple[str, str, str]) -> None:
    assert parse(text) == (Decimal(read[0]), read[1], read[2])


@pytest.mark.parametrize(
    "text",
    ["", "pending", "see comment", "hemolyzed", "-5 pg/mL", "about 150 pg/mL", ".5 mg/L", "=150 pg/mL", "١٥٠"],
)
def test_other_texts_are_no_result(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("text", ["150, hemolyzed", "150-200 pg/mL", "1,5 mg/L", "1e3 pg/mL", "150 pg/mL (low)"])
def test_whatever_follows_the_number_must_be_a_unit(text: str) -> None:
    parsed = parse(text)
    assert parsed is not None
    assert value_of(analytes.B12, parsed[0], parsed[1], parsed[2]) == "unit not accepted"


@pytest.mark.parametrize(
    ("number", "comparator", "unit", "why"),
    [
        ("150", "", "", "unit missing"),
        ("150", "", "  ", "unit missing"),
        ("150", "", "mg/L", "unit not accepted"),
        ("14.9", "", "pmol/L", "implausible number"),
        ("15000.1", "", "pmol/L", "implausible number"),
        ("20", "", "ng/L", "implausible number"),  # 14.8 pmol/L
        ("-1", "", "ng/L", "not a plausible number"),
        ("NaN", "", "ng/L", "not a plausible number"),
        ("Infinity", "", "ng/L", "not a plausible number"),
        ("150", "~", "ng/L", "comparator not accepted"),
        ("150", "ad", "ng/L", "comparator not accepted"),
    ],
)
def test_why_a_result_cannot_be_read(number: str, comparator: str, unit: str, why: str) -> None:
    assert value_of(analytes.B12, Decimal(number), comparator, unit) == why


@pytest.mark.parametrize("number", ["1E+999999", "1E-999999"])
def test_numbers_beyond_all_bounds_do_no_harm(number: str) -> None:
    for analyte in analytes.ANALYTES:
        value = value_of(analyte, Decimal(number), "", analyte.measure.canonical)
        assert isinstance(value, str | Value)


@pytest.mark.parametrize(
    ("analyte", "low", "high"),
    [
        (analytes.B12, "15", "15000"),
        (analytes.ALPHA_TOCOPHEROL, "0.05", "400"),
        (analytes.MANGANESE_BLOOD, "5", "20000"),
    ],
)
def test_plausible_range(analyte: analytes.Analyte, low: str, high: str) -> None:
    unit = analyte.measure.canonical
    for number in (low, high):
        assert isinstance(value_of(analyte, Decimal(number), "", unit), Value)
    for number in (Decimal(low) * Decimal("0.999"), Decimal(high) * Decimal("1.001")):
        assert value_of(analyte, number, "", unit) == "implausible number"


def test_plausibility_looks_at_the_printed_number_not_at_the_interval() -> None:
    assert b12("20000", ">", "ng/L").high == INFINITY
    assert b12("21", "<").low == 0


@pytest.mark.parametrize(
    ("number", "comparator", "below_cut", "up_to_cut"),
    [
        ("179.9", "", True, True),
        ("180", "", False, True),
        ("180.1", "", False, False),
        ("180", "<", True, True),
        ("180", "<=", None, True),
        ("180.1", "<", None, None),
        ("180", ">", False, False),
        ("180", ">=", False, None),
        ("179.9", ">", None, None),
    ],
)
def test_value_against_a_limit(number: str, comparator: str, below_cut: bool | None, up_to_cut: bool | None) -> None:
    value = b12(number, comparator)
    assert value.at_most_below(CUT) is below_cut
    assert value.at_most_below(CUT, inclusive=True) is up_to_cut
    assert value.exact is (comparator == "")


def test_each_family_is_compared_with_its_own_number() -> None:
    assert b12("132.9", unit="pmol/L").at_most_below(CUT) is True
    assert b12("133", unit="pmol/L").at_most_below(CUT) is False
    assert b12("180", unit="ng/L").at_most_below(CUT) is False  # 132.8 pmol/L


def test_a_family_without_a_printed_limit_is_converted() -> None:
    low, high = (value_of(analytes.MMA, Decimal(n), "", "ug/L") for n in ("33.06", "33.07"))
    assert isinstance(low, Value)
    assert isinstance(high, Value)
    assert low.at_most_below(limit("0.28 umol/L"), inclusive=True) is True
    assert high.at_most_below(limit("0.28 umol/L"), inclusive=True) is False


def test_a_limit_in_no_unit_of_the_analyte_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="printed in no unit"):
        b12("150").at_most_below(limit("5 mg/L"))


SCALE = Scale(
    analytes.B12, (below("low", "180 ng/L", "133 pmol/L"), up_to("middle", "350 ng/L", "258 pmol/L"), above("high")),
    cite=vitamin_b12.TOTAL_B12.cite, id="test",
)  # fmt: skip


@pytest.mark.parametrize(
    ("number", "comparator", "band", "touched"),
    [
        ("179", "", "low", ("low",)),
        ("180", "", "middle", ("middle",)),
        ("350", "", "middle", ("middle",)),
        ("351", "", "high", ("high",)),
        ("200", "<", None, ("low", "middle")),
        ("200", ">", None, ("middle", "high")),
        ("400", "<", None, ("low", "middle", "high")),
        ("350", ">", "high", ("high",)),
        ("350", ">=", None, ("middle", "high")),
    ],
)
def test_bands(number: str, comparator: str, band: str | None, touched: tuple[str, ...]) -> None:
    value = b12(number, comparator)
    assert SCALE.band(value) == band
    assert SCALE.touched(value) == touched


@pytest.mark.parametrize(
    ("given", "decides"),
    [
        ([], None),
        ([("500", "", 10)], 0),
        ([("500", "", 10), ("150", "", 20)], 0),
        ([("200", "<", 10)], 0),
        ([("200", "<", 10), ("150", "", 20)], 1),
        ([("200", "<", 10), ("250", "", 20)], 1),
        ([("200", "<", 10), ("500", "", 20)], 0),
        ([("200", "<", 10), ("500", "", 20), ("150", "", 30)], 0),
        ([("200", "<", 10), ("200", "<", 20), ("150", "", 30)], 2),
        ([("200", "<", 10), ("400", "<", 20), ("150", "", 30)], 0),
        ([("400", "<", 10), ("150", "", 20)], 0),
    ],
)
def test_which_result_decides(given: list[tuple[str, str, int]], decides: int | None) -> None:
    results = [result(analytes.B12, number, "ng/L", days, comparator=cmp) for number, cmp, days in given]
    assert SCALE.deciding(results) == (None if decides is None else results[decides])


def test_scales_end_open_and_grow() -> None:
    scales = (
        vitamin_b12.TOTAL_B12, vitamin_b12.TOTAL_B12_IN_PREGNANCY, vitamin_b12.HOLOTC, vitamin_e.ADULT, vitamin_e.CHILD,
    )  # fmt: skip
    for scale in scales:
        assert scale.bands[-1].upper is None
        uppers = [band.upper.printed for band in scale.bands if band.upper is not None]
        assert len(uppers) == len(scale.bands) - 1
        for unit in uppers[0]:
            numbers = [upper[unit] for upper in uppers]
            assert numbers == sorted(set(numbers))


def test_newest_first_then_corrected_then_more_abnormal() -> None:
    old = result(analytes.B12, "100", "ng/L", 20)
    final = result(analytes.B12, "500", "ng/L", 10)
    lower = result(analytes.B12, "110", "pmol/L", 10)  # 149 ng/L: units are compared, not numbers
    amended = result(analytes.B12, "600", "ng/L", 10, status="amended")
    corrected = result(analytes.B12, "700", "ng/L", 10, status="corrected")
    wanted = (corrected, amended, lower, final, old)
    assert newest_first(reversed(wanted), analytes.B12) == wanted
    assert newest_first([old, lower, corrected, final, amended], analytes.B12) == wanted


def test_the_more_abnormal_one_may_be_the_higher() -> None:
    low, high, unbounded = (
        result(analytes.MANGANESE_BLOOD, n, "ug/L", comparator=c) for n, c in (("10", ""), ("40", ""), ("50", ">"))
    )
    assert newest_first([low, unbounded, high], analytes.MANGANESE_BLOOD) == (unbounded, high, low)
