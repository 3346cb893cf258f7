"""Units and plausibility, beyond the bands: what mutation testing found that no other test would notice.

Every conversion factor and every plausible range, as clinical rules 1.0.2 and section 6, 15 print them. A factor
decides only where families meet (ratios, display, plausibility), so that no scenario lies close enough to see it move.
"""

from decimal import Decimal

import pytest

from screening.domain import analytes, labs
from screening.domain.analytes import Analyte
from screening.domain.labs import Value
from screening.domain.units import Measure, amount, display, plain, units

FACTORS: list[tuple[Analyte, str, str]] = [
    (analytes.B12, "pg/mL", "0.7378"), (analytes.B12, "ng/L", "0.7378"), (analytes.B12, "pmol/L", "1"),
    (analytes.HOLOTC, "pmol/L", "1"),
    (analytes.MMA, "umol/L", "1"), (analytes.MMA, "nmol/L", "0.001"), (analytes.MMA, "nmol/mL", "1"),
    (analytes.HOMOCYSTEINE, "umol/L", "1"), (analytes.HOMOCYSTEINE, "nmol/mL", "1"),
    (analytes.HOMOCYSTEINE, "mg/L", "7.397"),
    (analytes.FOLATE, "ng/mL", "2.266"), (analytes.FOLATE, "ug/L", "2.266"), (analytes.FOLATE, "nmol/L", "1"),
    (analytes.ALPHA_TOCOPHEROL, "mg/L", "2.322"), (analytes.ALPHA_TOCOPHEROL, "ug/mL", "2.322"),
    (analytes.ALPHA_TOCOPHEROL, "mg/dL", "23.22"), (analytes.ALPHA_TOCOPHEROL, "umol/L", "1"),
    (analytes.CHOLESTEROL, "mg/dL", "0.02586"), (analytes.CHOLESTEROL, "mmol/L", "1"),
    (analytes.TRIGLYCERIDES, "mg/dL", "0.01129"), (analytes.TRIGLYCERIDES, "mmol/L", "1"),
    *((manganese, unit, factor)
      for manganese in (analytes.MANGANESE_BLOOD, analytes.MANGANESE_SERUM)
      for unit, factor in (("ug/L", "18.20"), ("ng/mL", "18.20"), ("ug/dL", "182.0"), ("nmol/L", "1"))),
    (analytes.FERRITIN, "ng/mL", "1"), (analytes.FERRITIN, "ug/L", "1"), (analytes.FERRITIN, "pmol/L", "0.445"),
    *((calcium, unit, factor)
      for calcium in (analytes.CALCIUM, analytes.CALCIUM_ADJUSTED, analytes.CALCIUM_IONIZED)
      for unit, factor in (("mg/dL", "0.2495"), ("meq/L", "0.5"), ("mmol/L", "1"))),
    (analytes.ALBUMIN, "g/dL", "10"), (analytes.ALBUMIN, "g/L", "1"), (analytes.ALBUMIN, "umol/L", "0.0665"),
    (analytes.MAGNESIUM, "mg/dL", "0.4114"), (analytes.MAGNESIUM, "meq/L", "0.5"), (analytes.MAGNESIUM, "mmol/L", "1"),
    (analytes.PTH, "pg/mL", "0.1061"), (analytes.PTH, "ng/L", "0.1061"), (analytes.PTH, "pmol/L", "1"),
    (analytes.VITAMIN_D, "ng/mL", "2.496"), (analytes.VITAMIN_D, "ug/L", "2.496"), (analytes.VITAMIN_D, "nmol/L", "1"),
    (analytes.CERULOPLASMIN, "mg/dL", "0.01"), (analytes.CERULOPLASMIN, "mg/L", "0.001"),
    (analytes.CERULOPLASMIN, "g/L", "1"),
    (analytes.COPPER_SERUM, "ug/dL", "0.1574"), (analytes.COPPER_SERUM, "ug/L", "0.01574"),
    (analytes.COPPER_SERUM, "umol/L", "1"),
    (analytes.COPPER_URINE, "ug/(24.h)", "0.01574"), (analytes.COPPER_URINE, "nmol/(24.h)", "0.001"),
    (analytes.COPPER_URINE, "umol/(24.h)", "1"), (analytes.COPPER_URINE, "ug/d", "0.01574"),
    (analytes.COPPER_URINE, "nmol/d", "0.001"),
    (analytes.HEMOGLOBIN, "g/dL", "10"), (analytes.HEMOGLOBIN, "g/L", "1"), (analytes.HEMOGLOBIN, "mmol/L", "16.11"),
    (analytes.EGFR, "mL/min/{1.73_m2}", "1"), (analytes.MCV, "fL", "1"),
    (analytes.INR, "1", "1"), (analytes.INR, "{INR}", "1"), (analytes.INR, "", "1"),
    (analytes.IRON, "ug/dL", "0.1791"), (analytes.IRON, "ug/L", "0.01791"), (analytes.IRON, "mg/L", "17.91"),
    (analytes.IRON, "umol/L", "1"),
    (analytes.TRANSFERRIN_SATURATION, "%", "1"), (analytes.TRANSFERRIN_SATURATION, "1", "100"),
    (analytes.TRANSFERRIN_SATURATION, "{ratio}", "100"),
]  # fmt: skip
GUARDS: list[tuple[Analyte, str, str, str]] = [
    (analytes.B12, "pmol/L", "15", "15000"),
    (analytes.ALPHA_TOCOPHEROL, "umol/L", "0.05", "400"),
    (analytes.MANGANESE_BLOOD, "nmol/L", "5", "20000"),
    (analytes.CALCIUM, "mmol/L", "0.5", "5"),
    (analytes.CALCIUM_ADJUSTED, "mmol/L", "0.5", "5"),
    (analytes.CALCIUM_IONIZED, "mmol/L", "0.5", "5"),
    (analytes.ALBUMIN, "g/L", "5", "70"),
    (analytes.CERULOPLASMIN, "g/L", "0", "2.5"),
    (analytes.MAGNESIUM, "mmol/L", "0.1", "5"),
]
CONFLICTS: dict[str, set[str]] = {
    "HCY": {"L_HCY_TRAP"},
    "VE": {"L_VE_TRAP"},
    "MN_BLOOD": {"L_MNS", "L_MNU", "L_MNRBC"},
    "MN_SERUM": {"L_MNU", "L_MNRBC"},
    "CA": {"L_CAADJ", "L_CAI"},
    "CA_ADJUSTED": {"L_CAI"},
    "CA_IONIZED": {"L_CA", "L_CAADJ"},
    "VITD": {"L_VITD_TRAP"},
    "CP": {"L_CP_TRAP"},
    "CU_URINE": {"L_CUU_TRAP"},
    "CU_SERUM": {"L_CUU_TRAP"},
}
"""Sets that a result must not be in besides its own: look-alikes, and codings that disagree about the specimen."""
LITTLE = Decimal("0.0001")


