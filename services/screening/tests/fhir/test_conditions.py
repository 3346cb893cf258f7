"""Problems: which coding names them, and how old the patient was. Born 1996-03-02, the call is on 2026-11-22."""

from datetime import date
from typing import Any

import edge_samples as s
import pytest

from screening.domain import phenotype


def onset(**changes: Any) -> int | None:
    chart, _ = s.read(s.prefetch(conditions=s.bundle(s.condition(recordedDate=s.DROP, **changes))))
    return phenotype.of(chart).onset_ub


@pytest.mark.parametrize(
    ("age", "years"),
    [
        ({"value": 12, "unit": "a", "system": s.UCUM, "code": "a"}, 12),
        ({"value": 12, "code": "a"}, 12),
        ({"value": 12, "unit": "years"}, 12),
        ({"value": 12, "unit": "Years "}, 12),
        ({"value": 12.9, "unit": "yr"}, 12),
        ({"value": "12", "unit": "a"}, 12),
        ({"value": 12, "unit": "a", "comparator": "<"}, 12),
        ({"value": 24, "unit": "mo"}, 2),
        ({"value": 23, "unit": "months"}, 1),
        ({"value": 240, "unit": "mo"}, 20),
        ({"value": 3, "unit": "wk"}, 0),
        ({"value": 5000, "unit": "d"}, 13),
        ({"value": 0, "unit": "a"}, 0),
        # otherwise the age today
        ({"value": 12}, 30),
        ({"value": 12, "unit": "furlongs"}, 30),
        ({"value": 12, "unit": "a", "comparator": ">"}, 30),
        ({"value": -3, "unit": "a"}, 30),
        ({"value": "NaN", "unit": "a"}, 30),
        ({"value": "Infinity", "unit": "a"}, 30),
        ({"value": 1e300, "unit": "a"}, 30),
        ({"unit": "a"}, 30),
        ("12 years", 30),
        (12, 30),
        ([], 30),
        (None, 30),
    ],
)
def test_onset_age(age: Any, years: int) -> None:
    assert onset(onsetAge=age) == years


@pytest.mark.parametrize(
    ("changes", "years"),
    [
        ({"onsetDateTime": "2010-03-01"}, 13),
        ({"onsetDateTime": "2010-03-02"}, 14),
        ({"onsetDateTime": "2010"}, 13),
        ({"onsetPeriod": {"start": "2011-06"}}, 15),
        ({"onsetPeriod": {"end": "2011-06"}}, 30),
        ({"onsetDateTime": "bent", "onsetPeriod": {"start": "2011-06"}}, 15),
        ({"onsetString": "in childhood"}, 30),
        ({"onsetDateTime": "1990-01-01"}, 30),
        ({"recordedDate": "2015-04-01"}, 19),
        ({"assertedDate": "2015-04-01"}, 19),
        ({"dateRecorded": "2015-04-01"}, 19),
        ({"recordedDate": "2015-04-01", "onsetAge": {"value": 12, "unit": "a"}}, 12),
        ({"recordedDate": "2005-04-01", "onsetAge": {"value": 12, "unit": "a"}}, 9),
    ],
)
def test_onset_is_the_youngest_age_that_is_told(changes: dict[str, Any], years: int) -> None:
    if "recordedDate" in changes:
        chart, _ = s.read(s.prefetch(conditions=s.bundle(s.condition(**changes))))
        assert phenotype.of(chart).onset_ub == years
    else:
        assert onset(**changes) == years


@pytest.mark.parametrize("born", [s.DROP, None, "", "unknown", 1996, "2030-01-01"])
def test_without_a_birth_date_there_is_no_age(born: Any) -> None:
    chart, _ = s.read(s.prefetch(patient=s.patient(birthDate=born)))
    assert chart.age is None
    assert phenotype.of(chart).onset_ub is None


@pytest.mark.parametrize(
    ("codings", "sets"),
    [
        ([(s.ICD10CM, "G24.9")], {"D_GEN"}),
        ([(s.ICD10CM, "g249")], {"D_GEN"}),
        ([(s.ICD10CM, "G249")], {"D_GEN"}),
        ([("http://hl7.org/fhir/sid/icd-10", "G24.9")], {"D_GEN"}),
        ([("urn:oid:2.16.840.1.113883.6.90", "G24.9")], {"D_GEN"}),
        ([("urn:example:local", "DYST"), (s.ICD10CM, "G24.9")], {"D_GEN"}),
        ([(s.SNOMED, "15802004"), (s.ICD10CM, "G24.9")], {"D_GEN"}),
        ([(s.ICD10CM, "G24")], set()),
        ([("urn:example:local", "G24.9")], set()),
        ([("ICD-10-CM", "G24.9")], set()),
        ([(s.SNOMED, "70070008")], set()),  # torticollis
    ],
)
def test_codings_of_a_problem(codings: list[tuple[str, str]], sets: set[str]) -> None:
    code = {"coding": [{"system": system, "code": one} for system, one in codings], "text": "dystonia"}
    found = s.chart(s.condition(code=code)).conditions
    told = set().union(*(one.sets for one in found)) & {"D_GEN", "D_FOCAL", "D_DRUG"}
    assert told == sets


def test_text_alone_is_no_problem() -> None:
    for code in ({"text": "Dystonia"}, {"coding": [], "text": "Dystonia"}, {"coding": [{"display": "Dystonia"}]}):
        assert not s.chart(s.condition(code=code)).conditions


@pytest.mark.parametrize("identifier", [s.DROP, None, "", 5, {"value": "x"}])
def test_a_problem_without_an_id_counts_but_is_not_referred_to(identifier: Any) -> None:
    (found,) = s.chart(s.condition(id=identifier)).conditions
    assert found.reference == ""
    assert found.recorded == date(2026, 10, 1)
