"""Copper and Wilson disease. Clinical rules 1.6 with section 6: 4, 9, 10, 11, 14, 20, 30."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart, Condition
from screening.domain.citations import AASLD_URINE_COPPER, AASLD_WILSON, COPPER_TESTS
from screening.domain.description import Description
from screening.domain.evidence import Evidence, of_fact, of_result
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    DISCORDANT,
    KNOWN_DX,
    NORMAL,
    ORDER_PENDING,
    UNREADABLE,
    Assessment,
    Finding,
    Missing,
)
from screening.domain.labs import LabResult
from screening.domain.phenotype import Phenotype
from screening.domain.thresholds import years
from screening.domain.workups import ceruloplasmin
from screening.domain.workups import copper_wilson_cards as cards
from screening.domain.workups.copper_wilson_facts import (
    INR_LOOK_BACK,
    INR_RAISED,
    MODULE,
    SERUM_DAYS,
    SERUM_LOW,
    URINE,
    URINE_LOOK_BACK,
    WORKUP,
    liver_disease,
    relatives,
    risk,
)
from screening.domain.workups.missing import state_without_result, unreadable_note

ONSET: Final = years(
    "copper-wilson.onset", 55, "copper is looked for in dystonia up to this age at onset", AASLD_WILSON
)
ONSET_WITHOUT_DYSTONIA: Final = years(
    "copper-wilson.onset-without-dystonia",
    40,
    "copper is looked for in other movement disorders up to this age at onset",
)
DESCRIBED: Final = Description(
    title="Copper: Wilson disease and copper deficiency",
    purpose="Looks for Wilson disease, which is treatable for life, wherever a movement disorder begins young or with liver disease.",
    trigger=(
        f"Dystonia without a recorded cause with onset by {ONSET}; other movement disorders with onset by"
        f" {ONSET_WITHOUT_DYSTONIA}, unless essential tremor is recorded; liver disease or an affected first-degree"
        " relative at any age."
    ),
    cases=cards.CASES,
    sources=(AASLD_WILSON, AASLD_URINE_COPPER, COPPER_TESTS),
)


@dataclass(frozen=True, slots=True)
class _Tests:
    """What the copper tests show. Bands are None without a readable result."""

    protein: LabResult | None
    protein_band: str | None
    urine: LabResult | None
    urine_band: str | None
    serum: LabResult | None
    ring: Condition | None

    @property
    def copper_low(self) -> bool:
        """Low ceruloplasmin with normal urine copper and low serum copper: less copper, not more (1.6.c)."""
        low = self.protein_band in ("very low", "low") and self.urine_band == "normal"
        return low and self.serum is not None and self.ring is None


def assess(chart: Chart, phenotype: Phenotype) -> Assessment:
    """The state of copper in this chart, and the card that is due."""
    risks = risk(chart)
    eligible, because = _eligible(chart, phenotype, bool(risks))
    known = bool(tuple(chart.known_diagnoses("CU_DX")))
    tests = _tests(chart)
    state = _state(tests, at_risk=bool(risks))
    if state in (BORDERLINE, NORMAL) and tests.urine is None and not chart.looked_up(WORKUP):
        state = UNREADABLE  # it turns on a urine copper that nobody could look for
    evidence = (*_evidence(chart, tests), *(risks if state == BORDERLINE else ()))
    yields_to = "FE" if _only_ceruloplasmin(tests) else ""

    def outcome(state: str, finding: Finding | None = None, held: str = "", lacks: Missing | None = None) -> Assessment:
        return Assessment(
            MODULE, state, eligible, because, lacks, finding, held, evidence, known,
            yields_to=yields_to if finding is not None else "",
        )  # fmt: skip

    if known:
        return outcome(KNOWN_DX, held="Wilson disease is already recorded")
    if state == ABNORMAL:
        inr = _raised_inr(chart)
        anticoagulant = chart.on_medicine("RX_ANTICOAG_INR") if inr is not None else None
        if inr is not None:
            evidence = (*evidence, inr)
        if anticoagulant is not None:
            evidence = (*evidence, of_fact(anticoagulant, "anticoagulant: the INR says nothing about the liver"))
        if (inr is None or anticoagulant is not None) and _acted_on(chart, tests):
            return outcome(state, held=catalog.acted_on_words(chart))
        return outcome(
            state, cards.abnormal(chart, evidence, inr_raised=inr is not None, anticoagulated=anticoagulant is not None)
        )
    if state == DISCORDANT:
        if _acted_on(chart, tests):
            return outcome(state, held=catalog.acted_on_words(chart))
        return outcome(state, cards.discordant(chart, evidence, very_low=tests.protein_band == "very low"))
    if state == BORDERLINE:
        if tests.urine_band == "normal":
            if chart.pending_in("P_SLIT_LAMP", "REF_OPHTHALMOLOGY", "REF_GASTROENTEROLOGY"):
                return outcome(state, held="slit lamp or referral is already ordered")
            return outcome(state, cards.at_risk_with_normal_urine(chart, evidence))
        if chart.pending_in("L_CUU24"):
            return outcome(state, held="24-hour urine copper is already ordered")
        return outcome(state, cards.borderline(chart, evidence, urine_borderline=tests.urine_band == "intermediate"))
    if state == NORMAL:
        return outcome(state)
    if chart.pending_in("L_CP"):
        return outcome(ORDER_PENDING)
    state, note = _missing(chart, tests)
    return outcome(state, lacks=_lacks(chart, note))


# --- eligibility for SCREEN (1.0.4) ---


def _eligible(chart: Chart, phenotype: Phenotype, at_risk: bool) -> tuple[bool, str]:
    if phenotype.tier in ("T1", "T2", "T4") and at_risk:
        return True, "liver disease or a first-degree relative with Wilson disease"
    if phenotype.tier == "T1" and phenotype.onset_at_most(chart.of(ONSET)):
        return True, f"dystonia with onset by {chart.of(ONSET)} years"
    if phenotype.tier == "T4" and phenotype.onset_at_most(chart.of(ONSET_WITHOUT_DYSTONIA)):
        if not chart.has_condition("X_ET"):
            return True, f"movement disorder with onset by {chart.of(ONSET_WITHOUT_DYSTONIA)} years"
        return False, "essential tremor, and no liver disease or affected relative"
    if phenotype.tier == "T3":
        return False, phenotype.reason
    early = "" if phenotype.tier == "T2" else "known early onset, "
    return False, phenotype.not_looked_for(f"{early}liver disease or affected relative")


# --- how the results read (section 6, 11) ---


def _tests(chart: Chart) -> _Tests:
    protein = ceruloplasmin.deciding(chart)
    scale = chart.scale(URINE)
    urine = scale.deciding(chart.results(analytes.COPPER_URINE.key, URINE_LOOK_BACK))
    return _Tests(
        protein,
        ceruloplasmin.band(chart, protein),
        urine,
        scale.band(urine.value) if urine is not None and urine.value is not None else None,
        _low_serum(chart, protein.taken.date()) if protein is not None else None,
        next(chart.conditions_in("CU_KF"), None),
    )


def _low_serum(chart: Chart, drawn: date) -> LabResult | None:
    """The newest serum copper within 180 days of the ceruloplasmin, if it is low."""
    near = (
        r
        for r in chart.results(analytes.COPPER_SERUM.key)
        if abs((r.taken.date() - drawn).days) <= chart.of(SERUM_DAYS)
    )
    newest = next(near, None)
    if newest is None or newest.value is None:
        return None
    return newest if newest.value.at_most_below(chart.of(SERUM_LOW)) is True else None


def _state(tests: _Tests, *, at_risk: bool) -> str:
    """The state that results and ring amount to; UNREADABLE stands for every missing state."""
    protein, urine = tests.protein_band, tests.urine_band
    if tests.ring is not None or urine == "high":
        return ABNORMAL
    if tests.copper_low:
        return DISCORDANT
    if protein == "very low":
        return ABNORMAL
    if urine == "intermediate":
        return BORDERLINE
    if protein is None:
        return UNREADABLE
    if protein == "low":
        return NORMAL if urine == "normal" and not at_risk else BORDERLINE
    return BORDERLINE if at_risk and urine is None else NORMAL


def _only_ceruloplasmin(tests: _Tests) -> bool:
    """Whether a low ceruloplasmin is the only copper abnormality (section 6, 10). An open urine copper may be one."""
    urine_clear = tests.urine is None or tests.urine_band in ("normal", "intermediate")
    return tests.protein_band in ("very low", "low") and tests.ring is None and urine_clear


def _raised_inr(chart: Chart) -> Evidence | None:
    newest = chart.newest(analytes.INR.key, INR_LOOK_BACK)
    if newest is None or newest.value is None or newest.value.at_most_below(chart.of(INR_RAISED)) is not False:
        return None
    return of_result(newest, analytes.INR.measure, f"raised: {chart.of(INR_RAISED)} or more", chart.cite(INR_RAISED))


def _evidence(chart: Chart, tests: _Tests) -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    if tests.ring is not None:
        found.append(of_fact(tests.ring, "Kayser-Fleischer ring", AASLD_WILSON))
    if tests.protein is not None and tests.protein_band is not None:
        found.append(ceruloplasmin.evidence(chart, tests.protein, tests.protein_band))
    if tests.urine is not None and tests.urine_band is not None:
        scale, band = chart.scale(URINE), tests.urine_band
        found.append(of_result(tests.urine, scale.analyte.measure, scale.criterion(band), scale.citation(band)))
    if tests.copper_low and tests.serum is not None:
        words = f"low: below {chart.of(SERUM_LOW)}"
        found.append(of_result(tests.serum, analytes.COPPER_SERUM.measure, words, chart.cite(SERUM_LOW)))
    return tuple(found)


def _acted_on(chart: Chart, tests: _Tests) -> bool:
    """Whether somebody acted on the newest of the tests; on the ring, if that is all there is."""
    drawn = [r.taken.date() for r in (tests.protein, tests.urine) if r is not None]
    if not drawn and tests.ring is not None:
        drawn = [day for day in (tests.ring.recorded, tests.ring.onset) if day is not None][:1]
    return catalog.acted_on(chart, cards.CONFIRMATORY, max(drawn, default=date.min))


# --- what is missing ---


def _missing(chart: Chart, tests: _Tests) -> tuple[str, str]:
    if tests.protein is not None:
        return UNREADABLE, unreadable_note(tests.protein)
    look_back = chart.of(ceruloplasmin.LOOK_BACK)
    return state_without_result(chart, look_back, analytes.CERULOPLASMIN.key)


def _lacks(chart: Chart, note: str) -> Missing:
    tests = [catalog.CERULOPLASMIN.again(), catalog.COPPER_URINE, catalog.LIVER_PANEL]
    if liver_disease(chart):
        tests.append(catalog.INR_FOR_LIVER)
    return Missing(note, tuple(tests), relatives(chart), risk(chart))
