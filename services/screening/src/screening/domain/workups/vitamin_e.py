"""Vitamin E and ataxia with vitamin E deficiency (AVED). Clinical rules 1.2 with section 6: 4, 14, 23, 26, 29, 30."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart, Fact, Medication
from screening.domain.citations import GENEREVIEWS_AVED, RULES, THURNHAM, VITAMIN_E_CHILD, VITAMIN_E_STATUS
from screening.domain.evidence import Evidence, of_fact, of_result
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    DISCORDANT,
    INFO,
    NORMAL,
    ORDER_PENDING,
    TREATED,
    UNREADABLE,
    WARNING,
    Assessment,
    Finding,
    Missing,
    refer,
    suggest,
)
from screening.domain.labs import INFINITY, LabResult, Scale, above, below
from screening.domain.phenotype import Phenotype
from screening.domain.thresholds import cut, days, factor, years
from screening.domain.units import display, plain
from screening.domain.workups.missing import state_without_result, unreadable_note

MODULE: Final = "VITE"
WORKUP: Final = "vitamin-e"

LOOK_BACK: Final = days("vitamin-e.look-back", 730, "a vitamin E counts at most this old")
LOOK_BACK_AT_RISK: Final = days(
    "vitamin-e.look-back-at-risk", 365, "with malabsorption or cholestasis a vitamin E counts at most this old"
)
LIPID_DAYS: Final = days("vitamin-e.lipids", 30, "lipids belong to a vitamin E drawn at most this far apart")
TREATMENT_TAKES_DAYS: Final = days(
    "vitamin-e.treatment-takes", 90, "a low result drawn less than this after the start of treatment needs no card"
)
ADULT_AGE: Final = years(
    "vitamin-e.adult-age", 18, "below this age the limits for children hold", VITAMIN_E_CHILD, fixed=True
)
EARLY_ONSET: Final = years("vitamin-e.early-onset", 30, "dystonia with onset at or before this age is screened")
ATAXIA_ONSET: Final = years("vitamin-e.ataxia-onset", 50, "ataxia with onset at or before this age is screened")

ADULT: Final = Scale(
    analytes.ALPHA_TOCOPHEROL,
    (
        below("severely low", "4.0 umol/L", "1.7 mg/L"),
        below("low", "11.6 umol/L", "5.0 mg/L"),
        below("low-normal", "16.2 umol/L", "7.0 mg/L"),
        above("adequate"),
    ),
    cite=VITAMIN_E_STATUS,
    id="vitamin-e.adult",
    whom="of adults",
)
CHILD: Final = Scale(
    analytes.ALPHA_TOCOPHEROL,
    (
        below("severely low", "4.0 umol/L", "1.7 mg/L"),
        below("low", "8.8 umol/L", "3.8 mg/L"),
        below("low-normal", "11.6 umol/L", "5.0 mg/L"),
        above("adequate"),
    ),
    cite=VITAMIN_E_CHILD,
    id="vitamin-e.child",
    whom="of children",
)
RATIO_LOW: Final = factor(
    "vitamin-e.lipid-ratio-low",
    "1.6",
    "umol/mmol",
    "alpha-tocopherol / (cholesterol + triglycerides) below this is low",
    THURNHAM,
)
CHOLESTEROL_VERY_LOW: Final = cut(
    "vitamin-e.cholesterol-very-low", "1.5 mmol/L", "58 mg/dL", means="cholesterol below this is very low"
)


@dataclass(frozen=True, slots=True)
class _Lipids:
    """What the lipids near the sample say. `ratio_low`: None when there is no ratio or it straddles the limit."""

    known: bool
    ratio_low: bool | None
    very_low_cholesterol: bool
    evidence: tuple[Evidence, ...]


def assess(chart: Chart, phenotype: Phenotype) -> Assessment:
    """The state of vitamin E in this chart, and the card that is due."""
    risks = tuple(chart.facts_in("VE_RISK"))
    eligible, because = _eligible(chart, phenotype, bool(risks))
    look_back = chart.of(LOOK_BACK_AT_RISK if risks else LOOK_BACK)
    treatments = chart.treatments("VE_RX")
    cause_known = bool(treatments) and any(chart.known_diagnoses("VE_DX"))
    result = _deciding(chart, look_back)
    state, note, evidence, lipids = _state(chart, result, look_back)

    def outcome(state: str, finding: Finding | None = None, held: str = "", lacks: Missing | None = None) -> Assessment:
        return Assessment(MODULE, state, eligible, because, lacks, finding, held, evidence, cause_known)

    if treatments and _treatment_explains(chart, result, state, treatments):
        return outcome(TREATED, held="vitamin E replacement is active")
    if state in (ABNORMAL, DISCORDANT) and result is not None:
        if catalog.acted_on(chart, _CONFIRMATORY, result.taken.date()):
            return outcome(state, held=catalog.acted_on_words(chart))
        if state == DISCORDANT:
            return outcome(state, _discordant(chart, evidence))
        return outcome(state, _abnormal(chart, evidence, lipids, malabsorption=bool(risks)))
    if state == BORDERLINE:
        resolving = ("L_LIPIDPANEL", "L_VE") if lipids.known else ("L_LIPIDPANEL",)
        if _lipids_pending(chart) or chart.pending_in(*resolving):
            return outcome(state, held="the resolving test is already ordered")
        return outcome(state, _borderline(chart, evidence, lipids))
    if state == NORMAL:
        return outcome(state)
    if chart.pending_in("L_VE"):
        return outcome(ORDER_PENDING)
    tests = (catalog.ALPHA_TOCOPHEROL.again(), catalog.LIPID_PANEL)
    facts = tuple(of_fact(fact, "fat malabsorption, cholestasis or lipoprotein disorder") for fact in risks)
    return outcome(state, lacks=Missing(note, tests, _high_risk(phenotype, risks), facts))


# --- eligibility for SCREEN (1.0.4; section 6, 23) ---


def _eligible(chart: Chart, phenotype: Phenotype, at_risk: bool) -> tuple[bool, str]:
    ataxia, early = chart.of(ATAXIA_ONSET), chart.of(EARLY_ONSET)
    if phenotype.tier in ("T1", "T2", "T4") and at_risk:
        return True, "fat malabsorption, cholestasis or lipoprotein disorder"
    if phenotype.tier in ("T1", "T4") and phenotype.has("M_ATAXIA") and phenotype.onset_at_most(ataxia):
        return True, f"ataxia with onset by {ataxia} years"
    if phenotype.tier == "T1" and phenotype.onset_at_most(early):
        return True, f"dystonia with onset by {early} years"
    if phenotype.tier == "T3":
        return False, phenotype.reason
    if phenotype.tier == "T2":
        return False, phenotype.not_looked_for("fat malabsorption or cholestasis")
    return False, phenotype.not_looked_for("ataxia or dystonia of early onset, malabsorption or cholestasis")


def _high_risk(phenotype: Phenotype, risks: tuple[Fact, ...]) -> tuple[Evidence, ...]:
    if not phenotype.has("M_ATAXIA"):
        return ()
    return tuple(
        of_fact(fact, "high risk of vitamin E deficiency: ataxia with malabsorption or cholestasis") for fact in risks
    )


# --- how the result reads ---


def _state(chart: Chart, result: LabResult | None, look_back: int) -> tuple[str, str, tuple[Evidence, ...], _Lipids]:
    """State, wording when missing, evidence and lipids."""
    none = _Lipids(known=False, ratio_low=None, very_low_cholesterol=False, evidence=())
    if result is None or result.value is None:
        state, note = state_without_result(chart, look_back, analytes.ALPHA_TOCOPHEROL.key)
        return state, note, (), none
    scale = _scale(chart, result)
    lipids = _lipids(chart, result)
    states = _states(chart, result)
    if len(states) > 1:
        return UNREADABLE, unreadable_note(result), (), none
    band = scale.touched(result.value)[-1]
    deciding = of_result(result, scale.analyte.measure, scale.criterion(band), scale.citation(band))
    evidence = (deciding, *lipids.evidence)
    return states.pop(), "", evidence, lipids


def _states(chart: Chart, result: LabResult) -> set[str]:
    """What a result may amount to: one state, or several where a comparator's interval spans a limit that matters."""
    if result.value is None:
        return set()
    lipids = _lipids(chart, result)
    return {_of_band(band, lipids) for band in _scale(chart, result).touched(result.value)}


