"""Order rule on ceruloplasmin. Clinical rules 1.7, 1.0.8, 1.6."""

from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Draft
from screening.domain.citations import AASLD_WILSON
from screening.domain.description import Case, Description
from screening.domain.findings import ABNORMAL, INFO, KNOWN_DX, Finding, suggest
from screening.domain.orders.rule import PROBLEMS, CannotTell, Decision, Nothing, OrderRule, Situation, test_in
from screening.domain.thresholds import years
from screening.domain.workups.copper_wilson_facts import MODULE, URINE_LOOK_BACK, WORKUP, risk

EARLY_ONSET: Final = years(
    "orders.ceruloplasmin.early-onset", 40, "ceruloplasmin alone is remarked on up to this age at onset"
)


def _ceruloplasmin(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Ceruloplasmin without urine copper where Wilson disease is to be excluded."""
    del drafts
    chart, phenotype = situation.chart, situation.phenotype
    if phenotype.tier not in ("T1", "T4"):
        return Nothing(f"said only where Wilson disease is to be looked for: {phenotype.reason}")
    if situation.state(MODULE) == KNOWN_DX:
        return Nothing("Wilson disease is already recorded")
    if situation.state(MODULE) == ABNORMAL:
        return Nothing("the copper tests on record already suggest Wilson disease")
    risks = risk(chart)
    if not risks and not phenotype.onset_at_most(chart.of(EARLY_ONSET)):
        return Nothing("there is neither early onset nor liver disease nor an affected relative")
    if chart.drafted_in("L_CUU24") or chart.pending_in("L_CUU24"):
        return Nothing("24-hour urine copper is already drafted or ordered")
    if chart.newest(analytes.COPPER_URINE.key, URINE_LOOK_BACK) is not None:
        return Nothing("24-hour urine copper was measured within its look-back")
    if MODULE in situation.unavailable:
        return CannotTell((MODULE,))
    return Finding(
        "ORD_CERULO_ALONE", "", INFO,
        "Ceruloplasmin alone misses Wilson disease: add 24-h urine copper and liver tests.",
        evidence=risks,
        suggestions=suggest(chart, "Add", catalog.COPPER_URINE, catalog.LIVER_PANEL),
        override_reasons=("done-elsewhere", "not-indicated"),
        explanation=WORKUP,
    )  # fmt: skip


CERULOPLASMIN: Final = OrderRule(
    "ORD_CERULO_ALONE",
    test_in("L_CP"),
    _ceruloplasmin,
    only_with_disorder=True,
    reads=PROBLEMS | {"family_history", "orders", WORKUP},
    described=Description(
        title="Ceruloplasmin alone",
        purpose="Completes the search for Wilson disease, which a normal ceruloplasmin does not exclude.",
        trigger="An order for ceruloplasmin.",
        cases=(
            Case(
                INFO,
                f"dystonia without a recorded cause, or another movement disorder, with onset by {EARLY_ONSET} or with a"
                " copper risk (liver disease, a parent, sibling or child with Wilson disease); no 24-hour urine copper"
                f" drafted, ordered or measured in {URINE_LOOK_BACK}; Wilson disease neither known nor suggested by"
                " results",
                "info; suggests 24-hour urine copper and a liver panel",
            ),
        ),
        sources=(AASLD_WILSON,),
    ),
)
