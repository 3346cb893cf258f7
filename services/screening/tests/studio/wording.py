"""The sentences of a card without what differs from patient to patient: numbers, dates, names, which modules."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from screening.cards.topics import topic_code
from screening.domain.findings import Finding
from screening.domain.workups.registry import WORKUPS

_LABELS: Final = "|".join(workup.label for workup in WORKUPS)
_LIST: Final = rf"(?:{_LABELS})(?:, (?:{_LABELS}))*"
_BLANKS: Final = (
    (re.compile(r"\d{4}-\d\d-\d\d"), "DAY"),
    (re.compile(rf"(?:(?<=: )|(?<=for )|(?<=result \()){_LIST}(?= \(no|\)|\.| were|$)"), "MODULES"),
    (re.compile(rf"^(?:{_LABELS})(?=: (?:no|last) result|: result of)", re.IGNORECASE), "MODULE"),
    (re.compile(r"^On .*(?=: drug-induced or tardive)"), "On DRUG"),
    (re.compile(r"(?<=^Also: ).*"), "SUMMARY"),
    (re.compile(r"(?<![A-Za-z0-9.,])\d+(?:[.,]\d+)*(?![A-Za-z0-9])"), "NUMBER"),
)


def sentences(finding: Finding) -> Iterator[str]:
    """What a card says and offers, each in a line of its own."""
    topic = topic_code(finding.module, finding.state)
    yield f"{topic} {finding.indicator}"
    yield f"{topic}: {blanked(finding.summary)}"
    for statement in finding.statements:
        yield from (blanked(part) for part in statement.split("; asked for: "))
    for fact in finding.evidence:
        if fact.code != "site-value":
            yield f"{blanked(fact.criterion)} [{fact.citation}]"
    for suggestion in finding.suggestions:
        yield f"{topic} offers: {suggestion.label.partition(':')[0]}"
        yield from (f"{topic} drafts {order.label}" for order in suggestion.orders)
        if suggestion.withdraw:
            yield f"{topic} withdraws an order"
    yield from (f"{topic} may be overridden: {reason}" for reason in finding.override_reasons)


@cache
def blanked(sentence: str) -> str:
    """A sentence with the same words for every patient."""
    for pattern, word in _BLANKS:
        sentence = pattern.sub(word, sentence)
    return sentence
