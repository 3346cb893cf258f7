"""The entries behind a state: what settled a question, and which result could not be used. For explaining only."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from screening.domain import analytes
from screening.domain.analytes import Analyte
from screening.domain.catalog import ACTED_ON, REFERRAL_SETS
from screening.domain.chart import Chart, Fact, Order, PendingResult
from screening.domain.citations import RULES
from screening.domain.codes import Coding
from screening.domain.evidence import Evidence, of_fact
from screening.domain.workups.manganese_facts import risk
from screening.domain.workups.vitamin_b12_facts import nitrous_oxide, strong_risk, weak_risks


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where the facts about a workup stand: its analytes, and the sets of its tests, treatments and diagnoses."""

    analytes: tuple[Analyte, ...] = ()
    tests: frozenset[str] = frozenset()
    treatments: str = ""
    diagnoses: str = ""


_SOURCES: Final[Mapping[str, _Sources]] = {
    "B12": _Sources(
        (analytes.B12, analytes.HOLOTC), frozenset({"L_B12", "L_HOLOTC", "L_MMA", "L_HCY"}), treatments="B12_RX"
    ),
    "CA": _Sources(
        (analytes.CALCIUM, analytes.CALCIUM_ADJUSTED, analytes.CALCIUM_IONIZED),
        frozenset({"L_CA", "L_CAADJ", "L_CAI", "L_ALB", "L_PANELS_CALCIUM", "L_PANELS_ALBUMIN"}),
        treatments="CA_RX",
    ),
    "CU": _Sources(
        (analytes.CERULOPLASMIN, analytes.COPPER_URINE),
        frozenset({"L_CP", "L_CUU24", "P_SLIT_LAMP"}),
        diagnoses="CU_DX",
    ),
    "VITE": _Sources(
        (analytes.ALPHA_TOCOPHEROL,), frozenset({"L_VE", "L_LIPIDPANEL"}), treatments="VE_RX", diagnoses="VE_DX"
    ),
    "MN": _Sources((analytes.MANGANESE_BLOOD, analytes.MANGANESE_SERUM), frozenset({"L_MNB"}), diagnoses="MN_DX"),
    "FE": _Sources((analytes.FERRITIN,), frozenset({"L_FERR", "L_IRON", "L_IRONPANEL"}), diagnoses="FE_DX"),
}


def _sources(module: str) -> _Sources:
    return _SOURCES.get(module, _Sources())


def diagnoses_of(module: str, chart: Chart) -> tuple[Evidence, ...]:
    """The diagnoses that settle a workup."""
    return tuple(of_fact(c, "recorded diagnosis") for c in chart.known_diagnoses(_sources(module).diagnoses))


def treatments_of(module: str, chart: Chart) -> tuple[Evidence, ...]:
    """The medicines and injections that treat what a workup looks for."""
    name = _sources(module).treatments
    given = (m for m in chart.medications if m.given and name in m.sets)
    facts: dict[Fact, None] = dict.fromkeys((*chart.treatments(name), *given, *chart.procedures_in(name)))
    return tuple(of_fact(fact, "treatment") for fact in facts)


def orders_of(module: str, chart: Chart) -> tuple[Evidence, ...]:
    """The open orders of a workup's tests, its results under way, and the referrals that a result may have led to."""
    tests = _sources(module).tests
    late = set(chart.open_orders(ACTED_ON))
    ordered = (
        _of_order(order)
        for order in chart.open_orders()
        if order.sets & tests or (order in late and not order.sets.isdisjoint(REFERRAL_SETS))
    )
    under_way = (_of_pending(one) for one in chart.pending if one.sets & tests)
    return (*ordered, *under_way)


def _of_pending(one: PendingResult) -> Evidence:
    code = min(one.codes, default="")
    return Evidence(code, code, "result under way", RULES, day=one.taken)


def _of_order(order: Order) -> Evidence:
    first = next(iter(order.codings), Coding("", "order"))
    return Evidence(
        first.code, first.display or first.code, "open order", RULES, day=order.authored, reference=order.reference
    )


def newest_result(module: str, chart: Chart, words: str) -> tuple[Evidence, ...]:
    """The newest result of a workup's analytes, readable or not, with what is said of it; nothing without one."""
    found = [result for analyte in _sources(module).analytes for result in chart.labs.get(analyte.key, ())]
    if not found:
        return ()
    newest = max(found, key=lambda result: result.taken)
    return (
        Evidence(
            newest.code,
            newest.display,
            words,
            RULES,
            value=newest.printed or None,
            unit=newest.unit,
            day=newest.taken.date(),
            reference=newest.reference,
        ),
    )


def near_misses(module: str, chart: Chart, *, asked_for: bool) -> tuple[Evidence, ...]:
    """Entries that a reader may take for what settles a workup, or asks for it, and why they do not."""
    found: list[Evidence] = []
    diagnoses = _sources(module).diagnoses
    if diagnoses:
        suspected = (c for c in chart.conditions_in(diagnoses) if not c.known_diagnosis)
        found.extend(of_fact(c, "a diagnosis is suspected, not confirmed, and settles nothing") for c in suspected)
    if module == "MN" and not asked_for and not risk(chart):
        words = "an occupational exposure is recorded, but its text names no source of manganese"
        found.extend(of_fact(c, words) for c in chart.conditions_in("MN_OCCUPATIONAL"))
    if module == "B12" and not asked_for and not strong_risk(chart, nitrous_oxide(chart)):
        words = "one weak risk of vitamin B12 deficiency alone does not ask for a test outside unexplained dystonia"
        found.extend(replace(weak, criterion=words) for weak in weak_risks(chart))
    return tuple(found)