@pytest.mark.parametrize(("analyte", "unit", "factor"), FACTORS, ids=[f"{a.key}-{u}" for a, u, _ in FACTORS])
def test_the_factor_to_the_canonical_unit_is_the_printed_one(analyte: Analyte, unit: str, factor: str) -> None:
    read = amount(analyte.measure, Decimal(1), unit)
    assert read is not None
    assert read.canonical == Decimal(factor)


def test_every_accepted_unit_has_its_factor_here() -> None:
    held = {(analyte.key, unit) for analyte, unit, _ in FACTORS}
    accepted = {(a.key, unit) for a in analytes.ANALYTES for family in a.measure.families for unit in family.factors}
    assert accepted - held == {("MMA", "ug/L"), ("MMA", "ng/mL")}, "those two are tested by their molar mass"


@pytest.mark.parametrize(("analyte", "unit", "low", "high"), GUARDS, ids=[guard[0].key for guard in GUARDS])
def test_what_is_plausible_ends_where_the_rules_say(analyte: Analyte, unit: str, low: str, high: str) -> None:
    def readable(number: Decimal) -> bool:
        return isinstance(labs.value_of(analyte, number, "", unit), Value)

    assert readable(Decimal(low))
    assert not readable(Decimal(low) - LITTLE)
    assert readable(Decimal(high))
    assert not readable(Decimal(high) + LITTLE)


def test_no_other_analyte_has_a_plausible_range() -> None:
    assert {a.key for a in analytes.ANALYTES if a.measure.plausible is not None} == {guard[0].key for guard in GUARDS}


@pytest.mark.parametrize(
    ("number", "sensible"),
    [("1e12", True), ("1e13", False), ("1e-12", True), ("1e-13", False), ("0", True), ("0e-20", True), ("-1", False)],
)
def test_a_number_of_no_sensible_size_is_none(number: str, sensible: bool) -> None:
    assert labs.of_sensible_size(Decimal(number)) is sensible


def test_a_family_leads_to_itself_unless_it_says_otherwise() -> None:
    assert units("mmol/L").to_canonical == 1
    assert Measure((units("mmol/L"),)).canonical == "mmol/L"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("1", "1"),
        ("-1", "-1"),
        ("150.5", "150"),
        ("151.5", "152"),
        ("9.994", "9.99"),
        ("12.04", "12"),
        ("11.11", "11.1"),
    ],
)
def test_numbers_close_to_where_they_lose_a_digit(number: str, shown: str) -> None:
    assert display(Decimal(number)) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [("27.450", "27.450"), ("40.0", "40"), ("100", "100"), ("11.00", "11"), ("0.40", "0.40")]
)
def test_a_printed_number_loses_only_zeros_that_say_nothing(number: str, shown: str) -> None:
    assert plain(Decimal(number)) == shown


@pytest.mark.parametrize("analyte", analytes.ANALYTES, ids=lambda analyte: analyte.key)
def test_what_a_result_is_not_taken_for(analyte: Analyte) -> None:
    assert analyte.conflicts == CONFLICTS.get(analyte.key, set())
