"""The consolidated card: all that is missing on one card, what could not be assessed, and when it is held back.

Clinical rules 1.0.4 to 1.0.6, 1.0.8, 1.8.
"""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from screening.domain.chart import Chart
from screening.domain.evidence import Evidence, of_fact
from screening.domain.findings import (
    DATA,
    INCOMPLETE,
    INFO,
    NOT_ASSESSED,
    SCREEN,
    WARNING,
    Assessment,
    Finding,
    Hold,
)
from screening.domain.incomplete import READS, Incomplete, incomplete, labels
from screening.domain.orders.rule import Situation
from screening.domain.phenotype import Phenotype
from screening.domain.thresholds import days, years
from screening.domain.workups.registry import BY_MODULE

PHENOTYPE_FACTS: Final = 3
LONGEST_NAME: Final = 80

ACUTE_REACTION_DAYS: Final = days(
    "screen.acute-reaction",
    7,
    "a dopamine-receptor blocker begun at most this long before the onset may have caused it",
)
ACUTE_REACTION_WAIT: Final = days("screen.acute-reaction-wait", 30, "the screening waits this long after such an onset")
ACUTE_REACTION_AGE: Final = years("screen.acute-reaction-age", 25, "with onset at or before this age it does not wait")
_SCREEN_OVERRIDES: Final = ("done-elsewhere", "cause-known", "not-indicated", "patient-declined", "deferred")
_DOPAMINE_BLOCKERS: Final = ("RX_DRBA_HIGH", "RX_DRBA_LOW")
ACUTE_REACTION: Final = Hold("acute-reaction", "possible acute dystonic reaction to a dopamine-receptor blocker")


def due(chart: Chart, situation: Situation) -> Finding | Hold | None:
    """The one card for all that is missing, or the card that says what could not be assessed.

    Or why none is shown although something is missing; None when nothing is.
    """
    lacks = incomplete(situation.assessments.values(), situation.unavailable)
    if not lacks.listed and not lacks.unknown:
        return None
    established = _established_cause(situation)
    if established:
        return Hold("cause-known", f"the cause is established ({established})")
    if _acute_reaction(chart, situation.phenotype):
        return ACUTE_REACTION
    if not lacks.listed:
        evidence = phenotype_facts(situation.phenotype)
        return replace(not_assessed(lacks.unknown), evidence=evidence, high_risk=lacks.high_risk)
    return _screen_card(chart, situation, lacks)


def _screen_card(chart: Chart, situation: Situation, lacks: Incomplete) -> Finding:
    phenotype = situation.phenotype
    urgent = any(missing.high_risk for _, missing in lacks.listed)
    if urgent:
        summary = f"{phenotype.word} with a high-risk fact: screen now for {lacks.names} (no current result)."
    else:
        summary = f"{phenotype.word}: treatable causes not yet excluded. No current result for: {lacks.names}."
    statements = [*lacks.notes, *lists_not_available(chart)]
    statements.extend(_also_considered(situation, {*lacks.modules, *lacks.unknown}))
    statements.extend(_drug_note(chart, phenotype))
    if chart.site_fact("t1-pallidal") is not None and situation.state("MN") == "NORMAL":
        statements.append("T1 pallidal hyperintensity: a normal manganese level does not exclude past exposure.")
    facts = dict.fromkeys((*phenotype_facts(phenotype), *lacks.facts))
    return Finding(
        SCREEN, INCOMPLETE, WARNING if urgent else INFO, summary,
        statements=tuple(statements),
        evidence=tuple(facts),
        suggestions=lacks.suggestions(chart),
        override_reasons=_SCREEN_OVERRIDES,
        explanation=lacks.explanation,
        includes=lacks.modules,
        high_risk=lacks.high_risk,
    )  # fmt: skip


def phenotype_facts(phenotype: Phenotype) -> tuple[Evidence, ...]:
    """The entries that opened the screening, at most three of them."""
    return tuple(of_fact(c, phenotype.reason) for c in phenotype.conditions[:PHENOTYPE_FACTS])


