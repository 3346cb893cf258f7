"""A finding as a CDS Hooks card. Clinical rules 1.0.8; CDS Hooks R43 to R67; design 6."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from screening.cards.drafts import draft
from screening.cards.explanations import Snapshot
from screening.cards.identity import Identity
from screening.cards.markdown import escaped
from screening.cards.topics import topic_code, topic_display
from screening.domain import RULES_VERSION
from screening.domain.evidence import Evidence
from screening.domain.findings import DATA, SCREEN, Finding, Suggestion
from screening.domain.screen import Screening

DECISION: Final = "example.dystonia-cds.decision"
_WITH_INCLUDES: Final = frozenset({SCREEN, DATA, "ORD_PANEL_FIRST", "ORD_SYMPT_TX"})
_SAFETY: Final = "safety"
SITE_VALUES: Final = 5
"""So many thresholds of the site are told one by one in a card's text; its decision names them all."""
_NO_UNIT: Final = re.compile(r"\s*|1|\{\w*\}")
_NOT_A_DIAGNOSIS: Final = (
    "This is not a diagnosis. A normal result does not exclude a treatable cause, and the absence of a card does not"
    " mean that the patient is fine."
)


@dataclass(frozen=True, slots=True)
class Renderer:
    """Turns findings into cards.

    Attributes:
        public_url: base of the links.
        canonical_base: base of our code systems.
        override_reasons: code -> display.
        rules_version: of the rules in force.
    """

    public_url: str
    canonical_base: str
    override_reasons: Mapping[str, str]
    rules_version: str = RULES_VERSION

    def cards(self, screening: Screening, patient_id: str, identity: Identity, texts: Snapshot) -> list[dict[str, Any]]:
        """The cards of a screening, in its order."""
        reason = next((c.reference for c in screening.phenotype.conditions if c.reference), "")
        return [self._card(finding, patient_id, reason, identity, texts) for finding in screening.findings]

    def _card(
        self, finding: Finding, patient_id: str, reason: str, identity: Identity, texts: Snapshot
    ) -> dict[str, Any]:
        uuid = identity.uuid("card", *_content(finding))
        card: dict[str, Any] = {
            "uuid": uuid,
            "summary": finding.summary,
            "indicator": finding.indicator,
            "detail": self._detail(finding, texts),
            "source": {
                "label": f"dystonia-cds, clinical rules {RULES_VERSION}",
                "url": f"{self.public_url}/explanations",
                "topic": {
                    "system": f"{self.canonical_base}/CodeSystem/topics",
                    "code": topic_code(finding.module, finding.state),
                    "display": topic_display(finding.module, finding.state),
                },
            },
        }
        suggestions = [self._suggestion(s, patient_id, reason, identity, uuid) for s in finding.suggestions]
        suggestions = [s for s in suggestions if s["actions"]]
        if suggestions:
            card["suggestions"] = suggestions
            card["selectionBehavior"] = "any"
        if finding.override_reasons:
            card["overrideReasons"] = [
                {
                    "code": code,
                    "system": f"{self.canonical_base}/CodeSystem/override-reasons",
                    "display": self.override_reasons[code],
                }
                for code in finding.override_reasons
            ]
        card["links"] = [
            {"label": self._link_label(finding, texts), "url": self._page(finding.explanation), "type": "absolute"}
        ]
        card["extension"] = {DECISION: _decision(finding, self.rules_version)}
        return card

    def _page(self, slug: str) -> str:
        return f"{self.public_url}/explanations/{slug}"

    @staticmethod
    def _link_label(finding: Finding, texts: Snapshot) -> str:
        known = texts.texts.get(finding.explanation)
        return f"Background: {known.title}" if known is not None else "Background and references"

    def _detail(self, finding: Finding, texts: Snapshot) -> str:
        """What was found, what follows, the explanation, the cautions: GitHub Flavored Markdown without HTML."""
        parts: list[str] = []
        if finding.evidence:
            parts.append("**What decided**\n\n" + "\n".join(f"- {line}" for line in self._evidence(finding)))
        if finding.statements:
            parts.append("**Consider**\n\n" + "\n".join(f"- {escaped(s, None)}" for s in finding.statements))
        known = texts.texts.get(finding.explanation)
        if known is not None:
            if finding.explanation != _SAFETY:  # whose text stands on every card, further down
                parts.append(known.text)
            parts.append(f"Evidence grade: {known.evidence_grade}. Clinical sign-off: {known.checker}.")
        safety = texts.texts.get(_SAFETY)
        parts.append(safety.text if safety is not None else _NOT_A_DIAGNOSIS)
        parts.append(f"[Read more]({self._page(finding.explanation)})")
        return "\n\n".join(parts)

    def _evidence(self, finding: Finding) -> list[str]:
        """The facts as lines. Thresholds of the site, which every card names, come last and are cut short."""
        own = [e for e in finding.evidence if e.code == "site-value"]
        lines = [evidence_line(e) for e in finding.evidence if e.code != "site-value"]
        lines.extend(evidence_line(e) for e in own[:SITE_VALUES])
        more = len(own) - SITE_VALUES
        if more > 0:
            lines.append(f"{more} more site value{'s' if more > 1 else ''}: {self.public_url}/thresholds")
        return lines

    @staticmethod
    def _suggestion(
        suggestion: Suggestion, patient_id: str, reason: str, identity: Identity, card: str
    ) -> dict[str, Any]:
        withdrawn: list[dict[str, Any]] = [
            {"type": "delete", "description": "Withdraw the selected order", "resourceId": reference}
            for reference in suggestion.withdraw
            if not reference.endswith("/")
        ]
        created: list[dict[str, Any]] = [
            {
                "type": "create",
                "description": f"{'Draft' if test.referral else 'Order'} {test.label}",
                "resource": draft(test, patient_id, reason),
            }
            for test in suggestion.orders
        ]
        codes = [f"{test.code} {test.gene}" for test in suggestion.orders]
        return {
            "label": suggestion.label,
            "uuid": identity.uuid("suggestion", card, suggestion.label, *codes, *suggestion.withdraw),
            "actions": [*withdrawn, *created],
        }


