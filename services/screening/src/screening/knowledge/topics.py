"""The CodeSystem of card topics, written from the registries: one code for every kind of card that can be emitted."""

from typing import Any, Final

from screening.cards.topics import topic_code, topic_display
from screening.domain import findings
from screening.domain.orders.registry import ORDER_RULES
from screening.domain.workups.registry import WORKUPS, Workup
from screening.knowledge.naming import AUTHOR, CANONICAL_BASE, CHECKER, REVIEWED

SILENT: Final = findings.MISSING_STATES | {
    findings.NORMAL,
    findings.ORDER_PENDING,
    findings.TREATED,
    findings.KNOWN_DX,
}
"""The states of a workup that have no card of their own, and so no topic."""
_CONSOLIDATED: Final = (
    (findings.SCREEN, findings.INCOMPLETE, "Treatable causes without a current result, in one card."),
    (findings.DATA, findings.NOT_ASSESSED, "Needed data were not delivered, so that causes could not be assessed."),
)


def code_system(version: str, reviewed: str, author: str, checker: str) -> dict[str, Any]:
    """The FHIR R4 CodeSystem; version and status are those of the other artefacts."""
    concepts = _concepts()
    return {
        "resourceType": "CodeSystem",
        "id": "topics",
        "extension": [
            {"url": AUTHOR, "valueString": author},
            {"url": CHECKER, "valueString": checker},
            {"url": REVIEWED, "valueDate": reviewed},
        ],
        "url": f"{CANONICAL_BASE}/CodeSystem/topics",
        "version": version,
        "name": "CardTopics",
        "title": "Topics of cards",
        "status": "draft",
        "experimental": False,
        "date": reviewed,
        "publisher": author,
        "description": "What a card is about (card.source.topic): the module and state of a workup, or the order rule."
        " Codes are stable: a client may filter or count by them.",
        "caseSensitive": True,
        "content": "complete",
        "count": len(concepts),
        "concept": concepts,
    }


def _concepts() -> list[dict[str, str]]:
    """SCREEN and DATA, then the states of each workup that have a card, then the order rules."""
    found = [_concept(module, state, words) for module, state, words in _CONSOLIDATED]
    for workup in WORKUPS:
        found.extend(
            _concept(workup.module, state, f"{workup.label}: result card, state {state}.") for state in _states(workup)
        )
    found.extend(_concept(rule.name, "", f"Order rule: {rule.described.title}.") for rule in ORDER_RULES)
    return found


def _states(workup: Workup) -> list[str]:
    """The states of a workup that have a card."""
    return list(dict.fromkeys(case.outcome for case in workup.described.cases if case.outcome not in SILENT))


KINDS: Final = (
    *((module, state) for module, state, _ in _CONSOLIDATED),
    *((workup.module, state) for workup in WORKUPS for state in _states(workup)),
    *((rule.name, "") for rule in ORDER_RULES),
)
"""Every kind of card that can be emitted: its module and its state, which order rules do not have."""


def _concept(module: str, state: str, definition: str) -> dict[str, str]:
    return {"code": topic_code(module, state), "display": topic_display(module, state), "definition": definition}
