"""Ceruloplasmin, read by the workups for Wilson disease and for aceruloplasminemia. Clinical rules 1.6.b and 1.4.c."""

from typing import Final

from screening.domain import analytes
from screening.domain.chart import Chart
from screening.domain.citations import AASLD_WILSON
from screening.domain.evidence import Evidence, of_result
from screening.domain.labs import LabResult, Scale, above, below
from screening.domain.thresholds import days

LOOK_BACK: Final = days("copper-wilson.ceruloplasmin-look-back", 3650, "a ceruloplasmin counts this long")
CERULOPLASMIN: Final = Scale(
    analytes.CERULOPLASMIN,
    (below("very low", "0.10 g/L"), below("low", "0.20 g/L"), above("normal")),
    cite=AASLD_WILSON,
    id="copper-wilson.ceruloplasmin",
)


def deciding(chart: Chart) -> LabResult | None:
    """The ceruloplasmin that decides: the newest within its look-back."""
    return chart.scale(CERULOPLASMIN).deciding(chart.results(analytes.CERULOPLASMIN.key, LOOK_BACK))


def band(chart: Chart, result: LabResult | None) -> str | None:
    """`very low`, `low` or `normal`; None without a result and where its interval spans a limit."""
    if result is None or result.value is None:
        return None
    return chart.scale(CERULOPLASMIN).band(result.value)


def evidence(chart: Chart, result: LabResult, band: str) -> Evidence:
    """The result with what its band means."""
    scale = chart.scale(CERULOPLASMIN)
    return of_result(result, scale.analyte.measure, scale.criterion(band), scale.citation(band))
