"""Units: spellings, families, powers of ten, limits in their own family, numbers for people."""

from decimal import Decimal

import pytest

from screening.domain import analytes
from screening.domain.units import Limit, amount, display, limit, normalized


@pytest.mark.parametrize(
    ("sent", "spelled"),
    [
        ("pg/ml", "pg/mL"),
        ("mg/dl", "mg/dL"),
        ("umol/l", "umol/L"),
        ("µmol/L", "umol/L"),  # micro sign
        ("μmol/L", "umol/L"),  # Greek mu
        ("mcg/L", "ug/L"),
        ("mcg/dl", "ug/dL"),
        (" ng/L ", "ng/L"),
        ("ug/24h", "ug/(24.h)"),
        ("ug/24 h", "ug/(24.h)"),
        ("ug/d", "ug/(24.h)"),
        ("ug/(24.h)", "ug/(24.h)"),
        ("mL/min/1.73m2", "mL/min/{1.73_m2}"),
        ("mL/min/1.73_m2", "mL/min/{1.73_m2}"),
        ("mL/min/1.73.m2", "mL/min/{1.73_m2}"),
        ("mL/min/{1.73m2}", "mL/min/{1.73_m2}"),
        ("ml/min/1.73m2", "mL/min/{1.73_m2}"),
        ("mL/min", "mL/min"),
        ("{INR}", "1"),
        ("fl", "fL"),
        ("mg/dL", "mg/dL"),
        ("NG/L", "NG/L"),
        ("", ""),
    ],
)
def test_spellings(sent: str, spelled: str) -> None:
    assert normalized(sent) == spelled
    assert normalized(spelled) == spelled


@pytest.mark.parametrize(
    ("analyte", "number", "unit", "in_family", "family", "canonical"),
    [
        (analytes.B12, "180", "pg/mL", "180", "ng/L", "132.804"),
        (analytes.B12, "133", "pmol/L", "133", "pmol/L", "133"),
        (analytes.MMA, "400", "nmol/L", "0.4", "umol/L", "0.4"),
        (analytes.MMA, "0.4", "nmol/mL", "0.4", "umol/L", "0.4"),
        (analytes.HOMOCYSTEINE, "2", "mg/L", "2", "mg/L", "14.794"),
        (analytes.HOMOCYSTEINE, "15", "nmol/mL", "15", "umol/L", "15"),
        (analytes.FOLATE, "3", "ng/mL", "3", "ug/L", "6.798"),
        (analytes.ALPHA_TOCOPHEROL, "0.5", "mg/dL", "5", "mg/L", "11.61"),
        (analytes.ALPHA_TOCOPHEROL, "5", "ug/mL", "5", "mg/L", "11.61"),
        (analytes.CHOLESTEROL, "58", "mg/dL", "58", "mg/dL", "1.49988"),
        (analytes.TRIGLYCERIDES, "100", "mg/dL", "100", "mg/dL", "1.129"),
        (analytes.MANGANESE_BLOOD, "1.83", "ug/dL", "18.3", "ug/L", "333.06"),
        (analytes.MANGANESE_SERUM, "2", "ng/mL", "2", "ug/L", "36.4"),
        (analytes.FERRITIN, "100", "pmol/L", "100", "pmol/L", "44.5"),
        (analytes.HEMOGLOBIN, "16.5", "g/dL", "165", "g/L", "165"),
        (analytes.HEMOGLOBIN, "10", "mmol/L", "10", "mmol/L", "161.1"),
    ],
)
def test_amounts(
    analyte: analytes.Analyte, number: str, unit: str, in_family: str, family: str, canonical: str
) -> None:
    read = amount(analyte.measure, Decimal(number), unit)
    assert read is not None
    assert (read.number, read.unit, read.canonical) == (Decimal(in_family), family, Decimal(canonical))


def test_methylmalonic_acid_by_mass_is_divided_by_its_molar_mass() -> None:
    read = amount(analytes.MMA.measure, Decimal("118.09"), "ug/L")
    assert read is not None
    assert abs(read.canonical - 1) < Decimal("1e-20")


@pytest.mark.parametrize(
    ("analyte", "unit"),
    [
        (analytes.B12, "ug/L"), (analytes.B12, ""), (analytes.B12, "NG/L"), (analytes.HOLOTC, "pg/mL"),
        (analytes.MMA, "mg/L"),
        (analytes.EGFR, "mL/min"), (analytes.MCV, "um3"), (analytes.ALPHA_TOCOPHEROL, "nmol/L"),
        (analytes.CHOLESTEROL, "g/L"),
        (analytes.MANGANESE_BLOOD, "umol/L"), (analytes.HEMOGLOBIN, "%"), (analytes.FERRITIN, "1"),
    ],
)  # fmt: skip
def test_other_units_are_not_accepted(analyte: analytes.Analyte, unit: str) -> None:
    assert amount(analyte.measure, Decimal(5), unit) is None


def test_every_accepted_unit_leads_to_one_family() -> None:
    for analyte in analytes.ANALYTES:
        accepted = [unit for family in analyte.measure.families for unit in family.factors]
        assert len(accepted) == len(set(accepted)), analyte.key
        assert all(normalized(unit) == unit for unit in accepted), analyte.key
        assert analyte.measure.families[0].to_canonical == 1, analyte.key


def test_a_limit_is_printed_per_family() -> None:
    cut = limit("180 ng/L", "133 pmol/L")
    assert cut == Limit({"ng/L": Decimal(180), "pmol/L": Decimal(133)})
    assert (cut.for_unit("ng/L"), cut.for_unit("pmol/L"), cut.for_unit("mg/L")) == (Decimal(180), Decimal(133), None)
    assert str(cut) == "180 ng/L / 133 pmol/L"


def test_a_limit_keeps_its_printed_digits() -> None:
    assert str(limit("0.40 umol/L")) == "0.40 umol/L"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("0", "0"), ("132.804", "133"), ("99.95", "100"), ("12.345", "12.3"), ("1.5999", "1.6"), ("0.28", "0.28"),
        ("0.0012345", "0.00123"), ("1500.4", "1500"), ("20000", "20000"), ("100", "100"), ("10", "10"),
        ("1E+3", "1000"),
    ],
)  # fmt: skip
def test_numbers_for_people(number: str, shown: str) -> None:
    assert display(Decimal(number)) == shown
