"""Cards and answers to them, on small synthetic charts with a movable clock."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from screening.domain import screen
from screening.domain.answers import Answer, Shown, Terms, held_by, shown
from screening.domain.chart import Chart, Condition, Draft, Patient
from screening.domain.codes import ICD10CM, LOINC, RXNORM, Coding
from screening.domain.findings import Finding, Hold
from screening.domain.labs import LabResult
from screening.domain.screen import Screening

ANSWERED = datetime(2026, 8, 15, 9, 30, tzinfo=UTC)
BORN = date(1976, 3, 1)
TERMS = Terms()


def mark(text: str) -> str:
    """A digest in place of the keyed one."""
    return hashlib.sha256(text.encode()).hexdigest()


def dystonia(**said: Any) -> Condition:
    """A dystonia that is screened, recorded long before the answers."""
    code = said.pop("code", "G24.9")
    usual = {
        "reference": "Condition/dystonia",
        "recorded": date(2020, 1, 1),
        "onset_age": 40,
        "codes": frozenset({code}),
    }
    return Condition(Coding(ICD10CM, code), frozenset({"D_GEN"}), **{**usual, **said})


def chart(*results: LabResult, at: datetime = ANSWERED, **said: Any) -> Chart:
    """A chart of a patient with dystonia."""
    labs: dict[str, tuple[LabResult, ...]] = {}
    for one in sorted(results, key=lambda result: result.taken, reverse=True):
        labs[one.analyte] = (*labs.get(one.analyte, ()), one)
    said.setdefault("conditions", (dystonia(),))
    return Chart(as_of=at, patient=Patient(BORN, "female"), labs=labs, **said)


def later(one: Chart, **span: float) -> Chart:
    """The same chart, read so long after the answers."""
    return replace(one, as_of=ANSWERED + timedelta(**span))


def draft(code: str, *sets: str, reference: str = "MedicationRequest/1", **said: Any) -> Draft:
    """A selected draft order."""
    drug = reference.startswith("Medication")
    return Draft(reference, drug, (Coding(RXNORM if drug else LOINC, code),), frozenset(sets), **said)


def screened(one: Chart) -> Screening:
    """What is said when the chart is opened; with drafts, when they are selected."""
    return screen.order_hook(one) if one.drafts else screen.patient_view(one)


def card(one: Chart, module: str) -> Finding:
    """The card of a module or rule."""
    return next(finding for finding in screened(one).findings if finding.module == module)


def answer(to: Shown, reason: str = "", *, at: datetime = ANSWERED, accepted: bool = False) -> Answer:
    """An answer to a card."""
    return Answer(to, accepted, reason, at)


def answered(one: Chart, module: str, reason: str = "", **said: Any) -> Answer:
    """An answer to the card of a module on this chart."""
    return answer(shown(card(one, module), one, mark), reason, **said)


def hold(now: Chart, module: str, *answers: Answer, terms: Terms = TERMS) -> Hold | None:
    """What holds the card of a module on this chart."""
    return held_by(card(now, module), now, answers, mark, terms)


def silent(now: Chart, module: str, *answers: Answer, terms: Terms = TERMS) -> bool:
    """Whether the card of a module is held back."""
    return hold(now, module, *answers, terms=terms) is not None


def remembered(now: Chart, answers: Iterable[Answer]) -> Screening:
    """The screening with a memory of these answers."""
    kept = tuple(answers)
    whole = screen.order_hook if now.drafts else screen.patient_view
    return whole(now, hold=lambda finding: held_by(finding, now, kept, mark, TERMS))
