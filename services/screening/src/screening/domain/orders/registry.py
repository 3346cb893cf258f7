"""The order rules in force, in table order of clinical rules 1.7: it decides between cards of equal weight."""

from typing import Final

from screening.domain.orders import (
    chelators,
    contrast,
    copper,
    dopamine_blockers,
    genetics,
    iron,
    manganese,
    symptomatic,
    vitamin_b12,
    vitamin_e,
)
from screening.domain.orders.rule import OrderRule

ORDER_RULES: Final[tuple[OrderRule, ...]] = (
    manganese.SPECIMEN,
    vitamin_b12.REFLEX,
    vitamin_b12.ON_TREATMENT,
    vitamin_b12.FOLATE,
    vitamin_e.LIPIDS,
    vitamin_e.PRODUCT,
    genetics.PANEL_FIRST,
    symptomatic.SYMPTOMATIC,
    dopamine_blockers.DOPAMINE_BLOCKER,
    vitamin_b12.NITROUS_OXIDE,
    manganese.PARENTERAL,
    iron.IRON,
    chelators.EDETATE,
    chelators.CHELATOR,
    copper.CERULOPLASMIN,
    contrast.CONTRAST,
    vitamin_b12.METFORMIN,
)

_INFO_ONLY: Final = frozenset(
    {
        "ORD_MN_SPECIMEN", "ORD_B12_ON_TX", "ORD_VITE_LIPID", "ORD_PANEL_FIRST", "ORD_SYMPT_TX", "ORD_CERULO_ALONE",
        "ORD_CONTRAST_METAL", "ORD_METFORMIN",
    }
)  # fmt: skip

SIGNING_RULES: Final = tuple(rule for rule in ORDER_RULES if rule.name not in _INFO_ONLY)
"""The rules that are asked before orders are signed: those that can come to more than an info card."""
