"""What the store is given and gives back. No patient id, no name, no value of a result is in any of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

ACCEPTED: Final = "accepted"
OVERRIDDEN: Final = "overridden"

SHOWN: Final = "shown"
"""The mode of a card that went out; the other modes are those in which a rule may run without being seen."""
SILENT: Final = "silent"

KEPT: Final = "kept"
REPEATED: Final = "repeated"
UNKNOWN_CARD: Final = "unknown-card"
NOT_YOURS: Final = "not-yours"


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card as the ledger knows it.

    Attributes:
        client: whom it was shown to.
        tenant: of that client; empty when it names none.
        uuid: the card's.
        suggestions: the uuids of its suggestions.
        service: id of the CDS service.
        hook: of that service.
        module: as in its decision, such as B12, SCREEN or the name of an order rule.
        state: of the module; empty for order rules.
        indicator: info, warning or critical.
        rules_version: of the rules that decided.
        patient: the patient's key, see `marks.Marks.patient`.
        fhir_server: where the patient's id is from; kept apart from cards, so that all of a patient can be forgotten.
        shown: what an answer is judged by later: JSON of `domain.answers.Shown`.
        at: when it was made.
        mode: `shown`, or `silent` for what would have been shown.
    """

    client: str
    tenant: str
    uuid: str
    suggestions: tuple[str, ...]
    service: str
    hook: str
    module: str
    state: str
    indicator: str
    rules_version: str
    patient: str
    fhir_server: str
    shown: str
    at: datetime
    mode: str = SHOWN


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """One answer to one card, as an EHR has sent it.

    Attributes:
        card: the id of the card, as sent: 1 to 200 characters.
        outcome: `accepted` or `overridden`.
        service: id of the CDS service to which it was sent.
        received: when it came.
        said_at: its `outcomeTimestamp`; None when the EHR does not say. It may lie in the future.
        reason: one of our override codes; empty: none, or none of ours.
        their_reason: the code of another system from which `reason` was mapped or could not be; empty: none.
        suggestions: ids of the suggestions that were accepted, as sent.
        comment: what the user wrote; kept only where the site wants that.
    """

    card: str
    outcome: str
    service: str
    received: datetime
    said_at: datetime | None = None
    reason: str = ""
    their_reason: str = ""
    suggestions: tuple[str, ...] = ()
    comment: str = ""

    @property
    def at(self) -> datetime:
        """From when on it counts: as the EHR says, but never later than it came."""
        return self.received if self.said_at is None else min(self.said_at, self.received)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one answer.

    Attributes:
        card: the id of the card, as sent.
        status: `kept`, `repeated` (it was there already), `unknown-card` (kept, but no such card was shown, at least
            not yet), or `not-yours` (another client's card: not kept).
    """

    card: str
    status: str


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """An answer together with the card that it is about.

    Attributes:
        module: of the card.
        state: of the card.
        indicator: of the card.
        shown: as in `CardRow`, of the card as it was when the answer came.
        outcome: `accepted` or `overridden`.
        reason: one of our override codes, or empty.
        at: from when on it counts.
    """

    module: str
    state: str
    indicator: str
    shown: str
    outcome: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TraceRow:
    """The trace of one call.

    Attributes:
        hook_instance: of the call, in lower case.
        client: who called.
        tenant: of that client.
        service: id of the CDS service.
        hook: of that service.
        at: when the call came.
        outcome: a word to choose by, such as `cards`, `silent` or `refused`.
        patient: the patient's key, so that the trace can be forgotten with the patient; empty: none is known.
        body: JSON.
        fhir_server: as in `CardRow`; not known of traces that are read.
    """

    hook_instance: str
    client: str
    tenant: str
    service: str
    hook: str
    at: datetime
    outcome: str
    patient: str
    body: str
    fhir_server: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where patients of a client have come from: what a patient's key is made of, but for the patient's id."""

    client: str
    tenant: str
    fhir_server: str
