"""Order rule on dopamine-receptor blockers. Clinical rules 1.7, 1.0.8, 1.8 and section 6: 21."""

from typing import Final

from screening.domain.chart import Draft
from screening.domain.citations import RULES
from screening.domain.description import Case, Description
from screening.domain.evidence import of_fact
from screening.domain.findings import INFO, WARNING, Finding
from screening.domain.orders.rule import PROBLEMS, Decision, NeedsPhenotype, Nothing, OrderRule, Situation

PHENOTYPE_FACTS: Final = 3
_SENSITIVE: Final = ("D_GEN", "D_FOCAL", "D_DRUG", "M_PARK", "X_PD")
"""Dystonia of any cause, drug-induced and tardive included, parkinsonism and Parkinson disease."""


def _concerns(draft: Draft) -> bool:
    """A dopamine-receptor blocker; clozapine, quetiapine and domperidone are exempt whatever else is coded."""
    if not draft.medication or "RX_DRBA_EXEMPT" in draft.sets:
        return False
    return "RX_DRBA_HIGH" in draft.sets or "RX_DRBA_LOW" in draft.sets


def _dopamine_blocker(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """A drug that may worsen dystonia or parkinsonism."""
    chart = situation.chart
    sensitive = tuple(chart.conditions_in(*_SENSITIVE))
    if not sensitive:
        return (
            Nothing("neither dystonia nor parkinsonism is recorded")
            if chart.looked_up("conditions")
            else NeedsPhenotype()
        )
    strong = any("RX_DRBA_HIGH" in draft.sets for draft in drafts)
    return Finding(
        "ORD_DRBA", "", WARNING if strong else INFO,
        "Dopamine-receptor blocker in a patient with dystonia or parkinsonism: may worsen it. Consider an alternative.",
        statements=(
            "An antipsychotic that is already taken is not to be stopped because of this card: talk to whoever prescribes it.",
            "A sudden dystonic reaction or oculogyric crisis after a new drug is an emergency.",
        ),
        evidence=tuple(of_fact(c, "dystonia or parkinsonism") for c in sensitive[:PHENOTYPE_FACTS]),
        override_reasons=("benefit-outweighs", "specialist-managing"),
        explanation="safety",
    )  # fmt: skip


DOPAMINE_BLOCKER: Final = OrderRule(
    "ORD_DRBA",
    _concerns,
    _dopamine_blocker,
    needs_phenotype=False,
    reads=PROBLEMS,
    described=Description(
        title="Dopamine-receptor blocker in dystonia or parkinsonism",
        purpose="Says that the ordered drug may worsen the movement disorder, before it is given.",
        trigger=(
            "An order for an antiemetic or antipsychotic that blocks dopamine receptors; clozapine, quetiapine and"
            " domperidone are exempt."
        ),
        cases=(
            Case(
                WARNING,
                "metoclopramide, prochlorperazine, promethazine, trimethobenzamide, droperidol, pimozide or a"
                " first-generation antipsychotic; dystonia of any cause, drug-induced and tardive included, parkinsonism"
                " or Parkinson disease",
                "warning without a suggestion: the alternative is the clinician's choice",
            ),
            Case(
                INFO,
                "another second-generation antipsychotic, same patients",
                "info without a suggestion; never to stop an antipsychotic",
            ),
        ),
        sources=(RULES,),
    ),
)
