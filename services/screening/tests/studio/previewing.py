"""A preview as delivered, without content, and the cards of a scenario by way of it."""

from collections.abc import Mapping
from typing import Any, Final

from chart_builder import NOW

from screening.app import reader
from screening.cards.explanations import Snapshot
from screening.cards.render import Renderer
from screening.domain.thresholds import DEFAULTS
from screening.knowledge import loading
from screening.knowledge.order_codes import OrderCodes
from screening.preview import Preview
from screening.synthetic import charts

BASE: Final = "https://dystonia-cds.example/fhir"
_BOOK: Final = loading.code_book()
PREVIEW: Final = Preview(
    reader=reader(_BOOK, BASE, DEFAULTS),
    renderer=Renderer("https://cds.example", BASE, loading.override_reasons()),
    texts=Snapshot,
    order_codes=OrderCodes(),
    links=("https://cds.example/",),
)


def cards_of(scenario: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cards of a scenario on its hook."""
    about = charts.context(scenario, NOW.date())
    return PREVIEW.cards(
        charts.chart(scenario, NOW.date()),
        scenario["hook"],
        drafts=[entry["resource"] for entry in about.get("draftOrders", {}).get("entry", ())],
        selections=about.get("selections"),
        as_of=NOW,
        not_delivered=[str(name) for name in scenario.get("not_delivered", ())],
    )
