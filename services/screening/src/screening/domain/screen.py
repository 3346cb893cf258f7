"""The screening: every workup on one chart, then what is shown and what is held back, and why.

Clinical rules 1.0.4 to 1.0.6, 1.7, 1.8 and section 6: 1, 4, 16, 24, 28.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from screening.domain import screen_card
from screening.domain.chart import Chart, Draft
from screening.domain.evidence import of_draft, of_site_value
from screening.domain.findings import (
    ANSWER,
    CRITICAL,
    INCOMPLETE,
    INFO,
    KNOWN_DX,
    SCREEN,
    SEVERITY,
    TREATED,
    Assessment,
    Finding,
    Held,
    Hold,
    Holding,
    held,
    nothing_held,
)
from screening.domain.incomplete import capital, labels
from screening.domain.orders.registry import ORDER_RULES, SIGNING_RULES
from screening.domain.orders.rule import (
    CANNOT_TELL,
    FINDING,
    NEEDS_PHENOTYPE,
    NOT_CONCERNED,
    NOTHING,
    CannotTell,
    Decision,
    NeedsPhenotype,
    Nothing,
    OrderRule,
    RuleOutcome,
    Situation,
)
from screening.domain.phenotype import Phenotype
from screening.domain.phenotype import of as phenotype_of
from screening.domain.selection import selected
from screening.domain.workups.registry import BY_MODULE, WORKUPS

ORDER_CARDS: Final = 2
DRUG_ONLY_MODULES: Final = frozenset({"B12", "CA", "CU"})
"""Result cards that are shown when the dystonia is only drug-induced (section 6, 24)."""

DECEASED: Final = "the patient has died"
NO_ORDERS_BY_USER: Final = "the user does not order"
DRUG_INDUCED: Final = Hold("drug-induced", "in dystonia that is only drug-induced this result is not shown")
PALLIATIVE: Final = Hold("palliative", "in palliative care only critical cards are shown")
SIGNING: Final = Hold("signing", "before signing only warnings and critical cards are shown")
CAPPED: Final = Hold("cap", f"at most {ORDER_CARDS} order cards are shown, the most urgent first")
_HELD_BY: Final = {KNOWN_DX: "cause-known", TREATED: "treated"}


@dataclass(frozen=True, slots=True)
class Screening:
    """What one call came to.

    Attributes:
        phenotype: the movement disorder and its tier.
        assessments: what each workup came to.
        findings: the cards to show.
        held: the cards that are not shown, and why.
        silent_because: set when no card at all may be shown.
        undecided: an order rule applies that cannot decide without the patient or the conditions, which were not
            delivered.
        rules: on order hooks, what came of each rule that is about a selected draft.
    """

    phenotype: Phenotype
    assessments: tuple[Assessment, ...]
    findings: tuple[Finding, ...]
    held: tuple[Held, ...] = ()
    silent_because: str = ""
    undecided: bool = False
    rules: tuple[RuleOutcome, ...] = ()


def silent_user(user_id: str) -> bool:
    """Whether the user is known not to order: patients and relatives get no cards. An unsaid user may order."""
    return bool(user_id) and user_id.partition("/")[0] not in ("Practitioner", "PractitionerRole")


def patient_view(chart: Chart, user_id: str = "", hold: Holding = nothing_held) -> Screening:
    """The screening when a chart is opened.

    Args:
        chart: the facts.
        user_id: `Type/id` or empty.
        hold: asked for each card that is due, before it is counted: a card that is held gives its place to others.
    """
    situation = _situation(chart)
    phenotype, assessments = situation.phenotype, tuple(situation.assessments.values())
    silent = _silent(chart, user_id) or ("" if phenotype.present else phenotype.reason)
    if silent:
        return Screening(phenotype, assessments, (), silent_because=silent)
    held_back = [_by_rule(a) for a in assessments if a.held]
    due: list[Finding] = []
    for a in assessments:
        if a.finding is None:
            continue
        if phenotype.tier == "T3" and a.module not in DRUG_ONLY_MODULES:
            held_back.append(held(a.finding, DRUG_INDUCED))
            continue
        evidence = (*a.finding.evidence, *screen_card.phenotype_facts(phenotype))
        statements = (
            *a.finding.statements,
            *screen_card.results_not_available(chart, a.module),
            *screen_card.lists_not_available(chart),
        )
        due.append(replace(a.finding, evidence=evidence, statements=statements))
    consolidated = screen_card.due(chart, situation)
    if isinstance(consolidated, Hold):
        held_back.append(Held(SCREEN, INCOMPLETE, "", consolidated))
    elif consolidated is not None:
        due.append(consolidated)
    if chart.has_condition("X_PALLIATIVE") or any(chart.procedures_in("X_PALLIATIVE")):
        held_back.extend(held(f, PALLIATIVE) for f in due if f.indicator != CRITICAL)
        due = [f for f in due if f.indicator == CRITICAL]
    due, answered = _asked(due, situation.assessments, hold)
    shown, rest = selected(chart, due, situation.assessments)
    return Screening(phenotype, assessments, _with_site_values(chart, shown), (*held_back, *answered, *rest))


def _silent(chart: Chart, user_id: str) -> str:
    """Why no card of any kind is shown, on every hook; empty when cards may be."""
    if chart.patient.deceased:
        return DECEASED
    return NO_ORDERS_BY_USER if silent_user(user_id) else ""


def _by_rule(assessment: Assessment) -> Held:
    """A result card that the workup itself holds back."""
    by = _HELD_BY.get(assessment.state, "acted-on")
    return Held(assessment.module, assessment.state, "", Hold(by, assessment.held))


def _asked(
    due: Sequence[Finding], assessments: Mapping[str, Assessment], hold: Holding
) -> tuple[list[Finding], list[Held]]:
    """What is left of the cards that are due, and what is held back.

    A card that another one speaks for was answered with it, unless it is critical.
    """
    holds = {f.module: hold(f) for f in due}
    kept: list[Finding] = []
    held_back: list[Held] = []
    for f in due:
        why = holds[f.module]
        if why is None and f.module in assessments and f.indicator != CRITICAL:
            host = holds.get(assessments[f.module].yields_to)
            why = host if host is not None and host.by == ANSWER else None
        if why is None:
            kept.append(f)
        else:
            held_back.append(held(f, why))
    return kept, held_back


def order_hook(chart: Chart, user_id: str = "", hold: Holding = nothing_held, *, signing: bool = False) -> Screening:
    """The screening when orders are selected; or, `signing`, before they are signed: warnings and critical cards only.

    At most two cards are shown, counted after what signing does not show and what `hold` holds back (section 6, 28
    and 29).
    """
    situation = _situation(chart)
    assessments = tuple(situation.assessments.values())
    silent = _silent(chart, user_id)
    if silent:
        return Screening(situation.phenotype, assessments, (), silent_because=silent)
    findings: list[Finding] = []
    rules: list[RuleOutcome] = []
    cannot: set[str] = set()
    concerned = _concerned(chart)
    for rule, drafts in concerned:
        if signing and rule not in SIGNING_RULES:
            rules.append(RuleOutcome(rule.name, NOTHING, f"it only informs, and {SIGNING.words}"))
            continue
        decision = _decision(situation, rule, drafts)
        rules.append(_outcome(rule, decision))
        if isinstance(decision, CannotTell):
            cannot.update(decision.modules)
        elif isinstance(decision, Finding):
            findings.append(_with_facts(situation, rule, drafts, decision, signing=signing))
    if cannot and not findings and not signing:
        findings.append(_not_assessed(chart, cannot))
    rules.extend(_not_concerned(chart, concerned))
    held_back = [held(f, SIGNING) for f in findings if signing and f.indicator == INFO]
    due, answered = _asked([f for f in findings if not (signing and f.indicator == INFO)], {}, hold)
    due.sort(key=lambda f: SEVERITY[f.indicator])
    capped = (held(f, CAPPED) for f in due[ORDER_CARDS:])
    return Screening(
        situation.phenotype,
        assessments,
        _with_site_values(chart, tuple(due[:ORDER_CARDS])),
        (*held_back, *answered, *capped),
        undecided=any(rule.outcome == NEEDS_PHENOTYPE for rule in rules),
        rules=tuple(rules),
    )


def _concerned(chart: Chart) -> list[tuple[OrderRule, tuple[Draft, ...]]]:
    """The rules with the selected drafts that they are about. A levodopa trial is never remarked on (1.7)."""
    drafts = [draft for draft in chart.drafts if draft.selected and not _levodopa(draft)]
    pairs = ((rule, tuple(d for d in drafts if rule.concerns(d))) for rule in ORDER_RULES)
    return [(rule, concerned) for rule, concerned in pairs if concerned]


def _levodopa(draft: Draft) -> bool:
    return "RX_LEVODOPA" in draft.sets


def _exempt(draft: Draft) -> bool:
    return "RX_DRBA_EXEMPT" in draft.sets


def _decision(situation: Situation, rule: OrderRule, drafts: tuple[Draft, ...]) -> Decision:
    if rule.needs_phenotype and not situation.phenotype_known:
        return NeedsPhenotype()
    return rule.decide(situation, drafts)


def _outcome(rule: OrderRule, decision: Decision) -> RuleOutcome:
    match decision:
        case Finding():
            cases = (case.when for case in rule.described.cases if case.outcome == decision.indicator)
            return RuleOutcome(rule.name, FINDING, "; or ".join(cases))
        case Nothing():
            return RuleOutcome(rule.name, NOTHING, decision.because)
        case CannotTell():
            words = f"results for {labels(decision.modules)}, on which it turns, were not delivered with this call"
            return RuleOutcome(rule.name, CANNOT_TELL, words)
        case NeedsPhenotype():
            words = "the patient or the problem list, on which it turns, was not delivered with this call"
            return RuleOutcome(rule.name, NEEDS_PHENOTYPE, words)


def _not_concerned(chart: Chart, concerned: Sequence[tuple[OrderRule, tuple[Draft, ...]]]) -> list[RuleOutcome]:
    """A line each on the selected drafts that no rule is about; one when nothing is selected."""
    others = [d for d in chart.drafts if d.selected and not any(d in drafts for _, drafts in concerned)]
    lines = []
    if not any(d.selected for d in chart.drafts):
        lines.append("no order is selected")
    if any(_levodopa(d) for d in others):
        lines.append("a levodopa trial is never remarked on")
    if any(_exempt(d) for d in others):
        lines.append("this drug is exempt from the remark on dopamine-receptor blockers")
    if not all(_levodopa(d) or _exempt(d) for d in others):
        lines.append(f"no rule is about the {'other ' if concerned else ''}selected orders")
    return [RuleOutcome("", NOT_CONCERNED, line) for line in lines]


def _with_facts(
    situation: Situation, rule: OrderRule, drafts: tuple[Draft, ...], finding: Finding, *, signing: bool
) -> Finding:
    """A rule's card with the orders that it is about, the movement disorder, and what was not to be had."""
    judged = {fact.reference for fact in finding.evidence}
    ordered = (of_draft(d, "the order to be signed" if signing else "the selected order") for d in drafts)
    named = (order for order in ordered if order.reference not in judged)
    facts = screen_card.phenotype_facts(situation.phenotype) if rule.needs_phenotype else ()
    return replace(
        finding,
        evidence=tuple(dict.fromkeys((*named, *finding.evidence, *facts))),
        statements=(
            *finding.statements,
            *(_window(situation, finding) if rule.on_results else ()),
            *screen_card.lists_not_available(situation.chart, rule.reads),
        ),
        orders=tuple(_ordered_codes(d) for d in drafts),
    )


