"""Facts about manganese that the workup and the order rules share. Clinical rules 1.3.a and section 6: 17, 27, 29."""

import re
from typing import Final

from screening.domain import analytes
from screening.domain.chart import Chart, Condition, Fact, Medication, Procedure, says
from screening.domain.evidence import Evidence, of_fact, of_result
from screening.domain.thresholds import cut, days

HEMOGLOBIN_DAYS: Final = days("manganese.hemoglobin-look-back", 365, "a hemoglobin counts at most this old")
PN_SESSION_DAYS: Final = days(
    "manganese.parenteral-nutrition-session", 183, "parenteral nutrition goes on for at most this long after a session"
)
HEMOGLOBIN_HIGH_MALE: Final = cut(
    "manganese.hemoglobin-high-male", "165 g/L", means="hemoglobin above this is high, in men and where sex is unknown"
)
HEMOGLOBIN_HIGH_FEMALE: Final = cut(
    "manganese.hemoglobin-high-female", "160 g/L", means="hemoglobin above this is high, in women"
)
_EXPOSURE_WORDS: Final = re.compile(r"weld|mangan|smelt|batter", re.IGNORECASE)


def risk(chart: Chart) -> tuple[Evidence, ...]:
    """Every fact that makes manganese worth measuring."""
    signal = chart.site_fact("t1-pallidal")
    shown = (of_fact(signal, "high risk: T1 pallidal hyperintensity"),) if signal is not None else ()
    poisoning = chart.conditions_in("MN_TOXIC_EFFECT")
    suspected = tuple(of_fact(c, "suspected manganese poisoning") for c in poisoning if not c.known_diagnosis)
    return (*acquired_source(chart), *suspected, *polycythemia(chart), *shown)


def acquired_source(chart: Chart) -> tuple[Evidence, ...]:
    """Where manganese may come from, or why it is not cleared; a pallidal signal and polycythemia are effects."""
    found = [of_fact(fact, "manganese risk") for fact in chart.facts_in("MN_RISK") if _risk_counts(fact)]
    ephedrone = chart.site_fact("ephedrone-use")
    if ephedrone is not None:
        found.append(of_fact(ephedrone, "ephedrone (methcathinone) use"))
    return tuple(found)


def _risk_counts(fact: Fact) -> bool:
    """Polycythemia has a rule of its own; occupational exposure counts only when the text names a source."""
    if "MN_POLY" in fact.sets:
        return False
    if "MN_OCCUPATIONAL" in fact.sets:
        return isinstance(fact, Condition) and says(_EXPOSURE_WORDS, (fact.text,))
    return True


def polycythemia(chart: Chart) -> tuple[Evidence, ...]:
    """Polycythemia that polycythemia vera does not explain: coded, or high hemoglobin (sex unknown: male limit)."""
    if chart.has_condition("X_PV"):
        return ()
    found = [of_fact(c, "polycythemia other than polycythemia vera") for c in chart.conditions_in("MN_POLY")]
    threshold = HEMOGLOBIN_HIGH_FEMALE if chart.patient.sex == "female" else HEMOGLOBIN_HIGH_MALE
    high = chart.of(threshold)
    newest = chart.newest(analytes.HEMOGLOBIN.key, HEMOGLOBIN_DAYS)
    if newest is not None and newest.value is not None and newest.value.at_most_below(high, inclusive=True) is False:
        words = f"high hemoglobin: above {high}"
        found.append(of_result(newest, analytes.HEMOGLOBIN.measure, words, chart.cite(threshold)))
    return tuple(found)


def on_parenteral_nutrition(chart: Chart) -> tuple[Fact, ...]:
    """Parenteral nutrition that goes on, or whose last recorded session lies within the look-back."""
    return tuple(fact for fact in chart.facts_in("MN_PN") if _goes_on(chart, fact))


def _goes_on(chart: Chart, fact: Fact) -> bool:
    match fact:
        case Procedure():
            return fact.status == "in-progress" or chart.within(fact.done, PN_SESSION_DAYS)
        case Medication():
            return True  # active, or on hold: a risk all the same (section 6, 3)
        case Condition():
            return True


def liver(chart: Chart) -> tuple[Fact, ...]:
    """Cirrhosis, chronic liver disease, portal hypertension or cholestasis; a shunt alone is none."""
    return tuple(chart.facts_in("MN_CHOLESTASIS_LIVER"))


def liver_or_shunt(chart: Chart) -> tuple[Fact, ...]:
    """Cirrhosis, cholestasis, portal hypertension or portosystemic shunt."""
    return tuple(chart.facts_in("MN_CHOLESTASIS_LIVER", "MN_SHUNT"))


def high_risk(chart: Chart) -> tuple[Evidence, ...]:
    """What makes SCREEN a warning: T1 pallidal signal, parenteral nutrition, liver disease with polycythemia."""
    found: list[Evidence] = []
    signal = chart.site_fact("t1-pallidal")
    if signal is not None:
        found.append(of_fact(signal, "high risk: T1 pallidal hyperintensity"))
    found.extend(of_fact(fact, "high risk: parenteral nutrition") for fact in on_parenteral_nutrition(chart))
    diseased, blood = liver(chart), polycythemia(chart)
    if diseased and blood:
        found.extend(of_fact(fact, "high risk: liver disease with polycythemia") for fact in diseased)
        found.extend(blood)
    return tuple(found)
