"""Why and why not: what is known of one call, as a document that an operator can read later.

A view puts down what it knows while it answers: references only, which costs microseconds and keeps neither the chart
nor the call alive. The document is made in the background. It holds words of ours, and codes of ours for modules,
states, rules and keys: no patient, no name, no value, no date of the record. Where the operator wants the deciding
facts, each is added as its code, its day and the band that it lies in, and nothing more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from screening.callers import Caller
from screening.domain.findings import Finding, Held
from screening.fhir.fallback import Gathered, Looked

CARDS: Final = "cards"
SILENT: Final = "silent"
REFUSED: Final = "refused"
FAILED: Final = "failed"

LARGEST: Final = 24_000
"""Characters of a document. A longer one is kept without its facts, and if need be without more."""

NO_DRAFTS: Final = "the call brought no draft orders, so there is nothing to advise on"
"""Why an order hook is silent when a client repeats it without its orders."""

Json = dict[str, Any]


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
    site_keys: Mapping[str, str] = field(default_factory=dict)
    looked: tuple[Looked, ...] = ()
    unanswered: Mapping[str, str] = field(default_factory=dict)
    silent_because: str = ""
    explained: Any = None
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
