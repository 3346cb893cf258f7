"""Every resource that is published, encoded once at start, and the search over them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from screening.domain.thresholds import SiteValues
from screening.knowledge import loading
from screening.knowledge.naming import CANONICAL_BASE, CODE_PREFIX, VERIFICATION_LEVEL
from screening.publishing import definitions, extensions

KINDS: Final = ("ValueSet", "CodeSystem", "ConceptMap", "PlanDefinition", "Library", "StructureDefinition")
_CODE_SYSTEMS: Final = ("override-reasons", "site-facts", "topics")
_CONCEPT_MAPS: Final = ("non-adherence-reasons",)
_PREFIXES: Final = (
    " A code with the extension code-prefix stands for every code that begins with it; read without the extension, the"
    " set is narrower."
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One published resource: what can be searched, and the whole as it is sent."""

    kind: str
    id: str
    url: str
    name: str
    title: str
    version: str
    status: str
    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """All published resources: kind -> id -> resource."""

    resources: Mapping[str, Mapping[str, Resource]]

    def all(self, kind: str) -> Iterable[Resource]:
        """Every resource of a kind, in the order of their ids."""
        return self.resources[kind].values()


def build(
    *,
    canonical_base: str,
    public_url: str,
    include_v2: bool,
    site_values: SiteValues,
    more: Iterable[dict[str, Any]] = (),
) -> Shelf:
    """Collect and encode everything.

    Args:
        canonical_base: base of our canonical URLs, as the cards carry it.
        public_url: base of the links to pages.
        include_v2: whether codes of verification level V2 are loaded; what is not loaded is not published.
        site_values: thresholds that this site has set.
        more: further resources, of any kind, such as the ConceptMaps of a site.
    """
    value_sets = [_value_set(resource, include_v2=include_v2) for resource in loading.value_sets()]
    versions = {resource["name"]: resource["version"] for resource in value_sets}
    rules = definitions.rules(frozenset(versions))
    resources = [
        *value_sets,
        *(loading.code_system(name) for name in _CODE_SYSTEMS),
        *(loading.concept_map(name) for name in _CONCEPT_MAPS),
        *(definitions.plan_definition(rule, public_url) for rule in rules),
        *(definitions.library(rule, public_url, versions, site_values) for rule in rules),
        *extensions.structure_definitions(),
        *more,
    ]
    found: dict[str, dict[str, Resource]] = {kind: {} for kind in KINDS}
    for resource in sorted(resources, key=lambda one: str(one["id"])):
        made = _resource(resource, canonical_base)
        found.setdefault(made.kind, {})[made.id] = made
    return Shelf(found)


def _value_set(resource: dict[str, Any], *, include_v2: bool) -> dict[str, Any]:
    """A value set as this process uses it: without the codes that it has not loaded."""
    includes = []
    prefixes = False
    for include in resource["compose"]["include"]:
        marked = [({mark["url"] for mark in c.get("extension", ())}, c) for c in include["concept"]]
        kept = [(marks, concept) for marks, concept in marked if include_v2 or VERIFICATION_LEVEL not in marks]
        prefixes = prefixes or any(CODE_PREFIX in marks for marks, _ in kept)
        if kept:
            includes.append({**include, "concept": [concept for _, concept in kept]})
    description = resource["description"] + (_PREFIXES if prefixes else "")
    if includes:
        return {**resource, "description": description, "compose": {"include": includes}}
    # An include without concepts would mean the whole code system: a set with no code in use is an empty expansion.
    rest = {key: value for key, value in resource.items() if key != "compose"}
    return {**rest, "description": description, "expansion": {"timestamp": resource["date"], "total": 0}}


def _resource(resource: dict[str, Any], canonical_base: str) -> Resource:
    body = msgspec.json.encode(resource)
    if canonical_base != CANONICAL_BASE:
        body = body.replace(CANONICAL_BASE.encode(), msgspec.json.encode(canonical_base)[1:-1])
        resource = msgspec.json.decode(body)
    return Resource(
        kind=resource["resourceType"],
        id=resource["id"],
        url=resource["url"],
        name=resource.get("name", ""),
        title=resource.get("title", ""),
        version=resource.get("version", ""),
        status=resource["status"],
        body=body,
        etag=etag(body),
    )


def etag(body: bytes) -> str:
    """The entity tag of a body."""
    return hashlib.sha256(body).hexdigest()[:32]
