"""Manganese. Clinical rules 1.3 with section 6: 4, 17, 27, 29, 30."""

from decimal import Decimal
from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart
from screening.domain.citations import ARUP_MN, GENEREVIEWS_HMNDYT1, MAYO_MN, OWN_RANGE
from screening.domain.evidence import Evidence, of_fact, of_result
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    INFO,
    KNOWN_DX,
    NO_RESULT,
    NORMAL,
    ORDER_PENDING,
    UNREADABLE,
    WARNING,
    WRONG_SPECIMEN,
    Assessment,
    Finding,
    Missing,
    refer,
    suggest,
)
from screening.domain.labs import LabResult
from screening.domain.phenotype import Phenotype
from screening.domain.thresholds import AnyThreshold, ascending, cut, days, factor, years
from screening.domain.units import Limit
from screening.domain.workups.manganese_facts import (
    acquired_source,
    high_risk,
    liver,
    liver_or_shunt,
    on_parenteral_nutrition,
    polycythemia,
    risk,
)
from screening.domain.workups.missing import state_without_result, unreadable_note

MODULE: Final = "MN"
WORKUP: Final = "manganese"

LOOK_BACK: Final = days("manganese.look-back", 365, "a manganese counts at most this old")
LOOK_BACK_ON_PN: Final = days(
    "manganese.look-back-on-parenteral-nutrition", 183, "on parenteral nutrition a manganese counts at most this old"
)
CHILDHOOD_ONSET: Final = years(
    "manganese.childhood-onset",
    18,
    "generalized, segmental or unspecified dystonia with onset at or before this age is screened",
)
REPEAT_DAYS: Final = days(
    "manganese.repeat", 14, "a second raised sample at least this much earlier confirms the newest"
)

UPPER_NORMAL: Final = cut(
    "manganese.upper-normal", "18.3 ug/L", "333 nmol/L",
    means="whole-blood manganese above this is raised, where the laboratory gives no range of its own", cite=MAYO_MN,
)  # fmt: skip
_TIMES: Final = "x upper limit of normal"
RAISED: Final = factor(
    "manganese.raised", "1.5", _TIMES, "above this, with a source on record or found twice, manganese is high"
)
HIGH: Final = factor("manganese.high", "2", _TIMES, "above this manganese is high in any case")
MULTIPLES: Final = ascending(RAISED, HIGH)
_ONCE: Final = Decimal(1)
SERUM_NORMAL: Final = cut(
    "manganese.serum-normal", "2.0 ug/L", "36 nmol/L", means="serum manganese above this is raised", cite=ARUP_MN
)


def assess(chart: Chart, phenotype: Phenotype) -> Assessment:
    """The state of manganese in this chart, and the card that is due."""
    risks = risk(chart)
    eligible, because = _eligible(chart, phenotype, bool(risks))
    look_back = chart.of(LOOK_BACK_ON_PN if on_parenteral_nutrition(chart) else LOOK_BACK)
    known = tuple(chart.known_diagnoses("MN_DX"))
    state, note, evidence = _state(chart, look_back)

    def outcome(state: str, finding: Finding | None = None, held: str = "", lacks: Missing | None = None) -> Assessment:
        return Assessment(MODULE, state, eligible, because, lacks, finding, held, evidence, bool(known))

    if known:
        return outcome(KNOWN_DX, held="a manganese disorder is already recorded")
    if state == ABNORMAL:
        if evidence[0].day is not None and catalog.acted_on(chart, _CONFIRMATORY, evidence[0].day):
            return outcome(state, held=catalog.acted_on_words(chart))
        return outcome(state, _abnormal(chart, evidence, acquired=bool(acquired_source(chart))))
    if state == BORDERLINE:
        if chart.pending_in("L_MNB"):
            return outcome(state, held="whole-blood manganese is already ordered")
        return outcome(state, _borderline(chart, evidence))
    if state == NORMAL:
        return outcome(state)
    if chart.pending_in("L_MNB"):
        return outcome(ORDER_PENDING)
    tests = [catalog.MANGANESE_BLOOD.again(), catalog.FERRITIN, catalog.CBC]
    if liver(chart):
        tests.append(catalog.LIVER_PANEL)
    return outcome(state, lacks=Missing(note, tuple(tests), high_risk(chart), risks))


# --- eligibility for SCREEN (1.0.4) ---


