"""Limits and facts about copper that the workup, its cards and the order rules share. Clinical rules 1.6.a, 1.6.b and
section 6: 9, 11, 14, 20, 29, 30."""

from typing import Final

from screening.domain import analytes
from screening.domain.chart import Chart
from screening.domain.citations import AASLD_URINE_COPPER, AASLD_WILSON, COPPER_TESTS
from screening.domain.evidence import Evidence, of_fact, of_relative
from screening.domain.labs import Scale, above, below, up_to
from screening.domain.thresholds import cut, days

MODULE: Final = "CU"
WORKUP: Final = "copper-wilson"

URINE_LOOK_BACK: Final = days("copper-wilson.urine-look-back", 1825, "a 24-hour urine copper counts this long")
INR_LOOK_BACK: Final = days("copper-wilson.inr-look-back", 30, "an INR counts this long", fixed=True)
SERUM_DAYS: Final = days(
    "copper-wilson.serum-interval", 180, "a serum copper belongs to a ceruloplasmin drawn at most so far away"
)
URINE: Final = Scale(
    analytes.COPPER_URINE,
    (
        below("normal", "0.64 umol/(24.h)", "40 ug/(24.h)"),
        up_to("intermediate", "1.6 umol/(24.h)", "100 ug/(24.h)"),
        above("high"),
    ),
    cite=AASLD_URINE_COPPER,
    id="copper-wilson.urine",
    reassuring=frozenset({"normal"}),
)
SERUM_LOW: Final = cut(
    "copper-wilson.serum-low",
    "10 umol/L",
    "64 ug/dL",
    means="serum copper: low below this, read with ceruloplasmin and urine copper",
    cite=COPPER_TESTS,
)
INR_RAISED: Final = cut(
    "copper-wilson.inr-raised", "1.5 1", means="INR: raised from this on", cite=AASLD_WILSON, fixed=True
)

FIRST_DEGREE: Final = frozenset(
    {
        "PRN", "MTH", "FTH", "NPRN", "NMTH", "NFTH",
        "SIB", "BRO", "SIS", "NSIB", "NBRO", "NSIS",
        "TWIN", "TWINBRO", "TWINSIS", "FTWIN", "FTWINBRO", "FTWINSIS", "ITWIN", "ITWINBRO", "ITWINSIS",
        "CHILD", "SON", "DAU", "NCHILD", "DAUC", "SONC",
    }
)  # fmt: skip
"""HL7 v3 RoleCode of parents, full siblings and children; never half-, step-, adoptive or in-law."""


def relatives(chart: Chart) -> tuple[Evidence, ...]:
    """First-degree relatives with Wilson disease."""
    affected = (r for r in chart.family if r.relation in FIRST_DEGREE and "CU_DX" in r.sets)
    return tuple(sorted((of_relative(r, "first-degree relative with Wilson disease") for r in affected), key=_place))


def _place(evidence: Evidence) -> tuple[str, str]:
    return evidence.code, evidence.reference


def liver_disease(chart: Chart) -> bool:
    """Whether liver disease is recorded."""
    return any(chart.facts_in("CU_RISK"))


def risk(chart: Chart) -> tuple[Evidence, ...]:
    """Liver disease that raises the probability of Wilson disease, and affected relatives."""
    liver = tuple(of_fact(fact, "liver disease: a risk of Wilson disease") for fact in chart.facts_in("CU_RISK"))
    return (*relatives(chart), *liver)
