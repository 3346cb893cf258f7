"""The cards about copper. Clinical rules 1.0.8 and 1.6 with section 6: 9, 10, 11."""

from typing import Final

from screening.domain import catalog
from screening.domain.chart import Chart
from screening.domain.description import Case
from screening.domain.evidence import Evidence
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    CRITICAL,
    DISCORDANT,
    INFO,
    KNOWN_DX,
    NO_RESULT,
    NORMAL,
    ORDER_PENDING,
    WARNING,
    Finding,
    refer,
    suggest,
)
from screening.domain.workups import ceruloplasmin
from screening.domain.workups.copper_wilson_facts import (
    INR_RAISED,
    MODULE,
    SERUM_DAYS,
    SERUM_LOW,
    URINE,
    URINE_LOOK_BACK,
    WORKUP,
    liver_disease,
)
from screening.domain.workups.missing import UNREADABLE_OR_STALE

_VERY_LOW, _LOW = (band.upper for band in ceruloplasmin.CERULOPLASMIN.bands[:2])
_NORMAL_URINE, _BORDERLINE_URINE = (band.upper for band in URINE.bands[:2])

CASES: Final = (
    Case(KNOWN_DX, "Wilson disease is recorded as confirmed", "no card; SCREEN is suppressed"),
    Case(
        ABNORMAL,
        f"Kayser-Fleischer ring; 24-hour urine copper above {_BORDERLINE_URINE}; or ceruloplasmin below {_VERY_LOW} unless"
        " copper is low as well",
        "warning: urine copper, liver tests with INR, slit lamp, ATP7B; hepatology, neurology and genetics. Critical with"
        f" an INR of {INR_RAISED} or more, unless an anticoagulant explains it",
    ),
    Case(
        DISCORDANT,
        f"ceruloplasmin below {_LOW} with urine copper below {_NORMAL_URINE} and serum copper below {SERUM_LOW} within"
        f" {SERUM_DAYS} of it, no Kayser-Fleischer ring",
        f"info: zinc, serum copper, blood count; a warning if ceruloplasmin is below {_VERY_LOW}",
    ),
    Case(
        BORDERLINE,
        f"ceruloplasmin below {_LOW} without urine copper, or with a normal one and a risk; urine copper from"
        f" {_NORMAL_URINE} to {_BORDERLINE_URINE}; ceruloplasmin of {_LOW} or more with a risk and without urine copper",
        "info: 24-hour urine copper, liver tests, slit lamp",
    ),
    Case(ORDER_PENDING, "no ceruloplasmin, but one is ordered", "no card"),
    *UNREADABLE_OR_STALE,
    Case(
        NO_RESULT,
        f"no ceruloplasmin in {ceruloplasmin.LOOK_BACK} and no raised urine copper in {URINE_LOOK_BACK}",
        "a line in SCREEN",
    ),
    Case(NORMAL, "every other combination; a normal ceruloplasmin alone never excludes Wilson disease", "no card"),
)

CONFIRMATORY: Final = (
    catalog.CERULOPLASMIN, catalog.COPPER_URINE, catalog.COPPER_SERUM, catalog.LIVER_PANEL, catalog.INR_FOR_LIVER,
    catalog.SLIT_LAMP, catalog.ZINC, catalog.ATP7B,
)  # fmt: skip

_CAVEATS: Final = (
    "Estrogen, pregnancy and inflammation raise ceruloplasmin; protein loss, malnutrition, copper deficiency and carrier"
    " state lower it.",
    "Urine copper needs a complete 24-hour collection; a concentration does not replace it.",
)
_NO_RING: Final = "The absence of a Kayser-Fleischer ring does not exclude Wilson disease."
_SPECIALIST: Final = "Treatment is begun by specialists only: neurological signs can worsen at its start."


def _window(chart: Chart) -> str:
    if not chart.looked_up(WORKUP):
        return "24-hour urine copper, serum copper and INR were not available, unless they are named here."
    return (
        f"Looked back {chart.of(ceruloplasmin.LOOK_BACK)} days for ceruloplasmin, {chart.of(URINE_LOOK_BACK)} days for"
        " 24-hour urine copper."
    )


def _liver_tests(chart: Chart) -> tuple[catalog.Orderable, ...]:
    return (catalog.LIVER_PANEL, catalog.INR_FOR_LIVER) if liver_disease(chart) else (catalog.LIVER_PANEL,)


