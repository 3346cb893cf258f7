"""The cards about vitamin B12. Clinical rules 1.0.8 with section 6: 3, 12, 16, 18, 19."""

from typing import Final

from screening.domain import catalog
from screening.domain.chart import Chart
from screening.domain.citations import BSH_2014
from screening.domain.evidence import Evidence
from screening.domain.findings import ABNORMAL, BORDERLINE, DISCORDANT, WARNING, Finding, refer, suggest
from screening.domain.thresholds import years
from screening.domain.workups.vitamin_b12_facts import LOOK_BACK, MODULE, PAIRED_DAYS, WORKUP, Exposure

PEDIATRIC_AGE: Final = years("vitamin-b12.pediatric-age", 16, "below this age the card asks for the pediatric range")

CONFIRMATORY: Final = (
    catalog.TOTAL_B12, catalog.CBC, catalog.MMA, catalog.HOMOCYSTEINE, catalog.CREATININE,
    catalog.HOLOTC, catalog.INTRINSIC_FACTOR_ANTIBODY, catalog.FOLATE,
)  # fmt: skip

_URGENT: Final = "Neurological vitamin B12 deficiency is urgent: treatment should not wait for confirmatory tests."
_BEFORE_FIRST_DOSE: Final = "Draw the confirmatory tests before the first dose if that causes no delay."
_FOLATE_SECOND: Final = "Folic acid before vitamin B12 can hide the anemia while nerve damage progresses."
_NOT_EXCLUDED: Final = "Normal hemoglobin and MCV do not exclude deficiency."


def _window(chart: Chart) -> str:
    return (
        f"Looked back {chart.of(LOOK_BACK)} days for vitamin B12, {chart.of(PAIRED_DAYS)} days either side of it for"
        " methylmalonic acid."
    )


def _age_note(chart: Chart) -> tuple[str, ...]:
    grown = chart.of(PEDIATRIC_AGE)
    young = chart.age is not None and chart.age < grown
    return (f"Under {grown} years: compare with your laboratory's pediatric range.",) if young else ()


def abnormal(chart: Chart, evidence: tuple[Evidence, ...], *, despite_treatment: bool) -> Finding:
    """B12 ABNORMAL."""
    summary = "Vitamin B12 is low with a movement disorder: arrange prompt parenteral B12; do not wait for MMA or homocysteine."
    statements = (f"{_URGENT} ({BSH_2014})", _BEFORE_FIRST_DOSE, _FOLATE_SECOND, _NOT_EXCLUDED, _window(chart))
    if despite_treatment:
        summary = "Vitamin B12 is low despite recorded replacement: check adherence, route and absorption; arrange parenteral B12."
    tests = (
        catalog.MMA, catalog.HOMOCYSTEINE, catalog.CREATININE, catalog.CBC, catalog.INTRINSIC_FACTOR_ANTIBODY,
    )  # fmt: skip
    return Finding(
        MODULE, ABNORMAL, WARNING, summary,
        statements=(*statements, *_age_note(chart)),
        evidence=evidence,
        suggestions=(*suggest(chart, "Order", *tests), *refer(chart)),
        override_reasons=("on-treatment", "done-elsewhere", "wrong-data", "specialist-managing"),
        explanation=WORKUP,
    )  # fmt: skip


def borderline(
    chart: Chart, evidence: tuple[Evidence, ...], indicator: str, *, indeterminate_mma: bool, in_pregnancy: bool
) -> Finding:
    """B12 BORDERLINE."""
    statements: tuple[str, ...]
    if indeterminate_mma:
        summary = (
            "B12 and MMA are both indeterminate with a movement disorder: decide on a treatment trial with neurology"
            " or hematology."
        )
        tests: tuple[catalog.Orderable, ...] = (catalog.HOLOTC, catalog.MMA_URINE)
        statements = (
            "Urine methylmalonic acid/creatinine depends less on kidney function; read it by the laboratory's limit.",
        )
    else:
        summary = "Vitamin B12 is indeterminate with a movement disorder: add MMA and homocysteine (with creatinine) to resolve."
        tests = (catalog.MMA, catalog.HOMOCYSTEINE, catalog.CREATININE, catalog.FOLATE)
        statements = ("Repeating serum vitamin B12 alone does not resolve this.", _FOLATE_SECOND)
        if in_pregnancy:
            tests = (catalog.HOLOTC, *tests)
    if in_pregnancy:
        statements = (
            "Total vitamin B12 falls in normal pregnancy. Do not delay treatment if there are neurological signs.",
            *statements,
        )
    return Finding(
        MODULE, BORDERLINE, indicator, summary,
        statements=(*statements, _NOT_EXCLUDED, *_age_note(chart), _window(chart)),
        evidence=evidence,
        suggestions=(*suggest(chart, "Order", *tests), *(refer(chart) if indicator == WARNING else ())),
        override_reasons=("deferred", "on-treatment", "not-indicated", "done-elsewhere"),
        explanation=WORKUP,
    )  # fmt: skip


def discordant(chart: Chart, evidence: tuple[Evidence, ...], indicator: str) -> Finding:
    """B12 DISCORDANT: functional markers contradict a normal level; a warning after nitrous oxide."""
    return Finding(
        MODULE, DISCORDANT, indicator,
        "Serum B12 is normal but functional markers are abnormal: tissue B12 deficiency is possible.",
        statements=("Intrinsic factor antibodies and high-dose biotin can make a serum vitamin B12 read falsely normal.",
            _window(chart),),
        evidence=evidence,
        suggestions=(
            *suggest(
                chart, "Order", catalog.MMA.again(), catalog.HOMOCYSTEINE.again(), catalog.CREATININE,
                catalog.INTRINSIC_FACTOR_ANTIBODY,
            ),
            *(refer(chart) if indicator == WARNING else ()),
        ),
        override_reasons=("on-treatment", "specialist-managing"),
        explanation=WORKUP,
    )  # fmt: skip


def nitrous_oxide(chart: Chart, exposures: tuple[Exposure, ...], evidence: tuple[Evidence, ...]) -> Finding:
    """B12 DISCORDANT: nitrous oxide, and nothing functional measured since."""
    possible = all(exposure.possible for exposure in exposures)
    start = "Possible nitrous" if possible else "Nitrous"
    return Finding(
        MODULE, DISCORDANT, WARNING,
        f"{start} oxide exposure: normal B12 does not exclude harm. Stop N2O; if neuro signs treat now; check Hcy and MMA.",
        statements=(
            "Nitrous oxide inactivates vitamin B12: the serum level is often normal in functional deficiency.",
            "Repeating serum vitamin B12 alone does not resolve this.",
            "Looked for methylmalonic acid and homocysteine since the latest dated exposure, else in"
            f" {chart.of(LOOK_BACK)} days.",
        ),
        evidence=evidence,
        suggestions=(
            *suggest(chart, "Order", catalog.HOMOCYSTEINE.again(), catalog.MMA.again(), catalog.CREATININE),
            *refer(chart),
        ),
        override_reasons=("on-treatment", "done-elsewhere"),
        explanation=WORKUP,
    )  # fmt: skip
