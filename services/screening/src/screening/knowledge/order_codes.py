"""A site's own order codes: what to put into a draft order so that this site's EHR can file it.

Order catalogs are local everywhere. A FHIR R4 ConceptMap for each client says which code of its catalog stands for
each order that we suggest: `<client>.json`, with the client's name in the clients file, or `default.json` for every
client without a map of its own. Sources are our codes (LOINC, SNOMED CT; HGNC for gene tests), targets the site's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chassis.environment import SettingsError, listed
from screening.domain import catalog
from screening.domain.catalog import GENE_ID_SYSTEM, Orderable
from screening.knowledge import concept_maps
from screening.knowledge.concept_maps import LeftOut, Notes
from screening.tokens import LONGEST_TOKEN

SETTING: Final = "ORDER_CODE_MAPS"
DEFAULT: Final = "default"
Name = tuple[str, str]
"""System and code of an order of ours."""


@dataclass(frozen=True, slots=True)
class SiteOrder:
    """An entry of a site's order catalog."""

    system: str
    code: str
    display: str = ""


Catalog = Mapping[Name, SiteOrder]


@dataclass(frozen=True, slots=True)
class OrderCodes:
    """The order codes of all clients.

    Attributes:
        catalogs: client, or `default` -> our orders in the site's codes.
        left_out: elements that are not used.
    """

    catalogs: Mapping[str, Catalog] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()

    def of(self, client: str) -> Catalog:
        """The codes for a client: from its own map, else from the default one; the two are never mixed."""
        return self.catalogs.get(client) or self.catalogs.get(DEFAULT) or {}


def orders() -> dict[Name, str]:
    """Everything that can be suggested -> its name on cards. Gene tests stand under their gene."""
    suggested = [value for value in vars(catalog).values() if isinstance(value, Orderable)]
    return {name_of(one): one.label for one in reversed(suggested)}


def name_of(orderable: Orderable) -> Name:
    """Under which code a map has this order."""
    return (GENE_ID_SYSTEM, orderable.gene) if orderable.gene else (orderable.system, orderable.code)


def read(files: Sequence[Path]) -> OrderCodes:
    """The maps in `files`.

    Raises:
        chassis.environment.SettingsError: with the mistakes in all files.
    """
    notes = Notes()
    known = orders()
    catalogs: dict[str, Catalog] = {}
    for file in files:
        if file.stem in catalogs:
            notes.faults.append(f"{file.name} is given twice: one file for each client")
        catalogs[file.stem] = _catalog(file, known, notes)
    if notes.faults:
        raise SettingsError(f"settings at fault: {SETTING}: {listed(notes.faults)}")
    return OrderCodes(catalogs, tuple(notes.left_out))


def _catalog(file: Path, known: Mapping[Name, str], notes: Notes) -> Catalog:
    found: dict[Name, SiteOrder] = {}
    before = len(notes.faults)
    for group in concept_maps.groups(file, notes):
        for place, code, element in concept_maps.elements(group, notes):
            name = (group.source, code)
            if name not in known:
                notes.faults.append(f"{place}: no order that is ever suggested has this code")
                continue
            for target in concept_maps.targets(group.file, place, code, element, notes):
                if len(target.code) > LONGEST_TOKEN:
                    notes.faults.append(f"{place}: a target of {len(target.code)} characters, at most {LONGEST_TOKEN}")
                    continue
                first = found.setdefault(name, SiteOrder(group.target, target.code, target.display))
                if (first.system, first.code) != (group.target, target.code):
                    notes.faults.append(f"{place}: mapped to two orders, {first.code} and {target.code}")
    if not found and before == len(notes.faults):
        notes.faults.append(f"{file.name} maps no order that is ever suggested")
    return found
