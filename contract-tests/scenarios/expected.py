"""What a scenario asks for, and what a response shows, in one form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

EXTENSION: Final = "example.dystonia-cds.decision"


@dataclass(frozen=True, order=True)
class Expected:
    """What makes a card this card and no other: everything that a scenario pins down.

    Attributes:
        module: module code, SCREEN, DATA, or the name of an order rule.
        state: empty on order cards.
        indicator: info, warning or critical.
        includes: modules on a card that speaks for several, sorted; else empty.
    """

    module: str
    state: str
    indicator: str
    includes: tuple[str, ...]


def expected(cards: Sequence[Mapping[str, Any]]) -> list[Expected]:
    """The cards that a scenario expects."""
    return sorted(
        Expected(card["module"], card.get("state", ""), card["indicator"], tuple(sorted(card.get("includes", ()))))
        for card in cards
    )


def shown(response: Mapping[str, Any]) -> list[Expected]:
    """The cards of a response in the same form."""
    found = []
    for card in response["cards"]:
        decision = card["extension"][EXTENSION]
        includes = tuple(sorted(decision.get("includes", ())))
        found.append(Expected(decision["module"], decision.get("state", ""), card["indicator"], includes))
    return sorted(found)
