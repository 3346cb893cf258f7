"""A FHIR R4 Bundle as an EHR would hold it: one resource per type and id, references as `Type/id`.

A transaction Bundle refers to its own entries by `urn:uuid:...`; a server that takes it in rewrites these to
`Type/id`. The same happens here, so that what the played EHR sends looks like what a real one sends.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

Resource = Mapping[str, Any]
"""A FHIR resource as parsed JSON."""

_HISTORY: Final = re.compile(r"/_history/[^/]+$")
_ABSOLUTE: Final = re.compile(r"^(https?://.+)/([A-Z][A-Za-z]+/[^/]+)$")
_CONDITIONAL: Final = re.compile(r"^([A-Z][A-Za-z]+)\?(.+)$")


class NotABundle(ValueError):
    """What was given is not a FHIR Bundle with resources that can be read."""


@dataclass(frozen=True)
class Record:
    """What the played EHR knows.

    Attributes:
        resources: every resource, keyed by `Type/id`, in the order of the Bundle.
    """

    resources: Mapping[str, Resource]

    def read(self, reference: str) -> Resource | None:
        """The resource at `Type/id`, or None."""
        return self.resources.get(_HISTORY.sub("", reference))

    def of_type(self, resource_type: str) -> list[Resource]:
        """All resources of a type, in the order of the Bundle."""
        return [resource for resource in self.resources.values() if resource["resourceType"] == resource_type]

    def ids(self, resource_type: str) -> list[str]:
        """The ids of all resources of a type."""
        return [str(resource["id"]) for resource in self.of_type(resource_type)]


def read_record(bundle: object) -> Record:
    """The record that a Bundle (collection, searchset, transaction, batch, document) makes.

    Entries without a resource and search outcomes are left out; of two entries with one type and id the later
    one stands, as on a server.

    Raises:
        NotABundle: no Bundle, or an `entry` that is not a list.
    """
    if not isinstance(bundle, Mapping) or bundle.get("resourceType") != "Bundle":
        raise NotABundle("not a FHIR Bundle")
    entries = bundle.get("entry", [])
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise NotABundle("Bundle.entry is not a list")
    held = list(_held(entries))
    # Rewrapped entries lose or change their fullUrl, but references still name the id: urn:uuid:<id>.
    names = {f"urn:uuid:{resource['id']}": key for _, key, resource in held}
    names |= {full_url: key for full_url, key, _ in held if full_url}
    bases = {match[1] for full_url in names if (match := _ABSOLUTE.match(full_url))}
    identifiers = {
        (resource["resourceType"], pair): key for _, key, resource in held for pair in _identifiers(resource)
    }

    def local(reference: str) -> str:
        plain = _HISTORY.sub("", reference)
        if plain in names:
            return names[plain]
        if (absolute := _ABSOLUTE.match(plain)) and absolute[1] in bases:
            return absolute[2]
        if conditional := _CONDITIONAL.match(plain):
            wanted = parse_qs(conditional[2]).get("identifier", [""])[0]
            return identifiers.get((conditional[1], wanted), reference)
        return plain

    return Record({key: _rewritten(resource, local) for _, key, resource in held})


def _held(entries: Sequence[Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (fullUrl, `Type/id`, resource) of every entry that holds a resource."""
    for position, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("resource"), Mapping):
            continue
        search = entry.get("search")
        if isinstance(search, Mapping) and search.get("mode") == "outcome":
            continue
        resource = dict(entry["resource"])
        resource_type = resource.get("resourceType")
        if not isinstance(resource_type, str) or not resource_type:
            continue
        full_url = entry["fullUrl"] if isinstance(entry.get("fullUrl"), str) else ""
        if not isinstance(resource.get("id"), str) or not resource["id"]:
            resource["id"] = _id_from(full_url) or f"entry-{position}"
        yield _HISTORY.sub("", full_url), f"{resource_type}/{resource['id']}", resource


def _id_from(full_url: str) -> str:
    """The id that a server would take from a fullUrl: the last part of the URN or URL."""
    return re.split(r"[:/]", full_url)[-1] if full_url else ""


def _identifiers(resource: Resource) -> Iterator[str]:
    """Yield each business identifier as `system|value`."""
    listed = resource.get("identifier")
    for identifier in listed if isinstance(listed, list) else [listed]:
        if isinstance(identifier, Mapping) and "value" in identifier:
            yield f"{identifier.get('system', '')}|{identifier['value']}"


def _rewritten(node: Any, local: Any) -> Any:
    """A copy of JSON in which `local` has been applied to every `reference`."""
    if isinstance(node, Mapping):
        return {
            key: local(value) if key == "reference" and isinstance(value, str) else _rewritten(value, local)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_rewritten(item, local) for item in node]
    return node
