"""Every card that the written scenarios bring, as the renderer makes it, and what belongs to its call.

Cards that say and offer the same stand here once: dialects do not look at values and dates.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from all_charts import charts

from screening.cards.explanations import CardText, Snapshot
from screening.cards.identity import Identity
from screening.cards.render import Renderer
from screening.dialects.outbound import Agreed
from screening.dialects.table import DIALECTS
from screening.domain import screen
from screening.domain.findings import Finding
from screening.knowledge import loading
from screening.knowledge.order_codes import Catalog, SiteOrder, orders

PUBLIC_URL: Final = "https://cds.example"
PREFERENCE_LIST: Final = "urn:com.epic.cdshooks.action.code.system.preference-list-item"
IDENTITY: Final = Identity(b"only-for-tests-only-for-tests-00", ("https://ehr.example/fhir", "1", ""))
ALL_CODES: Final[Catalog] = {
    name: SiteOrder(PREFERENCE_LIST, f"LAB{number}", label) for number, (name, label) in enumerate(orders().items())
}
_TEXT: Final = CardText("Background", "What is known, in a paragraph.", "low", "awaiting clinical sign-off")


@dataclass(frozen=True)
class Rendered:
    """A card, the scenario that it comes from, and the draft orders of the call by reference."""

    scenario: str
    card: dict[str, Any]
    drafts: Mapping[str, str]


def _told(finding: Finding) -> Hashable:
    evidence = tuple(one.code for one in finding.evidence)
    return finding.summary, finding.statements, finding.suggestions, finding.override_reasons, evidence


@cache
def every_card() -> tuple[Rendered, ...]:
    """The cards of all scenarios on all hooks, each wording and offer once."""
    renderer = Renderer(PUBLIC_URL, "https://dystonia-cds.example/fhir", loading.override_reasons())
    found, seen = [], set()
    for scenario, chart in charts():
        drafts = {draft.reference: draft.label for draft in chart.drafts}
        for screening in (screen.patient_view(chart), screen.order_hook(chart)):
            told = {_told(finding): finding for finding in screening.findings}
            new = tuple(finding for key, finding in told.items() if key not in seen)
            seen |= told.keys()
            texts = Snapshot("1", {finding.explanation: _TEXT for finding in new})
            cards = renderer.cards(replace(screening, findings=new), "1", IDENTITY, texts)
            found.extend(Rendered(scenario["id"], card, drafts) for card in cards)
    return tuple(found)


def agreed(dialect: str, rendered: Rendered | None = None, **more: Any) -> Agreed:
    """What is agreed with a client of this dialect; for Epic with a code for every order, unless told otherwise."""
    told = {"order_codes": ALL_CODES} if dialect == "epic" else {}
    drafts = rendered.drafts if rendered is not None else {}
    links = (f"{PUBLIC_URL}/",)
    return Agreed(DIALECTS[dialect], IDENTITY.uuid, **{"links": links, "drafts": drafts, **told, **more})
