"""Order rule on gene tests. Clinical rules 1.7, 1.0.8, 1.0.4."""

import re
from typing import Final

from screening.domain.chart import Draft, says
from screening.domain.citations import EFNS_DYSTONIA
from screening.domain.description import Case, Description
from screening.domain.findings import INFO, Finding
from screening.domain.incomplete import NOTHING_LACKS, READS, still_to_order
from screening.domain.orders.rule import CannotTell, Decision, Nothing, OrderRule, Situation

_PANEL_WORDS: Final = re.compile("gene panel|exome|genome|dystonia panel", re.IGNORECASE)


def gene_test(draft: Draft) -> bool:
    """A genetic test, by its code or by its words."""
    return not draft.medication and ("L_GENE" in draft.sets or says(_PANEL_WORDS, draft.texts))


def _panel_first(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """A gene test while treatable biochemistry has no result. It never delays the gene test."""
    del drafts
    if situation.phenotype.tier != "T1":
        return Nothing(f"said only in dystonia without a recorded cause: {situation.phenotype.reason}")
    lacks = still_to_order(situation.chart, situation.phenotype, situation.unavailable)
    if not lacks.listed:
        return CannotTell(lacks.unknown) if lacks.unknown else Nothing(NOTHING_LACKS)
    return Finding(
        "ORD_PANEL_FIRST", "", INFO,
        f"Before or with the gene panel: treatable biochemistry has no result ({lacks.names}).",
        statements=("The gene panel need not wait for these results.", *lacks.notes),
        evidence=lacks.facts,
        suggestions=lacks.suggestions(situation.chart),
        override_reasons=("done-elsewhere", "deferred", "cause-known"),
        explanation="genetic-vs-acquired",
        includes=lacks.modules,
        high_risk=lacks.high_risk,
    )  # fmt: skip


PANEL_FIRST: Final = OrderRule(
    "ORD_PANEL_FIRST",
    gene_test,
    _panel_first,
    only_with_disorder=True,
    reads=READS,
    described=Description(
        title="Gene panel before treatable biochemistry",
        purpose="Puts the treatable causes beside the gene panel, so that none waits for a genetic result.",
        trigger="An order for a genetic test, by code or by the words gene panel, dystonia panel, exome or genome.",
        cases=(
            Case(
                INFO,
                "dystonia without a recorded cause, and at least one module that is screened has no usable result, none"
                " ordered and none drafted",
                "info: lists these modules and suggests their tests; the gene test is neither delayed nor withdrawn",
            ),
        ),
        sources=(EFNS_DYSTONIA,),
    ),
)
