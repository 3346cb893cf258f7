"""Iron: aceruloplasminemia and brain iron accumulation (NBIA). Clinical rules 1.4 with section 6: 4, 10, 28, 29.

Most brain iron accumulation shows on MRI only; of the blood tests, one pattern speaks: high ferritin, low iron and
very low ceruloplasmin. High or low ferritin alone is not ours.
"""

from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart
from screening.domain.citations import ACERULOPLASMINEMIA, GARD_PATTERN, NBIA_2015
from screening.domain.description import Case, Description
from screening.domain.evidence import Evidence, of_fact, of_result
from screening.domain.findings import (
    DISCORDANT,
    KNOWN_DX,
    NORMAL,
    ORDER_PENDING,
    UNREADABLE,
    WARNING,
    Assessment,
    Finding,
    Missing,
    TakesIn,
    refer,
    suggest,
)
from screening.domain.labs import LabResult
from screening.domain.phenotype import Phenotype
from screening.domain.thresholds import cut, years
from screening.domain.workups import ceruloplasmin
from screening.domain.workups.iron_nbia_facts import (
    FERRITIN_HIGH_FEMALE,
    FERRITIN_HIGH_MALE,
    LOOK_BACK,
    MODULE,
    WORKUP,
    aceruloplasminemia_facts,
    ferritin_high,
    ferritin_limit,
)
from screening.domain.workups.missing import UNREADABLE_OR_STALE, state_without_result, unreadable_note

EARLY_ONSET: Final = years("iron-nbia.early-onset", 40, "iron is looked for up to this age at onset")
SATURATION_LOW: Final = cut(
    "iron-nbia.saturation-low", "16 %", means="transferrin saturation: low below this", cite=GARD_PATTERN
)
IRON_LOW: Final = cut(
    "iron-nbia.iron-low", "8 umol/L", "45 ug/dL", means="serum iron: low below this", cite=GARD_PATTERN
)

_VERY_LOW = ceruloplasmin.CERULOPLASMIN.bands[0].upper

DESCRIBED: Final = Description(
    title="Iron: aceruloplasminemia and brain iron accumulation",
    purpose="Finds the blood pattern of aceruloplasminemia and asks for the MRI that shows brain iron accumulation.",
    trigger=(
        f"Dystonia without a recorded cause with onset by {EARLY_ONSET} that is not only 'unspecified', or is combined"
        " with other signs; or diabetes together with anemia or retinal degeneration."
    ),
    cases=(
        Case(KNOWN_DX, "a brain iron accumulation disorder is recorded", "no card; SCREEN is suppressed"),
        Case(
            DISCORDANT,
            f"ferritin above {FERRITIN_HIGH_MALE} (men) or {FERRITIN_HIGH_FEMALE} (women), and transferrin saturation"
            f" below {SATURATION_LOW} or iron below {IRON_LOW}, and ceruloplasmin below {_VERY_LOW}",
            "warning: MRI with iron-sensitive sequences, ophthalmology, CP gene test, neurology and genetics; never iron",
        ),
        Case(ORDER_PENDING, "no ferritin, but ferritin or iron is ordered", "no card"),
        *UNREADABLE_OR_STALE,
        Case("NO_RESULT", f"no ferritin in {LOOK_BACK}", "a line in SCREEN with ferritin, iron, ceruloplasmin and MRI"),
        Case(NORMAL, "any other ferritin, high or low", "no card"),
    ),
    sources=(ACERULOPLASMINEMIA, NBIA_2015, GARD_PATTERN),
)


def assess(chart: Chart, phenotype: Phenotype) -> Assessment:
    """The state of iron in this chart, and the card that is due."""
    eligible, because = _eligible(chart, phenotype)
    known = tuple(chart.known_diagnoses("FE_DX"))
    state, note, evidence = _state(chart)

    def outcome(state: str, finding: Finding | None = None, held: str = "", lacks: Missing | None = None) -> Assessment:
        return Assessment(
            MODULE, state, eligible, because, lacks, finding, held, evidence, bool(known), takes_in=_COPPER
        )

    if known:
        return outcome(KNOWN_DX, held="a brain iron accumulation disorder is already recorded")
    if state == DISCORDANT:
        since = max(e.day for e in evidence if e.day is not None)
        if catalog.acted_on(chart, _CONFIRMATORY, since):
            return outcome(state, held=catalog.acted_on_words(chart))
        return outcome(state, _discordant(chart, evidence))
    if state == NORMAL:
        return outcome(state)
    if chart.pending_in("L_FERR", "L_IRON", "L_IRONPANEL"):
        return outcome(ORDER_PENDING)
    tests = [catalog.FERRITIN.again(), catalog.IRON_PANEL, catalog.CERULOPLASMIN, catalog.MRI_IRON]
    facts = tuple(of_fact(f, "diabetes with anemia or retinal degeneration") for f in aceruloplasminemia_facts(chart))
    return outcome(state, lacks=Missing(note, tuple(tests), risks=facts))


# --- eligibility for SCREEN (1.0.4; section 6, 28) ---


