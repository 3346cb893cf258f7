"""What is asked of the studio: which cards, for whom, compared with what. All of it stands in the address."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from chassis.problems import Problem
from screening.dialects.table import DIALECTS, STRICT
from screening.pages.card_html import INDICATORS
from screening.pages.studio_cards import Shown
from screening.preview import ANYBODY
from screening.services import SERVICES

HOOKS: Final = tuple(service.hook for service in SERVICES)
NOTHING: Final = "nothing"
DELIVERED: Final = "delivered"
"""Instead of a version: what the rules say as they are delivered, without what this site has set."""


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of the page.

    Attributes:
        module: only cards of this module or order rule; empty: of all.
        indicator: only these.
        hook: only cards that come on this hook.
        text: only cards of which all these words are said, in capitals or not; explanations do not count.
        changed: only cards that differ from what they are compared with.
        dialect: of the EHR.
        client: whose order codes are used.
        against: a version, `delivered` or `nothing`; empty: the last release before this one.
    """

    module: str = ""
    indicator: str = ""
    hook: str = ""
    text: str = ""
    changed: bool = False
    dialect: str = STRICT.name
    client: str = ANYBODY
    against: str = ""

    @property
    def address(self) -> str:
        """The query of the address, without what is as it is anyway; empty when all is."""
        given = {
            "module": self.module,
            "indicator": self.indicator,
            "hook": self.hook,
            "text": self.text,
            "changed": "1" if self.changed else "",
            "dialect": "" if self.dialect == STRICT.name else self.dialect,
            "client": "" if self.client == ANYBODY else self.client,
            "against": self.against,
        }
        said = {name: value for name, value in given.items() if value}
        return f"?{urlencode(said)}" if said else ""

    def fits(self, shown: Shown) -> bool:
        """Whether a card is asked for, apart from `changed`."""
        card = shown.card
        said = " ".join(_words(shown)).lower()
        return (
            self.module in ("", shown.module)
            and self.indicator in ("", card["indicator"])
            and (not self.hook or self.hook in shown.hooks)
            and all(word in said for word in self.text.lower().split())
        )


def read(
    given: Mapping[str, str], modules: Collection[str], clients: Collection[str], versions: Sequence[str]
) -> Query:
    """The query of a request.

    Raises:
        chassis.problems.Problem: 400, a parameter that can have no meaning, with those that have one.
    """
    return Query(
        module=_one_of(given, "module", modules),
        indicator=_one_of(given, "indicator", INDICATORS),
        hook=_one_of(given, "hook", HOOKS),
        text=given.get("text", "").strip()[:200],
        changed=given.get("changed", "") in ("1", "on", "true"),
        dialect=_one_of(given, "dialect", DIALECTS) or STRICT.name,
        client=_one_of(given, "client", (ANYBODY, *clients)) or ANYBODY,
        against=_one_of(given, "against", (*versions, DELIVERED, NOTHING)),
    )


def _words(shown: Shown) -> Iterator[str]:
    """What is said of this card alone: the paragraphs of explanations stand on too many."""
    yield from (shown.anchor, shown.specimen.story, shown.card["summary"], *shown.finding.statements)
    for fact in shown.finding.evidence:
        yield from (fact.display, fact.criterion, fact.citation.text)
    yield from (one["label"] for one in shown.card.get("suggestions", ()))


def _one_of(given: Mapping[str, str], name: str, known: Collection[str]) -> str:
    value = given.get(name, "")
    if value and value not in known:
        raise Problem(400, f"{name} is one of these, or left out: {', '.join(known)}.", expression=name)
    return value
