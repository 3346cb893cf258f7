"""Why and why not: what is known of one call, as a document that an operator can read later.

A view puts down what it knows while it answers: references only, which keep neither the chart nor the call alive. The
document is made in the background. It holds words of ours, and codes of ours for modules, states, rules and keys: no
patient, no name, no value, no date of the record. Where the operator wants the deciding facts, each is added as its
code, its day and the band that it lies in, and nothing more.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from screening.callers import Caller
from screening.domain.evidence import Evidence
from screening.domain.findings import DATA, SCREEN, Finding, Held
from screening.domain.incomplete import capital, labels
from screening.domain.orders.registry import ORDER_RULES
from screening.domain.reasons import Explained, Reason
from screening.domain.workups.registry import BY_MODULE
from screening.fhir.fallback import EHR, PREFETCH, Gathered, Looked
from screening.store import TraceRow

CARDS: Final = "cards"
SILENT: Final = "silent"
REFUSED: Final = "refused"
FAILED: Final = "failed"

LARGEST: Final = 24_000
"""Characters of a document. A longer one is kept without its facts, and if need be without more."""

NO_DRAFTS: Final = "the call brought no draft orders, so there is nothing to advise on"
"""Why an order hook is silent when a client repeats it without its orders."""

_EGFR: Final = re.compile(r"eGFR [<>]?=? ?\d[\d.]*")
_ORDERED: Final = ("the selected order", "the order to be signed")
_TOLD_IN_SHORT: Final = 3
"""So many bands stand in a sentence; the table has them all."""
_ENCODER: Final = msgspec.json.Encoder()
_SITE_VALUE: Final = "site-value"
"""The code of evidence that tells what a site has set itself, which is no fact of the record."""

_TITLES: Final = {
    SCREEN: "tests without a current result",
    DATA: "data that were not available",
    **{rule.name: rule.described.title for rule in ORDER_RULES},
}

Json = dict[str, Any]
Codes = Callable[[str], bool]
"""Says whether a code is one that the rules read: any other could be any text."""


@dataclass(slots=True)
class Trace:
    """What is known of one call, filled in as it goes on.

    Attributes:
        service, hook: which was called.
        at: the moment of the call.
        rules_version: of the rules in force.
        hook_instance: which the client gave it; empty until it was read.
        client, tenant: who called.
        patient: the patient's key in the store, so that the trace can be forgotten with the patient.
        fhir_server: that the patient's id is from, to find that key again; not told.
        site_keys: our prefetch key -> the client's name for it.
        looked: what became of each key.
        unanswered: key -> why the FHIR server did not help.
        silent_because: why there was no screening at all.
        explained: the words for the screening.
        held: what was held back.
        cards: the finding, the topic and the uuid of each card.
        content_version: of the texts on the cards.
        store: what came of asking the memory; empty if it was not asked.
        status: of the answer.
        refusal: the public words of a refusal.
        timing: part of the work -> milliseconds.
    """

    service: str
    hook: str
    at: datetime
    rules_version: str
    hook_instance: str = ""
    client: str = ""
    tenant: str = ""
    patient: str = ""
    fhir_server: str = ""
    site_keys: Mapping[str, str] = field(default_factory=dict)
    looked: tuple[Looked, ...] = ()
    unanswered: Mapping[str, str] = field(default_factory=dict)
    silent_because: str = ""
    explained: Explained | None = None
    held: tuple[Held, ...] = ()
    cards: tuple[tuple[Finding, str, str], ...] = ()
    content_version: str = ""
    store: str = ""
    status: int = 200
    refusal: str = ""
    timing: Mapping[str, float] = field(default_factory=dict)

    def called_by(self, caller: Caller) -> None:
        """Who calls."""
        self.client, self.tenant, self.site_keys = caller.client, caller.tenant, caller.prefetch_keys

    def gathered(self, gathered: Gathered) -> None:
        """What became of the data."""
        self.looked, self.unanswered = gathered.looked, gathered.unanswered

    def answered(self, findings: Sequence[Finding], cards: Sequence[Mapping[str, Any]], content_version: str) -> None:
        """The cards that go out, one for each finding."""
        self.cards = tuple(
            (finding, card["source"]["topic"]["code"], card["uuid"])
            for finding, card in zip(findings, cards, strict=True)
        )
        self.content_version = content_version

    @property
    def outcome(self) -> str:
        """What came of the call: cards, silent, refused (by us, 4xx) or failed (5xx)."""
        if self.status >= 500:
            return FAILED
        if self.status >= 400:
            return REFUSED
        return CARDS if self.cards else SILENT


class Teller:
    """Makes the row of a call for the store."""

    def __init__(self, codes: Codes | None) -> None:
        """`codes` says whether a code is one of those that the rules read; None: no facts are told."""
        self._codes = codes

    def row(self, trace: Trace) -> TraceRow:
        """The row of a call, its document not longer than `LARGEST`."""
        body = _encoded(document(trace, self._codes))
        if len(body) > LARGEST:
            body = _encoded({**document(trace, None), "shortened": True})
        return TraceRow(
            hook_instance=trace.hook_instance.lower(),
            client=trace.client,
            tenant=trace.tenant,
            service=trace.service,
            hook=trace.hook,
            at=trace.at,
            outcome=trace.outcome,
            patient=trace.patient,
            body=body,
            fhir_server=trace.fhir_server,
        )


def _encoded(told: Json) -> str:
    return _ENCODER.encode(told).decode()


def document(trace: Trace, codes: Codes | None) -> Json:
    """Everything that is told of a call.

    Args:
        trace: what is known.
        codes: whether a code is one of those that the rules read; None: no facts are told.
    """
    return {
        "hookInstance": trace.hook_instance.lower(),
        "at": _moment(trace.at),
        "client": trace.client,
        "tenant": trace.tenant,
        "service": trace.service,
        "hook": trace.hook,
        "rulesVersion": trace.rules_version,
        "contentVersion": trace.content_version,
        "outcome": trace.outcome,
        "sentence": sentence(trace, codes),
        "answer": {
            "status": trace.status,
            "refusal": trace.refusal,
            "cards": [
                {
                    "topic": topic,
                    "title": _title(finding),
                    "uuid": uuid,
                    "indicator": finding.indicator,
                    "includes": list(finding.includes),
                    "because": _because(finding, trace.explained, codes),
                }
                for finding, topic, uuid in trace.cards
            ],
        },
        **_explained(trace.explained, codes),
        "heldBack": [_held(one) for one in trace.held],
        "data": _data(trace),
        "store": trace.store,
        "timing": {part: round(ms, 1) for part, ms in trace.timing.items()},
        "shortened": False,
    }


def sentence(trace: Trace, codes: Codes | None) -> str:
    """The whole in one sentence: the deciding fact, or the first condition that fails."""
    if trace.status >= 400:
        return f"{'Failed' if trace.outcome == FAILED else 'Refused'} ({trace.status}): {trace.refusal}"
    if trace.cards:
        said = "; ".join(f"{_title(card)}: {_because(card, trace.explained, codes)}" for card, _, _ in trace.cards)
        held = f" {_cards(len(trace.held))} held back." if trace.held else ""
        return f"{_cards(len(trace.cards))}. {capital(said)}.{held}"
    silence = trace.silent_because or (trace.explained.silence if trace.explained is not None else "")
    return f"No card: {silence}."


def _cards(number: int) -> str:
    return "1 card" if number == 1 else f"{number} cards"


def _title(finding: Finding) -> str:
    """What a card is about, for people."""
    if finding.module in BY_MODULE:
        return f"{BY_MODULE[finding.module].label} {finding.state.lower().replace('_', ' ')}"
    return _TITLES[finding.module]


def _because(finding: Finding, explained: Explained | None, codes: Codes | None) -> str:
    """Why a card is shown; with facts also the bands of those that it rests on."""
    words = _condition(finding, explained)
    facts = () if codes is None or finding.module in (SCREEN, DATA) else finding.cited
    said = {words, *_ORDERED, explained.phenotype.because if explained is not None else ""}
    bands = [band for band in dict.fromkeys(_band(f) for f in facts if f.code != _SITE_VALUE) if band not in said]
    return f"{words} ({'; '.join(bands[:_TOLD_IN_SHORT])})" if bands else words


def _condition(finding: Finding, explained: Explained | None) -> str:
    """The condition under which a card is shown."""
    if finding.module == DATA:
        return f"results for {labels(finding.includes)} were not delivered with this call"
    if finding.module == SCREEN:
        return f"no usable result for {labels(finding.includes)}; asked for: {_asked_for(finding, explained)}"
    if explained is None:
        return ""
    modules = {one.module: one.because for one in explained.modules}
    return modules.get(finding.module) or next(one.because for one in explained.rules if one.subject == finding.module)


def _asked_for(finding: Finding, explained: Explained | None) -> str:
    """Why a card asks for tests: the one reason that its modules have, else what kind of disorder it is."""
    if explained is None:
        return ""
    reasons = {one.asked_because for one in explained.modules if one.module in finding.includes}
    reason = reasons.pop() if len(reasons) == 1 else explained.phenotype.because
    return f"{reason}; a high-risk fact makes it urgent" if finding.high_risk else reason


def _explained(explained: Explained | None, codes: Codes | None) -> Json:
    """The steps of the screening; none where there was no screening."""
    if explained is None:
        return {"tier": None, "modules": [], "orderRules": []}
    return {
        "tier": {"tier": explained.phenotype.outcome, **_why(explained.phenotype, codes)},
        "modules": [
            {
                "module": one.module,
                "label": BY_MODULE[one.module].label,
                "state": one.state,
                "cameOfIt": one.came_of_it,
                "because": one.because,
                "facts": _facts(one.facts, codes),
                "askedFor": one.asked_for,
                "askedBecause": one.asked_because,
            }
            for one in explained.modules
        ],
        "orderRules": [{"rule": one.subject, "cameOfIt": one.outcome, **_why(one, codes)} for one in explained.rules],
    }


def _why(reason: Reason, codes: Codes | None) -> Json:
    return {"because": reason.because, "facts": _facts(reason.facts, codes)}


def _facts(facts: Iterable[Evidence], codes: Codes | None) -> list[Json]:
    """Code, day and band of each fact. A code that the rules do not read is left out: it could be any text."""
    if codes is None:
        return []
    return [
        {
            "code": fact.code if codes(fact.code) else "",
            "date": fact.day.isoformat() if fact.day is not None else "",
            "band": _band(fact),
        }
        for fact in facts
        if fact.code != _SITE_VALUE
    ]


def _band(fact: Evidence) -> str:
    """What a fact fulfils, without the one value that such words may hold."""
    return _EGFR.sub("eGFR known", fact.criterion)


def _held(one: Held) -> Json:
    until = one.hold.until
    return {
        "what": f"{one.module} {one.state}".strip(),
        "by": one.hold.by,
        "words": one.hold.words,
        "until": _moment(until) if isinstance(until, datetime) else until.isoformat() if until is not None else "",
    }


def _data(trace: Trace) -> list[Json]:
    """What became of each key: in the prefetch, and at the FHIR server where it was asked."""
    fetched = {one.key: one for one in trace.looked if one.source == EHR}
    return [
        {
            "key": one.key,
            "siteKey": trace.site_keys.get(one.key, one.key),
            "prefetch": one.outcome,
            "fetched": fetched[one.key].outcome if one.key in fetched else "",
            "ms": round(fetched[one.key].ms) if one.key in fetched else 0,
            "why": trace.unanswered.get(one.key, ""),
        }
        for one in trace.looked
        if one.source == PREFETCH
    ]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