def abnormal(chart: Chart, evidence: tuple[Evidence, ...], *, inr_raised: bool, anticoagulated: bool) -> Finding:
    """CU ABNORMAL; critical with a raised INR that no anticoagulant explains."""
    critical = inr_raised and not anticoagulated
    summary = "Copper tests suggest Wilson disease: refer hepatology and neurology now; complete 24-h urine copper and slit lamp."
    if critical:
        summary = "Possible Wilson disease with raised INR: same-day hepatology or transplant-center discussion."
    elif inr_raised:
        summary = "Copper tests suggest Wilson disease: refer. INR not interpretable on anticoagulant: check bilirubin, albumin, ALT."
    wanted: tuple[catalog.Orderable, ...] = (
        catalog.COPPER_URINE.again(), catalog.LIVER_PANEL, catalog.INR_FOR_LIVER, catalog.SLIT_LAMP,
        catalog.COPPER_SERUM, catalog.ATP7B,
    )  # fmt: skip
    referrals: tuple[catalog.Orderable, ...] = (catalog.NEUROLOGY, catalog.GASTROENTEROLOGY, catalog.GENETICS)
    if critical:
        wanted = tuple(test.at("stat") for test in wanted)
        referrals = tuple(to.at("stat") for to in referrals)
    return Finding(
        MODULE, ABNORMAL, CRITICAL if critical else WARNING, summary,
        statements=(
            "Brothers and sisters need testing when Wilson disease is confirmed.", _NO_RING, *_CAVEATS, _SPECIALIST,
            _window(chart),
        ),
        evidence=evidence,
        suggestions=(*suggest(chart, "Order", *wanted), *suggest(chart, "Draft", *referrals)),
        override_reasons=("specialist-managing", "wrong-data")
        if critical
        else ("specialist-managing", "done-elsewhere", "wrong-data"),
        explanation=WORKUP,
    )  # fmt: skip


def discordant(chart: Chart, evidence: tuple[Evidence, ...], *, very_low: bool) -> Finding:
    """CU DISCORDANT: less copper rather than more."""
    if very_low:
        return Finding(
            MODULE, DISCORDANT, WARNING,
            "Very low ceruloplasmin with normal urine copper: Wilson disease not excluded. Slit lamp, repeat urine copper,"
            " zinc level.",
            statements=(_NO_RING, *_CAVEATS, _window(chart)),
            evidence=evidence,
            suggestions=(
                *suggest(chart, "Order", catalog.SLIT_LAMP, catalog.COPPER_URINE.again(), catalog.ZINC, catalog.CBC),
                *refer(chart),
            ),
            override_reasons=("specialist-managing",),
            explanation=WORKUP,
        )  # fmt: skip
    return Finding(
        MODULE, DISCORDANT, INFO,
        "Low ceruloplasmin with low copper: consider copper deficiency (zinc excess, bariatric), not only Wilson disease.",
        statements=(
            "Review medicines and supplements for zinc; bariatric surgery and malabsorption lower copper, too.",
            *_CAVEATS, _window(chart),
        ),
        evidence=evidence,
        suggestions=suggest(chart, "Order", catalog.ZINC, catalog.COPPER_SERUM, catalog.CBC),
        override_reasons=("specialist-managing",),
        explanation=WORKUP,
    )  # fmt: skip


def borderline(chart: Chart, evidence: tuple[Evidence, ...], *, urine_borderline: bool) -> Finding:
    """CU BORDERLINE: ceruloplasmin alone does not decide, or urine copper lies between the limits."""
    summary = "Ceruloplasmin alone cannot exclude Wilson disease here: add 24-h urine copper, LFTs and slit-lamp exam."
    if urine_borderline:
        summary = (
            "24-h urine copper is borderline: Wilson disease is not excluded. Repeat it; add LFTs and slit-lamp exam."
        )
    return Finding(
        MODULE, BORDERLINE, INFO, summary,
        statements=("Repeating ceruloplasmin alone does not help.", _NO_RING, *_CAVEATS, _window(chart)),
        evidence=evidence,
        suggestions=suggest(
            chart, "Order", catalog.COPPER_URINE.again(), *_liver_tests(chart), catalog.SLIT_LAMP, catalog.COPPER_SERUM
        ),
        override_reasons=("deferred", "done-elsewhere", "not-indicated"),
        explanation=WORKUP,
    )  # fmt: skip


def at_risk_with_normal_urine(chart: Chart, evidence: tuple[Evidence, ...]) -> Finding:
    """CU BORDERLINE: low ceruloplasmin and a risk, although urine copper is normal."""
    return Finding(
        MODULE, BORDERLINE, INFO,
        "Low ceruloplasmin with liver or family risk, urine copper normal: add slit-lamp exam, LFTs, hepatology referral.",
        statements=("Urine copper need not be repeated now.", _NO_RING, *_CAVEATS, _window(chart)),
        evidence=evidence,
        suggestions=(
            *suggest(chart, "Order", catalog.SLIT_LAMP, *_liver_tests(chart)),
            *suggest(chart, "Draft", catalog.GASTROENTEROLOGY),
        ),
        override_reasons=("deferred", "done-elsewhere", "not-indicated"),
        explanation=WORKUP,
    )  # fmt: skip
