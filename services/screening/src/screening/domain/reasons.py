"""Why a card was shown, and why not: each step of a screening in words that a clinician accepts.

A sentence never holds a date, a value, the name of a drug or anything else of the record by itself: these stand beside
it as facts, so that they can be left out. Words about a held card may name the day on which it was answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from screening.domain.chart import Chart, Condition
from screening.domain.evidence import Evidence, of_fact
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    CRITICAL_STATE,
    DATA,
    DISCORDANT,
    KNOWN_DX,
    NORMAL,
    ORDER_PENDING,
    SCREEN,
    TREATED,
    Assessment,
    Held,
)
from screening.domain.orders.registry import ORDER_RULES
from screening.domain.orders.rule import RuleOutcome
from screening.domain.phenotype import DISORDER_SETS, Phenotype
from screening.domain.reasons_facts import diagnoses_of, near_misses, newest_result, orders_of, treatments_of
from screening.domain.screen import Screening
from screening.domain.workups.missing import undated
from screening.domain.workups.registry import BY_MODULE

SHOWN: Final = "shown"
LISTED: Final = "listed"
HELD: Final = "held"
NO_CARD: Final = "no card"

_STATES: Final[Mapping[str, str]] = {
    CRITICAL_STATE: "the result is critical",
    ABNORMAL: "the result is abnormal",
    DISCORDANT: "the results contradict each other",
    BORDERLINE: "the result is indeterminate",
    NORMAL: "the result is normal",
    TREATED: "it is treated",
    KNOWN_DX: "the disorder is already recorded",
    ORDER_PENDING: "the test is ordered, or its result is under way",
}
_OF_MODULES: Final[Mapping[tuple[str, str], str]] = {
    ("B12", ABNORMAL): "vitamin B12 is low, or indeterminate with high methylmalonic acid",
    (
        "B12",
        DISCORDANT,
    ): "vitamin B12 does not exclude a functional deficiency: a marker is raised, or nitrous oxide was used",
    ("B12", BORDERLINE): "vitamin B12 is indeterminate, and no marker resolves it",
    ("B12", NORMAL): "vitamin B12 is normal, and no marker contradicts it",
    ("CA", CRITICAL_STATE): "calcium is critically low",
    ("CA", ABNORMAL): "calcium or magnesium is low",
    ("CA", BORDERLINE): "total calcium is low, and no albumin is near to adjust it",
    ("CA", NORMAL): "calcium is not low",
    ("CU", ABNORMAL): "copper tests or a Kayser-Fleischer ring suggest Wilson disease",
    ("CU", DISCORDANT): "ceruloplasmin is low together with copper: a lack of copper is possible",
    ("CU", BORDERLINE): "the copper tests neither suggest nor exclude Wilson disease",
    ("CU", NORMAL): "the copper tests on record do not suggest Wilson disease",
    ("VITE", ABNORMAL): "vitamin E is low",
    ("VITE", DISCORDANT): "vitamin E is adequate by itself, but low for the lipids",
    ("VITE", BORDERLINE): "vitamin E is low-normal without lipids, or low as the lipids are",
    ("VITE", NORMAL): "vitamin E is adequate",
    ("MN", ABNORMAL): "whole-blood manganese is high",
    ("MN", BORDERLINE): "manganese is mildly raised",
    ("MN", NORMAL): "whole-blood manganese is not raised",
    ("FE", DISCORDANT): "ferritin is high, iron low and ceruloplasmin very low",
    ("FE", NORMAL): "ferritin, iron and ceruloplasmin do not show the pattern of aceruloplasminemia",
}
_TITLES: Final = {rule.name: rule.described.title for rule in ORDER_RULES}
_NOT_DELIVERED: Final = "its results were not delivered with this call"


@dataclass(frozen=True, slots=True)
class Reason:
    """What came of one step, and why.

    Attributes:
        subject: `phenotype`, or the name of an order rule (empty: selected orders that no rule is about).
        outcome: the tier, or what came of the rule.
        because: one sentence without facts of the record.
        facts: what decided.
    """

    subject: str
    outcome: str
    because: str
    facts: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class ModuleReason:
    """What came of one workup, and why.

    Attributes:
        module: its code.
        state: as in clinical rules 1.0.5.
        asked_for: whether the tier asks for it in the consolidated card.
        asked_because: why, or why not: the first condition that fails.
        came_of_it: `shown` (a card of its own), `listed` (on the consolidated card), `held` or `no card`.
        because: why this state, and why the card is held; one sentence without facts of the record.
        facts: what decided.
    """

    module: str
    state: str
    asked_for: bool
    asked_because: str
    came_of_it: str
    because: str
    facts: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """A screening in words.

    Attributes:
        silence: why no card is shown; empty when one is.
        phenotype: the tier and the entries that make it.
        modules: each workup, in the order of cards.
        rules: on order hooks, each rule about a selected draft.
    """

    silence: str
    phenotype: Reason
    modules: tuple[ModuleReason, ...]
    rules: tuple[Reason, ...]


def explained(screening: Screening, chart: Chart) -> Explained:
    """A screening of this chart in words."""
    return Explained(
        _silence(screening, chart),
        _phenotype(screening.phenotype, chart),
        tuple(_module(a, screening, chart) for a in screening.assessments),
        tuple(_rule(rule, screening) for rule in screening.rules),
    )


# --- the phenotype ---


def _phenotype(phenotype: Phenotype, chart: Chart) -> Reason:
    facts = [of_fact(c, "movement disorder") for c in phenotype.conditions]
    if phenotype.tier == "T2":
        facts.extend(of_fact(c, "recorded cause") for c in chart.conditions_in("X_PD", "X_KNOWN"))
    facts.extend(of_fact(c, words) for c, words in _not_counted(phenotype, chart))
    return Reason("phenotype", phenotype.tier, _phenotype_words(phenotype, chart), tuple(dict.fromkeys(facts)))


def _phenotype_words(phenotype: Phenotype, chart: Chart) -> str:
    """The reason of the tier; without a movement disorder also what kept an entry from being one."""
    return "; ".join(dict.fromkeys((phenotype.reason, *(words for _, words in _not_counted(phenotype, chart)))))


def _not_counted(phenotype: Phenotype, chart: Chart) -> list[tuple[Condition, str]]:
    """Entries that come close to a movement disorder that is screened, where there is none, and why they are none."""
    if phenotype.present:
        return []
    found: list[tuple[Condition, str]] = []
    for c in chart.conditions:
        if c.sets & DISORDER_SETS and not c.counts:
            found.append((c, "a movement disorder is recorded, but is resolved, inactive, refuted or not established"))
        elif "M_ATAXIA" in c.sets:
            found.append((c, "the ataxia on record is explained by another disorder"))
        elif "X_ET" in c.sets:
            found.append((c, "essential tremor alone is not screened"))
        elif "X_FUNCTIONAL" in c.sets:
            found.append((c, "a functional movement disorder alone is not screened"))
        elif "X_NOT_DYST" in c.sets:
            found.append((c, "an unspecified torticollis, a hemifacial spasm or a cramp is no dystonia"))
    return found


# --- one workup ---


def _module(a: Assessment, screening: Screening, chart: Chart) -> ModuleReason:
    own = next((h for h in screening.held if h.module == a.module), None)
    came_of_it = _came_of_it(a, screening, own)
    close = near_misses(a.module, chart, asked_for=a.eligible) if a.missing is not None else ()
    because = "; ".join(dict.fromkeys((_state_words(a, chart), *(fact.criterion for fact in close))))
    if own is not None and own.hold.words != because:
        because = f"{because}; {own.hold.words}"
    facts = tuple(dict.fromkeys((*_facts(a, own, chart), *close)))
    return ModuleReason(a.module, a.state, a.eligible, a.eligible_because, came_of_it, because, facts)


def _came_of_it(a: Assessment, screening: Screening, own: Held | None) -> str:
    if any(f.module == a.module for f in screening.findings):
        return SHOWN
    if any(a.module in f.includes for f in screening.findings):
        return LISTED
    whole = any(h.module in (SCREEN, DATA) for h in screening.held) and a.eligible and a.missing is not None
    return HELD if own is not None or whole else NO_CARD


def _state_words(a: Assessment, chart: Chart) -> str:
    unavailable = not chart.looked_up(BY_MODULE[a.module].id)
    settled = a.held if a.state in (TREATED, KNOWN_DX) else ""
    words = settled or _OF_MODULES.get((a.module, a.state)) or _STATES.get(a.state, "")
    if a.missing is None:
        return words
    lacking = _NOT_DELIVERED if unavailable else undated(a.missing.note)
    return f"{words}; {lacking}" if words else lacking


def _facts(a: Assessment, own: Held | None, chart: Chart) -> tuple[Evidence, ...]:
    """What decided: results, what settles them, and what makes the module worth asking for."""
    found = list(a.evidence)
    if own is not None and own.finding is not None:
        found.extend(own.finding.cited)
    if a.state == KNOWN_DX or a.cause_known:
        found.extend(diagnoses_of(a.module, chart))
    if a.state == TREATED:
        found.extend(treatments_of(a.module, chart))
    if a.state == ORDER_PENDING or (own is not None and own.hold.by == "acted-on"):
        found.extend(orders_of(a.module, chart))
    if a.missing is not None:
        found.extend(newest_result(a.module, chart, undated(a.missing.note)))
        found.extend((*a.missing.high_risk, *a.missing.risks) if a.eligible else ())
    elif not found:
        found.extend(newest_result(a.module, chart, _state_words(a, chart)))
    return tuple(dict.fromkeys(found))


# --- one order rule ---


def _rule(rule: RuleOutcome, screening: Screening) -> Reason:
    """What came of an order rule, and of its card."""
    card = next((f for f in screening.findings if f.module == rule.rule), None)
    if card is not None:
        return Reason(rule.rule, SHOWN, rule.because, card.cited)
    not_shown = next((h for h in screening.held if h.module == rule.rule), None)
    if not_shown is None:
        return Reason(rule.rule, rule.outcome, rule.because)
    facts = not_shown.finding.cited if not_shown.finding is not None else ()
    return Reason(rule.rule, HELD, f"{rule.because}; not shown: {not_shown.hold.words}", facts)


# --- silence ---


def _silence(screening: Screening, chart: Chart) -> str:
    """Why there is no card; empty when there is one."""
    if screening.findings:
        return ""
    if screening.silent_because == screening.phenotype.reason:
        return _phenotype_words(screening.phenotype, chart)
    if screening.silent_because:
        return screening.silent_because
    if screening.rules:
        return "; ".join(dict.fromkeys(_of_rule(rule, screening) for rule in screening.rules))
    held = [_labelled(h.module, h.hold.words) for h in screening.held]
    return "; ".join(dict.fromkeys((*held, *_settled(screening, chart))))


def _of_rule(rule: RuleOutcome, screening: Screening) -> str:
    title = _TITLES.get(rule.rule)
    because = _rule(rule, screening).because
    return because if title is None else f"{title}: {because}"


def _labelled(module: str, words: str) -> str:
    """Words about a module, with its name unless they say it."""
    name = BY_MODULE[module].label if module in BY_MODULE else "tests without a current result"
    return words if name in words else f"{name}: {words}"


def _settled(screening: Screening, chart: Chart) -> list[str]:
    """Why there is no consolidated card and no result card, where nothing holds one back: what settles each workup."""
    held = {h.module for h in screening.held}
    looked_at = [a for a in screening.assessments if a.missing is None and a.module not in held]
    settled = [_labelled(a.module, _state_words(a, chart)) for a in looked_at]
    if any(a.eligible for a in screening.assessments):
        return settled
    close = (fact for a in screening.assessments for fact in near_misses(a.module, chart, asked_for=False))
    nothing = f"no test is asked for: {screening.phenotype.reason}, and no risk on record asks for one"
    return [nothing, *(fact.criterion for fact in close), *settled]
