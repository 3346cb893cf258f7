"""What a review board wants to know of a card besides its words: lengths and limits, sources, sign-off, orders."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from screening.cards.explanations import Snapshot
from screening.dialects.outbound import LONGEST_LABEL
from screening.domain.catalog import GENE_ID_SYSTEM
from screening.domain.findings import Finding
from screening.knowledge.naming import UNSIGNED
from screening.knowledge.sources import ENTRIES

NEAR: Final = 0.85
"""From this share of a limit on a text is marked as near it."""
LONGEST_SUMMARY: Final = 125
"""What the clinical rules (1.0.8) allow; CDS Hooks would let 139 pass."""
LONGEST_TOPIC: Final = 100
LONGEST_LINK_LABEL: Final = 139
_OUR_OWN: Final = "dystonia-cds clinical rules"
_SITE: Final = "site value approved by"
_ENTRIES: Final = {citation.text: entry for citation, entry in ENTRIES.items()}
_SYSTEMS: Final = {"http://loinc.org": "LOINC", "http://snomed.info/sct": "SNOMED CT", GENE_ID_SYSTEM: ""}
"""How a code system is called beside a code; the codes of genes name theirs themselves."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long a text is.

    Attributes:
        what: which text.
        characters: of the text.
        limit: how many it may have; None where there is no limit.
    """

    what: str
    characters: int
    limit: int | None = None

    @property
    def mark(self) -> str:
        """`near` or `over` the limit; empty where there is room."""
        if self.limit is None or self.characters < NEAR * self.limit:
            return ""
        return "over" if self.characters > self.limit else "near"


@dataclass(frozen=True, slots=True)
class Source:
    """A citation on a card.

    Attributes:
        text: as it stands on the card.
        key: of the bibliography; empty where there is no entry.
        status: whether what is said of the source was seen.
        confirmed: whether nothing of it is unconfirmed, unknown or our own.
    """

    text: str
    key: str
    status: str
    confirmed: bool


def lengths(card: Mapping[str, Any], finding: Finding) -> Iterator[Length]:
    """The texts of a card that have limits, and its detail, which has none."""
    yield Length("summary", len(card["summary"]), LONGEST_SUMMARY)
    yield Length("detail", len(card["detail"]))
    for suggestion in card.get("suggestions", ()):
        yield Length("suggestion label", len(suggestion["label"]), LONGEST_LABEL)
    for link in card.get("links", ()):
        yield Length("link label", len(link["label"]), LONGEST_LINK_LABEL)
    yield Length("topic code", len(card["source"]["topic"]["code"]), LONGEST_TOPIC)
    if finding.evidence:
        yield Length("longest name of a fact, before it is cut", max(len(e.display) for e in finding.evidence))
        yield Length("facts", len(finding.evidence))


def sources(finding: Finding, texts: Snapshot) -> list[Source]:
    """The sources that the facts of a card name, each once."""
    return [_source(text, texts) for text in dict.fromkeys(fact.citation.text for fact in finding.evidence)]


def _source(text: str, texts: Snapshot) -> Source:
    if text.startswith(_SITE):
        return Source(text, "", "the site answers for it", confirmed=False)
    if text.startswith(_OUR_OWN):
        return Source(text, "", f"our own rule, {UNSIGNED}", confirmed=False)
    if _OUR_OWN in text:
        found = _found(text, texts)
        return replace(found, status=f"{found.status}; the numbers are our own, {UNSIGNED}", confirmed=False)
    return _found(text, texts)


def _found(text: str, texts: Snapshot) -> Source:
    """What the bibliography says of a source."""
    entry = _ENTRIES.get(text)
    if entry is None:
        said = "unconfirmed" in text
        words = "in part unconfirmed, as it says itself" if said else "no entry in the bibliography: not confirmed"
        return Source(text, "", words, confirmed=False)
    parts = texts.unconfirmed.get(entry.key)
    if parts is None:
        return Source(text, entry.key, "not known here: the explanations are not loaded", confirmed=False)
    if parts:
        return Source(text, entry.key, f"unconfirmed: {', '.join(parts)}", confirmed=False)
    return Source(text, entry.key, "confirmed", confirmed=True)


def sign_off(finding: Finding, texts: Snapshot) -> str:
    """Who has signed the rule and the paragraph on the card."""
    text = texts.texts.get(finding.explanation)
    paragraph = f"{text.checker}; evidence grade {text.evidence_grade}" if text is not None else "not loaded"
    return f"Rule: {UNSIGNED}. Paragraph ({finding.explanation}): {paragraph}."


def orders(suggestion: Mapping[str, Any]) -> Iterator[str]:
    """The actions of a suggestion, a line each, with codes, what the draft says, and its priority."""
    for action in suggestion["actions"]:
        if action["type"] == "delete":
            yield f"withdraw {action['resourceId']}"
            continue
        resource = action["resource"]
        codings = [*resource["code"]["coding"], *(c for d in resource.get("orderDetail", ()) for c in d["coding"])]
        codes = "; ".join(_coding(coding) for coding in codings)
        notes = " ".join(note["text"] for note in resource.get("note", ()))
        priority = f" Priority: {resource['priority']}." if "priority" in resource else ""
        yield f"draft “{resource['code']['text']}” [{codes}].{f' Note: {notes}' if notes else ''}{priority}"


def _coding(coding: Mapping[str, Any]) -> str:
    system = _SYSTEMS.get(coding["system"], coding["system"])
    return " ".join(filter(None, (system, coding["code"], coding.get("display", ""))))
