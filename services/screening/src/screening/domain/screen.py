"""The screening: every workup on one chart, then what is shown and what is held back, and why.

Clinical rules 1.0.4 to 1.0.6, 1.7, 1.8 and section 6: 1, 4, 16, 24, 28.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from screening.domain.chart import Chart, Draft
from screening.domain.evidence import Evidence, of_draft, of_fact, of_site_value
from screening.domain.findings import (
    CRITICAL,
    DATA,
    INCOMPLETE,
    INFO,
    NOT_ASSESSED,
    SCREEN,
    SEVERITY,
    WARNING,
    Assessment,
    Finding,
)
from screening.domain.incomplete import Incomplete, capital, incomplete, labels
from screening.domain.orders.registry import ORDER_RULES, SIGNING_RULES
from screening.domain.orders.rule import CannotTell, NeedsPhenotype, OrderRule, Situation
from screening.domain.phenotype import Phenotype
from screening.domain.phenotype import of as phenotype_of
from screening.domain.selection import selected
from screening.domain.thresholds import days, years
from screening.domain.workups.registry import BY_MODULE, WORKUPS

ORDER_CARDS: Final = 2
PHENOTYPE_FACTS: Final = 3
LONGEST_NAME: Final = 80
DRUG_ONLY_MODULES: Final = frozenset({"B12", "CA", "CU"})
"""Result cards that are shown when the dystonia is only drug-induced (section 6, 24)."""

ACUTE_REACTION_DAYS: Final = days(
    "screen.acute-reaction",
    7,
    "a dopamine-receptor blocker begun at most this long before the onset may have caused it",
)
ACUTE_REACTION_WAIT: Final = days("screen.acute-reaction-wait", 30, "the screening waits this long after such an onset")
ACUTE_REACTION_AGE: Final = years("screen.acute-reaction-age", 25, "with onset at or before this age it does not wait")
_SCREEN_OVERRIDES: Final = ("done-elsewhere", "cause-known", "not-indicated", "patient-declined", "deferred")
_DOPAMINE_BLOCKERS: Final = ("RX_DRBA_HIGH", "RX_DRBA_LOW")


@dataclass(frozen=True, slots=True)
class Screening:
    """What one call came to. `silent_because` is set when no card at all may be shown."""

    phenotype: Phenotype
    assessments: tuple[Assessment, ...]
    findings: tuple[Finding, ...]
    held: tuple[str, ...] = ()
    silent_because: str = ""
    undecided: bool = False
    """An order rule applies that cannot decide without the patient or the conditions, which were not delivered."""


def silent_user(user_id: str) -> bool:
    """Whether the user is known not to order: patients and relatives get no cards. An unsaid user may order."""
    return bool(user_id) and user_id.partition("/")[0] not in ("Practitioner", "PractitionerRole")


def patient_view(chart: Chart, user_id: str = "") -> Screening:
    """The screening when a chart is opened. `user_id` is `Type/id` or empty."""
    situation = _situation(chart)
    phenotype, assessments = situation.phenotype, tuple(situation.assessments.values())

    def silent(because: str) -> Screening:
        return Screening(phenotype, assessments, (), silent_because=because)

    if chart.patient.deceased:
        return silent("the patient has died")
    if silent_user(user_id):
        return silent("the user does not order")
    if not phenotype.present:
        return silent(phenotype.reason)
    held = [f"{a.module} {a.state}: {a.held}" for a in assessments if a.held]
    results: list[Finding] = []
    for a in assessments:
        if a.finding is None:
            continue
        if phenotype.tier == "T3" and a.module not in DRUG_ONLY_MODULES:
            held.append(f"{a.module} {a.state}: not shown in drug-induced dystonia")
            continue
        results.append(
            replace(
                a.finding,
                evidence=(*a.finding.evidence, *_phenotype_facts(phenotype)),
                statements=(*a.finding.statements, *_lists_not_available(chart)),
            )
        )
    screen, why_not = _screen(chart, situation)
    if why_not:
        held.append(f"SCREEN: {why_not}")
    findings = [*results, *([screen] if screen is not None else [])]
    if chart.has_condition("X_PALLIATIVE") or any(chart.procedures_in("X_PALLIATIVE")):
        held.extend(f"{f.module}: palliative care" for f in findings if f.indicator != CRITICAL)
        findings = [f for f in findings if f.indicator == CRITICAL]
    shown = selected(chart, findings, situation.assessments)
    return Screening(phenotype, assessments, _with_site_values(chart, shown), tuple(held))


def order_hook(chart: Chart, user_id: str = "", *, signing: bool = False) -> Screening:
    """The screening when orders are selected; or, `signing`, before they are signed: warnings and critical cards only.

    At most two cards are shown, counted after what signing does not show (section 6, 28 and 29).
    """
    situation = _situation(chart)
    assessments = tuple(situation.assessments.values())
    if chart.patient.deceased:
        return Screening(situation.phenotype, assessments, (), silent_because="the patient has died")
    if silent_user(user_id):
        return Screening(situation.phenotype, assessments, (), silent_because="the user does not order")
    findings: list[Finding] = []
    cannot: set[str] = set()
    undecided = False
    for rule, drafts in _concerned(chart, SIGNING_RULES if signing else ORDER_RULES):
        if rule.needs_phenotype and not situation.phenotype_known:
            undecided = True
            continue
        decision = rule.decide(situation, drafts)
        if isinstance(decision, NeedsPhenotype):
            undecided = True
        elif isinstance(decision, CannotTell):
            cannot.update(decision.modules)
        elif decision is not None:
            judged = {fact.reference for fact in decision.evidence}
            ordered = (of_draft(d, "the order to be signed" if signing else "the selected order") for d in drafts)
            named = (order for order in ordered if order.reference not in judged)
            facts = _phenotype_facts(situation.phenotype) if rule.needs_phenotype else ()
            findings.append(
                replace(
                    decision,
                    evidence=tuple(dict.fromkeys((*named, *decision.evidence, *facts))),
                    statements=(
                        *decision.statements,
                        *(_window(situation, decision) if rule.on_results else ()),
                        *_lists_not_available(chart),
                    ),
                )
            )
    if signing:
        findings = [f for f in findings if f.indicator != INFO]
    elif cannot and not findings:
        selected = tuple(of_draft(draft, "the selected order") for draft in chart.drafts if draft.selected)
        unknown = [w.module for w in WORKUPS if w.module in cannot]
        findings.append(replace(_not_assessed(unknown), evidence=selected))
    findings.sort(key=lambda f: SEVERITY[f.indicator])
    held = tuple(f"{f.module}: at most {ORDER_CARDS} order cards" for f in findings[ORDER_CARDS:])
    shown = _with_site_values(chart, tuple(findings[:ORDER_CARDS]))
    return Screening(situation.phenotype, assessments, shown, held, undecided=undecided)


def _concerned(chart: Chart, rules: tuple[OrderRule, ...]) -> list[tuple[OrderRule, tuple[Draft, ...]]]:
    """The rules with the selected drafts that they are about. A levodopa trial is never remarked on (1.7)."""
    selected = [draft for draft in chart.drafts if draft.selected and "RX_LEVODOPA" not in draft.sets]
    pairs = ((rule, tuple(d for d in selected if rule.concerns(d))) for rule in rules)
    return [(rule, drafts) for rule, drafts in pairs if drafts]


def _situation(chart: Chart) -> Situation:
    phenotype = phenotype_of(chart)
    return Situation(
        chart,
        phenotype,
        {workup.module: workup.assess(chart, phenotype) for workup in WORKUPS},
        frozenset(workup.module for workup in WORKUPS if not chart.looked_up(workup.id)),
        chart.looked_up("patient") and (chart.looked_up("conditions") or phenotype.present),
    )


# --- the consolidated card ---


def _screen(chart: Chart, situation: Situation) -> tuple[Finding | None, str]:
    """The one card for all that is missing, or the card that says what could not be assessed; or why there is none."""
    lacks = incomplete(situation.assessments.values(), situation.unavailable)
    if not lacks.listed and not lacks.unknown:
        return None, ""
    established = _established_cause(situation)
    if established:
        return None, f"the cause is established: {established}"
    delay = _acute_reaction(chart, situation.phenotype)
    if delay:
        return None, delay
    if not lacks.listed:
        return replace(_not_assessed(lacks.unknown), evidence=_phenotype_facts(situation.phenotype)), ""
    return _screen_card(chart, situation, lacks), ""


def _screen_card(chart: Chart, situation: Situation, lacks: Incomplete) -> Finding:
    phenotype = situation.phenotype
    urgent = any(missing.high_risk for _, missing in lacks.listed)
    if urgent:
        summary = f"{phenotype.word} with a high-risk fact: screen now for {lacks.names} (no current result)."
    else:
        summary = f"{phenotype.word}: treatable causes not yet excluded. No current result for: {lacks.names}."
    statements = [*lacks.notes, *_lists_not_available(chart)]
    statements.extend(_also_considered(situation, {*lacks.modules, *lacks.unknown}))
    statements.extend(_drug_note(chart, phenotype))
    if chart.site_fact("t1-pallidal") is not None and situation.state("MN") == "NORMAL":
        statements.append("T1 pallidal hyperintensity: a normal manganese level does not exclude past exposure.")
    facts = dict.fromkeys((*_phenotype_facts(phenotype), *lacks.facts))
    return Finding(
        SCREEN, INCOMPLETE, WARNING if urgent else INFO, summary,
        statements=tuple(statements),
        evidence=tuple(facts),
        suggestions=lacks.suggestions(chart),
        override_reasons=_SCREEN_OVERRIDES,
        explanation=lacks.explanation,
        includes=lacks.modules,
    )  # fmt: skip


def _phenotype_facts(phenotype: Phenotype) -> tuple[Evidence, ...]:
    """The entries that opened the screening, at most three of them."""
    return tuple(of_fact(c, phenotype.reason) for c in phenotype.conditions[:PHENOTYPE_FACTS])


def _not_assessed(modules: Sequence[str]) -> Finding:
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


def _lists_not_available(chart: Chart) -> list[str]:
    """What was not delivered and does not block the screening, but has to be said."""
    return [sentence for name, sentence in _LISTS if not chart.looked_up(name)]


def _window(situation: Situation, finding: Finding) -> tuple[str, ...]:
    """What was looked for and not found, on an order card about a module without a usable result."""
    for a in situation.assessments.values():
        if (
            BY_MODULE[a.module].id == finding.explanation
            and a.missing is not None
            and a.module not in situation.unavailable
        ):
            return (f"{capital(BY_MODULE[a.module].label)}: {a.missing.note}.",)
    return ()


def _established_cause(situation: Situation) -> str:
    return ", ".join(BY_MODULE[a.module].label for a in situation.assessments.values() if a.cause_known)


def _acute_reaction(chart: Chart, phenotype: Phenotype) -> str:
    """Why SCREEN waits in T1: a dopamine-receptor blocker was begun in the week before a very recent onset (1.8)."""
    onset = phenotype.onset_day(chart)
    if (
        phenotype.tier != "T1"
        or onset is None
        or not chart.within(onset, ACUTE_REACTION_WAIT)
        or phenotype.onset_at_most(chart.of(ACUTE_REACTION_AGE))
    ):
        return ""
    began: dict[str, date] = {}  # a renewed prescription is no new exposure
    for medicine in (m for name in _DOPAMINE_BLOCKERS for m in chart.treatments(name)):
        if medicine.start is not None:
            began[medicine.coding.code] = min(medicine.start, began.get(medicine.coding.code, medicine.start))
    recent = any(0 <= (onset - start).days <= chart.of(ACUTE_REACTION_DAYS) for start in began.values())
    return "possible acute dystonic reaction to a dopamine-receptor blocker" if recent else ""


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


def _with_site_values(chart: Chart, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Every card says what this site has set itself, whether that decided the card or not."""
    if not chart.site_values:
        return findings
    own = tuple(of_site_value(value) for _, value in sorted(chart.site_values.items()))
    return tuple(replace(finding, evidence=(*finding.evidence, *own)) for finding in findings)
