"""Findings: what a rule has to say, with the evidence that decided, before it becomes a card.

An `Assessment` is the outcome of one workup: always a state, and a finding if one is to be shown. A `Finding`
holds plain sentences and facts; escaping, Markdown and FHIR are the cards' business.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from screening.domain.catalog import NEUROLOGY, Orderable, still_wanted
from screening.domain.chart import Chart
from screening.domain.evidence import Evidence

INFO: Final = "info"
WARNING: Final = "warning"
CRITICAL: Final = "critical"
SEVERITY: Final = {CRITICAL: 0, WARNING: 1, INFO: 2}

NO_RESULT: Final = "NO_RESULT"
STALE: Final = "STALE"
UNREADABLE: Final = "UNREADABLE"
WRONG_SPECIMEN: Final = "WRONG_SPECIMEN"
MISSING_STATES: Final = frozenset({NO_RESULT, STALE, UNREADABLE, WRONG_SPECIMEN})

NORMAL: Final = "NORMAL"
ORDER_PENDING: Final = "ORDER_PENDING"
BORDERLINE: Final = "BORDERLINE"
DISCORDANT: Final = "DISCORDANT"
ABNORMAL: Final = "ABNORMAL"
TREATED: Final = "TREATED"
KNOWN_DX: Final = "KNOWN_DX"
CRITICAL_STATE: Final = "CRITICAL"

INCOMPLETE: Final = "INCOMPLETE"
NOT_ASSESSED: Final = "NOT_ASSESSED"
SCREEN: Final = "SCREEN"
DATA: Final = "DATA"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One click: orders to draft and selected drafts to withdraw (only where 1.0.8 lists that)."""

    label: str
    orders: tuple[Orderable, ...] = ()
    withdraw: tuple[str, ...] = ()


def suggest(chart: Chart, label: str, *tests: Orderable) -> tuple[Suggestion, ...]:
    """One suggestion with the tests that are still wanted; none when nothing is left."""
    wanted = still_wanted(chart, tests)
    if not wanted:
        return ()
    return (Suggestion(f"{label}: {', '.join(test.label for test in wanted)}", wanted),)


def without(suggestion: Suggestion, others: Iterable[Suggestion]) -> Suggestion | None:
    """The suggestion less what others suggest already; None when nothing is left."""
    named = {(test.code, test.gene) for other in others for test in other.orders}
    left = tuple(test for test in suggestion.orders if (test.code, test.gene) not in named)
    if not left:
        return None
    start = suggestion.label.partition(":")[0]
    return replace(suggestion, label=f"{start}: {', '.join(test.label for test in left)}", orders=left)


def refer(chart: Chart, *more: Orderable) -> tuple[Suggestion, ...]:
    """Referral to neurology, which goes with every warning and critical result card, and further ones."""
    return suggest(chart, "Draft", NEUROLOGY, *more)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say.

    Attributes:
        module: B12, VITE, MN, CA, CU, FE, SCREEN, DATA, or the name of an order rule.
        state: state of the workup; empty for order rules.
        indicator: info, warning or critical.
        summary: at most 125 characters.
        statements: plain sentences for the detail, most important first.
        evidence: the facts that decided.
        suggestions: drafts to accept.
        override_reasons: codes of clinical rules 1.0.7 that fit this card.
        explanation: slug of the page behind it.
        includes: modules, on the cards that list several.
        high_risk: the high-risk facts among the evidence, on the cards that list what is missing.
        orders: what an order card is about: the codes of each draft, its text where it has none.
        own: the facts of this card alone, where `evidence` also has those of cards that it took in.
    """

    module: str
    state: str
    indicator: str
    summary: str
    statements: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    override_reasons: tuple[str, ...] = ()
    explanation: str = ""
    includes: tuple[str, ...] = ()
    high_risk: tuple[Evidence, ...] = ()
    orders: tuple[tuple[str, ...], ...] = ()
    own: tuple[Evidence, ...] = ()

    @property
    def cited(self) -> tuple[Evidence, ...]:
        """The facts that this card itself rests on."""
        return self.own or self.evidence


ANSWER: Final = "answer"
"""`Hold.by` of what a clinician has answered."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a card that is otherwise due is not shown.

    Attributes:
        by: `answer`, `off`, `silent`, `canary`; or a reason of the rules: `palliative`, `drug-induced`, `cause-known`,
            `treated`, `acted-on`, `acute-reaction`, `signing`, `taken-in`, `cap`.
        words: the same in a sentence for clinicians, without facts about the patient.
        until: when it ends: a day (inclusive) or a moment; None when no date ends it.
    """

    by: str
    words: str
    until: date | datetime | None = None


Holding = Callable[[Finding], Hold | None]
"""Says whether a finding that is due is held back, and why."""


def nothing_held(finding: Finding) -> Hold | None:
    """Holds nothing back: there is no memory."""
    del finding
    return None


@dataclass(frozen=True, slots=True)
class Held:
    """A card that is not shown, and why.

    Attributes:
        module: as the card would have it.
        state: the same; empty for order rules.
        indicator: the same; empty where no card was made.
        hold: why it is not shown.
        finding: the card's content, where it was made.
    """

    module: str
    state: str
    indicator: str
    hold: Hold
    finding: Finding | None = None


def held(finding: Finding, hold: Hold) -> Held:
    """A finding that is not shown."""
    return Held(finding.module, finding.state, finding.indicator, hold, finding)


@dataclass(frozen=True, slots=True)
class Missing:
    """What SCREEN says about a module that has no usable result, and what it suggests.

    Attributes:
        note: why there is no usable result.
        tests: what to order.
        high_risk: facts that make SCREEN a warning.
        risks: every fact but the phenotype that makes the module worth asking for.
    """

    note: str
    tests: tuple[Orderable, ...]
    high_risk: tuple[Evidence, ...] = ()
    risks: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """The outcome of one workup on one chart.

    Attributes:
        module: B12, VITE, MN, CA, CU or FE.
        state: as in clinical rules 1.0.5.
        finding: the result card that is due, if any.
        held: why no result card is shown although the state would have one; empty otherwise.
        eligible: whether the tier asks for this module in SCREEN (1.0.4); `eligible_because` says why or why not.
        missing: set when there is no usable result (it may go with a state that outranks the missing ones).
        evidence: the facts that decided the state.
        cause_known: a diagnosis of this module is established, so that SCREEN has nothing left to ask.
        yields_to: module whose card, if one is shown, says all that this one's would (section 6, 10).
        takes_in: what this module's card says and suggests in addition when it takes in another's.
    """

    module: str
    state: str
    eligible: bool
    eligible_because: str
    missing: Missing | None = None
    finding: Finding | None = None
    held: str = ""
    evidence: tuple[Evidence, ...] = field(default=())
    cause_known: bool = False
    yields_to: str = ""
    takes_in: "TakesIn | None" = None


@dataclass(frozen=True, slots=True)
class TakesIn:
    """What a card adds when it takes in the card of another module."""

    statement: str
    tests: tuple[Orderable, ...]
