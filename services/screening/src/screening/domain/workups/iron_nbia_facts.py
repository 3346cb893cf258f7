"""Facts about iron that the workup and the order rules share. Clinical rules 1.4 and section 6: 28, 29, 30."""

from typing import Final

from screening.domain import analytes
from screening.domain.chart import Chart, Fact
from screening.domain.citations import GARD_PATTERN
from screening.domain.evidence import Evidence, of_result
from screening.domain.thresholds import cut, days
from screening.domain.units import Limit

MODULE: Final = "FE"
WORKUP: Final = "iron-nbia"

LOOK_BACK: Final = days("iron-nbia.look-back", 730, "a ferritin, iron or transferrin saturation counts this long")
FERRITIN_HIGH_MALE: Final = cut(
    "iron-nbia.ferritin-high-male",
    "300 ug/L",
    means="ferritin: high above this, men and unknown sex",
    cite=GARD_PATTERN,
)
FERRITIN_HIGH_FEMALE: Final = cut(
    "iron-nbia.ferritin-high-female", "200 ug/L", means="ferritin: high above this, women", cite=GARD_PATTERN
)
FERRITIN_ORDER_DAYS: Final = days(
    "iron-nbia.ferritin-before-iron", 365, "a high ferritin speaks against iron this long"
)


def ferritin_limit(chart: Chart) -> Limit:
    """The limit above which ferritin is high for this patient; an unknown sex has the higher one."""
    return chart.of(FERRITIN_HIGH_FEMALE if chart.patient.sex == "female" else FERRITIN_HIGH_MALE)


def ferritin_high(chart: Chart, look_back: int | None = None) -> Evidence | None:
    """The newest ferritin of the last `look_back` days (as before iron, by default) if it is high."""
    days_back = chart.of(FERRITIN_ORDER_DAYS) if look_back is None else look_back
    newest = chart.newest(analytes.FERRITIN.key, days_back)
    limit = ferritin_limit(chart)
    if newest is None or newest.value is None or newest.value.at_most_below(limit, inclusive=True) is not False:
        return None
    cite = chart.cite(FERRITIN_HIGH_FEMALE if chart.patient.sex == "female" else FERRITIN_HIGH_MALE)
    return of_result(newest, analytes.FERRITIN.measure, f"high: above {limit}", cite)


def aceruloplasminemia_facts(chart: Chart) -> tuple[Fact, ...]:
    """Diabetes together with anemia or retinal degeneration; nothing without that combination."""
    diabetes = tuple(chart.conditions_in("FE_DIABETES"))
    companions = tuple(chart.conditions_in("FE_ANAEMIA", "FE_RETINA"))
    return (*diabetes, *companions) if diabetes and companions else ()
