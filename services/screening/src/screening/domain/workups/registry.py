"""The workups that are in force, in the order in which cards list them. Adding a workup adds a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from screening.domain.chart import Chart
from screening.domain.description import Description
from screening.domain.findings import Assessment
from screening.domain.phenotype import Phenotype
from screening.domain.workups import (
    calcium_vitamin_d,
    copper_wilson,
    iron_nbia,
    manganese,
    manganese_described,
    vitamin_b12,
    vitamin_b12_described,
    vitamin_e,
    vitamin_e_described,
)


@dataclass(frozen=True, slots=True)
class Workup:
    """A workup: its module code, its name on cards, its id (page, laboratory key, scenario file), its rule, and that in words."""

    module: str
    label: str
    id: str
    assess: Callable[[Chart, Phenotype], Assessment]
    described: Description


WORKUPS: Final[tuple[Workup, ...]] = (
    Workup("B12", "B12", "vitamin-b12", vitamin_b12.assess, vitamin_b12_described.DESCRIBED),
    Workup("CA", "calcium", "calcium-vitamin-d", calcium_vitamin_d.assess, calcium_vitamin_d.DESCRIBED),
    Workup("CU", "copper", "copper-wilson", copper_wilson.assess, copper_wilson.DESCRIBED),
    Workup("VITE", "vitamin E", "vitamin-e", vitamin_e.assess, vitamin_e_described.DESCRIBED),
    Workup("MN", "manganese", "manganese", manganese.assess, manganese_described.DESCRIBED),
    Workup("FE", "iron", "iron-nbia", iron_nbia.assess, iron_nbia.DESCRIBED),
)
BY_MODULE: Final = {workup.module: workup for workup in WORKUPS}
