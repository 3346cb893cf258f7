"""Facts about copper that the workup and the order rules share. Clinical rules 1.6.a and section 6: 20, 29."""

from typing import Final

from screening.domain.chart import Chart
from screening.domain.evidence import Evidence, of_fact, of_relative

MODULE: Final = "CU"
WORKUP: Final = "copper-wilson"

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


def risk(chart: Chart) -> tuple[Evidence, ...]:
    """Liver disease that raises the probability of Wilson disease, and affected relatives."""
    liver = tuple(of_fact(fact, "liver disease: a risk of Wilson disease") for fact in chart.facts_in("CU_RISK"))
    return (*relatives(chart), *liver)