def _of_band(band: str, lipids: _Lipids) -> str:
    """The state that a band amounts to with these lipids."""
    match band:
        case "severely low":
            return ABNORMAL
        case "low":
            explained = lipids.ratio_low is False and not lipids.very_low_cholesterol
            return BORDERLINE if explained else ABNORMAL
        case "low-normal":
            if lipids.ratio_low is None:
                return BORDERLINE
            return ABNORMAL if lipids.ratio_low else NORMAL
        case _:
            return DISCORDANT if lipids.ratio_low else NORMAL


def _deciding(chart: Chart, look_back: int) -> LabResult | None:
    """The newest result; one that spans a limit never hides an older one that does not reassure, nor lets one that does."""
    results = chart.results(analytes.ALPHA_TOCOPHEROL.key, look_back)
    for result in results:
        states = _states(chart, result)
        if len(states) == 1 and (result is results[0] or NORMAL not in states):
            return result
        if NORMAL in states:
            break
    return results[0] if results else None


def _scale(chart: Chart, result: LabResult) -> Scale:
    """The bands for the age on the day of the sample; an unknown age is read as adult."""
    age = chart.age_on(result.taken.date())
    return chart.scale(CHILD if age is not None and age < chart.of(ADULT_AGE) else ADULT)


def _lipids(chart: Chart, sample: LabResult) -> _Lipids:
    """Cholesterol and triglycerides nearest to the sample, on either side (fasting not required)."""
    cholesterol = _nearest(chart, analytes.CHOLESTEROL.key, sample.taken.date())
    triglycerides = _nearest(chart, analytes.TRIGLYCERIDES.key, sample.taken.date())
    floor, ratio_limit = chart.of(CHOLESTEROL_VERY_LOW), chart.of(RATIO_LOW)
    very_low = (
        cholesterol is not None and cholesterol.value is not None and cholesterol.value.at_most_below(floor) is True
    )
    evidence: list[Evidence] = []
    if cholesterol is not None:
        words = f"very low: below {floor}" if very_low else "for the vitamin E to lipid ratio"
        cite = chart.cite(CHOLESTEROL_VERY_LOW) if very_low else RULES
        evidence.append(of_result(cholesterol, analytes.CHOLESTEROL.measure, words, cite))
    if triglycerides is not None:
        words = "for the vitamin E to lipid ratio"
        evidence.append(of_result(triglycerides, analytes.TRIGLYCERIDES.measure, words, RULES))
    low: bool | None = None
    known = cholesterol is not None and triglycerides is not None
    if cholesterol is not None and triglycerides is not None:
        low, ratio = _ratio_low(ratio_limit, sample, cholesterol, triglycerides)
        if ratio is not None:
            words = f"{'low: below' if low else 'not low: at least'} {plain(ratio_limit)} umol/mmol"
            evidence.append(
                Evidence(
                    code="vitamin-e-lipid-ratio",
                    display="alpha-tocopherol / (cholesterol + triglycerides)",
                    value=ratio,
                    unit="umol/mmol",
                    day=sample.taken.date(),
                    criterion=words,
                    citation=chart.cite(RATIO_LOW),
                )
            )
    return _Lipids(known, low, very_low, tuple(evidence))


