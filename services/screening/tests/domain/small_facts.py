"""Small synthetic facts for the unit tests: one of each kind, with what matters given by name."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from screening.domain import analytes, labs
from screening.domain.analytes import Analyte
from screening.domain.chart import Chart, Condition, Draft, Medication, Order, Patient, PendingResult, Procedure
from screening.domain.codes import ICD10CM, LOINC, RXNORM, SNOMED, Coding
from screening.domain.labs import LabResult, Value

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = NOW.date()


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def condition(*sets: str, code: str = "X00", **said: Any) -> Condition:
    return Condition(Coding(ICD10CM, code), frozenset(sets), **said)


def medication(*sets: str, status: str = "active", **said: Any) -> Medication:
    return Medication(Coding(RXNORM, "1"), frozenset(sets), status, **said)


def procedure(*sets: str, status: str = "completed", **said: Any) -> Procedure:
    return Procedure(Coding(SNOMED, "1"), frozenset(sets), status, **said)


def order(*sets: str, code: str = "0", status: str = "active", authored: date | None = TODAY) -> Order:
    return Order((Coding(LOINC, code),), frozenset(sets), status, authored)


def pending(*sets: str, taken: date | None = TODAY) -> PendingResult:
    return PendingResult(frozenset(sets), frozenset(), taken)


def draft(*sets: str, code: str = "0", **said: Any) -> Draft:
    return Draft("ServiceRequest/1", medication=False, codings=(Coding(LOINC, code),), sets=frozenset(sets), **said)


def result(analyte: Analyte, number: str, unit: str, days: int = 10, *, comparator: str = "", **said: Any) -> LabResult:
    value = labs.value_of(analyte, Decimal(number), comparator, unit)
    return LabResult(
        analyte=analyte.key,
        taken=datetime.combine(ago(days), datetime.min.time(), UTC),
        status=said.pop("status", "final"),
        value=value if isinstance(value, Value) else None,
        printed=f"{comparator}{number}",
        unit=unit,
        code="0",
        display=analyte.label,
        reference="",
        unreadable=value if isinstance(value, str) else "",
        **said,
    )


def chart(*results: LabResult, born: date | None = date(1971, 5, 24), **said: Any) -> Chart:
    by_key: dict[str, list[LabResult]] = {}
    for one in results:
        by_key.setdefault(one.analyte, []).append(one)
    by_name = {analyte.key: analyte for analyte in analytes.ANALYTES}
    ordered = {key: labs.newest_first(found, by_name[key]) for key, found in by_key.items()}
    return Chart(as_of=NOW, patient=said.pop("patient", Patient(born, "female")), labs=ordered, **said)
