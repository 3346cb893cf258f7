"""Codes and value sets: which sets a coding belongs to.

The rules speak of sets (`D_GEN`, `B12_RISK_STRONG`, `L_B12`); facts carry the names of the sets they are in.
Matching is exact, except where a set's entry is marked as a string prefix (ICD-10-CM and ATC only).
Source: clinical rules, section 2.0.
"""

import re
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC: Final = "http://www.whocc.no/atc"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10_WHO: Final = "http://hl7.org/fhir/sid/icd-10"

_ALIASES: Final[Mapping[str, str]] = {
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.73": ATC,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.3": ICD10_WHO,
}
"""Other names of the same code systems (HL7 OID registry)."""

_WHO_ACCEPTED: Final = ("G24", "G25", "E53", "E56", "E83.0")
"""The WHO edition of ICD-10 is accepted only where its codes mean the same (section 2.0)."""

SINGLE_INGREDIENT_SETS: Final = frozenset({"B12_RX", "VE_RX", "CA_RX", "CU_RX", "FOLATE_RX"})
"""Sets in which a product with several active ingredients does not count (section 6, 3; MN_RX takes mixtures)."""

EXEMPT_FROM: Final[Mapping[str, frozenset[str]]] = {"RX_DRBA_EXEMPT": frozenset({"RX_DRBA_HIGH", "RX_DRBA_LOW"})}
"""Sets whose codes are never in certain others, whatever prefix or further coding says so (section 6, 21)."""

_ATC_COMBINATION: Final = re.compile(r"[A-Z]\d{2}[A-Z]{2}5\d")
"""ATC gives substances in combination the fifties of their group: B03BA51 is cyanocobalamin with others."""

NONE: Final[frozenset[str]] = frozenset()
Found = tuple[tuple[str, str], frozenset[str]]
FOUND_LATELY: Final = 8192
"""How many codings of the last calls are remembered with what they are: codes only, no patients."""


@dataclass(frozen=True, slots=True)
class Coding:
    """One coding as it was sent; `system` is the canonical URL.

    `read_as` is the code that a site's own code stands for; empty for codes that need no translation.
    """

    system: str
    code: str
    display: str = ""
    read_as: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One code of a value set."""

    value_set: str
    system: str
    code: str
    display: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """An RxNorm product and the ingredient of ours that it holds; `combination` when there are others too."""

    code: str
    ingredient: str
    combination: bool


@dataclass(frozen=True, slots=True)
class LocalCode:
    """A site's own code and the codes that it means; each pair is a canonical system and a code."""

    system: str
    code: str
    display: str
    targets: tuple[tuple[str, str], ...]


