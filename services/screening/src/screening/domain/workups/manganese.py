"""Manganese. Clinical rules 1.3 with section 6: 4, 17, 27, 29, 30."""

from decimal import Decimal
from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart
from screening.domain.citations import ARUP_MN, GENEREVIEWS_HMNDYT1, MAYO_MN, OWN_RANGE, RULES
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
from screening.domain.units import Limit, limit
from screening.domain.workups.manganese_facts import (
    acquired_source,
    high_risk,
    liver_or_shunt,
    on_parenteral_nutrition,
    polycythemia,
    risk,
)
from screening.domain.workups.missing import state_without_result, unreadable_note

MODULE: Final = "MN"
WORKUP: Final = "manganese"

LOOK_BACK: Final = 365
LOOK_BACK_ON_PN: Final = 183
CHILDHOOD_ONSET: Final = 18
REPEAT_DAYS: Final = 14

UPPER_NORMAL: Final = limit("18.3 ug/L", "333 nmol/L")  # where the laboratory gives no range of its own
RAISED: Final = Decimal("1.5")  # x upper limit of normal: high with a source on record, or twice
HIGH: Final = Decimal(2)  # x upper limit of normal: high in any case
SERUM_NORMAL: Final = limit("2.0 ug/L", "36 nmol/L")


def assess(chart: Chart, phenotype: Phenotype) -> Assessment:
    """The state of manganese in this chart, and the card that is due."""
    risks = risk(chart)
    eligible, because = _eligible(phenotype, bool(risks))
    days = LOOK_BACK_ON_PN if on_parenteral_nutrition(chart) else LOOK_BACK
    known = tuple(chart.known_diagnoses("MN_DX"))
    state, note, evidence = _state(chart, days)

    def outcome(state: str, finding: Finding | None = None, held: str = "", lacks: Missing | None = None) -> Assessment:
        return Assessment(MODULE, state, eligible, because, lacks, finding, held, evidence, bool(known))

    if known:
        return outcome(KNOWN_DX, held="a manganese disorder is already recorded")
    if state == ABNORMAL:
        if evidence[0].day is not None and catalog.acted_on(chart, _CONFIRMATORY, evidence[0].day):
            return outcome(state, held="a confirmatory order or referral was made in the last 14 days")
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
    if liver_or_shunt(chart):
        tests.append(catalog.LIVER_PANEL)
    return outcome(state, lacks=Missing(note, tuple(tests), high_risk(chart)))


# --- eligibility for SCREEN (1.0.4) ---


def _eligible(phenotype: Phenotype, at_risk: bool) -> tuple[bool, str]:
    relevant = phenotype.dystonia or phenotype.has("M_PARK")
    if at_risk and relevant and phenotype.tier in ("T1", "T2", "T4"):
        return True, "dystonia or parkinsonism with a manganese risk"
    if phenotype.tier == "T1" and phenotype.has("D_GEN") and phenotype.onset_at_most(CHILDHOOD_ONSET):
        return True, f"generalized, segmental or unspecified dystonia with onset by {CHILDHOOD_ONSET} years"
    if phenotype.tier in ("T2", "T3"):
        return False, phenotype.not_looked_for("manganese risk")
    return False, phenotype.not_looked_for("manganese risk or childhood generalized dystonia")


# --- how the result reads ---


def _state(chart: Chart, days: int) -> tuple[str, str, tuple[Evidence, ...]]:
    """State, wording when missing, evidence. A whole-blood result within its look-back wins over a serum one."""
    blood = chart.results(analytes.MANGANESE_BLOOD.key, days)
    if blood:
        return _blood_state(chart, blood, days)
    serum = chart.newest(analytes.MANGANESE_SERUM.key, days)
    if serum is not None and serum.value is not None:
        within = serum.value.at_most_below(SERUM_NORMAL, inclusive=True)
        if within is False:
            words = f"raised serum manganese: above {SERUM_NORMAL}"
            return BORDERLINE, "", (of_result(serum, analytes.MANGANESE_SERUM.measure, words, ARUP_MN),)
        if within is True:
            return WRONG_SPECIMEN, "only serum or plasma was measured, which does not exclude an excess", ()
    state, note = state_without_result(chart, days, analytes.MANGANESE_BLOOD.key)
    if state == NO_RESULT and serum is not None:
        return UNREADABLE, unreadable_note(serum), ()
    return state, note, ()