def not_assessed(modules: Sequence[str]) -> Finding:
    """The card that says which modules could not be assessed; the caller adds the facts that asked for them."""
    return Finding(
        DATA, NOT_ASSESSED, INFO,
        f"Treatable causes could not be assessed: results for {labels(modules)} were not available.",
        statements=(
            "The laboratory results were not delivered with this call, so nothing is said about them.",
            "This is not the same as having no result on record.",
        ),
        override_reasons=("done-elsewhere", "not-indicated", "deferred"),
        explanation="genetic-vs-acquired",
        includes=tuple(modules),
    )  # fmt: skip


_LISTS: Final = (
    ("medications", "Medication list not available."),
    ("procedures", "Procedure list not available."),
    ("family_history", "Family history not available."),
    ("medication_statements", "Medication statements not available."),
    ("past_medications", "Past medication orders not available."),
    ("site_facts", "Facts that the site supplies (nitrous oxide, ephedrone, T1 pallidal signal) not available."),
    ("orders", "Order list not available: a test that is already ordered cannot be seen."),
    ("conditions", "Problem list incomplete: a recorded cause may not have been seen."),
)


def lists_not_available(chart: Chart, reads: Container[str] = READS) -> list[str]:
    """What was not delivered, of all that is read, and does not block the screening, but has to be said."""
    return [sentence for name, sentence in _LISTS if name in reads and not chart.looked_up(name)]


def results_not_available(chart: Chart, module: str) -> list[str]:
    """What has to be said on a result card of a workup whose results were not all delivered."""
    workup = BY_MODULE[module]
    if chart.looked_up(workup.id):
        return []
    return [f"Not all results for {workup.label} were available: a repeat or a companion test may be on record."]


def _established_cause(situation: Situation) -> str:
    return ", ".join(BY_MODULE[a.module].label for a in situation.assessments.values() if a.cause_known)


def _acute_reaction(chart: Chart, phenotype: Phenotype) -> bool:
    """Whether SCREEN waits in T1: a dopamine-receptor blocker was begun in the week before a very recent onset (1.8)."""
    onset = phenotype.onset_day(chart)
    if (
        phenotype.tier != "T1"
        or onset is None
        or not chart.within(onset, ACUTE_REACTION_WAIT)
        or phenotype.onset_at_most(chart.of(ACUTE_REACTION_AGE))
    ):
        return False
    began: dict[str, date] = {}  # a renewed prescription is no new exposure
    for medicine in (m for name in _DOPAMINE_BLOCKERS for m in chart.treatments(name)):
        if medicine.start is not None:
            began[medicine.coding.code] = min(medicine.start, began.get(medicine.coding.code, medicine.start))
    return any(0 <= (onset - start).days <= chart.of(ACUTE_REACTION_DAYS) for start in began.values())


def _drug_note(chart: Chart, phenotype: Phenotype) -> list[str]:
    """The sentence about a dopamine-receptor blocker in a patient with dystonia of unknown cause (1.8)."""
    if phenotype.tier != "T1":
        return []
    taken = [m for name in _DOPAMINE_BLOCKERS for m in chart.treatments(name)]
    if not taken:
        return []
    drug = min(taken, key=lambda m: (m.start or date.max, m.name, m.reference))
    since = f" since {drug.start.isoformat()}" if drug.start is not None else ""
    name = (drug.name or drug.coding.display or "a dopamine-receptor blocker")[:LONGEST_NAME]
    return [f"On {name}{since}: drug-induced or tardive dystonia is possible and does not exclude a metabolic cause."]


def _also_considered(situation: Situation, named: set[str]) -> list[str]:
    """One sentence each for the modules that this card does not list, with the reason."""
    sentences: list[str] = []
    for a in situation.assessments.values():
        if a.module in named:
            continue
        why = a.eligible_because if not a.eligible else _in_words(a)
        sentences.append(f"Also considered: {BY_MODULE[a.module].label} (not listed: {why}).")
    return sentences


def _in_words(assessment: Assessment) -> str:
    words = {
        "NORMAL": "a current result is normal",
        "ORDER_PENDING": "the test is already ordered",
        "TREATED": "it is already treated",
        "KNOWN_DX": "the diagnosis is already recorded",
    }
    return words.get(assessment.state) or assessment.held or "its result is shown with these cards"