def _nearest(chart: Chart, analyte: str, day: date) -> LabResult | None:
    """The readable result nearest in time to `day`, not too far away; the newer of two equally near ones."""
    apart = chart.of(LIPID_DAYS)
    near = [r for r in chart.results(analyte) if abs((r.taken.date() - day).days) <= apart]
    return min(near, key=lambda r: abs((r.taken.date() - day).days), default=None)


def _ratio_low(limit: Decimal, sample: LabResult, *lipids: LabResult) -> tuple[bool | None, Decimal | None]:
    """Whether the ratio is below its limit, and the ratio for people (only when every number is exact)."""
    values = [r.value for r in (sample, *lipids)]
    bounds = [value.canonical_bounds() for value in values if value is not None]
    (low, high), *rest = bounds
    least, most = sum(b[0] for b in rest), sum((b[1] for b in rest), Decimal(0))
    if least <= 0:
        return None, None
    smallest = Decimal(0) if most == INFINITY else low / most
    largest = INFINITY if high == INFINITY else high / least
    if largest < limit:
        verdict: bool | None = True
    elif smallest >= limit:
        verdict = False
    else:
        verdict = None
    exact = all(value is not None and value.exact for value in values)
    return verdict, Decimal(display(smallest)) if exact else None


def _lipids_pending(chart: Chart) -> bool:
    return chart.pending_in("L_LIPIDPANEL") or (chart.pending_in("L_CHOL") and chart.pending_in("L_TG"))


def _treatment_explains(chart: Chart, result: LabResult | None, state: str, treatments: tuple[Medication, ...]) -> bool:
    """Whether active vitamin E makes a card unnecessary (1.0.5; section 6, 26 and 30).

    It does for everything but a low result; for that only if given on or after the day of the sample, or if treatment
    had begun so shortly before that it had not taken effect. An unknown start never explains a low result.
    """
    if state != ABNORMAL or result is None:
        return True
    drawn = result.taken.date()
    starts = [m.start for m in treatments]
    known = [start for start in starts if start is not None]
    if any(start >= drawn for start in known):
        return True
    return len(known) == len(starts) and (drawn - min(known)).days < chart.of(TREATMENT_TAKES_DAYS)


