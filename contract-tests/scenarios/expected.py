"""What a scenario asks for today, while some modules are still to come.

`LANDED` is the one place that says which modules and order rules are served. When one lands, its name is added
here, and its scenarios are no longer left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

LANDED_MODULES: Final = frozenset({"B12", "CA", "CU", "VITE", "MN", "FE"})
LANDED_RULES: Final = frozenset(
    {
        "ORD_B12_REFLEX", "ORD_B12_ON_TX", "ORD_VITE_LIPID", "ORD_VITE_RX", "ORD_MN_SPECIMEN",
        "ORD_PN_MN", "ORD_N2O", "ORD_FOLATE", "ORD_METFORMIN", "ORD_PANEL_FIRST", "ORD_SYMPT_TX", "ORD_DRBA",
        "ORD_IRON", "ORD_EDTA", "ORD_CHELATOR", "ORD_CERULO_ALONE", "ORD_CONTRAST_METAL",
    }
)  # fmt: skip
LANDED_HOOKS: Final = frozenset({"patient-view", "order-select", "order-sign"})
CONSOLIDATED: Final = frozenset({"SCREEN", "DATA", "ORD_PANEL_FIRST", "ORD_SYMPT_TX"})
"""Cards that speak for several modules at once and name them in `includes`."""

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


def left_out(scenario: Mapping[str, Any]) -> str:
    """Why this scenario cannot be asked yet, in a few words; empty if it can."""
    if scenario["hook"] not in LANDED_HOOKS:
        return f"hook lands later: {scenario['hook']}"
    if scenario.get("overrides"):
        return "feedback lands later"
    for card in scenario["expect"]["cards"]:
        module = card["module"]
        if module.startswith("ORD_") and module not in LANDED_RULES:
            return f"order rule lands later: {module}"
        if not module.startswith("ORD_") and module not in LANDED_MODULES | CONSOLIDATED:
            return f"module lands later: {module}"
    return ""


def expected(cards: Sequence[Mapping[str, Any]]) -> list[Expected]:
    """The expected cards, less the modules that have not landed; a card left with no module is not expected."""
    wanted = []
    for card in cards:
        includes = tuple(sorted(set(card.get("includes", ())) & LANDED_MODULES))
        if card["module"] in CONSOLIDATED and not includes:
            continue
        wanted.append(Expected(card["module"], card.get("state", ""), card["indicator"], includes))
    return sorted(wanted)


def shown(response: Mapping[str, Any]) -> list[Expected]:
    """The cards of a response in the same form."""
    found = []
    for card in response["cards"]:
        decision = card["extension"][EXTENSION]
        includes = tuple(sorted(decision.get("includes", ())))
        found.append(Expected(decision["module"], decision.get("state", ""), card["indicator"], includes))
    return sorted(found)
