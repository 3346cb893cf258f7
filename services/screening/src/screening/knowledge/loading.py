"""Reads the committed value sets, products and code systems. Called once at start; nothing here is read per call."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from screening.domain.codes import CodeBook, Entry, Product
from screening.knowledge.naming import CODE_PREFIX, VERIFICATION_LEVEL

_HERE: Final = files("screening.knowledge")
OLDER_TABLE: Final = "table-2014-2016"
"""The source of what rxnorm-products.json holds; rxnorm-named-products.json names its own."""


class KnowledgeMissingError(RuntimeError):
    """The installed package lacks its value sets: without them every chart would look empty."""


@cache
def code_book(*, include_v2: bool = False) -> CodeBook:
    """The code book of all value sets and of the RxNorm products that lead to their ingredients; read once a process.

    Args:
        include_v2: load also the codes whose display has not been checked against the code system.

    Raises:
        KnowledgeMissingError: no value set is installed.
    """
    entries = tuple(entry for value_set in value_sets() for entry in _entries(value_set, include_v2=include_v2))
    if not entries:
        raise KnowledgeMissingError("the package holds no value sets")
    return CodeBook(entries, _products())


def value_sets() -> Iterator[dict[str, Any]]:
    """Every ValueSet as JSON, in the order of their ids."""
    return (_read(file) for file in _json_files("valuesets"))


def code_system(name: str) -> dict[str, Any]:
    """A CodeSystem of ours as JSON, by its id. Raises FileNotFoundError for an unknown one."""
    return _read(_HERE / "codesystems" / f"{name}.json")


def concept_map(name: str) -> dict[str, Any]:
    """A ConceptMap of ours as JSON, by its id. Raises FileNotFoundError for an unknown one."""
    return _read(_HERE / "conceptmaps" / f"{name}.json")


def code_system_override_reasons() -> dict[str, Any]:
    """The CodeSystem of override reasons as JSON."""
    return code_system("override-reasons")


def override_reasons() -> dict[str, str]:
    """Code -> display of the reasons that a card may offer for not following it."""
    return _displays(code_system_override_reasons())


def site_facts() -> dict[str, str]:
    """Code -> display of the facts that a site supplies as an Observation and that have no code anywhere."""
    return _displays(code_system("site-facts"))


def _entries(value_set: dict[str, Any], *, include_v2: bool) -> Iterator[Entry]:
    for include in value_set["compose"]["include"]:
        system = include["system"]
        for concept in include["concept"]:
            marks = {mark["url"]: mark for mark in concept.get("extension", ())}
            if VERIFICATION_LEVEL in marks and not include_v2:
                continue
            yield Entry(value_set["name"], system, concept["code"], concept["display"], prefix=CODE_PREFIX in marks)


def _products() -> Iterator[Product]:
    """Each product once for every ingredient of ours that it holds."""
    for ingredient, products in rxnorm_products().items():
        for one in products.values():
            yield from (Product(code, ingredient, combination=False) for code in one["single"])
            yield from (Product(code, ingredient, combination=True) for code in one["combination"])


def rxnorm_products() -> dict[str, dict[str, dict[str, frozenset[str]]]]:
    """RxNorm ingredient -> source -> `single` and `combination` products."""
    older = _read(_HERE / "reviewed" / "rxnorm-products.json")["ingredients"]
    file = _read(_HERE / "reviewed" / "rxnorm-named-products.json")
    aside = frozenset(file["setAside"]["products"])
    found: dict[str, dict[str, dict[str, frozenset[str]]]] = {}
    for ingredient, told in older.items():
        found.setdefault(ingredient, {})[OLDER_TABLE] = {side: codes - aside for side, codes in _sides(told).items()}
    for ingredient, told in file["ingredients"].items():
        found.setdefault(ingredient, {}).update({source: _sides(one) for source, one in told["products"].items()})
    return found


def _sides(told: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    return {side: frozenset(told[side]) for side in ("single", "combination")}


def _json_files(folder: str) -> list[Traversable]:
    found = [file for file in (_HERE / folder).iterdir() if file.name.endswith(".json")]
    return sorted(found, key=lambda file: file.name)


def _read(file: Traversable) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_bytes())
    return content


def _displays(system: dict[str, Any]) -> dict[str, str]:
    return {concept["code"]: concept["display"] for concept in system["concept"]}