class CodeBook:
    """Answers which value sets a coding is in. Built once at start; lookups are dictionary reads."""

    def __init__(self, entries: Iterable[Entry], products: Iterable[Product] = ()) -> None:
        self._exact: dict[tuple[str, str], frozenset[str]] = {}
        self._prefix: dict[tuple[str, str], frozenset[str]] = {}
        self._combination: dict[tuple[str, str], frozenset[str]] = {}
        self._display: dict[tuple[str, str], str] = {}
        self.members: dict[str, tuple[Entry, ...]] = {}
        for entry in entries:
            table = self._prefix if entry.prefix else self._exact
            key = (entry.system, entry.code)
            table[key] = table.get(key, NONE) | {entry.value_set}
            self._display.setdefault(key, entry.display)
            self.members[entry.value_set] = (*self.members.get(entry.value_set, ()), entry)
        for product in products:
            sets = self._exact.get((RXNORM, product.ingredient), NONE)
            if product.combination:
                key = (RXNORM, product.code)
                self._combination[key] = self._combination.get(key, NONE) | (sets & SINGLE_INGREDIENT_SETS)
                sets -= SINGLE_INGREDIENT_SETS
            if product.code != product.ingredient and sets:
                key = (RXNORM, product.code)
                self._exact[key] = self._exact.get(key, NONE) | sets
        self._local: dict[tuple[str, str], LocalCode] = {}
        self.find = lru_cache(maxsize=FOUND_LATELY)(self._find)
        """Canonical system and code, and the sets, of a coding as it was sent; None when it is in no set."""

    def with_local(self, local_codes: Iterable[LocalCode]) -> "CodeBook":
        """The same book that also knows a site's own codes."""
        book = copy(self)
        book._local = {(local.system, local.code): local for local in local_codes}
        book.find = lru_cache(maxsize=FOUND_LATELY)(book._find)
        return book

    def _find(self, system: str | None, code: str | None) -> Found | None:
        names = self.meanings(system, code)
        sets = without_exempt(NONE.union(*(self.sets(*name) for name in names)))
        return (names[0], sets) if sets else None

    def meanings(self, system: str | None, code: str | None) -> tuple[tuple[str, str], ...]:
        """A coding as it was sent, in canonical spelling, and what it means at this site; empty: not usable."""
        name = canonical(system, code)
        if not self._local or not system or not code:
            return (name,) if name is not None else ()
        local = self._local.get(name or (system, code))
        if local is None:
            return (name,) if name is not None else ()
        return ((local.system, local.code), *local.targets)

    def local_in(self, value_sets: Iterable[str]) -> list[LocalCode]:
        """A site's own codes that mean something in one of these sets, in a stable order."""
        wanted = frozenset(value_sets)
        found = (c for c in self._local.values() if any(not wanted.isdisjoint(self.sets(*t)) for t in c.targets))
        return sorted(found, key=lambda local: (local.system, local.code))

    def coding(self, name: tuple[str, str], display: str) -> Coding:
        """A coding as it is shown: with its reviewed display where it has none, and with what it is read as."""
        local = self._local.get(name)
        if local is None:
            return Coding(*name, display or self.display(*name))
        shown = display or local.display or self.display(*local.targets[0])
        return Coding(*name, shown, read_as=", ".join(code for _, code in local.targets))

    def sets(self, system: str | None, code: str | None) -> frozenset[str]:
        """The sets that one coding is in; empty for unknown systems and codes."""
        if not system or not code:
            return NONE
        found = self._exact.get((system, code))
        if found is None:
            if system in (LOINC, SNOMED, RXNORM):
                return NONE
            found = NONE
        if system in (ICD10CM, ATC):
            return found | self._by_prefix(system, code)
        return found

    def _by_prefix(self, system: str, code: str) -> frozenset[str]:
        found = NONE
        for length in range(1, len(code) + 1):
            found |= self._prefix.get((system, code[:length]), NONE)
        if system == ATC and _ATC_COMBINATION.fullmatch(code):
            found -= SINGLE_INGREDIENT_SETS
        return found

    def combination_sets(self, system: str, code: str) -> frozenset[str]:
        """The single-ingredient sets that this product must not count in, because it holds other ingredients."""
        return self._combination.get((system, code), NONE)

    def codes(self, value_set: str) -> frozenset[str]:
        """The codes of a set, whatever their system."""
        return frozenset(entry.code for entry in self.members.get(value_set, ()))

    def display(self, system: str, code: str) -> str:
        """The reviewed display of a code, else of the longest listed prefix of it, else an empty string."""
        lengths = range(len(code), 0, -1) if system in (ICD10CM, ATC) else (len(code),)
        return next((self._display[system, code[:n]] for n in lengths if (system, code[:n]) in self._display), "")


def without_exempt(sets: frozenset[str]) -> frozenset[str]:
    """The sets of a coding or of a whole concept, without those that an exemption among them rules out."""
    for exempt, ruled_out in EXEMPT_FROM.items():
        if exempt in sets:
            sets -= ruled_out
    return sets


def canonical(system: str | None, code: str | None) -> tuple[str, str] | None:
    """A coding as the sets spell it: system URL, ICD-10 code upper case with its dot. None: not usable."""
    if not system or not code:
        return None
    system = _ALIASES.get(system, system)
    if system in (ICD10CM, ICD10_WHO):
        code = code.strip().upper()
        if len(code) > 3 and "." not in code:
            code = f"{code[:3]}.{code[3:]}"
        if system == ICD10_WHO:
            if not code.startswith(_WHO_ACCEPTED):
                return None
            system = ICD10CM
    return system, code