def _ordered_codes(draft: Draft) -> tuple[str, ...]:
    """What is ordered, by all its codes; by its words where it has none."""
    return tuple(sorted(f"{c.system}|{c.code}" for c in draft.codings)) or (draft.label.strip().lower(),)


def _not_assessed(chart: Chart, modules: set[str]) -> Finding:
    drafts = [draft for draft in chart.drafts if draft.selected]
    unknown = [w.module for w in WORKUPS if w.module in modules]
    return replace(
        screen_card.not_assessed(unknown),
        evidence=tuple(of_draft(draft, "the selected order") for draft in drafts),
        orders=tuple(_ordered_codes(draft) for draft in drafts),
    )


def _situation(chart: Chart) -> Situation:
    phenotype = phenotype_of(chart)
    return Situation(
        chart,
        phenotype,
        {workup.module: workup.assess(chart, phenotype) for workup in WORKUPS},
        frozenset(workup.module for workup in WORKUPS if not chart.looked_up(workup.id)),
        chart.looked_up("patient") and (chart.looked_up("conditions") or phenotype.present),
    )


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


def _with_site_values(chart: Chart, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Every card says what this site has set itself, whether that decided the card or not."""
    if not chart.site_values:
        return findings
    own = tuple(of_site_value(value) for _, value in sorted(chart.site_values.items()))
    return tuple(replace(finding, evidence=(*finding.evidence, *own)) for finding in findings)