def _blood_state(chart: Chart, results: tuple[LabResult, ...], days: int) -> tuple[str, str, tuple[Evidence, ...]]:
    """The state by the newest result; one that spans a limit never hides an older raised one."""
    aggravating = _aggravating(chart)
    for result in results:
        # Above 1.5 times the limit is abnormal only with a source on record or when found twice.
        earlier = _found_before(chart, result, days)
        threshold = RAISED if aggravating or earlier is not None else HIGH
        if _below(result, Decimal(1)) is True:
            state, words = NORMAL, f"normal: up to {_multiple(result, Decimal(1))}"
        elif _below(result, threshold) is False:
            state, words = ABNORMAL, f"high: above {_multiple(result, threshold)}"
        elif _below(result, Decimal(1)) is False and _below(result, threshold) is True:
            bounds = f"above {_multiple(result, Decimal(1))}, up to {_multiple(result, threshold)}"
            state, words = BORDERLINE, f"mildly high: {bounds}"
        else:
            continue
        if state == NORMAL and result is not results[0]:
            break
        cite = MAYO_MN if result.upper_normal is None else OWN_RANGE
        evidence = of_result(result, analytes.MANGANESE_BLOOD.measure, words, cite)
        return state, "", (evidence, *((*aggravating, *_earlier(earlier)) if state == ABNORMAL else ()))
    return UNREADABLE, unreadable_note(results[0]), ()


def _below(result: LabResult, factor: Decimal) -> bool | None:
    """Whether a result is at most `factor` times its upper limit of normal; None when it spans that."""
    return None if result.value is None else result.value.at_most_below(_multiple(result, factor), inclusive=True)


def _multiple(result: LabResult, factor: Decimal) -> Limit:
    """A multiple of the upper limit of normal in the unit that was sent; the laboratory's own limit if it gave one."""
    unit = result.value.unit if result.value is not None else analytes.MANGANESE_BLOOD.measure.canonical
    base = result.upper_normal if result.upper_normal is not None else UPPER_NORMAL.printed[unit]
    return Limit({unit: base * factor})


def _aggravating(chart: Chart) -> tuple[Evidence, ...]:
    """What makes a rise above 1.5 times the limit abnormal at once (section 6, 17)."""
    signal = chart.site_fact("t1-pallidal")
    return (
        *(of_fact(fact, "parenteral nutrition") for fact in on_parenteral_nutrition(chart)),
        *(of_fact(fact, "cirrhosis, cholestasis or portosystemic shunt") for fact in liver_or_shunt(chart)),
        *((of_fact(signal, "T1 pallidal hyperintensity"),) if signal is not None else ()),
        *polycythemia(chart),
    )


def _earlier(result: LabResult | None) -> tuple[Evidence, ...]:
    """The evidence of an earlier sample that confirms the newest."""
    if result is None:
        return ()
    words = f"also above {_multiple(result, RAISED)}, at least {REPEAT_DAYS} days before"
    return (of_result(result, analytes.MANGANESE_BLOOD.measure, words, RULES),)


def _found_before(chart: Chart, newest: LabResult, days: int) -> LabResult | None:
    """An earlier sample, at least two weeks before, that was also above 1.5 times its limit."""
    for earlier in chart.results(analytes.MANGANESE_BLOOD.key, days):
        apart = (newest.taken.date() - earlier.taken.date()).days
        if apart >= REPEAT_DAYS and _below(earlier, RAISED) is False:
            return earlier
    return None


# --- cards (1.0.8) ---

_CONFIRMATORY: Final = (
    catalog.MANGANESE_BLOOD, catalog.FERRITIN, catalog.IRON_PANEL, catalog.CBC, catalog.LIVER_PANEL,
    catalog.MRI_BRAIN, catalog.SLC30A10, catalog.SLC39A14,
)  # fmt: skip


_WINDOW: Final = f"Looked back {LOOK_BACK} days for manganese ({LOOK_BACK_ON_PN} on parenteral nutrition)."


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
            _WINDOW,
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
            _WINDOW,
        ),
        evidence=evidence,
        suggestions=suggest(chart, "Order", catalog.FERRITIN, catalog.MANGANESE_BLOOD.again()),
        override_reasons=("deferred", "not-indicated"),
        explanation=WORKUP,
    )  # fmt: skip
