"""A scenario as a Chart, without FHIR in between: what the reader of FHIR is held against."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from screening.domain import analytes, labs
from screening.domain.analytes import Analyte
from screening.domain.chart import (
    Chart,
    Condition,
    Draft,
    Medication,
    Order,
    Patient,
    PendingResult,
    Procedure,
    Relative,
    SiteFact,
)
from screening.domain.codes import ATC, ICD10CM, LOINC, RXNORM, SNOMED, CodeBook, Coding, canonical
from screening.domain.labs import LabResult, Value
from screening.domain.units import amount

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWN = "own"
SYSTEMS = {
    "icd10cm": ICD10CM,
    "snomed": SNOMED,
    "loinc": LOINC,
    "rxnorm": RXNORM,
    "atc": ATC,
    "local": "urn:oid:1.2.36.1.9999.1",
}
_UNDATED_PROCEDURE = 30
_FACT = 30
_BIRTHDAY = 182

Item = Mapping[str, Any]


def build(scenario: Item, book: CodeBook, now: datetime = NOW) -> Chart:
    """The chart of a scenario on the day of `now`."""
    return _Builder(book, now).chart(scenario)


class _Builder:
    def __init__(self, book: CodeBook, now: datetime) -> None:
        self.book, self.now, self.today = book, now, now.date()

    def chart(self, s: Item) -> Chart:
        results: dict[str, list[LabResult]] = {}
        for number, item in enumerate(_own(s, "labs")):
            for result in self.results(item, number):
                results.setdefault(result.analyte, []).append(result)
        selections = s.get("selections") if s.get("hook") == "order-select" else None
        by_key = {analyte.key: analyte for analyte in analytes.ANALYTES}
        return Chart(
            as_of=self.now,
            patient=Patient(self.born(s["age"]), s["sex"], bool(s.get("deceased", False))),
            conditions=tuple(c for i in _own(s, "conditions") if (c := self.condition(i)) is not None),
            medications=tuple(m for i in _own(s, "meds") if (m := self.medication(i)) is not None),
            procedures=tuple(p for i in _own(s, "procs") if (p := self.procedure(i)) is not None),
            family=tuple(r for i in _own(s, "fhx") if (r := self.relative(i)) is not None),
            labs={key: labs.newest_first(found, by_key[key]) for key, found in results.items()},
            pending=tuple(w for i in _own(s, "labs") if (w := self.pending(i)) is not None),
            orders=tuple(o for i in _own(s, "orders") if (o := self.order(i)) is not None),
            drafts=tuple(self.draft(i, selections) for i in s.get("draft", ())),
            site_facts=tuple(
                SiteFact(name.replace("_", "-"), present, self.day(_FACT))
                for name, present in s.get("facts", {}).items()
            ),
            not_looked_up=frozenset(s.get("not_delivered", ())),
        )

    def day(self, ago: int | None) -> date | None:
        return None if ago is None else self.today - timedelta(days=ago)

    def born(self, age: int) -> date:
        birthday = self.today - timedelta(days=_BIRTHDAY)
        return date(birthday.year - age, birthday.month, min(birthday.day, 28))

    def found(self, item: Item, default: str) -> tuple[tuple[Coding, ...], frozenset[str]]:
        """The codings that are ours, and all their sets less those that a combination product must not count in."""
        codings: list[Coding] = []
        sets: frozenset[str] = frozenset()
        excluded: frozenset[str] = frozenset()
        for one in item.get("codings") or ([item] if "code" in item else []):
            name = canonical(SYSTEMS[one.get("sys", default)], str(one["code"]))
            if name is None:
                continue
            if name[0] == RXNORM:
                excluded |= self.book.combination_sets(*name)
            if here := self.book.sets(*name):
                codings.append(Coding(*name, self.book.display(*name)))
                sets |= here
        return tuple(codings), sets - excluded

    def condition(self, item: Item) -> Condition | None:
        codings, sets = self.found(item, "icd10cm")
        if not sets:
            return None
        return Condition(
            codings[0],
            sets,
            clinical=item.get("clin", "active"),
            verification=item.get("ver", "confirmed"),
            onset_age=item.get("onsetAge"),
            onset=self.day(item.get("onsetAgo")),
            recorded=self.day(item.get("rec")),
            text=item.get("text", ""),
        )

    def medication(self, item: Item) -> Medication | None:
        codings, sets = self.found(item, "rxnorm")
        if not sets:
            return None
        start = self.day(item.get("start"))
        return Medication(codings[0], sets, item.get("status", "active"), start, name=item.get("name", ""))

    def procedure(self, item: Item) -> Procedure | None:
        codings, sets = self.found(item, "snomed")
        if not sets:
            return None
        done = self.day(item.get("ago", _UNDATED_PROCEDURE))
        return Procedure(codings[0], sets, item.get("status", "completed"), done)

    def relative(self, item: Item) -> Relative | None:
        codings, sets = self.found(item, "snomed")
        return Relative(codings[0], sets, item["rel"]) if sets else None

    def order(self, item: Item) -> Order | None:
        codings, sets = self.found(item, "loinc")
        return Order(codings, sets, item.get("status", "active"), self.day(item["ago"])) if sets else None

    def draft(self, item: Item, selections: list[str] | None) -> Draft:
        drug = item["type"] == "MedicationRequest"
        codings, sets = self.found(item, "rxnorm" if drug else "loinc")
        codings = tuple(Coding(c.system, c.code) for c in codings)  # the scenarios' drafts carry no displays
        selected = selections is None or item["id"] in selections
        return Draft(f"{item['type']}/{item['id']}", drug, codings, sets, item.get("text", ""), selected)

    def pending(self, item: Item) -> PendingResult | None:
        codings, sets = self.found(item, "loinc")
        if not sets or item.get("status") not in ("preliminary", "registered"):
            return None
        return PendingResult(sets, frozenset(c.code for c in codings), self.day(item["ago"]))

    def results(self, item: Item, number: int) -> list[LabResult]:
        codings, sets = self.found(item, "loinc")
        if item.get("status", "final") not in ("final", "amended", "corrected"):
            return []
        return [
            self.result(item, analyte, codings[0], number)
            for analyte in analytes.ANALYTES
            if analyte.value_set in sets and sets.isdisjoint(analyte.conflicts)
        ]

    def result(self, item: Item, analyte: Analyte, coding: Coding, number: int) -> LabResult:
        value, printed, unit = self.value(item, analyte)
        readable = value if isinstance(value, Value) else None
        upper = None
        if (
            analyte is analytes.MANGANESE_BLOOD
            and readable is not None
            and "rr" in item
            and item["rr"][0] < item["rr"][1]
        ):
            read = amount(analyte.measure, Decimal(str(item["rr"][1])), item["u"])
            upper = read.number if read is not None else None
        return LabResult(
            analyte=analyte.key,
            taken=datetime.combine(self.today - timedelta(days=item["ago"]), datetime.min.time(), UTC),
            status=item.get("status", "final"),
            value=readable,
            printed=printed,
            unit=unit,
            code=coding.code,
            display=coding.display or analyte.label,
            reference=f"Observation/{number}",
            unreadable="" if readable is not None else str(value),
            upper_normal=upper,
        )

    @staticmethod
    def value(item: Item, analyte: Analyte) -> tuple[Value | str, str, str]:
        if "dar" in item:
            return "the laboratory gave no value", "", ""
        if "vs" in item:
            parsed = labs.parse(item["vs"])
            if parsed is None:
                return "no number with a unit", "", ""
            number, comparator, unit = parsed
        elif "v" in item:
            number, comparator, unit = Decimal(str(item["v"])), item.get("cmp", ""), item.get("u", "")
        else:
            return "no value", "", ""
        return labs.value_of(analyte, number, comparator, unit), f"{comparator}{number}", unit


def _own(s: Item, key: str) -> list[Item]:
    """The entries about this patient; those of somebody else never reach a chart."""
    return [item for item in s.get(key, ()) if item.get("subj", OWN) == OWN]
