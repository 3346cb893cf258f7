"""Order rule on symptomatic treatment. Clinical rules 1.7, 1.0.8, 1.0.4.

That it is silent for 365 days after an answer (an override, an acceptance; never after mere showing) is decided in
`domain.answers`; a test that was ordered is no longer missing.
"""

from typing import Final

from screening.domain.chart import Draft
from screening.domain.citations import EFNS_DYSTONIA
from screening.domain.description import Case, Description
from screening.domain.findings import INFO, Finding
from screening.domain.incomplete import NOTHING_LACKS, READS, still_to_order
from screening.domain.orders.genetics import gene_test
from screening.domain.orders.rule import CannotTell, Decision, Nothing, OrderRule, Situation, medicine_in


def _symptomatic(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Treatment of the symptoms while the search for a treatable cause is incomplete."""
    chart, phenotype = situation.chart, situation.phenotype
    vmat2 = any("RX_VMAT2" in draft.sets for draft in drafts)
    if phenotype.tier == "T4" and not vmat2:
        return Nothing("without dystonia only a VMAT2 inhibitor is remarked on")
    if phenotype.tier not in ("T1", "T4"):
        return Nothing(f"said only in a movement disorder without a recorded cause: {phenotype.reason}")
    if phenotype.tier == "T1" and any(gene_test(draft) for draft in chart.drafts if draft.selected):
        return Nothing("the card about the gene test selected with it says the same")
    lacks = still_to_order(chart, phenotype, situation.unavailable)
    if not lacks.listed:
        return CannotTell(lacks.unknown) if lacks.unknown else Nothing(NOTHING_LACKS)
    return Finding(
        "ORD_SYMPT_TX", "", INFO,
        f"Symptomatic {phenotype.word.lower()} treatment ordered; treatable-cause screen incomplete: {lacks.names}.",
        statements=("The treatment need not wait for these results.", *lacks.notes),
        evidence=lacks.facts,
        suggestions=lacks.suggestions(chart),
        override_reasons=("done-elsewhere", "cause-known", "not-indicated"),
        explanation="genetic-vs-acquired",
        includes=lacks.modules,
        high_risk=lacks.high_risk,
    )  # fmt: skip


SYMPTOMATIC: Final = OrderRule(
    "ORD_SYMPT_TX",
    medicine_in("RX_SYMPT_NOT_VMAT2", "RX_VMAT2"),
    _symptomatic,
    only_with_disorder=True,
    reads=READS,
    described=Description(
        title="Symptomatic treatment before the screen is complete",
        purpose="Reminds of the treatable causes when only the symptoms are about to be treated.",
        trigger=(
            "An order for trihexyphenidyl, benztropine, baclofen, botulinum toxin or a VMAT2 inhibitor. Levodopa is never"
            " remarked on."
        ),
        cases=(
            Case(
                INFO,
                "dystonia without a recorded cause (for a VMAT2 inhibitor also another movement disorder), at least one"
                " module that is screened has no usable result, none ordered and none drafted, and no gene test is"
                " selected with it",
                "info: lists these modules and suggests their tests; the treatment is neither delayed nor withdrawn",
            ),
        ),
        sources=(EFNS_DYSTONIA,),
    ),
)