def evidence_line(e: Evidence) -> str:
    """One fact as a line: name, value as sent, converted value, date, what it fulfils, source."""
    line = escaped(e.display) or escaped(e.code)
    if e.value is not None and str(e.value):
        line += f" **{escaped(_amount(e))}**"
        if e.converted:
            line += f" ({escaped(e.converted)})"
    if e.day is not None:
        line += f", {e.day.isoformat()}"
    if e.interpretation:
        line += f", flagged {escaped(e.interpretation)} by the laboratory"
    return f"{line}: {escaped(e.criterion)}. Source: {escaped(e.citation.text)}"


def _amount(e: Evidence) -> str:
    """Value and unit as they were sent, without what UCUM writes where there is no unit: `1`, `{INR}`."""
    return f"{e.value}" if _NO_UNIT.fullmatch(e.unit) else f"{e.value} {e.unit}"


def _content(finding: Finding) -> tuple[str, ...]:
    """What makes a card another card: for SCREEN its modules and indicator, else also the facts it cites."""
    named = (finding.module, finding.state, finding.indicator, *sorted(finding.includes))
    if finding.module in (SCREEN, DATA):
        return named
    facts = sorted(f"{e.code}|{e.reference}|{e.day}|{e.value}" for e in finding.evidence)
    return (*named, finding.summary, *facts)


def _decision(finding: Finding, rules_version: str) -> dict[str, Any]:
    """The decision extension (design 6)."""
    decision: dict[str, Any] = {"module": finding.module}
    if finding.state:
        decision["state"] = finding.state
    if finding.module in _WITH_INCLUDES:
        decision["includes"] = list(finding.includes)
    decision["rulesVersion"] = rules_version
    decision["evidence"] = [_fact(e) for e in finding.evidence]
    return decision


def _fact(e: Evidence) -> dict[str, Any]:
    fact: dict[str, Any] = {"code": e.code}
    optional = {
        "display": e.display or e.code,
        "value": e.value,
        "unit": e.unit,
        "date": e.day.isoformat() if e.day is not None else "",
        "reference": e.reference,
    }
    fact.update((key, value) for key, value in optional.items() if value is not None and value != "")
    fact["criterion"] = e.criterion
    fact["citation"] = e.citation.text
    return fact