# --- cards (1.0.8) ---

_CONFIRMATORY: Final = (
    catalog.ALPHA_TOCOPHEROL, catalog.LIPID_PANEL, catalog.CBC_FILM, catalog.TTPA,
)  # fmt: skip

_SAMPLE_FIRST: Final = "Draw the confirming sample before any supplement, unless a specialist advises otherwise."
_BLEEDING: Final = "An anticoagulant or antiplatelet is active: high-dose vitamin E raises the risk of bleeding; check INR and vitamin K."


def _window(chart: Chart) -> str:
    return (
        f"Looked back {chart.of(LOOK_BACK)} days for vitamin E ({chart.of(LOOK_BACK_AT_RISK)} with malabsorption or"
        f" cholestasis), {chart.of(LIPID_DAYS)} days either side of it for lipids, fasting or not."
    )


def _bleeding(chart: Chart) -> tuple[str, ...]:
    return (_BLEEDING,) if chart.on_medicine("RX_ANTICOAG") is not None else ()


def _abnormal(chart: Chart, evidence: tuple[Evidence, ...], lipids: _Lipids, *, malabsorption: bool) -> Finding:
    statements = [_SAMPLE_FIRST, f"Relatives can be tested when AVED is confirmed ({GENEREVIEWS_AVED})."]
    if lipids.very_low_cholesterol:
        statements.insert(
            0,
            "Cholesterol is very low: think of abetalipoproteinemia (blood film for acanthocytes, apolipoprotein B;"
            " MTTP and APOB genes).",
        )
    tests = [catalog.ALPHA_TOCOPHEROL.again()]
    if not lipids.known:
        tests.append(catalog.LIPID_PANEL)
    tests.append(catalog.CBC_FILM.again())
    genetics = () if malabsorption else suggest(chart, "Order", catalog.TTPA)
    return Finding(
        MODULE, ABNORMAL, WARNING,
        "Low vitamin E with a movement disorder: consider AVED or fat malabsorption; refer. Delay risks permanent deficit.",
        statements=(*statements, *_bleeding(chart), _window(chart)),
        evidence=evidence,
        suggestions=(
            *suggest(chart, "Repeat fasting", *tests), *genetics, *refer(chart, catalog.GENETICS),
        ),
        override_reasons=("on-treatment", "specialist-managing", "done-elsewhere"),
        explanation=WORKUP,
    )  # fmt: skip


def _borderline(chart: Chart, evidence: tuple[Evidence, ...], lipids: _Lipids) -> Finding:
    summary = "Vitamin E needs lipid adjustment before it can be interpreted: order a fasting lipid panel with a repeat level."
    if lipids.ratio_low is False:
        summary = "Vitamin E is low but lipids are low too: repeat a fasting vitamin E with lipids before acting on the result."
    return Finding(
        MODULE, BORDERLINE, INFO, summary,
        statements=(_SAMPLE_FIRST, *_bleeding(chart), _window(chart)),
        evidence=evidence,
        suggestions=suggest(
            chart, "Order in one fasting draw", catalog.LIPID_PANEL.again(), catalog.ALPHA_TOCOPHEROL.again()
        ),
        override_reasons=("deferred", "not-indicated"),
        explanation=WORKUP,
    )  # fmt: skip


def _discordant(chart: Chart, evidence: tuple[Evidence, ...]) -> Finding:
    cholestasis = tuple(chart.facts_in("VE_CHOLESTASIS"))
    indicator = WARNING if cholestasis else INFO
    facts = tuple(of_fact(fact, "cholestasis raises lipids and masks deficiency") for fact in cholestasis)
    return Finding(
        MODULE, DISCORDANT, indicator,
        "Vitamin E looks normal but the vitamin E to lipid ratio is low: deficiency can be masked by cholestasis.",
        statements=("Ask hepatology or metabolic medicine for advice.", *_bleeding(chart), _window(chart)),
        evidence=(*evidence, *facts),
        suggestions=(
            *suggest(chart, "Repeat fasting", catalog.ALPHA_TOCOPHEROL.again(), catalog.LIPID_PANEL.again()),
            *(refer(chart) if indicator == WARNING else ()),
        ),
        override_reasons=("specialist-managing", "done-elsewhere"),
        explanation=WORKUP,
    )  # fmt: skip