def _eligible(chart: Chart, phenotype: Phenotype, at_risk: bool) -> tuple[bool, str]:
    childhood = chart.of(CHILDHOOD_ONSET)
    relevant = phenotype.dystonia or phenotype.has("M_PARK")
    if at_risk and relevant and phenotype.tier in ("T1", "T2", "T4"):
        return True, "dystonia or parkinsonism with a manganese risk"
    if phenotype.tier == "T1" and phenotype.has("D_GEN") and phenotype.onset_at_most(childhood):
        return True, f"generalized, segmental or unspecified dystonia with onset by {childhood} years"
    if phenotype.tier == "T3":
        return False, phenotype.reason
    if phenotype.tier == "T2":
        return False, phenotype.not_looked_for("manganese risk")
    return False, phenotype.not_looked_for("manganese risk or childhood generalized dystonia")


# --- how the result reads ---


def _state(chart: Chart, look_back: int) -> tuple[str, str, tuple[Evidence, ...]]:
    """State, wording when missing, evidence. A whole-blood result within its look-back wins over a serum one."""
    blood = chart.results(analytes.MANGANESE_BLOOD.key, look_back)
    if blood:
        return _blood_state(chart, blood, look_back)
    serum = chart.newest(analytes.MANGANESE_SERUM.key, look_back)
    if serum is not None and serum.value is not None:
        normal = chart.of(SERUM_NORMAL)
        within = serum.value.at_most_below(normal, inclusive=True)
        if within is False:
            words, cite = f"raised serum manganese: above {normal}", chart.cite(SERUM_NORMAL)
            return BORDERLINE, "", (of_result(serum, analytes.MANGANESE_SERUM.measure, words, cite),)
        if within is True:
            return WRONG_SPECIMEN, "only serum or plasma was measured, which does not exclude an excess", ()
    state, note = state_without_result(chart, look_back, analytes.MANGANESE_BLOOD.key)
    if state == NO_RESULT and serum is not None:
        return UNREADABLE, unreadable_note(serum), ()
    return state, note, ()


def _blood_state(chart: Chart, results: tuple[LabResult, ...], look_back: int) -> tuple[str, str, tuple[Evidence, ...]]:
    """The state by the newest result; one that spans a limit never hides an older raised one."""
    aggravating = _aggravating(chart)
    for result in results:
        # Above 1.5 times the limit is abnormal only with a source on record or when found twice.
        earlier = _found_before(chart, result, look_back)
        threshold = RAISED if aggravating or earlier is not None else HIGH
        normal, high = _multiple(chart, result, _ONCE), _multiple(chart, result, chart.of(threshold))
        decided_by: tuple[AnyThreshold, ...] = () if result.upper_normal is not None else (UPPER_NORMAL,)
        if _at_most(result, normal) is True:
            state, words = NORMAL, f"normal: up to {normal}"
        elif _at_most(result, high) is False:
            state, words, decided_by = ABNORMAL, f"high: above {high}", (*decided_by, threshold)
        elif _at_most(result, normal) is False and _at_most(result, high) is True:
            state, words, decided_by = (
                BORDERLINE, f"mildly high: above {normal}, up to {high}", (*decided_by, threshold),
            )  # fmt: skip
        elif _at_most(result, normal) is False:
            continue  # raised in any case: it does not hide an older result that says how much
        else:
            break
        if state == NORMAL and result is not results[0]:
            break
        cite = chart.cite(*decided_by, otherwise=MAYO_MN if result.upper_normal is None else OWN_RANGE)
        evidence = of_result(result, analytes.MANGANESE_BLOOD.measure, words, cite)
        return state, "", (evidence, *((*aggravating, *_earlier(chart, earlier)) if state == ABNORMAL else ()))
    return UNREADABLE, unreadable_note(results[0]), ()


def _at_most(result: LabResult, limit: Limit) -> bool | None:
    """Whether a result lies on a limit or below; None when it spans that."""
    return None if result.value is None else result.value.at_most_below(limit, inclusive=True)


def _multiple(chart: Chart, result: LabResult, times: Decimal) -> Limit:
    """A multiple of the upper limit of normal in the unit that was sent; the laboratory's own limit if it gave one."""
    unit = result.value.unit if result.value is not None else analytes.MANGANESE_BLOOD.measure.canonical
    base = result.upper_normal if result.upper_normal is not None else chart.of(UPPER_NORMAL).printed[unit]
    return Limit({unit: base * times})


