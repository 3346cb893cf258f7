"""Which calcium decides, and for how long it counts: what mutation testing found that no scenario would notice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from small_facts import NOW, ago, chart, condition, result

from screening.domain import analytes
from screening.domain.analytes import Analyte
from screening.domain.chart import Chart
from screening.domain.findings import ABNORMAL
from screening.domain.labs import LabResult, Value, value_of
from screening.domain.phenotype import of as phenotype_of
from screening.domain.workups import calcium_vitamin_d
from screening.domain.workups.calcium_vitamin_d_facts import adjusted as adjusted_for
from screening.domain.workups.calcium_vitamin_d_facts import at_risk, deciding, look_back, samples


def adjusted(number: str, days: int, comparator: str = "") -> LabResult:
    return result(analytes.CALCIUM_ADJUSTED, number, "mg/dL", days, comparator=comparator)


@pytest.mark.parametrize(
    ("given", "day"),
    [
        ([adjusted("8.0", 5), adjusted("7.0", 40)], 5),
        ([adjusted("9.0", 5), adjusted("7.0", 40)], 5),
        ([adjusted("8.0", 5, "<"), adjusted("7.0", 40)], 40),
        ([adjusted("8.0", 5, "<"), adjusted("8.1", 20, "<"), adjusted("7.0", 40)], 40),
        ([adjusted("9.0", 5, "<"), adjusted("7.0", 40)], 5),
        ([adjusted("8.0", 5, "<"), adjusted("9.0", 20), adjusted("7.0", 40)], 5),
        ([adjusted("8.0", 5, "<"), adjusted("8.1", 20, "<")], 5),
        ([adjusted("8.0", 5, "<"), adjusted("9.0", 20)], 5),
    ],
)
def test_what_spans_a_limit_and_cannot_be_normal_lets_an_older_low_one_decide(given: list[LabResult], day: int) -> None:
    found = deciding(samples(chart(*given)))
    assert found is not None
    assert found.day == ago(day)


def test_no_calcium_decides_nothing() -> None:
    assert deciding(()) is None


@pytest.mark.parametrize(("days", "long"), [(99, True), (100, True), (101, False)])
def test_a_normal_calcium_from_the_day_of_onset_on_reassures(days: int, long: bool) -> None:
    made = chart(adjusted("9.4", days), conditions=(condition("D_GEN", onset=ago(100)),))
    assert look_back(made, phenotype_of(made), risk=False) == (1095 if long else 183)


@pytest.mark.parametrize("name", ["CA_RISK", "CA_HYPOPARA", "CA_TETANY", "CA_RISK_RX"])
def test_each_risk_of_calcium_counts(name: str) -> None:
    assert len(at_risk(chart(conditions=(condition(name),)))) == 1


def ionized_before(earlier: timedelta) -> Chart:
    """A low adjusted calcium of noon ten days ago, and a normal ionized one so much earlier."""
    noon = datetime.combine(ago(10), NOW.time(), UTC)
    low = replace(adjusted("8.0", 10), taken=noon)
    normal = replace(result(analytes.CALCIUM_IONIZED, "4.8", "mg/dL"), taken=noon - earlier)
    return chart(low, normal, conditions=(condition("D_GEN", onset_age=48),))


@pytest.mark.parametrize(
    ("earlier", "low"), [(timedelta(hours=24), False), (timedelta(hours=24, minutes=1), True), (timedelta(0), False)]
)
def test_an_ionized_calcium_takes_the_place_of_an_adjusted_one_within_a_day(earlier: timedelta, low: bool) -> None:
    made = ionized_before(earlier)
    assert (calcium_vitamin_d.assess(made, phenotype_of(made)).state == ABNORMAL) is low


def read(analyte: Analyte, printed: str) -> Value:
    number, unit = printed.lstrip("<>").split()
    value = value_of(analyte, Decimal(number), printed[: len(printed) - len(number) - len(unit) - 1], unit)
    assert isinstance(value, Value)
    return value


@pytest.mark.parametrize(
    ("calcium", "albumin", "bounds", "is_open"),
    [
        ("7.0 mg/dL", "3.0 g/dL", ("1.9461", "1.9461"), (False, False)),
        ("7.0 mg/dL", "30 g/L", ("1.9461", "1.9461"), (False, False)),
        ("2.00 mmol/L", "30 g/L", ("2.20", "2.20"), (False, False)),
        ("4.0 meq/L", "3.0 g/dL", ("2.20", "2.20"), (False, False)),
        ("2.00 mmol/L", "<30 g/L", ("2.20", "2.80"), (True, False)),
        ("<2.00 mmol/L", "30 g/L", ("0.20", "2.20"), (False, True)),
    ],
)
def test_the_adjustment_is_the_printed_one(
    calcium: str, albumin: str, bounds: tuple[str, str], is_open: tuple[bool, bool]
) -> None:
    value = adjusted_for(read(analytes.CALCIUM, calcium), read(analytes.ALBUMIN, albumin))
    assert value.canonical_bounds() == tuple(map(Decimal, bounds))
    assert (value.low_open, value.high_open) == is_open
