"""The cards of all specimens, made by the real reader, rules and renderer: as this site has them, and as delivered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from screening.cards.explanations import Snapshot
from screening.cards.markdown import LONGEST
from screening.cards.render import Renderer
from screening.dialects import table
from screening.domain.codes import LOINC, LocalCode
from screening.domain.findings import INFO, SEVERITY, Finding
from screening.domain.orders.registry import SIGNING_RULES
from screening.domain.thresholds import DEFAULTS, SiteValue, SiteValues
from screening.knowledge import loading
from screening.knowledge.naming import CANONICAL_BASE
from screening.knowledge.order_codes import OrderCodes
from screening.knowledge.threshold_index import index
from screening.knowledge.topics import KINDS
from screening.preview import ANYBODY, Preview, Previewed
from screening.services import ORDER_SELECT, ORDER_SIGN
from screening.synthetic import charts
from screening.synthetic.charts import SITE_FACTS, SYSTEMS
from screening.synthetic.specimens import AS_OF, Specimen, specimens
from screening.tokens import LONGEST_TOKEN, token

PLAIN_URL: Final = "https://cds.example"
"""Stands in the links of cards that are compared, instead of the address of a site."""
WORST_CASE: Final = "worst-case"
_LONGEST_WORDS: Final = 500
"""Characters of a reason and of an approver in the file of site values; more is refused at start."""
_WORDS: Final = "Example words that are as long as a site may write them, and that say nothing else. "
_LOCAL: Final = (("WORST-B12", "2132-9"), ("WORST-CA", "29265-6"), ("WORST-MN", "5681-2"))
_SIGNING: Final = frozenset(rule.name for rule in SIGNING_RULES)
_ORDER: Final = {kind: number for number, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Shown:
    """A card in the studio.

    Attributes:
        specimen: the patient that gives it.
        anchor: its address within the page.
        card: as a client gets it.
        finding: what the card was made of.
        beside: topics and indicators of the other cards of the same call.
    """

    specimen: Specimen
    anchor: str
    card: dict[str, Any]
    finding: Finding
    beside: tuple[str, ...]

    @property
    def module(self) -> str:
        """The module, or the name of the order rule."""
        return self.finding.module

    @property
    def hooks(self) -> tuple[str, ...]:
        """Where this card comes: warnings and critical cards about selected orders come again before signing."""
        own = self.specimen.hook
        again = own == ORDER_SELECT and self.module in _SIGNING and self.finding.indicator != INFO
        return (own, ORDER_SIGN) if again else (own,)

    @property
    def kind(self) -> tuple[str, str, str]:
        """Module, state and indicator."""
        return self.finding.module, self.finding.state, self.finding.indicator


def plain(site: Preview) -> Preview:
    """The preview as the rules are delivered: without anything that a site has set, and without explanations."""
    return Preview(
        reader=replace(site.reader, book=loading.code_book(), site_facts_system=SITE_FACTS, site_values=DEFAULTS),
        renderer=Renderer(PLAIN_URL, CANONICAL_BASE, loading.override_reasons()),
        texts=Snapshot,
        order_codes=OrderCodes(),
        links=(f"{PLAIN_URL}/",),
    )


def comparable(site: Preview) -> Preview:
    """The preview of a site with the addresses and without the explanations that `plain` has."""
    return replace(
        site, renderer=replace(site.renderer, public_url=PLAIN_URL, canonical_base=CANONICAL_BASE), texts=Snapshot
    )


def worst(preview: Preview) -> Preview:
    """The same at a site whose own names, reasons and approver are as long as they may be."""
    book = loading.code_book().with_local(
        LocalCode(SYSTEMS["local"], _longest_code(code), _longest_name("", code), ((LOINC, meant),))
        for code, meant in _LOCAL
    )
    return replace(preview, reader=replace(preview.reader, book=book, site_values=longest_site_values()))


def longest_site_values() -> SiteValues:
    """Every threshold that is open to sites, set to its default with words as long as the file may hold."""
    words = (_WORDS * 7)[:_LONGEST_WORDS]
    return {
        one.id: SiteValue(one, one.value, words, date(2026, 1, 31), words, "2026.1-example-of-32-characters")
        for one in index().thresholds.values()
        if not one.fixed
    }


def cards(preview: Preview, *, dialect: str = table.STRICT.name, client: str = ANYBODY) -> tuple[Shown, ...]:
    """The cards of all specimens, those of one kind together: kinds as registered, the most urgent first."""
    here = replace(preview, reader=replace(preview.reader, site_facts_system=SITE_FACTS))
    longest = worst(here)
    found = [
        shown
        for specimen in specimens()
        for shown in _of(specimen, longest if specimen.filled == WORST_CASE else here, dialect, client)
    ]
    return tuple(sorted(found, key=lambda shown: (_ORDER[shown.kind[:2]], SEVERITY[shown.finding.indicator])))


def _of(specimen: Specimen, preview: Preview, dialect: str, client: str) -> Iterator[Shown]:
    longest = specimen.filled == WORST_CASE
    display = _longest_name if longest else preview.reader.book.display
    patient = _with_longest_codes(specimen) if longest else specimen
    came = preview.look(
        charts.named(patient.record, display),
        specimen.hook,
        drafts=charts.named(patient.drafts, display),
        selections=specimen.selections,
        as_of=AS_OF,
        not_delivered=specimen.not_delivered,
        dialect=dialect,
        client=client,
    )
    wanted = [at for at, finding in enumerate(came.screening.findings) if finding.module in specimen.shows]
    for number, at in enumerate(wanted, start=1):
        anchor = specimen.id if number == 1 else f"{specimen.id}-{number}"
        yield Shown(specimen, anchor, came.cards[at], came.screening.findings[at], _beside(came, at))


def _longest_name(system: str, code: str) -> str:
    """A name that is longer than what stands on a card."""
    return "" if system == SYSTEMS["local"] else f"{code}: {_WORDS * 4}"[: LONGEST + 40]


def _longest_code(code: str) -> str:
    """A code of the site that is as long as a search can hold."""
    return f"{code}-{'0123456789' * 30}"[: LONGEST_TOKEN - len(token(SYSTEMS["local"], ""))]


def _with_longest_codes(specimen: Specimen) -> Specimen:
    labs = [
        {**lab, "code": _longest_code(lab["code"])} if lab.get("sys") == "local" else lab
        for lab in specimen.scenario.get("labs", ())
    ]
    return replace(specimen, scenario={**specimen.scenario, "labs": labs})


def _beside(came: Previewed, at: int) -> tuple[str, ...]:
    others: Sequence[dict[str, Any]] = [card for number, card in enumerate(came.cards) if number != at]
    return tuple(f"{card['source']['topic']['code']}, {card['indicator']}" for card in others)