def _eligible(chart: Chart, phenotype: Phenotype) -> tuple[bool, str]:
    if phenotype.tier in ("T1", "T4") and aceruloplasminemia_facts(chart):
        return True, "diabetes with anemia or retinal degeneration"
    telling = phenotype.complex or any("D_GEN_SPECIFIED" in c.sets for c in phenotype.conditions)
    if phenotype.tier == "T1" and telling and phenotype.onset_at_most(chart.of(EARLY_ONSET)):
        return True, f"generalized, segmental or combined dystonia with onset by {chart.of(EARLY_ONSET)} years"
    if phenotype.tier in ("T2", "T3"):
        return False, phenotype.reason
    return False, phenotype.not_looked_for("early generalized or combined dystonia, nor diabetes with anemia")


# --- how the results read ---


def _state(chart: Chart) -> tuple[str, str, tuple[Evidence, ...]]:
    """State, wording when missing, evidence."""
    ferritin = chart.newest(analytes.FERRITIN.key, LOOK_BACK)
    if ferritin is None or ferritin.value is None:
        state, note = state_without_result(chart, chart.of(LOOK_BACK), analytes.FERRITIN.key)
        return state, note, ()
    protein = ceruloplasmin.deciding(chart)
    low, low_evidence, open_result = _iron_low(chart)
    high = _opposite(ferritin.value.at_most_below(ferritin_limit(chart), inclusive=True))
    very_low = _very_low(chart, protein)
    parts = (high, low, very_low)
    if all(part is True for part in parts) and protein is not None:
        shown = ferritin_high(chart, chart.of(LOOK_BACK))
        found = (*((shown,) if shown is not None else ()), *low_evidence)
        return DISCORDANT, "", (*found, ceruloplasmin.evidence(chart, protein, "very low"))
    if any(part is False for part in parts):
        return NORMAL, "", ()
    unclear = ferritin if high is None else open_result if low is None else protein
    return UNREADABLE, unreadable_note(unclear or ferritin), ()


def _opposite(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


def _iron_low(chart: Chart) -> tuple[bool | None, tuple[Evidence, ...], LabResult | None]:
    """Whether saturation or iron is low, the results that are, and the one that leaves it open.

    None: an interval leaves it open, or nothing was seen and nobody looked.
    """
    found: list[Evidence] = []
    unclear: LabResult | None = None
    for analyte, threshold in ((analytes.TRANSFERRIN_SATURATION, SATURATION_LOW), (analytes.IRON, IRON_LOW)):
        newest = chart.newest(analyte.key, LOOK_BACK)
        if newest is None or newest.value is None:
            continue
        limit = chart.of(threshold)
        low = newest.value.at_most_below(limit)
        if low:
            found.append(of_result(newest, analyte.measure, f"low: below {limit}", chart.cite(threshold)))
        elif low is None:
            unclear = newest
    if found:
        return True, tuple(found), None
    seen = any(chart.newest(a.key, LOOK_BACK) for a in (analytes.TRANSFERRIN_SATURATION, analytes.IRON))
    return (None if unclear is not None or not (seen or chart.looked_up(WORKUP)) else False), (), unclear


def _very_low(chart: Chart, protein: LabResult | None) -> bool | None:
    if protein is None:
        return False if chart.looked_up(WORKUP) else None
    band = ceruloplasmin.band(chart, protein)
    return None if band is None else band == "very low"


# --- cards (1.0.8) ---

_CONFIRMATORY: Final = (
    catalog.FERRITIN, catalog.IRON_PANEL, catalog.CERULOPLASMIN, catalog.MRI_IRON, catalog.CRP,
    catalog.CERULOPLASMIN_GENE,
)  # fmt: skip

_COPPER: Final = TakesIn(
    "Ceruloplasmin this low is also found in Wilson disease: 24-hour urine copper and a slit-lamp examination tell them"
    " apart. A raised INR or signs of liver failure need hepatology the same day.",
    (catalog.COPPER_URINE, catalog.SLIT_LAMP),
)
"""What the card adds when it stands for the copper card as well (section 6, 10)."""


def _discordant(chart: Chart, evidence: tuple[Evidence, ...]) -> Finding:
    return Finding(
        MODULE, DISCORDANT, WARNING,
        "High ferritin, low iron and very low ceruloplasmin: consider aceruloplasminemia, not simple iron deficiency.",
        statements=(
            "Iron is not to be given for this pattern before a specialist has seen it; nor is it Wilson disease by itself.",
            "Diabetes (glucose or HbA1c), retinal degeneration and anemia go with it: check for them.",
            f"Looked back {chart.of(LOOK_BACK)} days for ferritin and iron, {chart.of(ceruloplasmin.LOOK_BACK)} days for"
            " ceruloplasmin.",
        ),
        evidence=evidence,
        suggestions=(
            *suggest(chart, "Order", catalog.MRI_IRON, catalog.CRP, catalog.CERULOPLASMIN_GENE),
            *refer(chart, catalog.GENETICS, catalog.OPHTHALMOLOGY),
        ),
        override_reasons=("specialist-managing", "done-elsewhere"),
        explanation=WORKUP,
    )  # fmt: skip