def _aggravating(chart: Chart) -> tuple[Evidence, ...]:
    """What makes a rise above 1.5 times the limit abnormal at once (section 6, 17)."""
    signal = chart.site_fact("t1-pallidal")
    return (
        *(of_fact(fact, "parenteral nutrition") for fact in on_parenteral_nutrition(chart)),
        *(of_fact(fact, "cirrhosis, cholestasis or portosystemic shunt") for fact in liver_or_shunt(chart)),
        *((of_fact(signal, "T1 pallidal hyperintensity"),) if signal is not None else ()),
        *polycythemia(chart),
    )


def _earlier(chart: Chart, result: LabResult | None) -> tuple[Evidence, ...]:
    """The evidence of an earlier sample that confirms the newest."""
    if result is None:
        return ()
    raised = _multiple(chart, result, chart.of(RAISED))
    words = f"also above {raised}, at least {chart.of(REPEAT_DAYS)} days before"
    return (of_result(result, analytes.MANGANESE_BLOOD.measure, words, chart.cite(REPEAT_DAYS, RAISED)),)


def _found_before(chart: Chart, newest: LabResult, look_back: int) -> LabResult | None:
    """An earlier sample, well before the newest, that was also raised."""
    for earlier in chart.results(analytes.MANGANESE_BLOOD.key, look_back):
        apart = (newest.taken.date() - earlier.taken.date()).days
        raised = _multiple(chart, earlier, chart.of(RAISED))
        if apart >= chart.of(REPEAT_DAYS) and _at_most(earlier, raised) is False:
            return earlier
    return None


# --- cards (1.0.8) ---

_CONFIRMATORY: Final = (
    catalog.MANGANESE_BLOOD, catalog.FERRITIN, catalog.IRON_PANEL, catalog.CBC, catalog.LIVER_PANEL,
    catalog.MRI_BRAIN, catalog.SLC30A10, catalog.SLC39A14,
)  # fmt: skip


def _window(chart: Chart) -> str:
    days_on_nutrition = chart.of(LOOK_BACK_ON_PN)
    return f"Looked back {chart.of(LOOK_BACK)} days for manganese ({days_on_nutrition} on parenteral nutrition)."


def _pallidal_note(chart: Chart) -> tuple[str, ...]:
    if chart.site_fact("t1-pallidal") is None:
        return ()
    return ("T1 pallidal hyperintensity is recorded: a normal level does not exclude past exposure.",)


def _abnormal(chart: Chart, evidence: tuple[Evidence, ...], *, acquired: bool) -> Finding:
    genes = () if acquired else suggest(chart, "Order", catalog.SLC30A10, catalog.SLC39A14)
    return Finding(
        MODULE, ABNORMAL, WARNING,
        "Whole-blood manganese is high: find and stop the source; refer to neurology/metabolic. Chelation is specialist-only.",
        statements=(
            "Sources to look for: parenteral nutrition, supplements, well water, welding or smelting, liver disease or"
            " shunt, injected home-made stimulants; if none, an inherited transporter disorder"
            f" ({GENEREVIEWS_HMNDYT1}).",
            "Iron deficiency raises manganese uptake.",
            *_pallidal_note(chart),
            _window(chart),
        ),
        evidence=evidence,
        suggestions=(
            *suggest(
                chart, "Order", catalog.MANGANESE_BLOOD.again(), catalog.FERRITIN, catalog.IRON_PANEL, catalog.CBC,
                catalog.LIVER_PANEL, catalog.MRI_BRAIN,
            ),
            *genes,
            *refer(chart, catalog.GENETICS),
        ),
        override_reasons=("specialist-managing", "wrong-data", "done-elsewhere"),
        explanation=WORKUP,
    )  # fmt: skip


def _borderline(chart: Chart, evidence: tuple[Evidence, ...]) -> Finding:
    return Finding(
        MODULE, BORDERLINE, INFO,
        "Manganese is mildly high: exclude contamination and iron deficiency, then repeat whole blood in a metal-free tube.",
        statements=(
            "Iron deficiency, pregnancy and contamination of the sample raise manganese.",
            *_pallidal_note(chart),
            _window(chart),
        ),
        evidence=evidence,
        suggestions=suggest(chart, "Order", catalog.FERRITIN, catalog.MANGANESE_BLOOD.again()),
        override_reasons=("deferred", "not-indicated"),
        explanation=WORKUP,
    )  # fmt: skip
