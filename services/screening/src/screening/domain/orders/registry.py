"""The order rules in force, in table order of clinical rules 1.7: it decides between cards of equal weight."""

from typing import Final

from screening.domain.orders import manganese, vitamin_b12, vitamin_e
from screening.domain.orders.rule import OrderRule

ORDER_RULES: Final[tuple[OrderRule, ...]] = (
    manganese.SPECIMEN,
    vitamin_b12.REFLEX,
    vitamin_b12.ON_TREATMENT,
    vitamin_b12.FOLATE,
    vitamin_e.LIPIDS,
    vitamin_e.PRODUCT,
    vitamin_b12.NITROUS_OXIDE,
    manganese.PARENTERAL,
    vitamin_b12.METFORMIN,
)
